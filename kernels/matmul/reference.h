// Matrix product in double precision.
#pragma once

#include "kiln/kernels/matmul.h"

#include <vector>

namespace kiln::kernels::reference {

/// [m, n] without gaps.
template <class T>
std::vector<double> matmul(const Matmul<T> &problem) {
  std::vector<double> out(problem.m * problem.n, 0.0);
  for (std::int64_t i = 0; i < problem.m; ++i) {
    for (std::int64_t l = 0; l < problem.k; ++l) {
      const double a = float(problem.a[i * problem.a_stride.row + l * problem.a_stride.col]);
      const T *b = problem.b + l * problem.b_stride.row;
      for (std::int64_t j = 0; j < problem.n; ++j)
        out[i * problem.n + j] += a * double(float(b[j * problem.b_stride.col]));
    }
  }
  return out;
}

} // namespace kiln::kernels::reference
