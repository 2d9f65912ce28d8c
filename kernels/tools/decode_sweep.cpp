#include "tools/decode_sweep.h"

#include "paged_attention/random_problem.h"

#include "kiln/device_memory.h"
#include "kiln/kernels/registry.h"
#include "kiln/kiln.h"
#include "kiln/launch_timer.h"
#include "kiln/tune.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numeric>
#include <set>
#include <string>

namespace kiln::tools {
namespace {

using kernels::PagedAttentionConfig;
using kernels::PagedSchedule;
using kernels::PagedTiles;

constexpr std::int64_t kv_heads = 8, page_size = 16;
/// Comparing configs needs fewer samples than a figure that is published.
constexpr int samples = 5;
constexpr double give_up = 1.25;
/// Results differ by the order of sums alone.
constexpr double tolerance = 4e-3;
/// What the caches are filled with, again and again: random numbers are slow to make.
constexpr std::int64_t pattern_size = 5'000'011;

std::vector<std::int32_t> lengths_of(const std::string &mode, std::int64_t batch, std::int64_t tokens) {
  std::vector<std::int32_t> lengths(batch, std::int32_t(tokens));
  for (std::int64_t i = 0; i < batch; ++i)
    if (mode == "ragged")
      lengths[i] = std::int32_t(1 + kernels::splitmix64(i) % tokens);
    else if (mode == "skewed" && i > 0)
      lengths[i] = std::int32_t(std::max<std::int64_t>(1, tokens / 16));
  return lengths;
}

class Sweep {
public:
  Sweep(const SweepPlan &plan, Device device, std::FILE *log) : plan_(plan), device_(device), log_(log) {}

  DecodeSweep run() {
    fill_pool();
    for (const SweepShape &shape : plan_.shapes) {
      const auto begin = std::chrono::steady_clock::now();
      const std::size_t before = result_.samples.size();
      for (std::int64_t heads : shape.heads)
        for (std::int64_t tokens : shape.tokens) {
          if (!is_measured(shape, heads, tokens))
            continue;
          measure(shape, heads, tokens, "uniform");
          if (heads > kv_heads) // a batch of one has one distribution
            for (const char *mode : {"ragged", "skewed"})
              measure(shape, heads, tokens, mode);
        }
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
      std::fprintf(log_, "head_dim %d, group %d: %zu times in %.0f s\n", shape.head_dim, shape.group,
                   result_.samples.size() - before, seconds.count());
    }
    return std::move(result_);
  }

private:
  /// Keys and values of so many elements each.
  static std::int64_t set_bytes(std::int64_t elements) {
    return cdiv(2 * elements * std::int64_t(sizeof(half)), std::int64_t(256)) * 256;
  }
  bool is_measured(const SweepShape &shape, std::int64_t heads, std::int64_t tokens) const {
    return set_bytes(heads * tokens * shape.head_dim) <= plan_.most_bytes;
  }

  void fill_pool() {
    std::int64_t largest = 0;
    for (const SweepShape &shape : plan_.shapes)
      for (std::int64_t heads : shape.heads)
        for (std::int64_t tokens : shape.tokens)
          if (is_measured(shape, heads, tokens)) {
            const std::int64_t set = set_bytes(heads * cdiv(tokens, page_size) * page_size * shape.head_dim);
            largest = std::max(largest, set * sets_to_rotate(set));
          }
    pattern_.resize(pattern_size);
    for (std::int64_t i = 0; i < pattern_size; ++i)
      pattern_[i] = half(kernels::random_number(i));
    pool_ = DeviceBuffer(device_, std::size_t(largest));
    const std::size_t chunk = pattern_.size() * sizeof(half);
    for (std::size_t at = 0; at < pool_.bytes(); at += chunk)
      pool_.copy_from_host(pattern_.data(), std::min(chunk, pool_.bytes() - at), at);
  }

  template <class T>
  DeviceBuffer upload(const std::vector<T> &host) {
    DeviceBuffer memory(device_, host.size() * sizeof(T));
    memory.copy_from_host(host.data(), memory.bytes());
    return memory;
  }

