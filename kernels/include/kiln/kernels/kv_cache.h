/// Storing new keys and values into a paged cache.
#pragma once

#include "kiln/kernels/execution.h"

namespace kiln::kernels {

/// Element strides of a paged cache [num_pages, page_size, kv_heads, head_dim]. Any order of the dimensions, and K and
/// V interleaved in one allocation, are strides.
struct CacheStrides {
  std::int64_t page = 0, token = 0, head = 0, dim = 1;
};

/// Element strides of the new keys or values, [tokens, kv_heads, head_dim].
struct TokenStrides {
  std::int64_t token = 0, head = 0, dim = 1;
};

/// Tiles of kv_cache_store, and what of the problem is known when the kernel is compiled.
struct KvCacheStoreConfig {
  int head_dim = 128;
  int page_size = 16;
  int block_heads = 8; ///< heads copied at once; a power of two
  bool packed = true;  ///< every stride named `dim` is 1
  int num_warps = 4;
};

/// key_cache[slot / page_size, slot % page_size] = key[t] and the same for values, where slot = slots[t]; a negative
/// slot skips the token. Two tokens with one slot leave either of them there. T is half, bfloat16 or float.
template <class T>
struct KvCacheStore {
  std::int64_t tokens = 0; ///< 0 is legal and does nothing
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0; ///< a multiple of 16, at most 256
  std::int64_t page_size = 0;
  const T *key = nullptr;              ///< [tokens, kv_heads, head_dim]
  const T *value = nullptr;            ///< the same
  const std::int64_t *slots = nullptr; ///< [tokens]
  T *key_cache = nullptr;              ///< [num_pages, page_size, kv_heads, head_dim]
  T *value_cache = nullptr;            ///< the same
  TokenStrides key_stride = {}, value_stride = {};
  CacheStrides key_cache_stride = {}, value_cache_stride = {};
};

/// A reasonable config; head_dim, page_size and packed are those of the problem.
template <class T>
KILN_API KvCacheStoreConfig default_config(const KvCacheStore<T> &problem);

/// Throws InvalidArgument where a field does not make sense, the first pages of the caches overlap or the config is for
/// another problem, and what Kernel::launch throws. The caches may lie in each other's gaps.
template <class T>
KILN_API void kv_cache_store(const KvCacheStore<T> &problem, const KvCacheStoreConfig &config,
                             const Execution &where = {});

} // namespace kiln::kernels
