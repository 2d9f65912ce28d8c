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

/// Floats of a row of a state; a multiple of 4, so that every row is 16-byte aligned.
constexpr int paged_state_row(int head_dim) { return head_dim + 4; }

/// Floats of the state of a K/V head of a sequence.
constexpr std::int64_t paged_state_size(int group, int head_dim) {
  return std::int64_t(std::bit_ceil(unsigned(group))) * paged_state_row(head_dim);
}

} // namespace kiln::kernels
