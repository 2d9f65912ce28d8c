// Vector addition, one block a program.
#pragma once

#include "kiln/kernels/vector_add.h"
#include "kiln/kiln.h"

#include "lib/vector.h"

namespace kiln::kernels {

template <class T>
void vector_add_body(const VectorAddConfig &c, ptr<const T> x, ptr<const T> y, ptr<T> out, scalar<std::int64_t> n) {
  declare_whole_vectors<T>({&n});
  // What is left of the vector fits 32 bits once it is cut to a block, so that the lanes count in 32 bits.
  Tile start = program_id(0).to(i64) * c.block;
  Tile left = minimum(n - start, c.block).to(i32);
  Tile i = arange(0, c.block);
  Tile mask = i < left;
  Tile a = load(x + start + i, {.mask = mask});
  Tile b = load(y + start + i, {.mask = mask});
  store(out + start + i, a + b, {.mask = mask});
}

} // namespace kiln::kernels
