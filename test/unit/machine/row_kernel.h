// Kernels that execute one machine operation, on the emulator and on a GPU.
#pragma once

#include "kiln/Dialect/TileGPU/IR/MachineOps.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kiln::test {

/// What one warp is given: a lane executes the operation, or is off and leaves its results at 0. An operand that is an
/// address of shared memory counts from the program's first byte.
struct WarpInput {
  std::uint32_t lanes = 0xffffffff;
  std::array<std::vector<std::uint64_t>, 32> operands;
  /// What shared memory holds before, for operations that use it.
  std::array<std::uint64_t, 128> shared{};
};

/// The results of each lane. Of an operation that uses shared memory, what that holds afterwards follows: lane l has
/// words 4 l to 4 l + 3.
using WarpOutput = std::array<std::vector<std::uint64_t>, 32>;

/// A kernel in the code of one thread: program i is a warp that takes input i.
class RowKernel {
public:
  explicit RowKernel(const tile_gpu::MachineRow &row);

  /// Both throw an Error where it does not compile or run.
  std::vector<WarpOutput> runOnEmulator(const std::vector<WarpInput> &inputs) const;
  std::vector<WarpOutput> runOnGPU(const std::vector<WarpInput> &inputs) const;

private:
  std::vector<std::uint64_t> pack(const std::vector<WarpInput> &inputs) const;
  std::vector<WarpOutput> unpack(const std::vector<std::uint64_t> &words) const;

  const tile_gpu::MachineRow &row;
  bool usesShared;
  std::size_t inputWords, outputWords; // of a lane
  std::string text;
};

/// Runs the kernel "k" of some other code of one thread, in programs of one warp; its parameters are the addresses of
/// `input` and `output`.
void runOnEmulator(const std::string &text, std::size_t sharedBytes, unsigned programs,
                   const std::vector<std::uint64_t> &input, std::vector<std::uint64_t> &output);
void runOnGPU(const std::string &text, std::size_t sharedBytes, unsigned programs,
              const std::vector<std::uint64_t> &input, std::vector<std::uint64_t> &output);

/// Empty, or why there is no GPU that has operations of this compute capability.
std::string gpuUnavailable(unsigned capability);

} // namespace kiln::test
