/// Matrix product.
#pragma once

#include "kiln/kernels/execution.h"

namespace kiln::kernels {

/// Which stride of an operand is known to be 1 when the kernel is compiled. What is known can be read with vector
/// loads.
enum class MatrixLayout : std::uint8_t {
  row_major,    ///< the elements of a row lie side by side
  column_major, ///< the elements of a column lie side by side
  strided,      ///< neither
};

/// Tiles of matmul. The sizes of blocks and num_warps are powers of two.
struct MatmulConfig {
  int block_m = 64; ///< rows of out a program computes
  int block_n = 64; ///< columns of out a program computes
  int block_k = 32; ///< length of a step
  int group_m = 8;  ///< programs of this many rows of blocks run one after another, so that they share columns of b
  MatrixLayout a_layout = MatrixLayout::row_major;
  MatrixLayout b_layout = MatrixLayout::row_major;
  int num_warps = 4;
  int num_stages = 3;
  // What the code may leave out masks for. `matmul` sets them as the problem is, whatever a config says.
  bool whole_out = false; ///< no block reaches over the edge of out
  bool whole_k = false;   ///< the last step is as long as the others
};

/// Elements from one row to the next, and from one column to the next.
struct MatrixStrides {
  std::int64_t row = 0, col = 1;
};

/// out = a @ b, accumulated in f32 (exactly, no TF32) and rounded once. T is half, bfloat16 or float. Strides count
/// elements.
template <class T>
struct Matmul {
  const T *a = nullptr;                                        ///< [m, k]
  const T *b = nullptr;                                        ///< [k, n]
  T *out = nullptr;                                            ///< [m, n], must not overlap a or b
  std::int64_t m = 0;                                          ///< 0 is legal and does nothing
  std::int64_t n = 0;                                          ///< 0 is legal and does nothing
  std::int64_t k = 0;                                          ///< 0 is legal: out is zero
  MatrixStrides a_stride = {}, b_stride = {}, out_stride = {}; ///< out_stride.col must be 1
};

/// Layouts as the strides say, tiles as the size and the device suggest.
template <class T>
KILN_API MatmulConfig default_config(const Matmul<T> &problem, Device device = {});

/// Throws InvalidArgument where a field does not make sense, and what Kernel::launch throws.
template <class T>
KILN_API void matmul(const Matmul<T> &problem, const MatmulConfig &config, const Execution &where = {});

} // namespace kiln::kernels
