// Storing into a paged cache, one element at a time.
#pragma once

#include "kiln/kernels/kv_cache.h"

namespace kiln::kernels::reference {

/// Writes what kv_cache_store writes, tokens in order.
template <class T>
void kv_cache_store(const KvCacheStore<T> &problem) {
  const auto store = [&](std::int64_t token, const T *from, const TokenStrides &in, T *cache, const CacheStrides &out) {
    const std::int64_t slot = problem.slots[token];
    if (slot < 0)
      return;
    for (std::int64_t h = 0; h < problem.kv_heads; ++h)
      for (std::int64_t d = 0; d < problem.head_dim; ++d)
        cache[slot / problem.page_size * out.page + slot % problem.page_size * out.token + h * out.head + d * out.dim] =
            from[token * in.token + h * in.head + d * in.dim];
  };
  for (std::int64_t token = 0; token < problem.tokens; ++token) {
    store(token, problem.key, problem.key_stride, problem.key_cache, problem.key_cache_stride);
    store(token, problem.value, problem.value_stride, problem.value_cache, problem.value_cache_stride);
  }
}

} // namespace kiln::kernels::reference
