// Random problems of paged attention, hostile where the kernel must not look.
#pragma once

#include "paged_attention/reference.h"
#include "paged_attention/workspace.h"
#include "support.h"

#include "kiln/runtime/cpu_launch.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <sys/mman.h>

namespace kiln::test {

enum class CacheLayout {
  nhd,         ///< [page, token, head, dim]
  hnd,         ///< [page, head, token, dim]
  interleaved, ///< [page, 2, token, head, dim], keys and values of a page side by side
  strided,     ///< nhd with a stride of 2 along dim, also of q and out, and of the table's entries
};

enum class TablePadding { minus_one, garbage };

struct PagedCase {
  int kv_heads = 2, group = 4, head_dim = 64, page_size = 16, block_n = 32;
  /// Around a page and a block, and long.
  std::vector<int> lengths = {0, 1, 15, 16, 17, 31, 32, 33, 150};
  CacheLayout layout = CacheLayout::nhd;
  TablePadding padding = TablePadding::garbage;
  int extra_table_width = 2;
  bool shared_pages = false;
  bool lse = true;
  kernels::PagedSchedule schedule = kernels::PagedSchedule::rows;
  int part_blocks = 2, lengths_tile = 4, programs_per_core = 8;
  bool overlap = false;
  float scale = 0;              ///< 0: 1 / sqrt(head_dim)
  std::int64_t page_stride = 0; ///< elements; 0: no gaps between pages
  /// Elements between the heads of q, and half as many as between those of out. With an odd number no row but the first
  /// is aligned, and a GPU runs code that makes no use of alignment.
  int gap = 8;

  std::string text() const {
    std::ostringstream out;
    out << "group " << group << ", head_dim " << head_dim << ", page_size " << page_size << ", block_n " << block_n
        << ", layout " << int(layout) << ", gap " << gap << ", schedule " << int(schedule);
    if (schedule >= kernels::PagedSchedule::shares)
      out << " with parts of " << part_blocks << ", tiles of " << lengths_tile << ", " << programs_per_core
          << " programs";
    out << ", lengths";
    for (int length : lengths)
      out << ' ' << length;
    return out.str();
  }
};

/// Address space whose pages exist once they are touched.
class Reserved {
public:
  explicit Reserved(std::size_t bytes) : host(map(bytes), bytes), registered_(host.begin(), bytes, "reserved") {}
  ~Reserved() { munmap(host.begin(), host.bytes()); }
  Reserved(const Reserved &) = delete;

  HostMemory host;

private:
  debug::Buffer registered_;

  static void *map(std::size_t bytes) {
    void *address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address == MAP_FAILED)
      throw std::bad_alloc();
    return address;
  }
};

/// Inputs on the host: every slot that no length covers holds NaN, unused table entries are -1 or garbage, physical
/// pages are shuffled.
template <class T>
class PagedProblem {
public:
  kernels::PagedAttention<T> problem;

