// Timing on the GPU, as every benchmark here does it: a CUDA graph of at least 8 calls that move from one set of
// buffers to the next, enough sets to overflow the L2 cache, and the median of many replays.
#pragma once

#include "benchmark/decode_cell.h"

#include "kiln/cuda.h"
#include "kiln/device_memory.h"
#include "kiln/launch_timer.h"

#include <ctime>
#include <string>
#include <vector>

namespace kiln::bench {

/// Microseconds of one call(set, stream), the median of `repeats` replays.
template <class Call>
double graph_us(Device device, int sets, int repeats, const Call &call) {
  LaunchTimer timer(device, sets, call);
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i)
    times.push_back(timer.sample_us());
  return median(times);
}

/// Replays while configs are compared, and for the figure that is printed.
constexpr int search_repeats = 7, final_repeats = 30;

/// "NVIDIA H100 80GB HBM3,2026-11-22", the columns gpu and date.
inline std::string where_and_when(Device device) {
  const std::time_t now = std::time(nullptr);
  char date[16];
  std::strftime(date, sizeof date, "%Y-%m-%d", std::gmtime(&now));
  return cuda::properties(device).name + "," + date;
}

} // namespace kiln::bench
