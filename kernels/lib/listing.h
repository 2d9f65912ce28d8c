// How each family enters its kernels into the registry.
#pragma once

#include "kiln/any_kernel.h"
#include "kiln/kiln.h"

#include <string>
#include <vector>

namespace kiln::kernels {

/// "softmax" and half give "softmax_f16".
template <class T>
std::string typed_name(const char *family) {
  return std::string(family) + "_" + name_of(dtype_of<T>);
}

void list_vector_add(std::vector<AnyKernel> &list);
void list_softmax(std::vector<AnyKernel> &list);
void list_rms_norm(std::vector<AnyKernel> &list);
void list_matmul(std::vector<AnyKernel> &list);
void list_kv_cache(std::vector<AnyKernel> &list);
void list_paged_attention(std::vector<AnyKernel> &list);

} // namespace kiln::kernels
