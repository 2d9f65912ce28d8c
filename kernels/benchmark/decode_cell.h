// The decode problems that the demo and the benchmark run: fp16, 32 query heads on 8 K/V heads of 128 elements, pages
// of 16 tokens, a shuffled block table.
#pragma once

#include "kiln/config.h"

#include "paged_attention/reference.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <new>
#include <numeric>
#include <string>
#include <vector>

#include <sys/mman.h>

namespace kiln::bench {

/// The generator of Steele, Lea and Flood: the i-th output of its stream with seed 0.
inline std::uint64_t splitmix64(std::uint64_t i) {
  std::uint64_t z = (i + 1) * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

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

/// Memory in huge pages where the system gives them, as servers hold their caches: a walk through a paged cache
/// otherwise measures the page tables of the machine.
template <class T>
struct HugePages {
  using value_type = T;
  static constexpr std::size_t page = std::size_t(2) << 20;

  T *allocate(std::size_t count) {
    const std::size_t bytes = (count * sizeof(T) + page - 1) / page * page;
    void *memory = std::aligned_alloc(page, bytes);
    if (!memory)
      throw std::bad_alloc();
    madvise(memory, bytes, MADV_HUGEPAGE); // a wish: without it the memory is as good
    return static_cast<T *>(memory);
  }
  void deallocate(T *memory, std::size_t) { std::free(memory); }
  bool operator==(const HugePages &) const = default;
};
using Cache = std::vector<half, HugePages<half>>;

/// A cell with its data.
class DecodeProblem {
public:
  static constexpr std::int64_t heads = 32, kv_heads = 8, head_dim = 128, page_size = 16;

  explicit DecodeProblem(const Cell &cell) : lengths(cell.lengths) {
    std::int64_t most = 0;
    for (std::int64_t length : lengths) {
      most = std::max(most, pages_of(length));
      pages += pages_of(length);
    }
    problem.batch = std::int64_t(lengths.size());
    problem.heads = heads;
    problem.kv_heads = kv_heads;
    problem.head_dim = head_dim;
    problem.page_size = page_size;
    problem.max_pages = most;
    problem.scale = 1 / std::sqrt(float(head_dim));
    problem.set_dense_strides();

    fill(q, problem.batch * heads * head_dim);
    fill(key_cache, pages * page_size * kv_heads * head_dim);
    fill(value_cache, pages * page_size * kv_heads * head_dim);
    out.assign(q.size(), half(NAN));

    std::vector<std::int32_t> order(pages);
    std::iota(order.begin(), order.end(), 0);
    for (std::int64_t i = pages - 1; i > 0; --i)
      std::swap(order[i], order[splitmix64(state++) % (i + 1)]);
    table.assign(problem.batch * most, -1);
    std::int64_t next = 0;
    for (std::int64_t b = 0; b < problem.batch; ++b)
      for (std::int64_t i = 0; i < pages_of(lengths[b]); ++i)
        table[b * most + i] = order[next++];

    problem.q = q.data();
    problem.key_cache = key_cache.data();
    problem.value_cache = value_cache.data();
    problem.table = table.data();
    problem.lengths = lengths.data();
    problem.out = out.data();
  }

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
    double error = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double difference = std::abs(double(float(out[i])) - expected[i]);
      if (!(difference <= error))
        error = difference;
    }
    return error;
  }

  kernels::PagedAttention<half> problem;
  std::vector<half> q, out;
  Cache key_cache, value_cache;

private:
  static std::int64_t pages_of(std::int64_t length) { return (length + page_size - 1) / page_size; }

  /// Numbers with mean 0 and deviation 1: the sum of the four 16-bit parts of a random word.
  template <class Values>
  void fill(Values &values, std::int64_t size) {
    values.resize(size);
    for (half &value : values) {
      const std::uint64_t r = splitmix64(state++);
      const auto part = [r](int i) { return float(r >> (16 * i) & 0xffff) * 0x1p-16F - 0.5F; };
      value = half((part(0) + part(1) + part(2) + part(3)) * 1.7320508F);
    }
  }

  std::uint64_t state = 1;
  std::int64_t pages = 0;
  std::vector<std::int32_t> table, lengths;
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
std::vector<double> config_values(const Config &config) {
  std::vector<double> values;
  for_each_field(config, [&](auto value) { values.push_back(double(value)); });
  return values;
}

} // namespace kiln::bench