  template <class Generator>
  PagedProblem(const PagedCase &c, Generator &random) : case_(c) {
    const std::int64_t d = c.head_dim, s = c.page_size, h = c.kv_heads;
    auto &p = problem;
    p.batch = c.lengths.size();
    p.kv_heads = h;
    p.heads = h * c.group;
    p.head_dim = d;
    p.page_size = s;
    const auto pages_of = [&](int length) { return (length + s - 1) / s; };
    std::int64_t most = 0, total = 0;
    for (int length : c.lengths) {
      most = std::max(most, pages_of(length));
      total += pages_of(length);
    }
    p.max_pages = most + c.extra_table_width;
    p.scale = c.scale != 0 ? c.scale : 1 / std::sqrt(float(d));

    const bool strided = c.layout == CacheLayout::strided;
    const std::int64_t unit = strided ? 2 : 1;
    const std::int64_t q_head = (d + c.gap) * unit, out_head = (d + 2 * c.gap) * unit;
    p.q_stride = {(p.heads + 1) * q_head, q_head, unit};
    p.out_stride = {p.heads * out_head, out_head, unit};
    p.table_stride = {p.max_pages * unit + 3, unit};
    p.lse_stride = {1, p.batch + 1};
    std::int64_t page = 2 * s * h * d, value_offset = page / 2;
    if (c.layout == CacheLayout::hnd)
      p.key_cache_stride = {page, d, s * d, 1};
    else if (c.layout == CacheLayout::interleaved)
      p.key_cache_stride = {page, 2 * h * d, 2 * d, 1}, value_offset = d;
    else
      p.key_cache_stride = {page * unit, h * d * unit, d * unit, unit}, value_offset *= unit;
    if (c.page_stride != 0)
      p.key_cache_stride.page = c.page_stride;
    p.value_cache_stride = p.key_cache_stride;

    // One page more than needed: nobody's, full of NaN.
    const std::int64_t pages = total + 1;
    const std::size_t cache_size = (pages - 1) * p.key_cache_stride.page + page * unit;
    T *cache = nullptr;
    if (c.page_stride != 0) {
      reserved_ = std::make_unique<Reserved>(cache_size * sizeof(T));
      cache = reinterpret_cast<T *>(reserved_->host.begin());
    } else {
      cache_ = std::make_unique<Buffer<T>>(cache_size, "cache");
      cache = cache_->data();
    }
    p.key_cache = cache;
    p.value_cache = cache + value_offset;

    table_ = std::make_unique<Buffer<std::int32_t>>(p.batch * p.table_stride.batch, "table");
    lengths_ = std::make_unique<Buffer<std::int32_t>>(p.batch, "lengths");
    q_ = std::make_unique<Buffer<T>>(p.batch * p.q_stride.batch, "q");
    out_ = std::make_unique<Buffer<T>>(p.batch * p.out_stride.batch, "out");
    lse_ = std::make_unique<Buffer<float>>(p.batch * 1 + p.heads * p.lse_stride.head, "lse");
    p.table = table_->data();
    p.lengths = lengths_->data();
    p.q = q_->data();
    p.out = out_->data();
    p.lse = c.lse ? lse_->data() : nullptr;

    if (reserved_)
      for (std::int64_t i = 0; i < pages; ++i)
        reserved_->host.add_part(cache + i * p.key_cache_stride.page, page * unit * sizeof(T));

    std::vector<std::int32_t> order(pages);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), random);
    std::normal_distribution<float> normal;
    std::int64_t next = 0;
    for (std::int64_t b = 0; b < p.batch; ++b) {
      const int length = c.lengths[b];
      (*lengths_)[b] = length;
      std::int32_t *row = table_->data() + b * p.table_stride.batch;
      for (std::int64_t i = 0; i < p.max_pages; ++i) {
        std::int32_t &entry = row[i * p.table_stride.entry];
        if (i < pages_of(length))
          entry = c.shared_pages && b > 0 && i == 0 ? *table_->data() : order[next++];
        else
          entry = c.padding == TablePadding::minus_one ? -1 : std::int32_t(random());
      }
      for (std::int64_t t = 0; t < length; ++t) {
        const std::int64_t at =
            row[t / s * p.table_stride.entry] * p.key_cache_stride.page + t % s * p.key_cache_stride.token;
        for (std::int64_t i = 0; i < h; ++i)
          for (std::int64_t e = 0; e < d; ++e)
            for (T *half : {cache, cache + value_offset})
              half[at + i * p.key_cache_stride.head + e * unit] = T(normal(random));
      }
      for (std::int64_t i = 0; i < p.heads; ++i)
        for (std::int64_t e = 0; e < d; ++e)
          (*q_)[b * p.q_stride.batch + i * p.q_stride.head + e * unit] = T(normal(random));
    }
  }

  /// The default config with the case's tiles.
  kernels::PagedAttentionConfig config() const {
    kernels::PagedAttentionConfig config = kernels::default_config(problem, Device::interpreter());
    config.block_n = case_.block_n;
    config.num_warps = 4;
    config.num_stages = 2;
    config.schedule = case_.schedule;
    config.part_blocks = case_.part_blocks;
    config.lengths_tile = case_.lengths_tile;
    config.programs_per_core = case_.programs_per_core;
    config.overlap = case_.overlap;
    return config;
  }

  /// Makes the workspace that a config needs, or a larger one, zeroed.
  void make_workspace(const kernels::PagedAttentionConfig &config, Device device, std::int64_t at_least = 0) {
    problem.workspace_size = std::max(at_least, kernels::workspace_bytes(problem, config, device));
    workspace_ = std::make_unique<Buffer<float>>(problem.workspace_size / sizeof(float), "workspace");
    problem.workspace = workspace_->data();
    std::fill_n(workspace_->data(), workspace_->size(), 0.0F);
  }
  /// Takes the workspace of another problem.
  void take_workspace(PagedProblem &other) {
    workspace_ = std::move(other.workspace_);
    problem.workspace = std::exchange(other.problem.workspace, nullptr);
    problem.workspace_size = other.problem.workspace_size;
  }
  /// Fails unless the counters of arrived parts are zero again.
  void check_counters(Device device) const {
    const int cores = device == Device::cpu()               ? int(runtime::cpu_threads())
                      : device.kind() == Device::Kind::cuda ? cuda::properties(device).multiprocessors
                                                            : 1;
    if (problem.workspace_size == 0)
      return;
    for (std::int64_t i = 0; i < kernels::paged_counter_bytes(cores) / 4; ++i) {
      std::int32_t counter;
      std::memcpy(&counter, workspace_->data() + i, sizeof counter);
      ASSERT_EQ(counter, 0) << "counter " << i;
    }
  }

  /// What a server does from step to step: sequences change places, and are shorter than they were.
  void change_sequences() {
    std::int32_t *table = table_->data();
    for (std::int64_t b = 0; b < problem.batch; ++b) {
      const std::int64_t other = (b + 1) % problem.batch;
      std::swap((*lengths_)[b], (*lengths_)[other]);
      std::swap_ranges(table + b * problem.table_stride.batch, table + (b + 1) * problem.table_stride.batch - 3,
                       table + other * problem.table_stride.batch);
    }
    for (std::int64_t b = 0; b < problem.batch; ++b)
      (*lengths_)[b] -= (*lengths_)[b] / 3;
  }
  /// Out and lse as they were before the first launch.
  void forget_results() {
    out_->forget();
    lse_->forget();
  }
  /// The result of sequence b, bit by bit.
  std::vector<float> result(std::int64_t b) const {
    std::vector<float> values;
    for (std::int64_t h = 0; h < problem.heads; ++h) {
      for (std::int64_t d = 0; d < problem.head_dim; ++d)
        values.push_back(float(
            problem.out[b * problem.out_stride.batch + h * problem.out_stride.head + d * problem.out_stride.dim]));
      if (problem.lse)
        values.push_back(problem.lse[b * problem.lse_stride.batch + h * problem.lse_stride.head]);
    }
    return values;
  }

  /// Compares with the reference, and everything else with the poison.
  void check() {
    const auto &p = problem;
    const auto expected = kernels::reference::paged_attention(p);
    // The weights are rounded to T, each by at most unit_roundoff relative to itself, and so is the result; values are
    // a few units.
    // A score is a sum of head_dim products, rounded in f32; its error is a relative error of the weight.
    const double u = unit_roundoff<T>(), score = 0x1p-24 * double(p.scale) * double(p.head_dim);
    expect_close(
        expected.out,
        [&](std::size_t i) {
          const std::int64_t b = i / (p.heads * p.head_dim), h = i / p.head_dim % p.heads, d = i % p.head_dim;
          return float((*out_)[b * p.out_stride.batch + h * p.out_stride.head + d * p.out_stride.dim]);
        },
        4 * u + 4 * score + 1e-6, 2 * u);
    out_->expect_only([&](std::int64_t i) {
      return i % p.out_stride.head < p.head_dim * p.out_stride.dim && i % p.out_stride.dim == 0;
    });
    if (p.lse)
      expect_close(
          expected.lse,
          [&](std::size_t i) { return (*lse_)[i / p.heads * p.lse_stride.batch + i % p.heads * p.lse_stride.head]; },
          2 * score + 1e-6, 1e-6);
    lse_->expect_only(
        [&](std::int64_t i) { return p.lse && i % p.lse_stride.head < p.batch && i / p.lse_stride.head < p.heads; });
  }

private:
  PagedCase case_;
  std::unique_ptr<Reserved> reserved_;
  std::unique_ptr<Buffer<T>> cache_, q_, out_;
  std::unique_ptr<Buffer<std::int32_t>> table_, lengths_;
  std::unique_ptr<Buffer<float>> lse_, workspace_;
};

} // namespace kiln::test
