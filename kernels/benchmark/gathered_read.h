// A kernel that reads K and V as decode does, a row of a K/V head at a time through the block table, and does next to
// nothing else: what is left of the roof where memory is not read in one piece.
#pragma once

#include "kiln/kiln.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace kiln::bench {

struct GatheredReadConfig {
  int row_words = 64; ///< words of 32 bits that a program reads of each token
  int page_size = 16;
  int block_n = 64; ///< tokens of a step
  int num_warps = 4;
  int num_stages = 3;
};

/// Blocks of tokens, spread evenly over so many programs in the order of the sequences. A program's pieces are
/// `starts[program]` to `starts[program + 1]`, each a sequence and its tokens from begin to end.
struct GatheredReadPlan {
  struct Piece {
    std::int32_t sequence, begin, end;
  };
  std::vector<std::int32_t> starts{0};
  std::vector<Piece> pieces;

  GatheredReadPlan(std::span<const std::int32_t> lengths, int block_n, std::int64_t programs) {
    std::int64_t blocks = 0, taken = 0;
    for (std::int32_t length : lengths)
      blocks += cdiv(length, block_n);
    std::size_t sequence = 0;
    std::int32_t begin = 0;
    for (std::int64_t program = 0; program < programs; ++program) {
      const std::int64_t until = (program + 1) * blocks / programs;
      while (taken < until) {
        const std::int32_t length = lengths[sequence];
        const auto left = std::int32_t(cdiv(length - begin, block_n));
        const auto take = std::int32_t(std::min<std::int64_t>(left, until - taken));
        const std::int32_t end = std::min(begin + take * block_n, length);
        if (take > 0)
          pieces.push_back({std::int32_t(sequence), begin, end});
        taken += take;
        begin = end;
        if (end == length) {
          ++sequence;
          begin = 0;
        }
      }
      starts.push_back(std::int32_t(pieces.size()));
    }
  }
};

/// Program (h, p) reads row h of every token of plan p: K and V are [page, page_size, token_words] of 32-bit words, the
/// table [batch, max_pages]. It writes the exclusive or of what it read to out [plans, rows], so that no compiler drops
/// the reading.
inline void gathered_read_body(const GatheredReadConfig &c, ptr<const std::int32_t> keys,
                               ptr<const std::int32_t> values, scalar<std::int64_t> token_words,
                               ptr<const std::int32_t> table, scalar<std::int64_t> max_pages,
                               ptr<const std::int32_t> starts, ptr<const std::int32_t> pieces, ptr<std::int32_t> out) {
  assume_multiple(token_words, 4);
  const int columns = int(std::bit_ceil(unsigned(c.row_words)));
  const auto combine = [](Tile a, Tile b) { return a ^ b; };
  Tile row_of = program_id(0), program = program_id(1);
  Tile token = arange(0, c.block_n), word = arange(0, columns);
  Tile all = zeros({c.block_n, columns}, i32);
  for (Tile piece : range(load(starts + program), load(starts + program + 1))) {
    Tile sequence = load(pieces + piece * 3), begin = load(pieces + piece * 3 + 1), end = load(pieces + piece * 3 + 2);
    for (Tile start : range(begin, end, c.block_n, {.num_stages = c.num_stages})) {
      Tile index = start + token, live = index < end;
      Tile page = load(table + sequence * max_pages + index / c.page_size, {.mask = live, .other = 0});
      Tile place = (page.to(i64) * c.page_size + index % c.page_size) * token_words;
      Tile offset = row_of * c.row_words + row(word) + col(place);
      const LoadOptions options{.mask = col(live) & row(word < c.row_words), .other = 0, .eviction = Eviction::first};
      all = all ^ load(keys + offset, options) ^ load(values + offset, options);
    }
  }
  store(out + program * num_programs(0) + row_of, reduce(reduce(all, 1, combine), 0, combine));
}

} // namespace kiln::bench
