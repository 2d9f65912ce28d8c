// Which tiles are fast for which shapes, for default_config.
#pragma once

#include "kiln/kernels/paged_attention.h"

#include <cstdint>
#include <limits>

namespace kiln::kernels {

/// What the choice depends on: all of it is known to the host, and none of it changes with the lengths.
struct PagedShapeOfWork {
  int element_bytes, head_dim, group;
  std::int64_t heads;  ///< batch * kv_heads
  std::int64_t tokens; ///< of a sequence, at most
  std::int64_t batch;
};

struct TunedPaged {
  // A row is for shapes up to these.
  int element_bytes, head_dim, group;
  std::int64_t heads, tokens, batch;
  // What is fast there.
  PagedSchedule schedule;
  int block_n, lengths_tile, programs_per_core, num_warps, num_stages;
};

constexpr std::int64_t any_size = std::numeric_limits<std::int64_t>::max();
constexpr int any = std::numeric_limits<int>::max();

/// The first row that a shape is within is taken; the last one takes all.
constexpr TunedPaged tuned_paged[] = {
#include "paged_attention/tuned.inc"
};

inline TunedPaged find_tuned(const PagedShapeOfWork &work) {
  for (const TunedPaged &row : tuned_paged)
    if (work.element_bytes <= row.element_bytes && work.head_dim <= row.head_dim && work.group <= row.group &&
        work.heads <= row.heads && work.tokens <= row.tokens && work.batch <= row.batch)
      return row;
  return tuned_paged[std::size(tuned_paged) - 1];
}

} // namespace kiln::kernels
