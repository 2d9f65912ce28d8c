// The schedules `shares` and `parts` of the decode kernel: tokens of the whole batch, spread over a grid that fits the
// device.
//
// Work is counted in units: blocks of tokens, or parts of so many blocks. The units of all sequences form one row, in
// the order of the sequences; program c of a K/V head takes units [c * share, (c + 1) * share), so the programs that
// run at a time read the K/V heads of the same tokens, which lie side by side in most caches. All programs find the
// same shares from the lengths, which they add up with a scan; a sequence without tokens has no unit.
//
// A sequence that lies in one share is written by its program. Of every other one each program leaves a state in the
// workspace and adds the units it took to a counter; the one that makes the counter full merges the states in the order
// of the tokens, and sets the counter to zero again. The counter is that of the program in whose share the sequence
// begins: at most one sequence begins in a share and ends in another.
#pragma once

#include "paged_attention/attend.h"

#include <algorithm>

namespace kiln::kernels {

/// The arguments that these schedules have besides.
struct ShareArguments {
  Tile counters; ///< [programs, kv_heads] i32
  Tile states;   ///< f32, see PagedShares::place_of
  Tile batch, kv_heads;
  Tile inverse_programs; ///< 2^32 / programs, rounded up; i64
};

template <class T>
class PagedShares {
public:
  PagedShares(const PagedRows<T> &walk, const ShareArguments &arguments)
      : walk(walk), c(walk.c), a(arguments), in_parts(c.schedule == PagedSchedule::parts),
        unit_tokens(in_parts ? c.block_n * c.part_blocks : c.block_n), kv_head(program_id(0)), program(program_id(1)),
        programs(num_programs(1)), lane(arange(0, c.lengths_tile)) {}

  void run() {
    // Nothing here waits for more than it has to: the first key is loaded when this is done. Most batches are one tile.
    Tile lengths = load_lengths(0);
    Tile ends = cumsum(units_of(lengths), 0), seen = sum(units_of(lengths), 0);
    Tile total = seen, empty = empties(0, lengths);
    for (Tile first : range(c.lengths_tile, a.batch, c.lengths_tile)) {
      Tile others = load_lengths(first);
      total += sum(units_of(others), 0);
      empty += empties(first, others);
    }
    // A multiplication in place of a division, which may be larger by one for more units than a device has memory for.
    share = (((total + programs - 1).to(i64) * a.inverse_programs) >> 32).to(i32);
    begin = minimum(program.to(i64) * share, total).to(i32);
    end = minimum(begin.to(i64) + share, total).to(i32);

    Tile unit = begin;
    for (Tile first : range(0, a.batch, c.lengths_tile)) {
      // `ends` and `seen` count from the first sequence of the batch.
      Tile begins = ends - units_of(lengths);
      while_([&] { return unit < minimum(end, seen); },
             [&] {
               Tile here = (begins <= unit) & (unit < ends); // of one sequence: those without units are nowhere
               const auto find = [&](const Tile &x) { return sum(where(here, x, 0), 0); };
               unit += take(find(first + lane), find(lengths), find(begins), unit);
             });
      lengths = load_lengths(first + c.lengths_tile);
      ends = seen + cumsum(units_of(lengths), 0);
      seen += sum(units_of(lengths), 0);
    }

    if_(empty > 0, [&] {
      for (Tile seq : range(program, a.batch, programs))
        if_(load(walk.a.lengths + seq) == 0, [&] { walk.store_empty(seq, kv_head); });
    });
  }

private:
  Tile load_lengths(const Operand &first) const {
    Tile at = lane + first;
    return load(walk.a.lengths + at, {.mask = at < a.batch});
  }
  Tile empties(const Operand &first, const Tile &lengths) const {
    return sum(where((lane + first < a.batch) & (lengths == 0), 1, 0), 0);
  }
  Tile units_of(const Tile &length) const { return quotient(length + (unit_tokens - 1), unit_tokens); }

