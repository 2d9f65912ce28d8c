#include "lib/check.h"
#include "lib/device_size.h"
#include "lib/instantiate.h"
#include "lib/listing.h"
#include "matmul/kernel.h"

#include <algorithm>
#include <bit>

namespace kiln::kernels {
namespace {

template <class T>
const Kernel matmul_kernel{typed_name<T>("matmul"), matmul_body<T>};

MatrixLayout layout_of(const MatrixStrides &stride) {
  if (stride.col == 1)
    return MatrixLayout::row_major;
  return stride.row == 1 ? MatrixLayout::column_major : MatrixLayout::strided;
}

void check_layout(const Checker &check, const char *matrix, MatrixLayout layout, const MatrixStrides &stride) {
  if (layout == MatrixLayout::row_major)
    check.require(stride.col == 1, "config.", matrix, "_layout is row_major, but ", matrix, "_stride.col is ",
                  stride.col);
  if (layout == MatrixLayout::column_major)
    check.require(stride.row == 1, "config.", matrix, "_layout is column_major, but ", matrix, "_stride.row is ",
                  stride.row);
}

/// Elements from the first to past the last, for strides that are not negative.
std::int64_t extent(std::int64_t rows, std::int64_t cols, const MatrixStrides &stride) {
  return rows > 0 && cols > 0 ? (rows - 1) * stride.row + (cols - 1) * stride.col + 1 : 0;
}

} // namespace

template <class T>
MatmulConfig default_config(const Matmul<T> &p, Device device) {
  const auto tile = [](std::int64_t size, int most) {
    return int(std::bit_ceil(std::uint64_t(std::clamp<std::int64_t>(size, 16, most))));
  };
  MatmulConfig config{.block_m = tile(p.m, 64),
                      .block_n = tile(p.n, 64),
                      .block_k = tile(p.k, 32),
                      .a_layout = layout_of(p.a_stride),
                      .b_layout = layout_of(p.b_stride)};
  // Of the tiles that were measured (docs/matmul-log.md) the largest that give every multiprocessor something to do.
  // The first ones take 96 KiB of shared memory, which every GPU has that Kiln compiles for.
  if (const int n = sizeof(T) == 2 ? multiprocessors(device) : 0) {
    const auto fills = [&](int block_m, int block_n) { return cdiv(p.m, block_m) * cdiv(p.n, block_n) >= n; };
    if (p.k >= 128 && fills(128, 256))
      config.block_m = 128, config.block_n = 256, config.num_warps = 8, config.num_stages = 4;
    else if (p.k >= 128 && fills(128, 128))
      config.block_m = config.block_n = 128;
  }
  return config;
}

template <class T>
void matmul(const Matmul<T> &p, const MatmulConfig &given, const Execution &where) {
  MatmulConfig config = given;
  const Checker check("matmul");
  check.small_size("m", p.m);
  check.small_size("n", p.n);
  check.small_size("k", p.k);
  check_config(config);
  check.warps(config.num_warps);
  check.stages(config.num_stages);
  check_layout(check, "a", config.a_layout, p.a_stride);
  check_layout(check, "b", config.b_layout, p.b_stride);
  const std::int64_t programs = cdiv(p.m, config.block_m) * cdiv(p.n, config.block_n);
  check.small_size("the number of blocks of out", programs);
  if (programs == 0)
    return;
  check.pointer("out", p.out);
  if (p.k > 0) {
    check.pointer("a", p.a);
    check.pointer("b", p.b);
  }
  check.size("a_stride.row", p.a_stride.row);
  check.size("a_stride.col", p.a_stride.col);
  check.size("b_stride.row", p.b_stride.row);
  check.size("b_stride.col", p.b_stride.col);
  check.require(p.out_stride.col == 1, "out_stride.col is ", p.out_stride.col, ", must be 1");
  check.size("out_stride.row", p.out_stride.row, p.m > 1 ? p.n : 0);
  const std::int64_t out_extent = extent(p.m, p.n, p.out_stride);
  check.disjoint("out", p.out, out_extent, "a", p.a, extent(p.m, p.k, p.a_stride));
  check.disjoint("out", p.out, out_extent, "b", p.b, extent(p.k, p.n, p.b_stride));
  config.whole_out = p.m % config.block_m == 0 && p.n % config.block_n == 0;
  config.whole_k = p.k % config.block_k == 0;
  matmul_kernel<T>.launch({.grid = {programs}, .device = where.device, .stream = where.stream}, config, p.a, p.b, p.out,
                          std::int32_t(p.m), std::int32_t(p.n), std::int32_t(p.k), p.a_stride.row, p.a_stride.col,
                          p.b_stride.row, p.b_stride.col, p.out_stride.row);
}

#define INSTANTIATE(T)                                                                                                 \
  template KILN_API MatmulConfig default_config(const Matmul<T> &, Device);                                            \
  template KILN_API void matmul(const Matmul<T> &, const MatmulConfig &, const Execution &);
KILN_KERNELS_FOR_EACH_TYPE(INSTANTIATE)

void list_matmul(std::vector<AnyKernel> &list) {
  list.push_back(matmul_kernel<half>);
  list.push_back(matmul_kernel<bfloat16>);
  list.push_back(matmul_kernel<float>);
}

} // namespace kiln::kernels
