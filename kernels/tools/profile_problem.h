// A small problem of random numbers for each kernel of the library.
#pragma once

#include "kiln/any_kernel.h"

#include <span>
#include <string_view>
#include <vector>

namespace kiln::profile_tool {

/// The sizes that a kernel's problem has, with their defaults, all of them whole numbers.
std::span<const ConfigMember> shape_of(const AnyKernel &kernel);

/// Runs a kernel of the library once, through its entry point, with the sizes `shape` and the config that is the
/// default for them, changed by "FIELD=VALUE" each. Throws what the entry point does, and InvalidArgument for an
/// assignment that the config does not take and for sizes below 1.
void run(const AnyKernel &kernel, std::span<const ConfigValue> shape, std::span<const std::string_view> assignments,
         Device device);

} // namespace kiln::profile_tool
