// A kernel that reads memory and does next to nothing else: the roof of kernels that are bound by what they read.
#pragma once

#include "kiln/kiln.h"

namespace kiln::bench {

struct PlainReadConfig {
  int block = 4096; ///< words that a program has under way
  int num_warps = 4;
};

/// Writes the exclusive or of the words that each program reads, [programs], so that no compiler drops the reading.
inline void plain_read_body(const PlainReadConfig &c, ptr<const std::int32_t> words, ptr<std::int32_t> out,
                            scalar<std::int64_t> n) {
  assume_multiple(n, 4);
  Tile index = arange(0, c.block);
  Tile all = zeros({c.block}, i32);
  for (Tile block : range(program_id(0), cdiv(n, c.block).to(i32), num_programs(0))) {
    Tile start = block.to(i64) * c.block;
    Tile left = minimum(n - start, c.block).to(i32);
    all = all ^ load(words + start + index, {.mask = index < left});
  }
  store(out + program_id(0), reduce(all, 0, [](Tile a, Tile b) { return a ^ b; }));
}

} // namespace kiln::bench
