/// Softmax over the rows of a matrix.
#pragma once

#include "kiln/kernels/execution.h"

namespace kiln::kernels {

/// Tiles of softmax.
struct SoftmaxConfig {
  int block = 1024;     ///< columns a program holds at once; a power of two
  bool chunked = false; ///< walk the row block by block, twice; otherwise a block covers the whole row
  int num_warps = 4;
};

/// out[r, c] = exp(in[r, c] - max_c in[r, :]) / sum_c exp(...), computed in f32. T is half, bfloat16 or float.
/// A row that is -inf throughout, or holds a NaN or +inf, gives NaN.
template <class T>
struct Softmax {
  const T *in = nullptr;       ///< [rows, cols]
  T *out = nullptr;            ///< [rows, cols], must not overlap in
  std::int64_t rows = 0;       ///< 0 is legal and does nothing
  std::int64_t cols = 0;       ///< 0 is legal and does nothing
  std::int64_t in_stride = 0;  ///< elements from one row to the next; those of a row lie side by side
  std::int64_t out_stride = 0; ///< elements, at least cols
};

/// One block a row up to 8192 columns (on a GPU: 32768), chunks beyond.
template <class T>
KILN_API SoftmaxConfig default_config(const Softmax<T> &problem, Device device = {});

/// Throws InvalidArgument where a field does not make sense, and what Kernel::launch throws.
template <class T>
KILN_API void softmax(const Softmax<T> &problem, const SoftmaxConfig &config, const Execution &where = {});

} // namespace kiln::kernels
