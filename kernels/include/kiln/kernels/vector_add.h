/// Vector addition: out[i] = x[i] + y[i].
#pragma once

#include "kiln/kernels/execution.h"

namespace kiln::kernels {

/// Tiles of vector_add.
struct VectorAddConfig {
  int block = 1024; ///< elements a program adds; a power of two
  int num_warps = 4;
};

/// T is half, bfloat16 or float. The sum is rounded to T.
template <class T>
struct VectorAdd {
  const T *x = nullptr; ///< [n]
  const T *y = nullptr; ///< [n], may be x
  T *out = nullptr;     ///< [n], must not overlap x or y
  std::int64_t n = 0;   ///< 0 is legal and does nothing
};

/// A reasonable config for the size of the problem and a device.
template <class T>
KILN_API VectorAddConfig default_config(const VectorAdd<T> &problem, Device device = {});

/// Throws InvalidArgument where a field does not make sense, and what Kernel::launch throws.
template <class T>
KILN_API void vector_add(const VectorAdd<T> &problem, const VectorAddConfig &config, const Execution &where = {});

} // namespace kiln::kernels
