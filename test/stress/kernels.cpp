#include "kernels.h"

#include <atomic>
#include <numeric>

using namespace kiln;
using namespace kiln_stress;

using In = ptr<const std::int32_t>;
using Out = ptr<std::int32_t>;
using Size = scalar<std::int32_t>;

// Sizes that are no multiple of 4, and addresses that are none of 16, take the generic variant.
void kiln_stress::mix_body(const Config &c, In in, Out out, Size n) {
  assume_multiple(n, 4);
  auto i = program_id(0) * c.block + arange(0, c.block);
  auto mask = i < n;
  store(out + i, load(in + i, {.mask = mask}) * 3 + (salt_base + c.salt), {.mask = mask});
}

void kiln_stress::row_sum_body(const Config &c, In in, Out out, Size cols) {
  auto i = arange(0, c.block);
  auto row = load(in + program_id(0) * cols + i, {.mask = i < cols});
  store(out + program_id(0), sum(row, 0) + (salt_base + c.salt));
}

void kiln_stress::guarded_body(const Config &c, In in, Out out, Size n) {
  auto i = program_id(0) * c.block + arange(0, c.block);
  auto mask = i < n;
  auto x = load(in + i, {.mask = mask});
  device_assert(x >= 0, "negative input");
  store(out + i, x * 3 + (salt_base + c.salt), {.mask = mask});
}

void kiln_stress::crooked_body(const Config &c, In in, Out out, Size n) {
  auto i = arange(0, c.block);
  auto j = arange(0, 2 * c.block);
  store(out + i, load(in + i) + load(in + j));
}

void kiln_stress::moody_body(const Config &c, In in, Out out, Size n) {
  static std::atomic<unsigned> traces{0};
  if (traces.fetch_add(1, std::memory_order_relaxed) % 2 == 1)
    throw Refusal{};
  mix_body(c, in, out, n);
}

void kiln_stress::large_body(const Config &, In in, Out out, Size) {
  auto i = arange(0, 262144);
  store(out + i, cumsum(load(in + i), 0));
}

std::vector<std::int32_t> kiln_stress::mixed(std::span<const std::int32_t> in, const Config &config) {
  std::vector<std::int32_t> result;
  for (std::int32_t x : in)
    result.push_back(x * 3 + salt_base + config.salt);
  return result;
}

std::vector<std::int32_t> kiln_stress::row_sums(std::span<const std::int32_t> in, std::size_t cols,
                                                const Config &config) {
  std::vector<std::int32_t> result;
  for (; !in.empty(); in = in.subspan(cols))
    result.push_back(std::accumulate(in.begin(), in.begin() + static_cast<std::ptrdiff_t>(cols), 0) + salt_base +
                     config.salt);
  return result;
}

std::string kiln_stress::text_of(const Config &config) {
  return "block=" + std::to_string(config.block) + " salt=" + std::to_string(config.salt) +
         " num_warps=" + std::to_string(config.num_warps);
}
