// Paged attention, decode: the kernel.
#pragma once

#include "kiln/kernels/paged_attention.h"
#include "kiln/kiln.h"

#include "lib/head_dim.h"
#include "lib/vector.h"

#include <bit>
#include <limits>
#include <numbers>

namespace kiln::kernels {

constexpr float inf = std::numeric_limits<float>::infinity();

/// The running maximum, sum and weighted sum of values of a softmax that is computed block by block, in base 2. The
/// weighted sum is held in as many tiles as the head has parts.
struct OnlineSoftmax {
  Tile max, sum;
  std::vector<Tile> acc;
  ExpOptions accuracy;

  OnlineSoftmax(int rows, const std::vector<HeadDimPart> &parts, ExpOptions accuracy)
      : max(full({rows}, -inf, f32)), sum(zeros({rows}, f32)), accuracy(accuracy) {
    acc.reserve(parts.size()); // a vector that grows would make the older tiles anew, and the loop carry them last
    for (const HeadDimPart &part : parts)
      acc.push_back(zeros({rows, part.width}, f32));
  }

  /// Takes a block of scores in and returns its weights; acc is rescaled to the new maximum, but the block's values are
  /// still to be added.
  Tile weigh(const Tile &scores) {
    Tile new_max = maximum(max, kiln::max(scores, 1));
    Tile rescale = exp2(max - new_max, accuracy);
    Tile weights = exp2(scores - col(new_max), accuracy);
    sum = sum * rescale + kiln::sum(weights, 1);
    for (Tile &part : acc)
      part = part * col(rescale);
    max = new_max;
    return weights;
  }
};

// One program computes the query heads of one K/V head of one sequence, so that K and V are read once. It walks the
// sequence in blocks of block_n tokens; each lane looks up the page of its own token, so a block may span pages or lie
// inside one.
//
// With config.interleave a program does so for several K/V heads, block by block: in most caches the heads of a token
// lie side by side, and a processor's prefetchers and memory channels do poorly with a walk that takes a small piece of
// each token. The states of the heads wait in the workspace: [batch, kv_heads] times maximum [rows], sum [rows] and acc
// [rows, head_dim].
template <class T>
void paged_attention_body(const PagedAttentionConfig &c, ptr<const T> q, ptr<const T> key_cache,
                          ptr<const T> value_cache, ptr<const std::int32_t> table, ptr<const std::int32_t> lengths,
                          ptr<T> out, ptr<float> lse, ptr<float> workspace, scalar<float> scale_log2e,
                          scalar<std::int32_t> kv_heads, scalar<std::int32_t> heads_per_program,
                          scalar<std::int64_t> q_batch, scalar<std::int64_t> q_head, scalar<std::int64_t> q_dim,
                          scalar<std::int64_t> key_page, scalar<std::int64_t> key_token, scalar<std::int64_t> key_head,
                          scalar<std::int64_t> key_dim, scalar<std::int64_t> value_page,
                          scalar<std::int64_t> value_token, scalar<std::int64_t> value_head,
                          scalar<std::int64_t> value_dim, scalar<std::int64_t> table_batch,
                          scalar<std::int64_t> table_entry, scalar<std::int64_t> out_batch,
                          scalar<std::int64_t> out_head, scalar<std::int64_t> out_dim, scalar<std::int64_t> lse_batch,
                          scalar<std::int64_t> lse_head) {
  if (c.packed)
    declare_whole_vectors<T>({&q_batch, &q_head, &key_page, &key_token, &key_head, &value_page, &value_token,
                              &value_head, &out_batch, &out_head});
  Tile seq = program_id(1);
  Tile length = load(lengths + seq);
  Tile pages = table + seq * table_batch;

  // 16-bit weights and values lose the last bits of an f32 anyway.
  const ExpOptions accuracy{.accuracy = sizeof(T) == 2 ? Accuracy::fast : Accuracy::full};
  const std::vector<HeadDimPart> parts = split_head_dim(c.head_dim);
  const auto dims = [&](const HeadDimPart &part, const Tile &stride) {
    Tile d = arange(part.begin, part.end());
    return row(c.packed ? d : d * stride);
  };
  // Rows past the group, where it is no power of two, compute with zeros and are not stored.
  const int rows = int(std::bit_ceil(unsigned(c.group)));
  Tile group_row = arange(0, rows);
  Tile in_group = group_row < c.group;

  const auto load_query = [&](const Tile &kv_head) {
    Tile q_rows = q + seq * q_batch + col((kv_head * c.group + group_row) * q_head);
    std::vector<Tile> query;
    for (const HeadDimPart &part : parts)
      query.push_back(load(q_rows + dims(part, q_dim), {.mask = col(in_group)}));
    return query;
  };

  // Takes the tokens from `start` into the state of a K/V head.
  const auto add_block = [&](const Tile &start, const Tile &kv_head, const std::vector<Tile> &query,
                             OnlineSoftmax &state) {
    Tile token = start + arange(0, c.block_n);
    Tile live = token < length;
    Tile entry = token / c.page_size;
    Tile in_page = token % c.page_size;
    Tile page = load(pages + (c.packed ? entry : entry * table_entry), {.mask = live}).to(i64);

    Tile key_rows = key_cache + kv_head * key_head + col(page * key_page + in_page * key_token);
    Tile scores = zeros({rows, c.block_n}, f32);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      Tile keys = load(key_rows + dims(parts[i], key_dim), {.mask = col(live)});
      scores = dot(query[i], trans(keys), scores);
    }
    Tile weights = state.weigh(where(row(live), scores * scale_log2e, -inf)).to(dtype_of<T>);

    // The mask is on the values too: the weight of an unused slot is 0, but 0 times the NaN it may hold is not.
    Tile value_rows = value_cache + kv_head * value_head + col(page * value_page + in_page * value_token);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      Tile values = load(value_rows + dims(parts[i], value_dim), {.mask = col(live)});
      state.acc[i] = dot(weights, values, state.acc[i]);
    }
  };

  const auto store_result = [&](const Tile &kv_head, const OnlineSoftmax &state) {
    // Without a token the sums are 0, and so is the result.
    Tile normalise = where(length > 0, 1.0F / state.sum, 0.0F);
    Tile head = kv_head * c.group + group_row;
    Tile out_rows = out + seq * out_batch + col(head * out_head);
    for (std::size_t i = 0; i < parts.size(); ++i)
      store(out_rows + dims(parts[i], out_dim), (state.acc[i] * col(normalise)).to(dtype_of<T>),
            {.mask = col(in_group)});
    if (c.lse) {
      Tile natural = (state.max + log2(state.sum)) * std::numbers::ln2_v<float>;
      store(lse + seq * lse_batch + head * lse_head, natural, {.mask = in_group});
    }
  };

  const RangeOptions stages{.num_stages = c.num_stages};
  if (!c.interleave) {
    Tile kv_head = program_id(0);
    const std::vector<Tile> query = load_query(kv_head);
    OnlineSoftmax state(rows, parts, accuracy);
    for (Tile start : range(0, length, c.block_n, stages))
      add_block(start, kv_head, query, state);
    store_result(kv_head, state);
    return;
  }

  Tile row_index = arange(0, rows);
  const auto state_of = [&](const Tile &kv_head) {
    return workspace + (seq.to(i64) * kv_heads + kv_head) * (rows * (c.head_dim + 2));
  };
  const auto acc_of = [&](const Tile &place, const HeadDimPart &part) {
    return place + 2 * rows + col(row_index * c.head_dim) + row(arange(part.begin, part.end()));
  };
  const auto save = [&](const Tile &kv_head, const OnlineSoftmax &state) {
    Tile place = state_of(kv_head);
    store(place + row_index, state.max);
    store(place + rows + row_index, state.sum);
    for (std::size_t i = 0; i < parts.size(); ++i)
      store(acc_of(place, parts[i]), state.acc[i]);
  };
  const auto restore = [&](const Tile &kv_head) {
    OnlineSoftmax state(rows, parts, accuracy);
    Tile place = state_of(kv_head);
    state.max = load(place + row_index);
    state.sum = load(place + rows + row_index);
    for (std::size_t i = 0; i < parts.size(); ++i)
      state.acc[i] = load(acc_of(place, parts[i]));
    return state;
  };

  Tile first = program_id(0) * heads_per_program;
  Tile last = minimum(first + heads_per_program, kv_heads);
  for (Tile kv_head : range(first, last))
    save(kv_head, OnlineSoftmax(rows, parts, accuracy));
  for (Tile start : range(0, length, c.block_n, stages))
    for (Tile kv_head : range(first, last)) {
      OnlineSoftmax state = restore(kv_head);
      add_block(start, kv_head, load_query(kv_head), state);
      save(kv_head, state);
    }
  for (Tile kv_head : range(first, last))
    store_result(kv_head, restore(kv_head));
}

} // namespace kiln::kernels
