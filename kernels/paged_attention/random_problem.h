// Random problems of paged attention on the host: arrays without gaps, a shuffled block table.
#pragma once

#include "kiln/kernels/paged_attention.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <numeric>
#include <utility>
#include <vector>

#include <sys/mman.h>

namespace kiln::kernels {

/// The generator of Steele, Lea and Flood: the i-th output of its stream with seed 0.
inline std::uint64_t splitmix64(std::uint64_t i) {
  std::uint64_t z = i + 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

/// A number of a distribution with mean 0 and deviation 1: the sum of the four 16-bit parts of a random word.
inline float random_number(std::uint64_t i) {
  const std::uint64_t r = splitmix64(i);
  const auto part = [r](int k) { return float(r >> (16 * k) & 0xffff) * 0x1p-16F - 0.5F; };
  return (part(0) + part(1) + part(2) + part(3)) * 1.7320508F;
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
/// What a model fixes.
struct PagedShape {
  std::int64_t kv_heads = 8, group = 4, head_dim = 128, page_size = 16;
};

/// Inputs and an output full of NaN; `problem` points at them. Table entries that no sequence uses are -1.
template <class T>
class RandomPagedAttention {
public:
  explicit RandomPagedAttention(std::vector<std::int32_t> sequence_lengths, const PagedShape &shape = {})
      : lengths(std::move(sequence_lengths)) {
    const auto pages_of = [&](std::int64_t length) { return (length + shape.page_size - 1) / shape.page_size; };
    std::int64_t most = 0;
    for (std::int64_t length : lengths) {
      most = std::max(most, pages_of(length));
      pages += pages_of(length);
    }
    problem.batch = std::int64_t(lengths.size());
    problem.heads = shape.kv_heads * shape.group;
    problem.kv_heads = shape.kv_heads;
    problem.head_dim = shape.head_dim;
    problem.page_size = shape.page_size;
    problem.max_pages = most;
    problem.scale = 1 / std::sqrt(float(shape.head_dim));
    problem.set_dense_strides();

    fill(q, problem.batch * problem.heads * shape.head_dim);
    fill(key_cache, pages * shape.page_size * shape.kv_heads * shape.head_dim);
    fill(value_cache, pages * shape.page_size * shape.kv_heads * shape.head_dim);
    out.assign(q.size(), T(NAN));

    std::vector<std::int32_t> order(pages);
    std::iota(order.begin(), order.end(), 0);
    for (std::int64_t i = pages - 1; i > 0; --i)
      std::swap(order[i], order[splitmix64(state_++) % (i + 1)]);
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
  RandomPagedAttention(const RandomPagedAttention &) = delete;
  RandomPagedAttention &operator=(const RandomPagedAttention &) = delete;

  PagedAttention<T> problem;
  std::vector<T> q, out;
  std::vector<T, HugePages<T>> key_cache, value_cache;
  std::vector<std::int32_t> lengths, table;
  std::int64_t pages = 0; ///< that the sequences use

private:
  template <class Values>
  void fill(Values &values, std::int64_t size) {
    values.resize(size);
    for (T &value : values)
      value = T(random_number(state_++));
  }

  std::uint64_t state_ = 1;
};

} // namespace kiln::kernels
