#include "kiln/cuda.h"
#include "kiln/debug.h"
#include "kiln/runtime/cpu_launch.h"

#include "lib/check.h"
#include "lib/device_size.h"
#include "lib/instantiate.h"
#include "lib/listing.h"
#include "lib/overlap.h"
#include "paged_attention/kernel.h"
#include "paged_attention/tuned.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace kiln::kernels {
namespace {

template <class T>
const Kernel paged_attention_kernel{typed_name<T>("paged_attention_decode"), paged_attention_body<T>};

template <class T>
bool packed(const PagedAttention<T> &p) {
  return p.q_stride.dim == 1 && p.out_stride.dim == 1 && p.key_cache_stride.dim == 1 && p.value_cache_stride.dim == 1 &&
         p.table_stride.entry == 1;
}

template <class T>
bool same_strides(const PagedAttention<T> &p) {
  const auto &k = p.key_cache_stride, &v = p.value_cache_stride;
  return k.page == v.page && k.token == v.token && k.head == v.head && k.dim == v.dim;
}

bool is_shared(PagedSchedule schedule) { return schedule == PagedSchedule::shares || schedule == PagedSchedule::parts; }

/// As many as leave two programs for each thread, so that ragged lengths spread.
template <class T>
std::int64_t heads_per_program(const PagedAttention<T> &p) {
  const std::int64_t programs = 2 * std::int64_t(runtime::cpu_threads());
  return cdiv(p.kv_heads, std::min(p.kv_heads, cdiv(programs, p.batch)));
}

/// What runs programs at the same time.
int cores(Device device) {
  return device == Device::cpu() ? int(runtime::cpu_threads()) : std::max(multiprocessors(device), 1);
}

/// The grid of `shares` and `parts`, from sizes that the host knows.
struct Spread {
  std::int64_t most_units; ///< of a K/V head
  std::int64_t programs;   ///< of a K/V head
  std::int64_t states;

  template <class T>
  Spread(const PagedAttention<T> &p, const PagedAttentionConfig &c, int cores) {
    const std::int64_t unit = std::int64_t(c.block_n) * (c.schedule == PagedSchedule::parts ? c.part_blocks : 1);
    most_units = p.batch * cdiv(p.max_pages * p.page_size, unit);
    programs = std::max<std::int64_t>(
        1, std::min(std::int64_t(c.programs_per_core) * cores / std::max<std::int64_t>(p.kv_heads, 1), most_units));
    states = p.kv_heads * (c.schedule == PagedSchedule::parts ? most_units : 2 * programs);
  }
};

template <class T>
void check_config(const Checker &check, const PagedAttention<T> &p, const PagedAttentionConfig &config) {
  check.small_size("batch", p.batch);
  check.small_size("heads", p.heads, 1);
  check.small_size("kv_heads", p.kv_heads, 1);
  check.require(p.batch <= 65535, "batch is ", p.batch, ", must be at most 65535");
  check.require(p.heads % p.kv_heads == 0, "heads is ", p.heads, ", not a multiple of kv_heads, ", p.kv_heads);
  const std::int64_t group = p.heads / p.kv_heads;
  check.require(group <= 64, "heads / kv_heads is ", group, ", must be at most 64");
  check.head_dim("head_dim", p.head_dim);
  check.small_size("page_size", p.page_size, 1);
  check.small_size("max_pages", p.max_pages);
  check.small_size("page_size * max_pages", p.page_size * p.max_pages);
  check.equal("config.head_dim", config.head_dim, "head_dim", p.head_dim);
  check.equal("config.group", config.group, "heads / kv_heads", group);
  check.equal("config.page_size", config.page_size, "page_size", p.page_size);
  check_config(config);
  check.warps(config.num_warps);
  check.stages(config.num_stages);
  if (!is_shared(config.schedule))
    return;
  check.require(p.kv_heads <= 65535, "kv_heads is ", p.kv_heads, ", must be at most 65535 where programs share");
  check.require(config.lengths_tile > 1 || p.batch <= 1, "config.lengths_tile is 1, but batch is ", p.batch);
  check.require(config.programs_per_core >= 1 && config.programs_per_core <= most_programs_per_core,
                "config.programs_per_core is ", config.programs_per_core, ", must be from 1 to ",
                most_programs_per_core);
  check.require(config.part_blocks >= 1 && config.part_blocks <= 65536, "config.part_blocks is ", config.part_blocks,
                ", must be from 1 to 65536");
  check.small_size("config.block_n * config.part_blocks", std::int64_t(config.block_n) * config.part_blocks);
  check.small_size("batch * page_size * max_pages / config.block_n", Spread(p, config, 1).most_units);
}

} // namespace

