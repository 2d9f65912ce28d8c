// Tiles of kernels that take a row a program.
#pragma once

#include "kiln/device.h"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace kiln::kernels {

struct RowTiles {
  int block;
  bool chunked;
  int num_warps;
};

/// The whole row as one block as long as it fits, so that it is read once; chunks beyond.
inline RowTiles row_tiles(std::int64_t cols, Device device) {
  const bool cpu = device == Device::cpu();
  if (cols > (cpu ? 8192 : 32768))
    return {.block = 2048, .chunked = true, .num_warps = 8};
  const int block = int(std::bit_ceil(std::uint64_t(std::max<std::int64_t>(cols, 16))));
  if (cpu)
    return {.block = block, .chunked = false, .num_warps = 4};
  // 16 elements a thread: two accesses of 16 bytes in 16-bit types, and registers for a few values of each in f32.
  return {.block = block, .chunked = false, .num_warps = std::clamp(block / (32 * 16), 1, 32)};
}

} // namespace kiln::kernels
