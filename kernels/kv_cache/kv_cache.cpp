#include "kv_cache/kernel.h"
#include "lib/check.h"
#include "lib/instantiate.h"
#include "lib/listing.h"
#include "lib/overlap.h"

#include <algorithm>
#include <bit>

namespace kiln::kernels {
namespace {

template <class T>
const Kernel kv_cache_store_kernel{typed_name<T>("kv_cache_store"), kv_cache_store_body<T>};

template <class T>
bool packed(const KvCacheStore<T> &p) {
  return p.key_stride.dim == 1 && p.value_stride.dim == 1 && p.key_cache_stride.dim == 1 &&
         p.value_cache_stride.dim == 1;
}

} // namespace

template <class T>
KvCacheStoreConfig default_config(const KvCacheStore<T> &p) {
  return {.head_dim = int(p.head_dim),
          .page_size = int(p.page_size),
          .block_heads = int(std::bit_ceil(std::uint64_t(std::clamp<std::int64_t>(p.kv_heads, 1, 16)))),
          .packed = packed(p)};
}

template <class T>
void kv_cache_store(const KvCacheStore<T> &p, const KvCacheStoreConfig &config, const Execution &where) {
  const Checker check("kv_cache_store");
  check.small_size("tokens", p.tokens);
  check.small_size("kv_heads", p.kv_heads, 1);
  check.head_dim("head_dim", p.head_dim);
  check.small_size("page_size", p.page_size, 1);
  check.equal("config.head_dim", config.head_dim, "head_dim", p.head_dim);
  check.equal("config.page_size", config.page_size, "page_size", p.page_size);
  check_config(config);
  check.warps(config.num_warps);
  check.require(!config.packed || packed(p), "config.packed is true, but a stride named dim is not 1");
  if (p.tokens == 0)
    return;
  check.pointer("key", p.key);
  check.pointer("value", p.value);
  check.pointer("slots", p.slots);
  check.pointer("key_cache", p.key_cache);
  check.pointer("value_cache", p.value_cache);
  const auto page_of = [&](const T *data, const CacheStrides &stride) {
    return StridedArray(data, {{p.page_size, stride.token}, {p.kv_heads, stride.head}, {p.head_dim, stride.dim}});
  };
  check.require(!page_of(p.key_cache, p.key_cache_stride).overlaps(page_of(p.value_cache, p.value_cache_stride)),
                "key_cache overlaps value_cache");
  const auto &k = p.key_stride, &v = p.value_stride;
  const auto &kc = p.key_cache_stride, &vc = p.value_cache_stride;
  check.written_stride("key_cache_stride.token", kc.token, "page_size", p.page_size);
  check.written_stride("key_cache_stride.head", kc.head, "kv_heads", p.kv_heads);
  check.written_stride("key_cache_stride.dim", kc.dim, "head_dim", p.head_dim);
  check.written_stride("value_cache_stride.token", vc.token, "page_size", p.page_size);
  check.written_stride("value_cache_stride.head", vc.head, "kv_heads", p.kv_heads);
  check.written_stride("value_cache_stride.dim", vc.dim, "head_dim", p.head_dim);
  kv_cache_store_kernel<T>.launch({.grid = {p.tokens}, .device = where.device, .stream = where.stream}, config, p.key,
                                  p.value, p.slots, p.key_cache, p.value_cache, std::int32_t(p.kv_heads), k.token,
                                  k.head, k.dim, v.token, v.head, v.dim, kc.page, kc.token, kc.head, kc.dim, vc.page,
                                  vc.token, vc.head, vc.dim);
}

#define INSTANTIATE(T)                                                                                                 \
  template KILN_API KvCacheStoreConfig default_config(const KvCacheStore<T> &);                                        \
  template KILN_API void kv_cache_store(const KvCacheStore<T> &, const KvCacheStoreConfig &, const Execution &);
KILN_KERNELS_FOR_EACH_TYPE(INSTANTIATE)

void list_kv_cache(std::vector<AnyKernel> &list) {
  list.push_back(kv_cache_store_kernel<half>);
  list.push_back(kv_cache_store_kernel<bfloat16>);
  list.push_back(kv_cache_store_kernel<float>);
}

} // namespace kiln::kernels
