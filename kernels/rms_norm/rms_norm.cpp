#include "lib/check.h"
#include "lib/instantiate.h"
#include "lib/listing.h"
#include "lib/row_tiles.h"
#include "rms_norm/kernel.h"

#include <cmath>

namespace kiln::kernels {
namespace {

template <class T>
const Kernel rms_norm_kernel{typed_name<T>("rms_norm"), rms_norm_body<T>};

} // namespace

template <class T>
RmsNormConfig default_config(const RmsNorm<T> &p, Device device) {
  const RowTiles tiles = row_tiles(p.cols, device);
  return {.block = tiles.block, .chunked = tiles.chunked, .num_warps = tiles.num_warps};
}

template <class T>
void rms_norm(const RmsNorm<T> &p, const RmsNormConfig &config, const Execution &where) {
  const Checker check("rms_norm");
  check.small_size("rows", p.rows);
  check.small_size("cols", p.cols);
  check.block("config.block", config.block);
  check.warps(config.num_warps);
  check.require(config.chunked || config.block >= p.cols, "config.block is ", config.block,
                " and not chunked, but cols is ", p.cols);
  check.require(std::isfinite(p.epsilon) && p.epsilon >= 0, "epsilon is ", p.epsilon,
                ", must be finite and not negative");
  if (p.rows == 0 || p.cols == 0)
    return;
  check.pointer("x", p.x);
  check.pointer("weight", p.weight);
  check.pointer("out", p.out);
  check.size("x_stride", p.x_stride, p.rows > 1 ? p.cols : 0);
  check.size("out_stride", p.out_stride, p.rows > 1 ? p.cols : 0);
  const std::int64_t extent = (p.rows - 1) * p.out_stride + p.cols;
  check.disjoint("out", p.out, extent, "x", p.x, (p.rows - 1) * p.x_stride + p.cols);
  check.disjoint("out", p.out, extent, "weight", p.weight, p.cols);
  rms_norm_kernel<T>.launch({.grid = {p.rows}, .device = where.device, .stream = where.stream}, config, p.x, p.weight,
                            p.out, p.x_stride, p.out_stride, std::int32_t(p.cols), p.epsilon);
}

#define INSTANTIATE(T)                                                                                                 \
  template KILN_API RmsNormConfig default_config(const RmsNorm<T> &, Device);                                          \
  template KILN_API void rms_norm(const RmsNorm<T> &, const RmsNormConfig &, const Execution &);
KILN_KERNELS_FOR_EACH_TYPE(INSTANTIATE)

void list_rms_norm(std::vector<AnyKernel> &list) {
  list.push_back(rms_norm_kernel<half>);
  list.push_back(rms_norm_kernel<bfloat16>);
  list.push_back(rms_norm_kernel<float>);
}

} // namespace kiln::kernels
