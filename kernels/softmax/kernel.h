// Softmax, one row a program.
#pragma once

#include "kiln/kernels/softmax.h"
#include "kiln/kiln.h"

#include "lib/vector.h"

#include <limits>

namespace kiln::kernels {

template <class T>
void softmax_body(const SoftmaxConfig &c, ptr<const T> in, ptr<T> out, scalar<std::int64_t> in_stride,
                  scalar<std::int64_t> out_stride, scalar<std::int32_t> cols) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  declare_whole_vectors<T>({&in_stride, &out_stride, &cols});
  // Of a 16-bit result the last bits of an f32 are lost anyway.
  const ExpOptions accuracy{.accuracy = sizeof(T) == 2 ? Accuracy::fast : Accuracy::full};
  Tile row = program_id(0);
  Tile in_row = in + row * in_stride;
  Tile out_row = out + row * out_stride;
  Tile lane = arange(0, c.block);

  if (!c.chunked) {
    Tile mask = lane < cols;
    Tile x = load(in_row + lane, {.mask = mask, .other = -inf}).to(f32);
    Tile e = exp(x - max(x, 0), accuracy);
    // One division for the row: a correctly rounded one is a sequence of instructions.
    store(out_row + lane, (e * (1.0F / sum(e, 0))).to(dtype_of<T>), {.mask = mask});
    return;
  }

  // Maximum and sum are kept lane by lane and combined once at the end. Three walks instead of two with a running
  // maximum: a row may begin with more than a block of -inf, where a running maximum has no finite value to subtract.
  Tile largest = full({c.block}, -inf, f32);
  for (Tile start : range(0, cols, c.block)) {
    Tile x = load(in_row + start + lane, {.mask = lane < cols - start, .other = -inf}).to(f32);
    largest = maximum(largest, x);
  }
  Tile row_max = max(largest, 0);
  Tile total = zeros({c.block}, f32);
  for (Tile start : range(0, cols, c.block)) {
    Tile x = load(in_row + start + lane, {.mask = lane < cols - start, .other = -inf}).to(f32);
    total += exp(x - row_max, accuracy);
  }
  Tile scale = 1.0F / sum(total, 0);
  for (Tile start : range(0, cols, c.block)) {
    Tile mask = lane < cols - start;
    Tile x = load(in_row + start + lane, {.mask = mask}).to(f32);
    store(out_row + start + lane, (exp(x - row_max, accuracy) * scale).to(dtype_of<T>), {.mask = mask});
  }
}

} // namespace kiln::kernels
