#include "kiln/kernels/registry.h"

#include "lib/listing.h"

namespace kiln::kernels {

std::span<const AnyKernel> all_kernels() {
  static const std::vector<AnyKernel> kernels = [] {
    std::vector<AnyKernel> list;
    list_vector_add(list);
    list_softmax(list);
    list_rms_norm(list);
    list_matmul(list);
    list_kv_cache(list);
    list_paged_attention(list);
    return list;
  }();
  return kernels;
}

const AnyKernel &find_kernel(std::string_view name) {
  for (const AnyKernel &kernel : all_kernels())
    if (kernel.name() == name)
      return kernel;
  throw InvalidArgument("error: the library has no kernel '" + std::string(name) +
                        "'; kernels::all_kernels() lists those there are");
}

} // namespace kiln::kernels
