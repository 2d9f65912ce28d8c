// Paged attention, decode: the kernel.
#pragma once

#include "lib/check.h"
#include "lib/vector.h"
#include "paged_attention/shares.h"

namespace kiln::kernels {

// What a config says by itself; traces check it too, for not every trace comes from the entry point.
inline void check_config(const PagedAttentionConfig &c) {
  const Checker check("paged_attention");
  check.head_dim("config.head_dim", c.head_dim);
  check.require(c.group >= 1 && c.group <= 64, "config.group is ", c.group, ", must be from 1 to 64");
  check.small_size("config.page_size", c.page_size, 1);
  check.block("config.block_n", c.block_n);
  check.enumeration("config.schedule", c.schedule, PagedSchedule::parts);
  if (c.schedule == PagedSchedule::shares || c.schedule == PagedSchedule::parts)
    check.block("config.lengths_tile", c.lengths_tile);
  if (c.schedule == PagedSchedule::parts)
    check.require(c.part_blocks >= 1 && c.part_blocks <= 65536, "config.part_blocks is ", c.part_blocks,
                  ", must be from 1 to 65536");
}

// Without a token the sums are 0, and so is the result.
template <class T>
void store_result(const PagedRows<T> &walk, const Tile &seq, const Tile &length, const Tile &kv_head,
                  const OnlineSoftmax &state) {
  Tile total = state.total(), normalise = where(length > 0, 1.0F / total, 0.0F);
  std::vector<Tile> out;
  for (const Tile &part : state.acc)
    out.push_back(part * col(normalise));
  walk.store_result(seq, kv_head, out, state.max, total);
}

// One program computes the query heads of one K/V head of one sequence, so that K and V are read once.
template <class T>
void attend_rows(const PagedRows<T> &walk) {
  Tile seq = program_id(1), kv_head = program_id(0);
  Tile length = load(walk.a.lengths + seq);
  const std::vector<Tile> query = walk.load_query(seq, kv_head);
  OnlineSoftmax state = walk.start();
  for (Tile start : range(0, length, walk.c.block_n, {.num_stages = walk.c.num_stages}))
    walk.add_block(start, seq, length, kv_head, query, state);
  store_result(walk, seq, length, kv_head, state);
}

// A program does so for several K/V heads, block by block: in most caches the heads of a token lie side by side, and a
// processor's prefetchers and memory channels do poorly with a walk that takes a small piece of each token. The states
// of the heads wait in the workspace, [batch, kv_heads].
template <class T>
void attend_interleaved(const PagedRows<T> &walk, const Tile &states, const Tile &kv_heads,
                        const Tile &heads_per_program) {
  Tile seq = program_id(1);
  Tile length = load(walk.a.lengths + seq);
  const auto state_of = [&](const Tile &kv_head) {
    return states + (seq.to(i64) * kv_heads + kv_head) * walk.state_size();
  };
  const auto save = [&](const Tile &kv_head, const OnlineSoftmax &state) { walk.save(state_of(kv_head), state); };
  Tile first = program_id(0) * heads_per_program;
  Tile last = minimum(first + heads_per_program, kv_heads);
  for (Tile kv_head : range(first, last))
    save(kv_head, walk.start());
  for (Tile start : range(0, length, walk.c.block_n))
    for (Tile kv_head : range(first, last)) {
      OnlineSoftmax state = walk.restore(state_of(kv_head));
      walk.add_block(start, seq, length, kv_head, walk.load_query(seq, kv_head), state);
      save(kv_head, state);
    }
  for (Tile kv_head : range(first, last))
    store_result(walk, seq, length, kv_head, walk.restore(state_of(kv_head)));
}

// The parameters are in the order in which they are needed: a GPU fetches 64 bytes of them at a time, on the way to
// everything else, and those that most configs do without come last.
template <class T>
void paged_attention_body(const PagedAttentionConfig &c, ptr<const std::int32_t> lengths, scalar<std::int32_t> batch,
                          scalar<std::int32_t> max_pages, ptr<const T> key_cache, ptr<const T> value_cache,
                          scalar<std::int64_t> key_token, scalar<std::int64_t> key_head, ptr<const std::int32_t> table,
                          scalar<std::int64_t> table_batch, scalar<std::int64_t> table_entry,
                          scalar<std::int64_t> inverse_programs, scalar<std::int64_t> key_page, ptr<const T> q,
                          scalar<std::int64_t> q_batch, scalar<std::int64_t> q_head, scalar<float> scale_log2e,
                          scalar<std::int32_t> kv_heads, scalar<std::int32_t> heads_per_program,
                          ptr<std::int32_t> counters, ptr<float> states, ptr<T> out, scalar<std::int64_t> out_batch,
                          scalar<std::int64_t> out_head, ptr<float> lse, scalar<std::int64_t> lse_batch,
                          scalar<std::int64_t> lse_head, scalar<std::int64_t> q_dim, scalar<std::int64_t> key_dim,
                          scalar<std::int64_t> value_page, scalar<std::int64_t> value_token,
                          scalar<std::int64_t> value_head, scalar<std::int64_t> value_dim,
                          scalar<std::int64_t> out_dim) {
  check_config(c);
  if (c.overlap) { // nothing but parameters has been looked at
    wait_for_launches();
    if (c.schedule == PagedSchedule::rows)
      launch_dependents(); // see PagedShares::take for the others
  }
  if (c.packed)
    declare_whole_vectors<T>({&q_batch, &q_head, &key_page, &key_token, &key_head, &value_page, &value_token,
                              &value_head, &out_batch, &out_head});
  const PagedArguments arguments{q,           key_cache,  value_cache, table,      lengths,   out,         lse,
                                 scale_log2e, q_batch,    q_head,      q_dim,      key_page,  key_token,   key_head,
                                 key_dim,     value_page, value_token, value_head, value_dim, table_batch, table_entry,
                                 max_pages,   out_batch,  out_head,    out_dim,    lse_batch, lse_head};
  const PagedRows<T> walk(c, arguments);
  switch (c.schedule) {
  case PagedSchedule::rows:
    return attend_rows(walk);
  case PagedSchedule::interleaved:
    return attend_interleaved(walk, states, kv_heads, heads_per_program);
  case PagedSchedule::shares:
  case PagedSchedule::parts:
    const ShareArguments shared{counters, states, batch, kv_heads, inverse_programs};
    return PagedShares<T>(walk, shared).run();
  }
}

} // namespace kiln::kernels
