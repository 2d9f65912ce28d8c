// What every schedule of the decode kernel does with a K/V head of a sequence: walk over its tokens, and write the
// result.
#pragma once

#include "kiln/kernels/paged_attention.h"
#include "kiln/kiln.h"

#include "lib/head_dim.h"
#include "paged_attention/workspace.h"

#include <bit>
#include <limits>
#include <numbers>

namespace kiln::kernels {

constexpr float inf = std::numeric_limits<float>::infinity();

/// x / n of numbers that are not negative.
inline Tile quotient(const Tile &x, int n) {
  return std::has_single_bit(unsigned(n)) ? x >> std::countr_zero(unsigned(n)) : x / n;
}
/// x % n of numbers that are not negative.
inline Tile remainder(const Tile &x, int n) { return std::has_single_bit(unsigned(n)) ? x & (n - 1) : x % n; }

/// The running maximum, sum and weighted sum of values of a softmax that is computed block by block, in base 2. The
/// weighted sum is held in as many tiles as the head has parts.
struct OnlineSoftmax {
  Tile max;
  Tile sum; ///< [rows, columns]; the columns are added up at the end
  std::vector<Tile> acc;
  ExpOptions accuracy;

  /// With as many columns as a block has tokens nothing is summed across the threads of a GPU in each step; with one,
  /// there is less to carry.
  OnlineSoftmax(int rows, int columns, const std::vector<HeadDimPart> &parts, ExpOptions accuracy)
      : max(full({rows}, -inf, f32)), sum(zeros({rows, columns}, f32)), accuracy(accuracy) {
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
    sum = sum * col(rescale) + (sum.dim(1) == 1 ? col(kiln::sum(weights, 1)) : weights);
    for (Tile &part : acc)
      part = part * col(rescale);
    max = new_max;
    return weights;
  }

  Tile total() const { return kiln::sum(sum, 1); }
};

/// The arguments of the kernel that the walk needs; strides count elements.
struct PagedArguments {
  Tile q, key_cache, value_cache, table, lengths, out, lse, scale_log2e;
  Tile q_batch, q_head, q_dim;
  Tile key_page, key_token, key_head, key_dim;
  Tile value_page, value_token, value_head, value_dim;
  Tile table_batch, table_entry, max_pages;
  Tile out_batch, out_head, out_dim;
  Tile lse_batch, lse_head;
};

template <class T>
class PagedRows {
public:
  PagedRows(const PagedAttentionConfig &config, const PagedArguments &arguments)
      : c(config), a(arguments), parts(split_head_dim(config.head_dim)),
        rows(int(std::bit_ceil(unsigned(config.group)))), group_row(arange(0, rows)),
        in_group(group_row < config.group) {}

  OnlineSoftmax start() const {
    return {rows, c.schedule == PagedSchedule::interleaved ? 1 : c.block_n, parts, accuracy};
  }

  std::vector<Tile> load_query(const Tile &seq, const Tile &kv_head) const {
    Tile q_rows = a.q + seq * a.q_batch + col((kv_head * c.group + group_row) * a.q_head);
    std::vector<Tile> query;
    for (const HeadDimPart &part : parts)
      query.push_back(load(q_rows + dims(part, a.q_dim), {.mask = col(in_group)}));
    return query;
  }

  /// The pages of a block that were looked up before the length of its sequence was known.
  struct FirstPages {
    Tile start; ///< the token that the block begins with; a scalar, i32
    Tile pages; ///< [block_n], or one for all tokens of the block; i32
  };

  FirstPages load_first_pages(const Tile &start, const Tile &seq) const {
    Tile entry = entries(start, arange(0, c.block_n));
    return {start, load(entry_of(entry, a.table + seq * a.table_batch), {.mask = entry < a.max_pages})};
  }

  /// Takes the block of tokens from `start`, a multiple of block_n smaller than `length`, into the state of a K/V head.
  /// Each lane looks up the page of its own token, so a block may span pages or lie inside one. `first`: of the block
  /// that begins there the pages are known.
  void add_block(const Tile &start, const Tile &seq, const Tile &length, const Tile &kv_head,
                 const std::vector<Tile> &query, OnlineSoftmax &state, const FirstPages *first = nullptr) const {
    Tile index = arange(0, c.block_n);
    Tile live = start + index < length;
    const Places places = find(start, index, length, live, a.table + seq * a.table_batch, first);

    // What is the same in all blocks - the head, the element, often the place in the page - comes first, to be added up
    // in front of the loop.
    // A block may have one page.
    const auto rows_of = [](const Tile &x) { return x.rank() == 0 ? x : col(x); };
    Tile key_token = rows_of(places.in_page * a.key_token), key_page = rows_of(places.page * a.key_page);
    Tile value_token = c.same_strides ? key_token : rows_of(places.in_page * a.value_token);
    Tile value_page = c.same_strides ? key_page : rows_of(places.page * a.value_page);
    const auto load_keys = [&](const HeadDimPart &part) {
      Tile place = a.key_cache + kv_head * a.key_head + dims(part, a.key_dim) + key_token;
      return load(place + key_page, {.mask = col(live), .eviction = Eviction::first});
    };
    // The mask is on the values too: the weight of an unused slot is 0, but 0 times the NaN it may hold is not.
    const auto load_values = [&](const HeadDimPart &part) {
      Tile place = a.value_cache + kv_head * (c.same_strides ? a.key_head : a.value_head) +
                   dims(part, c.same_strides ? a.key_dim : a.value_dim) + value_token;
      return load(place + value_page, {.mask = col(live), .eviction = Eviction::first});
    };

    // Values are on their way while the scores are computed; the CPU multiplies them where they lie.
    std::vector<Tile> keys, values;
    for (const HeadDimPart &part : parts)
      keys.push_back(load_keys(part));
    if (c.schedule != PagedSchedule::interleaved)
      for (const HeadDimPart &part : parts)
        values.push_back(load_values(part));
    Tile scores = zeros({rows, c.block_n}, f32);
    for (std::size_t i = 0; i < parts.size(); ++i)
      scores = dot(query[i], trans(keys[i]), scores);
    Tile weights = state.weigh(where(row(live), scores * a.scale_log2e, -inf)).to(dtype_of<T>);
    for (std::size_t i = 0; i < parts.size(); ++i)
      state.acc[i] = dot(weights, values.empty() ? load_values(parts[i]) : values[i], state.acc[i]);
  }

