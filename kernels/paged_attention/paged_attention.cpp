#include "kiln/debug.h"
#include "kiln/runtime/cpu_launch.h"

#include "lib/check.h"
#include "lib/instantiate.h"
#include "lib/listing.h"
#include "paged_attention/kernel.h"

#include <algorithm>
#include <bit>
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

/// As many as leave two programs for each thread, so that ragged lengths spread.
template <class T>
std::int64_t heads_per_program(const PagedAttention<T> &p) {
  const std::int64_t programs = 2 * std::int64_t(runtime::cpu_threads());
  return cdiv(p.kv_heads, std::min(p.kv_heads, cdiv(programs, p.batch)));
}

} // namespace

template <class T>
PagedAttentionConfig default_config(const PagedAttention<T> &p, Device device) {
  return {.head_dim = int(p.head_dim),
          .group = int(p.kv_heads > 0 ? p.heads / p.kv_heads : 1),
          .page_size = int(p.page_size),
          .block_n = device == Device::cpu() ? 128 : 64,
          .packed = packed(p),
          .lse = p.lse != nullptr,
          .interleave = device == Device::cpu()};
}

template <class T>
void paged_attention(const PagedAttention<T> &p, const PagedAttentionConfig &config, const Execution &where) {
  const Checker check("paged_attention");
  check.small_size("batch", p.batch);
  check.small_size("heads", p.heads, 1);
  check.small_size("kv_heads", p.kv_heads, 1);
  check.require(p.batch <= 65535, "batch is ", p.batch, ", must be at most 65535");
  check.require(p.heads % p.kv_heads == 0, "heads is ", p.heads, ", not a multiple of kv_heads, ", p.kv_heads);
  const std::int64_t group = p.heads / p.kv_heads;
  check.require(group <= 64, "heads / kv_heads is ", group, ", must be at most 64");
  check.head_dim(p.head_dim);
  check.small_size("page_size", p.page_size, 1);
  check.size("max_pages", p.max_pages);
  check.require(std::isfinite(p.scale), "scale is ", p.scale, ", must be finite");
  check.equal("config.head_dim", config.head_dim, "head_dim", p.head_dim);
  check.equal("config.group", config.group, "heads / kv_heads", group);
  check.equal("config.page_size", config.page_size, "page_size", p.page_size);
  check.block("config.block_n", config.block_n);
  check.warps(config.num_warps);
  check.stages(config.num_stages);
  check.require(!config.packed || packed(p), "config.packed is true, but a stride named dim or entry is not 1");
  check.require(config.lse == (p.lse != nullptr), "config.lse is ", config.lse ? "true" : "false", ", but lse is ",
                p.lse ? "given" : "null");
  check.require(!config.interleave || where.device == Device::cpu() || where.device == Device::interpreter(),
                "config.interleave is true, but the device is ", where.device.name());
  if (p.batch == 0)
    return;
  check.pointer("q", p.q);
  check.pointer("key_cache", p.key_cache);
  check.pointer("value_cache", p.value_cache);
  if (p.max_pages > 0)
    check.pointer("table", p.table);
  check.pointer("lengths", p.lengths);
  check.pointer("out", p.out);
  const std::int64_t heads = config.interleave ? heads_per_program(p) : 1;
  // A launch on the CPU ends before this function does, so its states need no memory of the caller's.
  static thread_local std::vector<float> workspace;
  std::optional<debug::Buffer> registered;
  float *states = nullptr;
  if (config.interleave) {
    const std::int64_t rows = std::int64_t(std::bit_ceil(std::uint64_t(group)));
    workspace.resize(std::max<std::size_t>(workspace.size(), p.batch * p.kv_heads * rows * (p.head_dim + 2)));
    states = workspace.data();
    if (debug::checks())
      registered.emplace(workspace.data(), workspace.size() * sizeof(float), "workspace");
  }
  // The kernel's softmax is in base 2: exp(x) = 2^(x log2 e), and the factor joins the scale.
  const float scale_log2e = float(double(p.scale) * 1.4426950408889634);
  const auto &k = p.key_cache_stride, &v = p.value_cache_stride;
  paged_attention_kernel<T>.launch(
      {.grid = {cdiv(p.kv_heads, heads), p.batch}, .device = where.device, .stream = where.stream}, config, p.q,
      p.key_cache, p.value_cache, p.table, p.lengths, p.out, p.lse, states, scale_log2e, std::int32_t(p.kv_heads),
      std::int32_t(heads), p.q_stride.batch, p.q_stride.head, p.q_stride.dim, k.page, k.token, k.head, k.dim, v.page,
      v.token, v.head, v.dim, p.table_stride.batch, p.table_stride.entry, p.out_stride.batch, p.out_stride.head,
      p.out_stride.dim, p.lse_stride.batch, p.lse_stride.head);
}

#define INSTANTIATE(T)                                                                                                 \
  template KILN_API PagedAttentionConfig default_config(const PagedAttention<T> &, Device);                            \
  template KILN_API void paged_attention(const PagedAttention<T> &, const PagedAttentionConfig &, const Execution &);
KILN_KERNELS_FOR_EACH_TYPE(INSTANTIATE)

void list_paged_attention(std::vector<AnyKernel> &list) {
  list.push_back(paged_attention_kernel<half>);
  list.push_back(paged_attention_kernel<bfloat16>);
  list.push_back(paged_attention_kernel<float>);
}

} // namespace kiln::kernels
