// RMSNorm in double precision.
#pragma once

#include "kiln/kernels/rms_norm.h"

#include <cmath>
#include <vector>

namespace kiln::kernels::reference {

/// [rows, cols] without gaps.
template <class T>
std::vector<double> rms_norm(const RmsNorm<T> &problem) {
  std::vector<double> out;
  out.reserve(problem.rows * problem.cols);
  for (std::int64_t r = 0; r < problem.rows; ++r) {
    const T *x = problem.x + r * problem.x_stride;
    double squares = 0;
    for (std::int64_t c = 0; c < problem.cols; ++c)
      squares += double(float(x[c])) * double(float(x[c]));
    const double factor = 1 / std::sqrt(squares / double(problem.cols) + double(problem.epsilon));
    for (std::int64_t c = 0; c < problem.cols; ++c)
      out.push_back(double(float(x[c])) * factor * double(float(problem.weight[c])));
  }
  return out;
}

} // namespace kiln::kernels::reference
