// From measured times of paged_attention to its table of tuned tiles, kernels/paged_attention/tuned.inc.
#pragma once

#include "paged_attention/tuned.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::tools {

/// The time of one config for one problem.
struct DecodeSample {
  int head_dim = 0, group = 0;
  int most_group = 0;      ///< what is found is for groups up to this
  std::int64_t heads = 0;  ///< batch * kv_heads
  std::int64_t tokens = 0; ///< of the longest sequence
  std::string mode = {};   ///< how the lengths are distributed: "uniform", "ragged", "skewed"
  kernels::PagedTiles tiles = {};
  double us = 0;
};

/// What was measured on one GPU, in 16-bit elements.
struct DecodeSweep {
  std::string gpu = {}, date = {}; ///< "NVIDIA H100 80GB HBM3", "2026-11-23"
  int multiprocessors = 0;
  std::vector<DecodeSample> samples = {};
};

/// A heading "# GPU, 132 multiprocessors, date", the names of the columns, and a line for each sample.
std::string to_csv(const DecodeSweep &sweep);
/// Throws InvalidArgument, with the number of the line, for what to_csv does not write.
DecodeSweep from_csv(std::string_view text);

/// The text of tuned.inc. For every measured size it takes the tiles that lose least against the fastest ones of each
/// mode, in the worst mode, with a tenth of the weight on the sizes beside it; a size in between has the tiles of the
/// nearest measured one, in logarithms. A head shape gets at most `most_kernels` different kernels.
/// Throws InvalidArgument where nothing was measured.
std::string decode_table(const DecodeSweep &sweep, int most_kernels = 10);

} // namespace kiln::tools
