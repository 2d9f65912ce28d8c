// RMSNorm, one row a program.
#pragma once

#include "kiln/kernels/rms_norm.h"
#include "kiln/kiln.h"

#include "lib/vector.h"

namespace kiln::kernels {

template <class T>
void rms_norm_body(const RmsNormConfig &c, ptr<const T> x, ptr<const T> weight, ptr<T> out,
                   scalar<std::int64_t> x_stride, scalar<std::int64_t> out_stride, scalar<std::int32_t> cols,
                   scalar<float> epsilon) {
  declare_whole_vectors<T>({&x_stride, &out_stride, &cols});
  Tile row = program_id(0);
  Tile x_row = x + row * x_stride;
  Tile out_row = out + row * out_stride;
  Tile lane = arange(0, c.block);
  Tile count = cols.to(f32);

  if (!c.chunked) {
    Tile mask = lane < cols;
    Tile v = load(x_row + lane, {.mask = mask}).to(f32);
    Tile w = load(weight + lane, {.mask = mask}).to(f32);
    Tile factor = rsqrt(sum(v * v, 0) / count + epsilon);
    store(out_row + lane, (v * factor * w).to(dtype_of<T>), {.mask = mask});
    return;
  }

  Tile squares = zeros({c.block}, f32);
  for (Tile start : range(0, cols, c.block)) {
    Tile v = load(x_row + start + lane, {.mask = lane < cols - start}).to(f32);
    squares += v * v;
  }
  Tile factor = rsqrt(sum(squares, 0) / count + epsilon);
  for (Tile start : range(0, cols, c.block)) {
    Tile mask = lane < cols - start;
    Tile v = load(x_row + start + lane, {.mask = mask}).to(f32);
    Tile w = load(weight + start + lane, {.mask = mask}).to(f32);
    store(out_row + start + lane, (v * factor * w).to(dtype_of<T>), {.mask = mask});
  }
}

} // namespace kiln::kernels
