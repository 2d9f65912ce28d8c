#include "lib/check.h"
#include "lib/instantiate.h"
#include "lib/listing.h"
#include "vector_add/kernel.h"

#include <algorithm>
#include <bit>

namespace kiln::kernels {
namespace {

template <class T>
const Kernel vector_add_kernel{typed_name<T>("vector_add"), vector_add_body<T>};

} // namespace

template <class T>
VectorAddConfig default_config(const VectorAdd<T> &p, Device device) {
  // On a GPU 16 bytes of each operand for every thread of 4 warps: one access each.
  const std::int64_t most = device == Device::cpu() ? 4096 : std::int64_t(128 * 16 / sizeof(T));
  return {.block = int(std::bit_ceil(std::uint64_t(std::clamp<std::int64_t>(p.n, 64, most))))};
}

template <class T>
void vector_add(const VectorAdd<T> &p, const VectorAddConfig &config, const Execution &where) {
  const Checker check("vector_add");
  check.size("n", p.n);
  check.block("config.block", config.block);
  check.warps(config.num_warps);
  const std::int64_t programs = cdiv(p.n, config.block);
  check.small_size("n / config.block", programs);
  if (p.n == 0)
    return;
  check.pointer("x", p.x);
  check.pointer("y", p.y);
  check.pointer("out", p.out);
  check.disjoint("out", p.out, p.n, "x", p.x, p.n);
  check.disjoint("out", p.out, p.n, "y", p.y, p.n);
  vector_add_kernel<T>.launch({.grid = {programs}, .device = where.device, .stream = where.stream}, config, p.x, p.y,
                              p.out, p.n);
}

#define INSTANTIATE(T)                                                                                                 \
  template KILN_API VectorAddConfig default_config(const VectorAdd<T> &, Device);                                      \
  template KILN_API void vector_add(const VectorAdd<T> &, const VectorAddConfig &, const Execution &);
KILN_KERNELS_FOR_EACH_TYPE(INSTANTIATE)

void list_vector_add(std::vector<AnyKernel> &list) {
  list.push_back(vector_add_kernel<half>);
  list.push_back(vector_add_kernel<bfloat16>);
  list.push_back(vector_add_kernel<float>);
}

} // namespace kiln::kernels
