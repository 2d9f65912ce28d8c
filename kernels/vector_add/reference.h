// Vector addition in double precision.
#pragma once

#include "kiln/kernels/vector_add.h"

#include <vector>

namespace kiln::kernels::reference {

/// [n]
template <class T>
std::vector<double> vector_add(const VectorAdd<T> &problem) {
  std::vector<double> out(problem.n);
  for (std::int64_t i = 0; i < problem.n; ++i)
    out[i] = double(float(problem.x[i])) + double(float(problem.y[i]));
  return out;
}

} // namespace kiln::kernels::reference
