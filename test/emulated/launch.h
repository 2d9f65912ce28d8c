// Running what the compiler made for an emulated GPU, for programs that are built without exceptions.
#pragma once

#include "kiln/runtime/emulator.h"

#include <array>
#include <cstddef>
#include <span>
#include <string>

namespace kiln::test {

/// Memory that a kernel may access.
struct EmulatedBuffer {
  const void *data;
  std::size_t bytes;
};

/// Runs the grid, with the buffers registered. args[i] points at the value of parameter i. Empty, or the message of
/// what was thrown.
std::string launch_emulated(runtime::EmulatedKernel::Code code, std::array<unsigned, 3> grid,
                            std::span<const void *const> args, std::span<const EmulatedBuffer> buffers);

} // namespace kiln::test
