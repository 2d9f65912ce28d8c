#include "lib/check.h"
#include "lib/instantiate.h"
#include "lib/listing.h"
#include "lib/row_tiles.h"
#include "softmax/kernel.h"

namespace kiln::kernels {
namespace {

template <class T>
const Kernel softmax_kernel{typed_name<T>("softmax"), softmax_body<T>};

} // namespace

template <class T>
SoftmaxConfig default_config(const Softmax<T> &p, Device device) {
  const RowTiles tiles = row_tiles(p.cols, device);
  return {.block = tiles.block, .chunked = tiles.chunked, .num_warps = tiles.num_warps};
}

template <class T>
void softmax(const Softmax<T> &p, const SoftmaxConfig &config, const Execution &where) {
  const Checker check("softmax");
  check.small_size("rows", p.rows);
  check.small_size("cols", p.cols);
  check.block("config.block", config.block);
  check.warps(config.num_warps);
  check.require(config.chunked || config.block >= p.cols, "config.block is ", config.block,
                " and not chunked, but cols is ", p.cols);
  if (p.rows == 0 || p.cols == 0)
    return;
  check.pointer("in", p.in);
  check.pointer("out", p.out);
  check.size("in_stride", p.in_stride, p.rows > 1 ? p.cols : 0);
  check.size("out_stride", p.out_stride, p.rows > 1 ? p.cols : 0);
  check.disjoint("out", p.out, (p.rows - 1) * p.out_stride + p.cols, "in", p.in, (p.rows - 1) * p.in_stride + p.cols);
  softmax_kernel<T>.launch({.grid = {p.rows}, .device = where.device, .stream = where.stream}, config, p.in, p.out,
                           p.in_stride, p.out_stride, std::int32_t(p.cols));
}

#define INSTANTIATE(T)                                                                                                 \
  template KILN_API SoftmaxConfig default_config(const Softmax<T> &, Device);                                          \
  template KILN_API void softmax(const Softmax<T> &, const SoftmaxConfig &, const Execution &);
KILN_KERNELS_FOR_EACH_TYPE(INSTANTIATE)

void list_softmax(std::vector<AnyKernel> &list) {
  list.push_back(softmax_kernel<half>);
  list.push_back(softmax_kernel<bfloat16>);
  list.push_back(softmax_kernel<float>);
}

} // namespace kiln::kernels
