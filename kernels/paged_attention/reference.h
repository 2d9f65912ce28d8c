// Paged attention, decode, in double precision.
#pragma once

#include "kiln/kernels/paged_attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace kiln::kernels::reference {

struct PagedAttentionResult {
  std::vector<double> out; ///< [batch, heads, head_dim] without gaps
  std::vector<double> lse; ///< [batch, heads]
};

/// The definition, one token at a time: no blocks, no running maximum, no masks. It reads only what the lengths say is
/// there.
template <class T>
PagedAttentionResult paged_attention(const PagedAttention<T> &p) {
  PagedAttentionResult result;
  result.out.assign(p.batch * p.heads * p.head_dim, 0.0);
  result.lse.assign(p.batch * p.heads, -INFINITY);
  std::vector<double> weights;
  for (std::int64_t b = 0; b < p.batch; ++b) {
    const std::int64_t length = p.lengths[b];
    const auto row_of = [&](const T *cache, const CacheStrides &stride, std::int64_t token, std::int64_t head) {
      const std::int64_t page = p.table[b * p.table_stride.batch + token / p.page_size * p.table_stride.entry];
      return cache + page * stride.page + token % p.page_size * stride.token + head * stride.head;
    };
    for (std::int64_t h = 0; h < p.heads && length > 0; ++h) {
      const std::int64_t kv_head = h / (p.heads / p.kv_heads);
      const T *q = p.q + b * p.q_stride.batch + h * p.q_stride.head;
      weights.assign(length, 0.0);
      for (std::int64_t i = 0; i < length; ++i) {
        const T *key = row_of(p.key_cache, p.key_cache_stride, i, kv_head);
        for (std::int64_t d = 0; d < p.head_dim; ++d)
          weights[i] += double(float(q[d * p.q_stride.dim])) * double(float(key[d * p.key_cache_stride.dim]));
        weights[i] *= double(p.scale);
      }
      const double largest = *std::max_element(weights.begin(), weights.end());
      double sum = 0;
      for (double &weight : weights)
        sum += weight = std::exp(weight - largest);
      double *out = result.out.data() + (b * p.heads + h) * p.head_dim;
      for (std::int64_t i = 0; i < length; ++i) {
        const T *value = row_of(p.value_cache, p.value_cache_stride, i, kv_head);
        for (std::int64_t d = 0; d < p.head_dim; ++d)
          out[d] += weights[i] / sum * double(float(value[d * p.value_cache_stride.dim]));
      }
      result.lse[b * p.heads + h] = largest + std::log(sum);
    }
  }
  return result;
}

} // namespace kiln::kernels::reference
