// The decode problems that the demo and the benchmark run: fp16, 32 query heads on 8 K/V heads of 128 elements, pages
// of 16 tokens, a shuffled block table.
#pragma once

#include "benchmark/largest_error.h"

#include "kiln/any_kernel.h"
#include "kiln/config.h"

#include "paged_attention/random_problem.h"
#include "paged_attention/reference.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace kiln::bench {

using kernels::splitmix64;

/// A cell of the table: its name and one length for each sequence.
struct Cell {
  std::string name;
  std::vector<std::int32_t> lengths;

  static Cell uniform(int batch, std::int32_t length) {
    return {std::to_string(batch) + " x " + std::to_string(length), std::vector<std::int32_t>(batch, length)};
  }
  /// One sequence of `length`, the others of a sixteenth.
  static Cell skewed(int batch, std::int32_t length) {
    Cell cell{std::to_string(batch) + " skewed to " + std::to_string(length),
              std::vector<std::int32_t>(batch, std::max(1, length / 16))};
    cell.lengths[0] = length;
    return cell;
  }
  /// Lengths 1 + splitmix64(i) % most.
  static Cell ragged(int batch, std::int32_t most) {
    Cell cell{std::to_string(batch) + " ragged to " + std::to_string(most), {}};
    for (int i = 0; i < batch; ++i)
      cell.lengths.push_back(std::int32_t(1 + splitmix64(i) % most));
    return cell;
  }
};

inline std::vector<Cell> cells() {
  return {Cell::uniform(2, 60), Cell::uniform(1, 512), Cell::uniform(16, 256), Cell::uniform(4, 2048),
          Cell::ragged(16, 1024)};
}

/// A cell with its data.
class DecodeProblem : public kernels::RandomPagedAttention<half> {
public:
  static constexpr std::int64_t kv_heads = 8, heads = 4 * kv_heads, head_dim = 128, page_size = 16;

  explicit DecodeProblem(const Cell &cell) : RandomPagedAttention(cell.lengths, {kv_heads, 4, head_dim, page_size}) {}

  /// What a step must read and write at least: K, V, q, out, the used table entries and the lengths.
  std::int64_t bytes() const {
    return kv_bytes() + 2 * problem.batch * heads * head_dim * std::int64_t(sizeof(half)) + 4 * pages +
           4 * problem.batch;
  }
  std::int64_t kv_bytes() const {
    return std::accumulate(lengths.begin(), lengths.end(), std::int64_t(0)) * kv_heads * 2 * head_dim *
           std::int64_t(sizeof(half));
  }

  /// The largest absolute difference between out and the double-precision reference; NaN where out holds one. Of the
  /// first sequence and as many others as have not more than `most_tokens` tokens together.
  double max_error(std::int64_t most_tokens = std::numeric_limits<std::int64_t>::max()) const {
    kernels::PagedAttention<half> checked = problem;
    std::int64_t tokens = lengths[0];
    for (checked.batch = 1; checked.batch < problem.batch; ++checked.batch)
      if ((tokens += lengths[checked.batch]) > most_tokens)
        break;
    const std::vector<double> expected = kernels::reference::paged_attention(checked).out;
    LargestError error;
    for (std::size_t i = 0; i < expected.size(); ++i)
      error.add(std::abs(double(float(out[i])) - expected[i]));
    return error.value();
  }
};

/// Times of a function in microseconds, in the order of the runs.
template <class F>
std::vector<double> time_us(int runs, F &&f) {
  std::vector<double> times;
  for (int i = 0; i < runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    f();
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }
  return times;
}

inline double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// The values of a config, as the registry takes them.
template <class Config>
std::vector<ConfigValue> config_values(const Config &config) {
  std::vector<ConfigValue> values;
  for_each_field(config, [&](auto value) { values.push_back(value); });
  return values;
}

} // namespace kiln::bench
