// The compiler inside the CUDA driver.
#include "backends.h"

#include "../cuda/driver.h"

#include "kiln/error.h"

#include <array>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::assembler;
using namespace kiln::runtime::driver;

namespace {

constexpr std::size_t log_bytes = 16 * 1024;

void *as_value(std::size_t number) { return reinterpret_cast<void *>(number); }

/// The first device of the architecture, or of any where it is empty; no device where there is none.
Device device_of(const std::string &arch) {
  for (int i = 0, count = cuda::device_count(); i < count; ++i)
    if (Device device = Device::cuda(i); arch.empty() || cuda::properties(device).arch == arch)
      return device;
  return {};
}

} // namespace

Found assembler::find_driver(const std::string &arch) {
  if (std::string reason = cuda::unavailable_reason(); !reason.empty())
    return {{}, "driver: " + reason};
  if (Device device = device_of(arch))
    return {device.name(), ""};
  return {{}, "driver: it compiles for the devices of this machine alone, and none is " + arch};
}

std::string assembler::driver_identity() { return "driver " + library_name(); }

void assembler::assemble_with_driver(std::string_view ptx, const std::string &arch, Assembled &result) {
  DeviceState &state = state_of(device_of(arch), "assemble");
  const Api &api = *state.api;
  ContextScope scope(state); // which decides the architecture
  AllowDuringCapture allow(api);

  std::string info(log_bytes, '\0'), error(log_bytes, '\0');
  // The driver writes the sizes back into the array, and contracts unless the PTX says how to round. Unlike ptxas it
  // has to be asked for the lines.
  std::array<int, 6> names = {jit_info_log_buffer,  jit_info_log_buffer_size_bytes,  jit_log_verbose,
                              jit_error_log_buffer, jit_error_log_buffer_size_bytes, jit_generate_line_info};
  std::array<void *, 6> values = {info.data(),  as_value(log_bytes), as_value(1),
                                  error.data(), as_value(log_bytes), as_value(1)};
  void *link = nullptr;
  check(state, api.link_create(static_cast<unsigned>(names.size()), names.data(), values.data(), &link),
        "cannot use the driver's compiler");
  struct Guard {
    const Api &api;
    void *link;
    ~Guard() { api.link_destroy(link); }
  } guard{api, link};

  std::string text(ptx);
  int status = api.link_add_data(link, jit_input_ptx, text.data(), text.size() + 1, "kernel", 0, nullptr, nullptr);
  void *cubin = nullptr; // belongs to the link
  std::size_t size = 0;
  if (status == success)
    status = api.link_complete(link, &cubin, &size);
  if (destroys_context(status))
    raise(state, status, "cannot assemble");
  if (status != success)
    refuse(result.assembler, arch, error[0] ? error.c_str() : describe(api, status));
  const auto *bytes = static_cast<const std::uint8_t *>(cubin);
  result.cubin.assign(bytes, bytes + size);
  result.log = info.c_str();
}
