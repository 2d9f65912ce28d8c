// Errors, devices and memory of the C API, and its checks.
#include "capi/objects.h"

#include "kiln/debug.h"
#include "kiln/dlpack.h"
#include "kiln/version.h"

#include "lib/check.h"

#include <algorithm>
#include <list>
#include <mutex>
#include <new>

using namespace kiln;
using namespace kiln::capi;

namespace {

thread_local std::string last_error;

kiln_status keep(kiln_status status, const char *message) {
  try {
    last_error = message;
  } catch (...) { // there is no memory for it
    last_error.clear();
  }
  return status;
}

/// The size of a copy between a buffer and memory of the host, which may be null for nothing.
std::size_t bytes_to_copy(const char *function, std::int64_t bytes, const char *argument, const void *host) {
  const kernels::Checker check(function);
  check.size("bytes", bytes);
  if (bytes > 0)
    check.pointer(argument, host);
  return std::size_t(bytes);
}

dlpack::Array array_of(int dtype, int rank, const std::int64_t *shape, const std::int64_t *strides) {
  const kernels::Checker check("kiln_buffer_to_dlpack");
  check.require(dtype >= KILN_I1 && dtype <= KILN_F64, "dtype is ", dtype, ", which is no kiln_dtype");
  check.size("rank", rank);
  if (rank > 0)
    check.pointer("shape", shape);
  const std::size_t n = std::size_t(rank);
  return {.dtype = DType(dtype),
          .shape = {shape, n},
          .strides = strides ? std::span(strides, n) : std::span<const std::int64_t>()};
}

} // namespace

static_assert(int(KILN_I1) == int(i1) && int(KILN_I64) == int(i64) && int(KILN_F8E4M3) == int(f8e4m3) &&
              int(KILN_F16) == int(f16) && int(KILN_BF16) == int(bf16) && int(KILN_F64) == int(f64));

kiln_status capi::status_of_exception() noexcept {
  try {
    throw;
  } catch (const WorkspaceTooSmall &e) {
    return keep(KILN_WORKSPACE_TOO_SMALL, e.what());
  } catch (const OutOfMemory &e) {
    return keep(KILN_OUT_OF_MEMORY, e.what());
  } catch (const InvalidArgument &e) {
    return keep(KILN_INVALID_ARGUMENT, e.what());
  } catch (const TraceError &e) {
    return keep(KILN_TRACE_ERROR, e.what());
  } catch (const CompileError &e) {
    return keep(KILN_COMPILE_ERROR, e.what());
  } catch (const LaunchError &e) {
    return keep(KILN_LAUNCH_ERROR, e.what());
  } catch (const DeviceError &e) {
    return keep(KILN_DEVICE_ERROR, e.what());
  } catch (const TrapError &e) {
    return keep(KILN_TRAP_ERROR, e.what());
  } catch (const CheckError &e) {
    return keep(KILN_CHECK_ERROR, e.what());
  } catch (const ContextLost &e) {
    return keep(KILN_CONTEXT_LOST, e.what());
  } catch (const std::bad_alloc &) {
    return keep(KILN_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception &e) {
    return keep(KILN_OTHER_ERROR, e.what());
  } catch (...) {
    return keep(KILN_OTHER_ERROR, "an exception that is not one of Kiln's");
  }
}

const char *kiln_last_error(void) { return last_error.c_str(); }
const char *kiln_version(void) { return version(); }
int kiln_c_api_version(void) { return KILN_C_API_VERSION; }

kiln_status kiln_device_find(const char *name, const kiln_device **device) {
  return guarded([&] {
    not_null(name, "kiln_device_find", "name");
    auto &result = not_null(device, "kiln_device_find", "device");
    const Device found = Device::parse(name);
    static std::mutex mutex;
    static std::list<kiln_device> &known = *new std::list<kiln_device>; // used until the process has ended
    const std::lock_guard lock(mutex);
    auto place = std::ranges::find(known, found, &kiln_device::device);
    if (place == known.end())
      place = known.insert(known.end(), {found, found.name()});
    result = &*place;
  });
}

const char *kiln_device_name(const kiln_device *device) { return device ? device->name.c_str() : "none"; }

kiln_status kiln_synchronize(const kiln_device *device, void *stream) {
  return guarded([&] { synchronize(not_null(device, "kiln_synchronize", "device").device, stream); });
}

kiln_status kiln_buffer_create(const kiln_device *device, std::int64_t bytes, kiln_buffer **buffer) {
  return guarded([&] {
    const Device where = not_null(device, "kiln_buffer_create", "device").device;
    auto &result = not_null(buffer, "kiln_buffer_create", "buffer");
    kernels::Checker("kiln_buffer_create").size("bytes", bytes);
    auto made = std::make_unique<kiln_buffer>(std::make_shared<DeviceBuffer>(where, std::size_t(bytes)));
    made->memory->fill(0);
    result = made.release();
  });
}

void kiln_buffer_release(kiln_buffer *buffer) { delete buffer; }
void *kiln_buffer_data(const kiln_buffer *buffer) { return buffer ? buffer->memory->data() : nullptr; }

kiln_status kiln_buffer_from_host(kiln_buffer *buffer, const void *source, std::int64_t bytes) {
  return guarded([&] {
    const std::size_t size = bytes_to_copy("kiln_buffer_from_host", bytes, "source", source);
    not_null(buffer, "kiln_buffer_from_host", "buffer").memory->copy_from_host(source, size);
  });
}

kiln_status kiln_buffer_to_host(const kiln_buffer *buffer, void *target, std::int64_t bytes) {
  return guarded([&] {
    const std::size_t size = bytes_to_copy("kiln_buffer_to_host", bytes, "target", target);
    not_null(buffer, "kiln_buffer_to_host", "buffer").memory->copy_to_host(target, size);
  });
}

kiln_status kiln_buffer_to_dlpack(const kiln_buffer *buffer, int dtype, int rank, const std::int64_t *shape,
                                  const std::int64_t *strides, DLManagedTensorVersioned **tensor) {
  return guarded([&] {
    const auto &memory = not_null(buffer, "kiln_buffer_to_dlpack", "buffer").memory;
    auto &result = not_null(tensor, "kiln_buffer_to_dlpack", "tensor");
    result = dlpack::to_dlpack(memory, array_of(dtype, rank, shape, strides));
  });
}

kiln_status kiln_buffer_to_dlpack_unversioned(const kiln_buffer *buffer, int dtype, int rank, const std::int64_t *shape,
                                              const std::int64_t *strides, DLManagedTensor **tensor) {
  return guarded([&] {
    const auto &memory = not_null(buffer, "kiln_buffer_to_dlpack", "buffer").memory;
    auto &result = not_null(tensor, "kiln_buffer_to_dlpack", "tensor");
    result = dlpack::to_dlpack_unversioned(memory, array_of(dtype, rank, shape, strides));
  });
}

kiln_status kiln_register_buffer(const void *address, std::int64_t bytes, const char *name) {
  return guarded([&] {
    kernels::Checker("kiln_register_buffer").size("bytes", bytes);
    debug::register_buffer(address, std::size_t(bytes), &not_null(name, "kiln_register_buffer", "name"));
  });
}

void kiln_unregister_buffer(const void *address) { debug::unregister_buffer(address); }

kiln_status kiln_dlpack_view(const DLManagedTensorVersioned *managed, int written, const DLTensor **tensor) {
  return guarded([&] {
    auto &result = not_null(tensor, "kiln_dlpack_view", "tensor");
    result = &dlpack::view(managed, written != 0);
  });
}
