// Timing on the GPU, as every benchmark here does it: a CUDA graph of at least 8 calls that move from one set of
// buffers to the next, enough sets to overflow the L2 cache, and the median of many replays.
#pragma once

#include "benchmark/decode_cell.h"

#include "kiln/cuda.h"
#include "kiln/device_memory.h"
#include "kiln/stream.h"

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

namespace kiln::bench {

/// How many sets of `set_bytes` bytes overflow the cache: 256 MB in all, at most 600 sets.
inline int sets_to_rotate(std::int64_t set_bytes) {
  return int(std::clamp<std::int64_t>((256'000'000 + set_bytes - 1) / set_bytes, 1, 600));
}

/// Microseconds of one call(set, stream), the median of `repeats` replays.
template <class Call>
double graph_us(Device device, int sets, int repeats, Call &&call) {
  const int calls = sets * std::max(1, (8 + sets - 1) / sets);
  Stream stream(device);
  for (int i = 0; i < calls; ++i)
    call(i % sets, stream.handle());
  stream.synchronize();
  Graph graph;
  graph.begin(stream);
  for (int i = 0; i < calls; ++i)
    call(i % sets, stream.handle());
  graph.end();
  graph.launch(stream);
  stream.synchronize();
  GpuTimer timer(device);
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    timer.start(stream.handle());
    graph.launch(stream);
    timer.stop(stream.handle());
    times.push_back(timer.milliseconds() * 1e3 / calls);
  }
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
