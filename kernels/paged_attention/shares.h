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
//
// A batch of one sequence needs no shares: program c takes the blocks c, c + programs and so on, and looks up the pages
// of its first one while the length is on its way.
#pragma once

#include "paged_attention/attend.h"

#include <algorithm>

namespace kiln::kernels {

/// The arguments that these schedules have besides.
struct ShareArguments {
  Tile counters; ///< [programs, kv_heads] i32
  Tile states;   ///< [numbers, kv_heads, state_size] f32
  Tile batch, kv_heads;
  Tile inverse_programs; ///< 2^32 / programs, rounded up; i64
};

template <class T>
class PagedShares {
public:
  PagedShares(const PagedRows<T> &walk, const ShareArguments &arguments)
      : walk(walk), c(walk.c), a(arguments), in_parts(c.schedule == PagedSchedule::parts),
        unit_tokens(in_parts ? c.block_n * c.part_blocks : c.block_n), kv_head(program_id(0)), program(program_id(1)),
        programs(num_programs(1)), lane(arange(0, c.lengths_tile)),
        states(arguments.states + kv_head * int(walk.state_size())) {}

  void run() {
    if (c.lengths_tile == 1)
      run_single();
    else
      run_batch();
  }

private:
  /// A batch of one sequence has nothing to add up or to look for.
  void run_single() {
    Tile seq = full({}, 0, i32), length = load(walk.a.lengths), total = units_of(length);
    if (in_parts) {
      divide(total);
      Tile unit = begin;
      while_([&] { return unit < end; }, [&] { unit += take(seq, length, seq, unit); });
    } else {
      const auto first = walk.load_first_pages(program * c.block_n, seq);
      if_(program < total, [&] { take_turns(seq, length, total, first); });
    }
    if_((total == 0) & (program == 0), [&] { walk.store_empty(seq, kv_head); });
  }

  /// Takes every programs-th block of the only sequence, of which there is one at least.
  void take_turns(const Tile &seq, const Tile &length, const Tile &total,
                  const typename PagedRows<T>::FirstPages &first) const {
    const std::vector<Tile> query = walk.load_query(seq, kv_head);
    OnlineSoftmax state = walk.start();
    for (Tile start : range(first.start, length, programs * c.block_n, {.num_stages = c.num_stages}))
      walk.add_block(start, seq, length, kv_head, query, state, &first);
    if (c.overlap)
      launch_dependents(); // as in `take`
    if_(
        total == 1, [&] { walk.store_result(seq, kv_head, state); },
        [&] {
          walk.save(states + offset_of(program), state);
          Tile count = minimum(programs, total);
          Tile complete = arrive(a.counters + kv_head, 1, count);
          if_(complete, [&] { merge(seq, full({}, 0, i32), count); });
        });
  }

  void run_batch() {
    // Nothing here waits for more than it has to: the first key is loaded when this is done. Most batches are one tile.
    Tile lengths = load_lengths(0);
    Tile ends = cumsum(units_of(lengths), 0), seen = sum(units_of(lengths), 0);
    Tile total = seen, empty = empties(0, lengths);
    for (Tile first : range(c.lengths_tile, a.batch, c.lengths_tile)) {
      Tile others = load_lengths(first);
      total += sum(units_of(others), 0);
      empty += empties(first, others);
    }
    divide(total);

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
      if_(unit < end, [&] {
        lengths = load_lengths(first + c.lengths_tile);
        ends = seen + cumsum(units_of(lengths), 0);
        seen += sum(units_of(lengths), 0);
      });
    }

    if_(empty > 0, [&] {
      for (Tile seq : range(program, a.batch, programs))
        if_(load(walk.a.lengths + seq) == 0, [&] { walk.store_empty(seq, kv_head); });
    });
  }

  /// The share of this program of so many units.
  void divide(const Tile &total) {
    // A multiplication in place of a division, which may be larger by one for more units than a device has memory for.
    share = (((total + programs - 1).to(i64) * a.inverse_programs) >> 32).to(i32);
    begin = minimum(program.to(i64) * share, total).to(i32);
    end = minimum(begin.to(i64) + share, total).to(i32);
  }

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
    // Not earlier: programs of the next launch would fill a multiprocessor that has room for them, and leave another
    // one with less than its share.
    if (c.overlap)
      launch_dependents();