template <class T>
PagedAttentionConfig default_config(const PagedAttention<T> &p, Device device) {
  PagedAttentionConfig config{.head_dim = int(p.head_dim),
                              .group = int(p.kv_heads > 0 ? p.heads / p.kv_heads : 1),
                              .page_size = int(p.page_size),
                              .packed = packed(p),
                              .same_strides = same_strides(p),
                              .lse = p.lse != nullptr};
  if (device == Device::cpu()) {
    config.schedule = PagedSchedule::interleaved;
    config.block_n = 128;
    return config;
  }
  // What fills a GPU of twice the size is twice as much.
  std::int64_t heads = p.batch * p.kv_heads;
  if (const int n = multiprocessors(device))
    heads = heads * tuned_multiprocessors / n;
  const PagedTiles tiles = find_tuned({.element_bytes = int(sizeof(T)),
                                       .head_dim = config.head_dim,
                                       .group = config.group,
                                       .heads = heads,
                                       .tokens = p.max_pages * p.page_size});
  config.schedule = tiles.schedule;
  config.block_n = tiles.block_n;
  config.programs_per_core = tiles.programs_per_core;
  config.num_warps = tiles.num_warps;
  config.num_stages = tiles.num_stages;
  config.lengths_tile = lengths_tile_for(p.batch);
  return config;
}

PagedAttentionConfig compiled_config(PagedAttentionConfig config) {
  config.programs_per_core = 0;
  if (config.schedule != PagedSchedule::parts)
    config.part_blocks = 0;
  if (!is_shared(config.schedule))
    config.lengths_tile = 0;
  return config;
}

template <class T>
std::int64_t workspace_bytes(const PagedAttention<T> &p, const PagedAttentionConfig &config, Device device) {
  check_config(Checker("paged_attention"), p, config);
  if (!is_shared(config.schedule) || p.batch == 0)
    return 0;
  const int n = cores(device);
  return paged_counter_bytes(n) +
         Spread(p, config, n).states * paged_state_size(config.group, config.head_dim) * std::int64_t(sizeof(float));
}

