/// RMSNorm over the rows of a matrix.
#pragma once

#include "kiln/kernels/execution.h"

namespace kiln::kernels {

/// Tiles of rms_norm.
struct RmsNormConfig {
  int block = 1024;     ///< columns a program holds at once; a power of two
  bool chunked = false; ///< walk the row block by block, twice; otherwise a block covers the whole row
  int num_warps = 4;
};

/// out[r, c] = x[r, c] / sqrt(mean_c x[r, :]^2 + epsilon) * weight[c], computed in f32 and rounded once. T is half,
/// bfloat16 or float.
template <class T>
struct RmsNorm {
  const T *x = nullptr;        ///< [rows, cols]
  const T *weight = nullptr;   ///< [cols]
  T *out = nullptr;            ///< [rows, cols], must not overlap x or weight
  std::int64_t rows = 0;       ///< 0 is legal and does nothing
  std::int64_t cols = 0;       ///< 0 is legal and does nothing
  std::int64_t x_stride = 0;   ///< elements from one row to the next; those of a row lie side by side
  std::int64_t out_stride = 0; ///< elements, at least cols
  float epsilon = 1e-6F;       ///< not negative
};

/// One block a row up to 8192 columns (on a GPU: 32768), chunks beyond.
template <class T>
KILN_API RmsNormConfig default_config(const RmsNorm<T> &problem, Device device = {});

/// Throws InvalidArgument where a field does not make sense, and what Kernel::launch throws.
template <class T>
KILN_API void rms_norm(const RmsNorm<T> &problem, const RmsNormConfig &config, const Execution &where = {});

} // namespace kiln::kernels
