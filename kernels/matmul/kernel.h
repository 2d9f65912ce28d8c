// Matrix product, one block of the result a program.
#pragma once

#include "kiln/kernels/matmul.h"
#include "kiln/kiln.h"

#include "lib/check.h"
#include "lib/vector.h"

namespace kiln::kernels {

// What a config says by itself; traces check it too, for not every trace comes from the entry point.
inline void check_config(const MatmulConfig &c) {
  const Checker check("matmul");
  check.block("config.block_m", c.block_m);
  check.block("config.block_n", c.block_n);
  check.block("config.block_k", c.block_k);
  check.require(c.group_m >= 1 && c.group_m <= 1024, "config.group_m is ", c.group_m, ", must be from 1 to 1024");
  check.enumeration("config.a_layout", c.a_layout, MatrixLayout::strided);
  check.enumeration("config.b_layout", c.b_layout, MatrixLayout::strided);
}

template <class T>
void matmul_body(const MatmulConfig &c, ptr<const T> a, ptr<const T> b, ptr<T> out, scalar<std::int32_t> m,
                 scalar<std::int32_t> n, scalar<std::int32_t> k, scalar<std::int64_t> a_row, scalar<std::int64_t> a_col,
                 scalar<std::int64_t> b_row, scalar<std::int64_t> b_col, scalar<std::int64_t> out_row) {
  check_config(c);
  declare_whole_vectors<T>({&n, &out_row});
  if (c.a_layout == MatrixLayout::row_major)
    declare_whole_vectors<T>({&k, &a_row});
  if (c.a_layout == MatrixLayout::column_major)
    declare_whole_vectors<T>({&m, &a_col});
  if (c.b_layout == MatrixLayout::row_major)
    declare_whole_vectors<T>({&b_row});
  if (c.b_layout == MatrixLayout::column_major)
    declare_whole_vectors<T>({&k, &b_col});

  // Programs that run together form groups of group_m x tiles_n blocks, walked column by column: they read few rows of
  // a and share columns of b.
  Tile pid = program_id(0);
  Tile tiles_m = cdiv(m, c.block_m);
  Tile group_size = cdiv(n, c.block_n) * c.group_m;
  Tile first_m = pid / group_size * c.group_m;
  Tile in_group = pid % group_size;
  Tile group_m = minimum(tiles_m - first_m, c.group_m);
  Tile rows = (first_m + in_group % group_m) * c.block_m + arange(0, c.block_m);
  Tile cols = in_group / group_m * c.block_n + arange(0, c.block_n);
  Tile step = arange(0, c.block_k);

  // A stride that is known to be 1 is left out, so that the compiler sees neighbouring elements.
  const auto along = [](const Tile &index, const Tile &stride, bool unit) { return unit ? index : index * stride; };
  const bool a_rows_unit = c.a_layout == MatrixLayout::column_major,
             a_cols_unit = c.a_layout == MatrixLayout::row_major;
  const bool b_rows_unit = c.b_layout == MatrixLayout::column_major,
             b_cols_unit = c.b_layout == MatrixLayout::row_major;
  Tile a_tile = a + col(along(rows, a_row, a_rows_unit)) + row(along(step, a_col, a_cols_unit));
  Tile b_tile = b + col(along(step, b_row, b_rows_unit)) + row(along(cols, b_col, b_cols_unit));
  Tile live_rows = col(rows) < m;
  Tile live_cols = row(cols) < n;

  // Of a load: what of its block lies in the matrix.
  const auto edges = [&](const Tile &in_out, const Tile &in_step) -> LoadOptions {
    if (c.whole_out && c.whole_k)
      return {};
    return {.mask = c.whole_out ? in_step : c.whole_k ? in_out : in_out & in_step};
  };

  Tile acc = zeros({c.block_m, c.block_n}, f32);
  for (Tile start : range(0, k, c.block_k, {.num_stages = c.num_stages})) {
    Tile live = step < k - start;
    Tile x = load(a_tile + along(start, a_col, a_cols_unit), edges(live_rows, row(live)));
    Tile y = load(b_tile + along(start, b_row, b_rows_unit), edges(live_cols, col(live)));
    acc = dot(x, y, acc);
  }
  if (c.whole_out)
    store(out + col(rows * out_row) + row(cols), acc.to(dtype_of<T>));
  else
    store(out + col(rows * out_row) + row(cols), acc.to(dtype_of<T>), {.mask = live_rows & live_cols});
}

} // namespace kiln::kernels
