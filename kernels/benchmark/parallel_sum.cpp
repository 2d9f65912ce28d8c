#include "benchmark/parallel_sum.h"

#include <cstring>

namespace kiln::bench {
namespace {

// Eight independent vector sums hide the latency of the additions. A clone for each vector width is built; the widest
// that the processor has is chosen when the program starts.
__attribute__((target_clones("avx512f", "avx2", "default"))) std::uint64_t sum(const void *data, std::size_t bytes) {
  using Vector = std::uint64_t __attribute__((vector_size(64)));
  Vector sums[8] = {};
  const char *at = static_cast<const char *>(data);
  for (const char *end = at + bytes; at != end; at += sizeof sums)
    for (std::size_t i = 0; i < 8; ++i) {
      Vector v;
      std::memcpy(&v, at + i * sizeof v, sizeof v);
      sums[i] += v;
    }
  Vector total = {};
  for (const Vector &sum : sums)
    total += sum;
  std::uint64_t result = 0;
  for (int i = 0; i < 8; ++i)
    result += total[i];
  return result;
}

} // namespace

std::uint64_t sum_words(const void *data, std::size_t bytes) { return sum(data, bytes); }

} // namespace kiln::bench
