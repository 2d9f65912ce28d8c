#include "benchmark/gpu_bench.h"
#include "benchmark/gpu_timing.h"
#include "benchmark/largest_error.h"

#include "kiln/config.h"
#include "kiln/kernels/rms_norm.h"
#include "kiln/kernels/softmax.h"
#include "kiln/kernels/vector_add.h"

#include "rms_norm/reference.h"
#include "softmax/reference.h"
#include "vector_add/reference.h"

#include <bit>
#include <cmath>
#include <cstdio>

namespace kiln::bench {
namespace {

using Element = bfloat16;
constexpr std::int64_t rows = 8192, checked_rows = 16;

/// Numbers between -2 and 2.
std::vector<Element> random_elements(std::int64_t size) {
  std::vector<Element> values(size);
  for (std::int64_t i = 0; i < size; ++i)
    values[i] = Element(float(splitmix64(i) >> 40) * 0x1p-22F - 2);
  return values;
}

/// Times every config and prints the fastest and the first, which is the default. launch(config, set, stream) runs a
/// set; error() is the largest error relative to the result of what set 0 holds.
template <class Config, class Launch, class MaxError>
void best_of(Device device, const char *kernel, std::int64_t cols, std::int64_t bytes, int sets,
             const std::vector<Config> &configs, Launch &&launch, MaxError &&error) {
  const auto time = [&](const Config &c, int repeats) {
    return graph_us(device, sets, repeats, [&](int set, void *stream) { launch(c, set, stream); });
  };
  const Config *best = nullptr;
  double best_us = INFINITY;
  for (const Config &c : configs)
    if (const double us = time(c, search_repeats); us < best_us) {
      best_us = us;
      best = &c;
    }
  const double us = time(*best, final_repeats), default_us = time(configs[0], final_repeats);
  launch(*best, 0, nullptr);
  synchronize(device);
  std::printf("kiln,%s,%s,%lld,%lld,bf16,%.2f,%.0f,%.0f,%.1e,\"%s\"\n", where_and_when(device).c_str(), kernel,
              static_cast<long long>(rows), static_cast<long long>(cols), us, double(bytes) / us * 1e-3,
              double(bytes) / default_us * 1e-3, error(), config_text(*best).c_str());
  std::fflush(stdout);
}

/// The largest |found - expected| / |expected|; NaN where one was found.
double relative_error(const std::vector<double> &expected, const DeviceBuffer &memory) {
  std::vector<Element> found(expected.size());
  memory.copy_to_host(found.data(), found.size() * sizeof(Element));
  LargestError error;
  for (std::size_t i = 0; i < expected.size(); ++i)
    error.add(std::abs(double(float(found[i])) - expected[i]) / (std::abs(expected[i]) + 1e-30));
  return error.value();
}

std::vector<DeviceBuffer> copies(Device device, int sets, const std::vector<Element> &values) {
  std::vector<DeviceBuffer> result;
  for (int i = 0; i < sets; ++i) {
    result.emplace_back(device, values.size() * sizeof(Element));
    result.back().copy_from_host(values.data(), result.back().bytes());
  }
  return result;
}

/// The default and a row as one block shared by 1 to 32 warps.
template <class Config>
std::vector<Config> row_configs(const Config &first, std::int64_t cols) {
  std::vector<Config> configs{first};
  const int block = int(std::bit_ceil(std::uint64_t(cols)));
  for (int warps = 1; warps <= 32; warps *= 2)
    if (const int each = block / (32 * warps); each >= 4 && each <= 128)
      configs.push_back({.block = block, .chunked = false, .num_warps = warps});
  return configs;
}

void vector_add(Device device, std::int64_t cols) {
  const std::int64_t n = rows * cols, bytes = 3 * n * std::int64_t(sizeof(Element));
  const int sets = sets_to_rotate(bytes);
  const std::vector<Element> values = random_elements(n);
  const auto x = copies(device, sets, values), y = copies(device, sets, values), out = copies(device, sets, values);
  const auto problem = [&](int set) {
    return kernels::VectorAdd<Element>{
        .x = x[set].as<Element>(), .y = y[set].as<Element>(), .out = out[set].as<Element>(), .n = n};
  };
  std::vector<kernels::VectorAddConfig> configs{kernels::default_config(problem(0), device)};
  for (int block = 512; block <= 8192; block *= 2)
    for (int warps = 1; warps <= 8; warps *= 2)
      if (const int each = block / (32 * warps); each >= 4 && each <= 64)
        configs.push_back({.block = block, .num_warps = warps});
  best_of(
      device, "vector_add", cols, bytes, sets, configs,
      [&](const auto &c, int set, void *stream) {
        kernels::vector_add(problem(set), c, {.device = device, .stream = stream});
      },
      [&] {
        const kernels::VectorAdd<Element> host{.x = values.data(), .y = values.data(), .n = checked_rows * cols};
        return relative_error(kernels::reference::vector_add(host), out[0]);
      });
}

void softmax(Device device, std::int64_t cols) {
  const std::int64_t bytes = 2 * rows * cols * std::int64_t(sizeof(Element));
  const int sets = sets_to_rotate(bytes);
  const std::vector<Element> values = random_elements(rows * cols);
  const auto in = copies(device, sets, values), out = copies(device, sets, values);
  const auto problem = [&](int set) {
    return kernels::Softmax<Element>{.in = in[set].as<Element>(),
                                     .out = out[set].as<Element>(),
                                     .rows = rows,
                                     .cols = cols,
                                     .in_stride = cols,
                                     .out_stride = cols};
  };
  best_of(
      device, "softmax", cols, bytes, sets, row_configs(kernels::default_config(problem(0), device), cols),
      [&](const auto &c, int set, void *stream) {
        kernels::softmax(problem(set), c, {.device = device, .stream = stream});
      },
      [&] {
        kernels::Softmax<Element> host = problem(0);
        host.in = values.data();
        host.rows = checked_rows;
        return relative_error(kernels::reference::softmax(host), out[0]);
      });
}

void rms_norm(Device device, std::int64_t cols) {
  const std::int64_t bytes = (2 * rows * cols + cols) * std::int64_t(sizeof(Element));
  const int sets = sets_to_rotate(bytes);
  const std::vector<Element> values = random_elements(rows * cols), weights(values.begin(), values.begin() + cols);
  const auto x = copies(device, sets, values), out = copies(device, sets, values), weight = copies(device, 1, weights);
  const auto problem = [&](int set) {
    return kernels::RmsNorm<Element>{.x = x[set].as<Element>(),
                                     .weight = weight[0].as<Element>(),
                                     .out = out[set].as<Element>(),
                                     .rows = rows,
                                     .cols = cols,
                                     .x_stride = cols,
                                     .out_stride = cols};
  };
  best_of(
      device, "rms_norm", cols, bytes, sets, row_configs(kernels::default_config(problem(0), device), cols),
      [&](const auto &c, int set, void *stream) {
        kernels::rms_norm(problem(set), c, {.device = device, .stream = stream});
      },
      [&] {
        kernels::RmsNorm<Element> host = problem(0);
        host.x = values.data();
        host.weight = weights.data();
        host.rows = checked_rows;
        return relative_error(kernels::reference::rms_norm(host), out[0]);
      });
}

} // namespace

void bandwidth(Device device) {
  std::printf("peer,gpu,date,kernel,rows,cols,dtype,us,GBps,default_GBps,max_err,config\n");
  for (std::int64_t cols : {1024, 4096, 16384}) {
    vector_add(device, cols);
    softmax(device, cols);
    rms_norm(device, cols);
  }
}

} // namespace kiln::bench