    if_(
        taken == units, [&] { walk.store_result(seq, kv_head, state); },
        [&] {
          Tile number = in_parts ? unit : program * 2 + where(done == 0, 1, 0);
          walk.save(states + offset_of(number), state);
          Tile complete = done + taken == units; // where no other program has a part of the sequence
          const auto count_in = [&] {
            complete = arrive(a.counters + (first / share * a.kv_heads + kv_head), taken, units);
          };
          if (in_parts)
            if_((first < begin) | (first + units > end), count_in);
          else
            count_in();
          if_(complete, [&] {
            if (in_parts)
              return merge(seq, first, units);
            Tile first_program = first / share;
            merge(seq, first_program * 2, (first + units - 1) / share - first_program + 1);
          });
        });
    return taken;
  }

  /// Of a part of the schedule `parts`, its state is the one with the number of the unit; of a batch of one sequence,
  /// with that of the program. Otherwise program i has state 2 i for a sequence that came from the share before its
  /// own, and 2 i + 1 for one that goes on in the next. Yields how far the state of a K/V head is from that with number
  /// 0, in floats. The factors are 32-bit, so that a GPU needs one instruction for the product.
  Tile offset_of(const Tile &state) const { return state.to(i64) * (a.kv_heads * int(walk.state_size())).to(i64); }

  /// Whether a program has two states, see offset_of.
  bool in_pairs() const { return !in_parts && c.lengths_tile != 1; }

  /// Counts `units` of a sequence; yields whether those were the last of `all`.
  Tile arrive(const Tile &counter, const Operand &units, const Tile &all) const {
    Tile complete = atomic_add(counter, units) + units == all;
    if_(complete, [&] { store(counter, 0); });
    return complete;
  }

  /// Writes the result of `count` states of a K/V head, of which the first one has the number `first_number`.
  /// Elements are tiles [rows, states, quads of a row, 4]: a warp of a GPU has rows of its own, whose elements lie side
  /// by side, and a thread those of all states, so that their loads are under way at once. Pairs of maximum and sum are
  /// tiles [rows, states, 2]: a thread loads one of them and finds one weight, which is exchanged while the elements
  /// are on their way.
  void merge(const Tile &seq, const Tile &first_number, const Tile &count) const {
    const int rows = walk.rows, row_size = paged_state_row(c.head_dim);
    // A thread has up to 64 registers of elements.
    const int at_once = int(std::bit_floor(unsigned(std::clamp(64 * 32 * c.num_warps / (rows * c.head_dim), 1, 16))));
    const auto along = [](const Tile &x, int axis) { // the index of one of three dimensions
      return axis == 0 ? expand_dims(col(x), 2) : axis == 1 ? expand_dims(row(x), 2) : expand_dims(row(x), 0);
    };
    // Of the states of `shares` there are no more than counters, so that 32 bits count their floats; of all pairs but
    // the first, `number` counts the states of even number.
    Tile first_state = states + offset_of(first_number), stride = a.kv_heads * int(walk.state_size());
    const auto offset_in = [&](const Tile &number) {
      if (in_parts)
        return number.to(i64) * stride.to(i64);
      return (in_pairs() ? number * 2 + where(number == 0, 1, 0) : number) * stride;
    };
    Tile which = along(arange(0, 2), 2);
    Tile pairs = first_state + (along(walk.group_row * row_size + c.head_dim, 0) + which);
    std::vector<Tile> out;
    Tile max, total;
    for (const HeadDimPart &part : walk.parts) {
      const int quads = part.width / 4;
      Tile quad = along(walk.group_row * row_size, 0) + along(arange(0, quads) * 4 + part.begin, 2);
      Tile elements = first_state + (expand_dims(quad, 3) + arange(0, 4));
      max = full({rows}, -inf, f32);
      total = zeros({rows}, f32);
      Tile acc = zeros({rows, quads, 4}, f32);
      for (Tile from : range(0, count, at_once)) {
        // Past the last one it is loaded again, and counts for nothing: a mask would stand between the loads.
        Tile number = from + arange(0, at_once);
        Tile offset = along(offset_in(minimum(number, count - 1)), 1);
        Tile pair = load(pairs + offset), values = load(elements + expand_dims(offset, 3));
        Tile maxima = kiln::max(where(which == 0, pair, -inf), 2);
        Tile sums = sum(where(which == 1, pair, 0.0F), 2);
        Tile new_max = maximum(max, kiln::max(maxima, 1));
        Tile rescale = exp2(max - new_max, walk.accuracy);
        Tile weights = where(row(number < count), exp2(maxima - col(new_max), walk.accuracy), 0.0F);
        total = total * rescale + sum(sums * weights, 1);
        acc = acc * along(rescale, 0) + sum(values * expand_dims(expand_dims(weights, 2), 3), 1);
        max = new_max;
      }
      out.push_back(reshape(acc * along(1.0F / total, 0), {rows, part.width}));
    }
    walk.store_result(seq, kv_head, out, max, total);
  }

  const PagedRows<T> &walk;
  const PagedAttentionConfig &c;
  const ShareArguments &a;
  const bool in_parts;
  const int unit_tokens;
  const Tile kv_head, program, programs, lane;
  const Tile states;      ///< of this K/V head, see offset_of
  Tile share, begin, end; ///< of this program, in units
};

} // namespace kiln::kernels
