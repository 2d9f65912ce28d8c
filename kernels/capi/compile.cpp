// Compiling and launching kernels by name, in the C API.
#include "capi/objects.h"
#include "capi/sized.h"

#include "kiln/kernels/registry.h"
#include "kiln/tool_arguments.h"

#include "lib/check.h"

using namespace kiln;
using namespace kiln::capi;

const char *kiln_kernel_name(int index) {
  const std::span<const AnyKernel> all = kernels::all_kernels();
  return index >= 0 && std::size_t(index) < all.size() ? all[std::size_t(index)].name().c_str() : nullptr;
}

kiln_status kiln_kernel_create(const char *name, const char *const *assignments, int count, kiln_kernel **kernel) {
  return guarded([&] {
    auto &result = not_null(kernel, "kiln_kernel_create", "kernel");
    const AnyKernel &found = kernel_named(&not_null(name, "kiln_kernel_create", "name"), kernels::all_kernels());
    kernels::Checker("kiln_kernel_create").size("count", count);
    std::vector<ConfigValue> values = found.defaults();
    for (int i = 0; i < count; ++i) {
      not_null(assignments, "kiln_kernel_create", "assignments");
      assign(values, {found.name(), "config", "config field", found.fields()},
             &not_null(assignments[i], "kiln_kernel_create", "an assignment"));
    }
    result = new kiln_kernel{&found, std::move(values)};
  });
}

void kiln_kernel_release(kiln_kernel *kernel) { delete kernel; }

int kiln_kernel_parameter_count(const kiln_kernel *kernel) { return kernel ? int(kernel->kernel->params().size()) : 0; }

kiln_status kiln_kernel_parameter(const kiln_kernel *kernel, int index, kiln_parameter *parameter) {
  return guarded([&] {
    const auto params = not_null(kernel, "kiln_kernel_parameter", "kernel").kernel->params();
    auto &result = not_null(parameter, "kiln_kernel_parameter", "parameter");
    kernels::Checker(kernel->kernel->name().c_str())
        .require(index >= 0 && std::size_t(index) < params.size(), "there is no parameter ", index, "; it has ",
                 params.size());
    const auto &info = params[std::size_t(index)];
    result = {info.pointer, info.pointer && info.read_only, int(info.dtype)};
  });
}

kiln_status kiln_kernel_prepare(const kiln_kernel *kernel, const kiln_device *device) {
  return guarded([&] {
    const auto &[any, values] = not_null(kernel, "kiln_kernel_prepare", "kernel");
    any->compile(values, device_of(device));
  });
}

const char *kiln_bytes_data(const kiln_bytes *bytes) { return bytes ? bytes->text.c_str() : ""; }
std::size_t kiln_bytes_size(const kiln_bytes *bytes) { return bytes ? bytes->text.size() : 0; }
void kiln_bytes_release(kiln_bytes *bytes) { delete bytes; }

kiln_status kiln_kernel_emit(const kiln_kernel *kernel, const char *target, const char *stage, kiln_bytes **bytes) {
  return guarded([&] {
    const auto &[any, values] = not_null(kernel, "kiln_kernel_emit", "kernel");
    auto &result = not_null(bytes, "kiln_kernel_emit", "bytes");
    const Target compiled_for = Target::parse(&not_null(target, "kiln_kernel_emit", "target"));
    result = new kiln_bytes{any->emit(values, compiled_for, &not_null(stage, "kiln_kernel_emit", "stage"))};
  });
}

kiln_status kiln_kernel_launch(const kiln_kernel *kernel, const kiln_launch_options *options,
                               const void *const *arguments, int count) {
  return guarded([&] {
    const auto &[any, values] = not_null(kernel, "kiln_kernel_launch", "kernel");
    const auto o = read_sized(options, "kiln_kernel_launch");
    const kernels::Checker check(any->name().c_str());
    check.require(count >= 0 && std::size_t(count) == any->params().size(), "there are ", count,
                  " arguments, but the kernel has ", any->params().size(), " parameters");
    for (int i = 0; i < count; ++i)
      check.require(arguments && arguments[i], "the pointer to argument ", i, " is null");
    any->launch({.grid = {o.grid[0], o.grid[1], o.grid[2]},
                 .device = device_of(o.device),
                 .stream = o.stream,
                 .programmatic = o.programmatic != 0},
                values, arguments);
  });
}