  /// Takes units of a sequence from `unit`, of which its first one is `first`; yields how many.
  Tile take(const Tile &seq, const Tile &length, const Tile &first, const Tile &unit) const {
    Tile units = units_of(length), done = unit - first;
    Tile taken = in_parts ? full({}, 1, i32) : minimum(units - done, end - unit);
    Tile from = done * unit_tokens;
    Tile to = minimum(from + taken * unit_tokens, length);

    const std::vector<Tile> query = walk.load_query(seq, kv_head);
    OnlineSoftmax state = walk.start();
    for (Tile start : range(from, to, c.block_n, {.num_stages = c.num_stages}))
      walk.add_block(start, seq, length, kv_head, query, state);
    Tile sums = state.total();

    if_(
        taken == units, [&] { walk.store_result(seq, kv_head, state.max, sums, 1.0F / sums, state.acc); },
        [&] {
          Tile place = in_parts ? place_of(unit) : place_of(program * 2 + where(done == 0, 1, 0));
          walk.save(place, state.max, sums, state.acc);
          Tile complete = done + taken == units; // where no other program has a part of the sequence
          const auto arrive = [&] {
            Tile counter = a.counters + (first / share * a.kv_heads + kv_head);
            complete = atomic_add(counter, taken) + taken == units;
            if_(complete, [&] { store(counter, 0); });
          };
          if (in_parts)
            if_((first < begin) | (first + units > end), arrive);
          else
            arrive();
          if_(complete, [&] { merge(seq, first, units); });
        });
    return taken;
  }

  /// Of a part of the schedule `parts`, its state is the one with the number of the unit. Of `shares`, program i has
  /// state 2 i for a sequence that came from the share before its own, and 2 i + 1 for one that goes on in the next.
  Tile place_of(const Tile &state) const {
    return a.states + (state.to(i64) * a.kv_heads + kv_head) * walk.state_size();
  }

  void merge(const Tile &seq, const Tile &first, const Tile &units) const {
    Tile first_program = first / share;
    Tile count = in_parts ? units : (first + units - 1) / share - first_program + 1;
    const int most = states_at_once();
    Tile index = arange(0, most);
    Tile max = full({walk.rows}, -inf, f32), total = zeros({walk.rows}, f32);
    std::vector<Tile> acc;
    acc.reserve(walk.parts.size());
    for (const HeadDimPart &part : walk.parts)
      acc.push_back(zeros({walk.rows, part.width}, f32));
    for (Tile from : range(0, count, most)) {
      Tile part = from + index;
      Tile live = part < count;
      Tile places = place_of(in_parts ? first + part : (first_program + part) * 2 + where(part == 0, 1, 0));
      const int size = walk.rows * c.head_dim;
      Tile maxima = load(col(places) + size + row(walk.group_row), {.mask = col(live), .other = -inf});
      Tile sums = load(col(places) + (size + walk.rows) + row(walk.group_row), {.mask = col(live)});
      std::vector<Tile> values;
      for (const HeadDimPart &p : walk.parts)
        values.push_back(load(expand_dims(col(places) + row(walk.group_row * c.head_dim), 2) +
                                  expand_dims(row(arange(p.begin, p.end())), 0),
                              {.mask = expand_dims(col(live), 2)}));
      Tile new_max = maximum(max, kiln::max(maxima, 0));
      Tile rescale = exp2(max - new_max, walk.accuracy), weights = exp2(maxima - row(new_max), walk.accuracy);
      total = total * rescale + sum(sums * weights, 0);
      for (std::size_t i = 0; i < acc.size(); ++i)
        acc[i] = acc[i] * col(rescale) + sum(values[i] * expand_dims(weights, 2), 0);
      max = new_max;
    }
    walk.store_result(seq, kv_head, max, total, 1.0F / total, acc);
  }

  /// As many as keep 16 accesses of 16 bytes of each thread under way.
  int states_at_once() const {
    const int fit = 32 * c.num_warps * 64 / (walk.rows * c.head_dim);
    return int(std::bit_floor(unsigned(std::clamp(fit, 1, 16))));
  }

  const PagedRows<T> &walk;
  const PagedAttentionConfig &c;
  const ShareArguments &a;
  const bool in_parts;
  const int unit_tokens;
  const Tile kv_head, program, programs, lane;
  Tile share, begin, end; ///< of this program, in units
};

} // namespace kiln::kernels