template <class T>
void paged_attention(const PagedAttention<T> &p, const PagedAttentionConfig &config, const Execution &where) {
  const Checker check("paged_attention");
  check_config(check, p, config);
  check.require(std::isfinite(p.scale), "scale is ", p.scale, ", must be finite");
  check.require(!config.packed || packed(p), "config.packed is true, but a stride named dim or entry is not 1");
  check.require(!config.same_strides || same_strides(p),
                "config.same_strides is true, but key_cache_stride and value_cache_stride differ");
  check.require(config.lse == (p.lse != nullptr), "config.lse is ", config.lse ? "true" : "false", ", but lse is ",
                p.lse ? "given" : "null");
  const bool interleaved = config.schedule == PagedSchedule::interleaved;
  check.require(!interleaved || where.device == Device::cpu() || where.device == Device::interpreter(),
                "config.schedule is interleaved, but the device is ", where.device.name());
  if (p.batch == 0)
    return;
  check.pointer("q", p.q);
  check.pointer("key_cache", p.key_cache);
  check.pointer("value_cache", p.value_cache);
  if (p.max_pages > 0)
    check.pointer("table", p.table);
  check.pointer("lengths", p.lengths);
  check.pointer("out", p.out);
  const auto heads_of = [&](const T *data, const HeadStrides &stride) {
    return StridedArray(data, {{p.batch, stride.batch}, {p.heads, stride.head}, {p.head_dim, stride.dim}});
  };
  check.require(!heads_of(p.out, p.out_stride).overlaps(heads_of(p.q, p.q_stride)), "out overlaps q");
  check.written_stride("out_stride.batch", p.out_stride.batch, "batch", p.batch);
  check.written_stride("out_stride.head", p.out_stride.head, "heads", p.heads);
  check.written_stride("out_stride.dim", p.out_stride.dim, "head_dim", p.head_dim);
  if (p.lse) {
    check.written_stride("lse_stride.batch", p.lse_stride.batch, "batch", p.batch);
    check.written_stride("lse_stride.head", p.lse_stride.head, "heads", p.heads);
  }

  std::int64_t grid_x = p.kv_heads, grid_y = p.batch;
  std::int32_t *counters = nullptr;
  float *states = nullptr;
  std::int64_t heads = 1;
  // A launch on the CPU ends before this function does, so states of interleaved heads need no memory of the caller's.
  static thread_local std::vector<float> own_states;
  std::optional<debug::Buffer> registered;
  if (interleaved) {
    heads = heads_per_program(p);
    grid_x = cdiv(p.kv_heads, heads);
    own_states.resize(std::max<std::size_t>(own_states.size(),
                                            p.batch * p.kv_heads * paged_state_size(config.group, config.head_dim)));
    states = own_states.data();
    if (debug::checks())
      registered.emplace(own_states.data(), own_states.size() * sizeof(float), "workspace");
  } else if (is_shared(config.schedule)) {
    const std::int64_t needed = workspace_bytes(p, config, where.device);
    check.pointer("workspace", p.workspace);
    check.require(p.workspace_size >= needed, "workspace_size is ", p.workspace_size, ", must be at least ", needed);
    check.require(reinterpret_cast<std::uintptr_t>(p.workspace) % 16 == 0, "workspace is not 16-byte aligned");
    const int n = cores(where.device);
    grid_y = Spread(p, config, n).programs;
    counters = static_cast<std::int32_t *>(p.workspace);
    states = static_cast<float *>(p.workspace) + paged_counter_bytes(n) / std::int64_t(sizeof(float));
  }
  // The kernel's softmax is in base 2: exp(x) = 2^(x log2 e), and the factor joins the scale.
  const float scale_log2e = float(double(p.scale) * 1.4426950408889634);
  const auto &k = p.key_cache_stride, &v = p.value_cache_stride;
  paged_attention_kernel<T>.launch(
      {.grid = {grid_x, grid_y}, .device = where.device, .stream = where.stream, .programmatic = config.overlap},
      compiled_config(config), p.lengths, std::int32_t(p.batch), std::int32_t(p.max_pages), p.key_cache, p.value_cache,
      k.token, k.head, p.table, p.table_stride.batch, p.table_stride.entry, cdiv(std::int64_t(1) << 32, grid_y), k.page,
      p.q, p.q_stride.batch, p.q_stride.head, scale_log2e, std::int32_t(p.kv_heads), std::int32_t(heads), counters,
      states, p.out, p.out_stride.batch, p.out_stride.head, p.lse, p.lse_stride.batch, p.lse_stride.head,
      p.q_stride.dim, k.dim, v.page, v.token, v.head, v.dim, p.out_stride.dim);
}

#define INSTANTIATE(T)                                                                                                 \
  template KILN_API PagedAttentionConfig default_config(const PagedAttention<T> &, Device);                            \
  template KILN_API std::int64_t workspace_bytes(const PagedAttention<T> &, const PagedAttentionConfig &, Device);     \
  template KILN_API void paged_attention(const PagedAttention<T> &, const PagedAttentionConfig &, const Execution &);
KILN_KERNELS_FOR_EACH_TYPE(INSTANTIATE)

void list_paged_attention(std::vector<AnyKernel> &list) {
  list.push_back(paged_attention_kernel<half>);
  list.push_back(paged_attention_kernel<bfloat16>);
  list.push_back(paged_attention_kernel<float>);
}

} // namespace kiln::kernels