  void measure(const SweepShape &shape, std::int64_t heads, std::int64_t tokens, const std::string &mode) {
    const std::int64_t batch = heads / kv_heads, width = cdiv(tokens, page_size);
    const std::vector<std::int32_t> lengths = lengths_of(mode, batch, tokens);
    std::int64_t pages = 0;
    for (std::int64_t length : lengths)
      pages += cdiv(std::int64_t(length), page_size);
    std::vector<std::int32_t> order(pages), table(batch * width, -1);
    std::iota(order.begin(), order.end(), 0);
    for (std::int64_t i = pages - 1; i > 0; --i)
      std::swap(order[i], order[kernels::splitmix64(i) % (i + 1)]);
    std::int64_t next = 0;
    for (std::int64_t b = 0; b < batch; ++b)
      for (std::int64_t i = 0; i * page_size < lengths[b]; ++i)
        table[b * width + i] = order[next++];

    const std::int64_t row = heads * shape.group * shape.head_dim;
    const DeviceBuffer device_table = upload(table), device_lengths = upload(lengths);
    DeviceBuffer q(device_, row * sizeof(half)), out(device_, row * sizeof(half));
    for (std::int64_t at = 0; at < row; at += pattern_size)
      q.copy_from_host(pattern_.data(), std::min(pattern_size, row - at) * sizeof(half), at * sizeof(half));

    kernels::PagedAttention<half> problem{.batch = batch,
                                          .heads = kv_heads * shape.group,
                                          .kv_heads = kv_heads,
                                          .head_dim = shape.head_dim,
                                          .page_size = page_size,
                                          .max_pages = width,
                                          .scale = float(1 / std::sqrt(double(shape.head_dim))),
                                          .q = q.as<half>(),
                                          .table = device_table.as<std::int32_t>(),
                                          .lengths = device_lengths.as<std::int32_t>(),
                                          .out = out.as<half>()};
    problem.set_dense_strides();
    const std::int64_t cache = pages * page_size * kv_heads * shape.head_dim;
    const std::int64_t set_size = set_bytes(cache);
    const int sets = int(std::clamp<std::int64_t>(std::int64_t(pool_.bytes()) / set_size, 1, sets_to_rotate(set_size)));
    const auto use_set = [&](int set) {
      problem.key_cache = pool_.as<half>() + set * set_size / std::int64_t(sizeof(half));
      problem.value_cache = problem.key_cache + cache;
    };
    use_set(0);

    std::vector<PagedAttentionConfig> configs;
    for (const PagedTiles &tiles : plan_.tiles) {
      PagedAttentionConfig config = kernels::default_config(problem, device_);
      config.schedule = tiles.schedule;
      config.block_n = tiles.block_n;
      config.programs_per_core = tiles.programs_per_core;
      config.num_warps = tiles.num_warps;
      config.num_stages = tiles.num_stages;
      configs.push_back(config);
    }
    const auto reserve = [&](const PagedAttentionConfig &config) {
      problem.workspace_size = kernels::workspace_bytes(problem, config, device_);
      if (problem.workspace_size > std::int64_t(workspace_.bytes()))
        workspace_ = DeviceBuffer(device_, std::size_t(problem.workspace_size));
      workspace_.fill(0); // what failed may have left something
      problem.workspace = workspace_.data();
    };
    const TuneResult<PagedAttentionConfig> result =
        tune(configs,
             {.kernel = kernels::find_kernel("paged_attention_decode_f16"),
              .launch =
                  [&](const PagedAttentionConfig &config, const TuneLaunch &at) {
                    use_set(at.set);
                    kernels::paged_attention(problem, config, {.device = at.device, .stream = at.stream});
                  },
              .prepare = reserve,
              .compiled = kernels::compiled_config,
              .output = &out,
              .check = within<half>(tolerance)},
             {.device = device_, .sets = sets, .samples = samples, .give_up = give_up, .keep = false});
    for (const auto &m : result.measurements)
      result_.samples.push_back({.head_dim = shape.head_dim,
                                 .group = shape.group,
                                 .most_group = shape.most_group,
                                 .heads = heads,
                                 .tokens = tokens,
                                 .mode = mode,
                                 .tiles = {m.config.schedule, m.config.block_n, m.config.programs_per_core,
                                           m.config.num_warps, m.config.num_stages},
                                 .us = m.us});
    for (const auto &failure : result.failures) {
      const std::string place = std::to_string(batch) + " x " + std::to_string(tokens) + " " + mode + ": ";
      // Once for a reason: what does not compile does so at every size.
      const std::string what = config_text(failure.config) + ": " + failure.reason;
      if (named_.insert(what).second)
        std::fprintf(log_, "head_dim %d, group %d, %s%s\n", shape.head_dim, shape.group, place.c_str(), what.c_str());
    }
  }

  const SweepPlan &plan_;
  Device device_;
  std::FILE *log_;
  DecodeSweep result_;
  std::set<std::string> named_; // failures
  std::vector<half> pattern_;
  DeviceBuffer pool_, workspace_;
};

} // namespace

SweepPlan usual_plan() {
  // Two sequences are measured besides one, which has a kernel of its own and says little about them.
  SweepPlan plan{.shapes = {{.head_dim = 128,
                             .group = 4,
                             .most_group = 8,
                             .heads = {8, 16, 32, 128, 512, 2048},
                             .tokens = {32, 64, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536}}},
                 .tiles = {},
                 .most_bytes = 1'100'000'000};
  for (const auto &[head_dim, group, most_group] :
       {std::array{128, 1, 1}, {128, 2, 2}, {128, 16, 16}, {64, 1, 1}, {64, 4, 16}, {256, 4, 16}})
    plan.shapes.push_back({.head_dim = head_dim,
                           .group = group,
                           .most_group = most_group,
                           .heads = {8, 16, 64, 512},
                           .tokens = {32, 64, 256, 1024, 4096, 32768}});
  for (int block_n : {32, 64, 128})
    for (int num_warps : {4, 8})
      for (int num_stages : {2, 3}) {
        plan.tiles.push_back({PagedSchedule::rows, block_n, 2, num_warps, num_stages});
        for (int programs_per_core : {1, 2, 3})
          plan.tiles.push_back({PagedSchedule::shares, block_n, programs_per_core, num_warps, num_stages});
      }
  // For little work.
  for (int block_n : {16, 32, 64, 128})
    plan.tiles.push_back({PagedSchedule::rows, block_n, 2, 2, 2});
  plan.tiles.push_back({PagedSchedule::rows, 16, 2, 4, 2});
  return plan;
}

DecodeSweep measure(const SweepPlan &plan, Device device, std::FILE *log) { return Sweep(plan, device, log).run(); }

} // namespace kiln::tools
