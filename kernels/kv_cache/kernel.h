// Storing into a paged cache, one token a program.
#pragma once

#include "kiln/kernels/kv_cache.h"
#include "kiln/kiln.h"

#include "lib/check.h"
#include "lib/head_dim.h"
#include "lib/vector.h"

namespace kiln::kernels {

// What a config says by itself; traces check it too, for not every trace comes from the entry point.
inline void check_config(const KvCacheStoreConfig &c) {
  const Checker check("kv_cache_store");
  check.head_dim("config.head_dim", c.head_dim);
  check.small_size("config.page_size", c.page_size, 1);
  check.block("config.block_heads", c.block_heads);
}

template <class T>
void kv_cache_store_body(const KvCacheStoreConfig &c, ptr<const T> key, ptr<const T> value,
                         ptr<const std::int64_t> slots, ptr<T> key_cache, ptr<T> value_cache,
                         scalar<std::int32_t> kv_heads, scalar<std::int64_t> key_token, scalar<std::int64_t> key_head,
                         scalar<std::int64_t> key_dim, scalar<std::int64_t> value_token,
                         scalar<std::int64_t> value_head, scalar<std::int64_t> value_dim,
                         scalar<std::int64_t> key_cache_page, scalar<std::int64_t> key_cache_token,
                         scalar<std::int64_t> key_cache_head, scalar<std::int64_t> key_cache_dim,
                         scalar<std::int64_t> value_cache_page, scalar<std::int64_t> value_cache_token,
                         scalar<std::int64_t> value_cache_head, scalar<std::int64_t> value_cache_dim) {
  check_config(c);
  if (c.packed)
    declare_whole_vectors<T>({&key_token, &key_head, &value_token, &value_head, &key_cache_page, &key_cache_token,
                              &key_cache_head, &value_cache_page, &value_cache_token, &value_cache_head});
  Tile token = program_id(0);
  Tile slot = load(slots + token);
  if_(slot >= 0, [&] {
    Tile page = slot / c.page_size;
    Tile in_page = slot % c.page_size;
    const auto copy = [&](const Tile &from, const Tile &to, const Tile &from_head, const Tile &to_head,
                          const Tile &from_dim, const Tile &to_dim, const Tile &head) {
      Tile live = col(head) < kv_heads;
      for (HeadDimPart part : split_head_dim(c.head_dim)) {
        Tile d = arange(part.begin, part.end());
        Tile x = load(from + col(head * from_head) + row(c.packed ? d : d * from_dim), {.mask = live});
        store(to + col(head * to_head) + row(c.packed ? d : d * to_dim), x, {.mask = live});
      }
    };
    Tile k_from = key + token * key_token;
    Tile v_from = value + token * value_token;
    Tile k_to = key_cache + page * key_cache_page + in_page * key_cache_token;
    Tile v_to = value_cache + page * value_cache_page + in_page * value_cache_token;
    for (Tile first : range(0, kv_heads, c.block_heads)) {
      Tile head = first + arange(0, c.block_heads);
      copy(k_from, k_to, key_head, key_cache_head, key_dim, key_cache_dim, head);
      copy(v_from, v_to, value_head, value_cache_head, value_dim, value_cache_dim, head);
    }
  });
}

} // namespace kiln::kernels
