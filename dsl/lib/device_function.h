// What the library knows of a device function.
#pragma once

#include "kiln/device_function.h"

#include <memory>
#include <string>

namespace kiln::detail {

struct DeviceFunctionCode : DeviceFunctionParts {
  std::string digest; // of all that its code on a GPU depends on, in hexadecimal
};

/// A function that a kernel calls, under the name that it has in the module.
struct DeviceFunctionUse {
  std::string symbol;
  std::shared_ptr<const DeviceFunctionCode> function;
};

} // namespace kiln::detail
