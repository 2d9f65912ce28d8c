// Measures paged_attention with many tiles at many sizes, for its table of tuned tiles.
#pragma once

#include "tools/decode_table.h"

#include "kiln/device.h"

#include <cstdint>
#include <cstdio>
#include <vector>

namespace kiln::tools {

/// A head shape, and where it is measured: sequences of `tokens` tokens in batches of heads / 8, with 8 K/V heads.
struct SweepShape {
  int head_dim, group, most_group; ///< most_group: as in DecodeSample
  std::vector<std::int64_t> heads, tokens;
};

struct SweepPlan {
  std::vector<SweepShape> shapes;
  std::vector<kernels::PagedTiles> tiles;
  std::int64_t most_bytes; ///< of keys and values: larger problems are left out
};

/// What takes some minutes: heads of 128 elements in many sizes, others in fewer.
SweepPlan usual_plan();

/// Measures all of it in fp16, with lengths that are uniform, ragged and skewed, and keys and values in pages of 16
/// tokens that lie in no order and not in the L2 cache. Every result is compared with that of the first tiles of its
/// problem; what is wrong or fails is named in `log` and left out. gpu, date and multiprocessors are left to the
/// caller. Throws what tune() throws.
DecodeSweep measure(const SweepPlan &plan, Device device, std::FILE *log);

} // namespace kiln::tools
