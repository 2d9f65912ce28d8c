// What the opaque pointers of the C API point at.
#pragma once

#include "capi/status.h"

#include "kiln/any_kernel.h"
#include "kiln/device_memory.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct kiln_device {
  kiln::Device device;
  std::string name;
};

struct kiln_buffer {
  std::shared_ptr<kiln::DeviceBuffer> memory;
};

struct kiln_bytes {
  std::string text;
};

struct kiln_kernel {
  const kiln::AnyKernel *kernel;
  std::vector<kiln::ConfigValue> values;
};

namespace kiln::capi {

/// A kernel of the library as configs know it.
struct Family {
  const char *name;
  const std::vector<ConfigMember> *members;
};

/// Those of kiln_config_create.
const Family &find_family(std::string_view name);

/// No device for a null pointer.
inline Device device_of(const kiln_device *device) { return device ? device->device : Device(); }

} // namespace kiln::capi

struct kiln_config {
  const kiln::capi::Family *family;
  std::vector<kiln::ConfigValue> values; // those of members that were not set mean nothing
  std::vector<bool> set;
};
