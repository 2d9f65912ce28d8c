// Softmax in double precision.
#pragma once

#include "kiln/kernels/softmax.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace kiln::kernels::reference {

/// [rows, cols] without gaps.
template <class T>
std::vector<double> softmax(const Softmax<T> &problem) {
  std::vector<double> out;
  out.reserve(problem.rows * problem.cols);
  for (std::int64_t r = 0; r < problem.rows; ++r) {
    const T *in = problem.in + r * problem.in_stride;
    double largest = -INFINITY;
    for (std::int64_t c = 0; c < problem.cols; ++c)
      largest = std::max(largest, double(float(in[c])));
    double sum = 0;
    for (std::int64_t c = 0; c < problem.cols; ++c)
      sum += std::exp(double(float(in[c])) - largest);
    for (std::int64_t c = 0; c < problem.cols; ++c)
      out.push_back(std::exp(double(float(in[c])) - largest) / sum);
  }
  return out;
}

} // namespace kiln::kernels::reference
