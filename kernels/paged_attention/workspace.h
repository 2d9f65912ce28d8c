// The workspace of the decode kernel: counters of arrived parts, then states of parts. The counters have a place that
// depends on the device alone, so that launches of different problems, which use the rest in their own ways, find them
// as they were left: zero.
#pragma once

#include <bit>
#include <cstdint>

namespace kiln::kernels {

/// At most so many programs for each multiprocessor share the work, and each needs at most one counter.
constexpr int most_programs_per_core = 32;

constexpr std::int64_t paged_counter_bytes(int cores) { return std::int64_t(cores) * most_programs_per_core * 4; }

/// Floats of the state of a K/V head of a sequence; a multiple of 4, so that every state is 16-byte aligned.
constexpr std::int64_t paged_state_size(int group, int head_dim) {
  const std::int64_t rows = std::bit_ceil(std::uint32_t(group));
  return rows * head_dim + (2 * rows + 3) / 4 * 4;
}

} // namespace kiln::kernels
