// Which tiles are fast for which shapes, for default_config.
#pragma once

#include "kiln/kernels/paged_attention.h"

#include <cstdint>
#include <limits>

namespace kiln::kernels {

/// What a choice is about: how the tokens are spread and how many a step takes.
struct PagedTiles {
  PagedSchedule schedule = PagedSchedule::shares;
  int block_n = 64, programs_per_core = 2, num_warps = 4, num_stages = 2;

  friend bool operator==(const PagedTiles &, const PagedTiles &) = default;
};

/// What the choice depends on: all of it is known to the host, and none of it changes with the lengths.
struct PagedShapeOfWork {
  int element_bytes, head_dim, group;
  std::int64_t heads;  ///< batch * kv_heads, for a GPU of tuned_multiprocessors
  std::int64_t tokens; ///< of a sequence, at most
};

struct TunedPaged {
  PagedShapeOfWork most; ///< a row is for shapes up to this
  PagedTiles tiles;
};

constexpr std::int64_t any_size = std::numeric_limits<std::int64_t>::max();
constexpr int any = std::numeric_limits<int>::max();

// tuned_multiprocessors, and tuned_paged: rows by head_dim, group, heads and tokens.
#include "paged_attention/tuned.inc"

/// For what tuned_paged has no row.
constexpr TunedPaged untuned_paged[] = {
    // Many query heads for each K/V head.
    {{2, 256, 64, any_size, any_size}, {PagedSchedule::shares, 32, 1, 8, 3}},
    // f32, for references.
    {{any, any, any, any_size, any_size}, {PagedSchedule::shares, 16, 2, 4, 1}},
};

/// The first row that a shape is within.
inline PagedTiles find_tuned(const PagedShapeOfWork &work) {
  const auto within = [&](const TunedPaged &row) {
    return work.element_bytes <= row.most.element_bytes && work.head_dim <= row.most.head_dim &&
           work.group <= row.most.group && work.heads <= row.most.heads && work.tokens <= row.most.tokens;
  };
  for (const TunedPaged &row : tuned_paged)
    if (within(row))
      return row.tiles;
  for (const TunedPaged &row : untuned_paged)
    if (within(row))
      return row.tiles;
  return {};
}

/// Lengths that a program of `shares` looks at together: one sequence needs no scan, which is some 0.15 us of a few;
/// few batches are larger than 32, and those that are would be scanned in many steps.
constexpr int lengths_tile_for(std::int64_t batch) { return batch == 1 ? 1 : batch <= 32 ? 32 : 256; }

} // namespace kiln::kernels