  /// Of a sequence with tokens.
  void store_result(const Tile &seq, const Tile &kv_head, const OnlineSoftmax &state) const {
    Tile total = state.total(), normalise = 1.0F / total;
    std::vector<Tile> out;
    for (const Tile &part : state.acc)
      out.push_back(part * col(normalise));
    store_result(seq, kv_head, out, state.max, total);
  }

  /// `out` is a tile [rows, width] for each part of the head; `max` and `total` are [rows].
  void store_result(const Tile &seq, const Tile &kv_head, const std::vector<Tile> &out, const Tile &max,
                    const Tile &total) const {
    Tile head = kv_head * c.group + group_row;
    Tile out_rows = a.out + seq * a.out_batch + col(head * a.out_head);
    for (std::size_t i = 0; i < parts.size(); ++i)
      store(out_rows + dims(parts[i], a.out_dim), out[i].to(dtype_of<T>), {.mask = col(in_group)});
    if (c.lse)
      store(a.lse + seq * a.lse_batch + head * a.lse_head, (max + log2(total)) * std::numbers::ln2_v<float>,
            {.mask = in_group});
  }

  /// What a sequence without tokens has.
  void store_empty(const Tile &seq, const Tile &kv_head) const {
    std::vector<Tile> out;
    for (const HeadDimPart &part : parts)
      out.push_back(zeros({rows, part.width}, f32));
    store_result(seq, kv_head, out, full({rows}, -inf, f32), zeros({rows}, f32));
  }

  // A state in memory takes state_size() floats: for each row its acc, [head_dim], maximum and sum, and two more.
  std::int64_t state_size() const { return paged_state_size(c.group, c.head_dim); }

  void save(const Tile &place, const OnlineSoftmax &state) const {
    Tile which = row(arange(0, 2)), pair = where(which == 0, col(state.max), col(state.total()));
    for (std::size_t i = 0; i < parts.size(); ++i)
      store(acc_of(place, parts[i]), state.acc[i]);
    store(col(end_of(place)) + which, pair);
  }

  /// Of one column.
  OnlineSoftmax restore(const Tile &place) const {
    OnlineSoftmax state(rows, 1, parts, accuracy);
    for (std::size_t i = 0; i < parts.size(); ++i)
      state.acc[i] = load(acc_of(place, parts[i]));
    state.max = load(end_of(place));
    state.sum = col(load(end_of(place) + 1));
    return state;
  }

  const PagedAttentionConfig &c;
  const PagedArguments &a;
  const std::vector<HeadDimPart> parts;
  const int rows; ///< those past the group, where it is no power of two, compute with zeros and are not stored
  const Tile group_row, in_group;
  // 16-bit weights and values lose the last bits of an f32 anyway.
  const ExpOptions accuracy{.accuracy = sizeof(T) == 2 ? Accuracy::fast : Accuracy::full};

private:
  struct Places {
    Tile page, in_page; ///< of each token, or a page for all of them; page is i64
  };

  /// Whether blocks begin with a page, so that a lane's place in its page is the same in all of them.
  bool aligned() const { return c.block_n % c.page_size == 0; }

  /// The numbers of the table's entries for the tokens of the block from `start`: a tile, or one for all of them.
  Tile entries(const Tile &start, const Tile &index) const {
    if (c.page_size % c.block_n == 0)
      return quotient(start, c.page_size);
    return aligned() ? quotient(start, c.page_size) + quotient(index, c.page_size)
                     : quotient(start + index, c.page_size);
  }
  Tile entry_of(const Tile &entry, const Tile &pages) const {
    return pages + (c.packed ? entry : entry * a.table_entry);
  }

  Places find(const Tile &start, const Tile &index, const Tile &length, const Tile &live, const Tile &pages,
              const FirstPages *first) const {
    const Tile place = entry_of(entries(start, index), pages);
    const auto look_up = [&](const Mask &used) {
      if (!first)
        return load(place, {.mask = used}).to(i64);
      Tile later = start != first->start;
      Tile mask = used.given() ? used.tile() & later : later;
      return where(later, load(place, {.mask = mask}), first->pages).to(i64);
    };
    if (c.page_size % c.block_n == 0)
      return {look_up({}), remainder(start, c.page_size) + index};
    // Tokens of a page share an entry, and with it the mask, so that a thread loads it once for all that it has.
    Tile used = aligned() ? start + quotient(index, c.page_size) * c.page_size < length : live;
    return {look_up(used), remainder(aligned() ? index : start + index, c.page_size)};
  }

  Tile dims(const HeadDimPart &part, const Tile &stride) const {
    Tile d = arange(part.begin, part.end());
    return row(c.packed ? d : d * stride);
  }
  Tile acc_of(const Tile &place, const HeadDimPart &part) const {
    return place + col(group_row * paged_state_row(c.head_dim)) + row(arange(part.begin, part.end()));
  }
  Tile end_of(const Tile &place) const { return place + (group_row * paged_state_row(c.head_dim) + c.head_dim); }
};

} // namespace kiln::kernels
