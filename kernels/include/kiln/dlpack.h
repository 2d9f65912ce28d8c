/// Tensors of other libraries, by DLPack: as the problems of the library's kernels, and memory of Kiln's as such a
/// tensor.
///
///     kernels::Softmax<half> problem = dlpack::to_problem<half>({.in = &x, .out = &y});
///     kernels::softmax(problem, kernels::default_config(problem), {.device = dlpack::device_of(x)});
///
/// Nothing is copied. Any strides that a kernel takes are taken; a tensor without strides has no gaps. What does not
/// fit - a null tensor, a shape, an element type, memory of another device than that of the first tensor - throws
/// InvalidArgument, and the message names the kernel and the tensor.
#pragma once

#include "kiln/device_memory.h"
#include "kiln/dlpack_abi.h"
#include "kiln/dtype.h"
#include "kiln/kernels/matmul.h"
#include "kiln/kernels/paged_attention.h"
#include "kiln/kernels/rms_norm.h"
#include "kiln/kernels/softmax.h"
#include "kiln/kernels/vector_add.h"

#include <cstdint>
#include <memory>
#include <span>

namespace kiln::dlpack {

/// The element type. Throws InvalidArgument where Kiln has none like it.
KILN_API DType dtype_of(const DLTensor &tensor);
/// The same in DLPack's terms.
KILN_API DLDataType to_dlpack(DType dtype);

/// Where kernels run that work on the tensor: the CPU for memory of the host (pinned or not), the GPU for its own and
/// for managed memory. Throws InvalidArgument for other memory, DeviceError where this machine has no such GPU.
KILN_API Device device_of(const DLTensor &tensor);

/// What a managed tensor describes. `written` says whether a kernel is to write there.
/// \throws InvalidArgument where it is null, of another major version than 1, or read-only and to be written.
KILN_API const DLTensor &view(const DLManagedTensorVersioned *tensor, bool written);

// ---- The tensors of each kernel, shaped as in the kernel's header.

/// Any shape, the same for all three, without gaps.
struct VectorAddTensors {
  const DLTensor *x = nullptr, *y = nullptr, *out = nullptr;
};

/// [..., cols]. Dimensions before the last become rows: they must follow one another at one distance.
struct SoftmaxTensors {
  const DLTensor *in = nullptr, *out = nullptr;
};

/// x and out as those of softmax, weight [cols].
struct RmsNormTensors {
  const DLTensor *x = nullptr, *weight = nullptr, *out = nullptr;
  float epsilon = 1e-6F;
};

/// a [m, k], b [k, n], out [m, n].
struct MatmulTensors {
  const DLTensor *a = nullptr, *b = nullptr, *out = nullptr;
};

/// key and value [tokens, kv_heads, head_dim], slots [tokens] of i64, the caches [num_pages, page_size, kv_heads,
/// head_dim].
struct KvCacheStoreTensors {
  const DLTensor *key = nullptr, *value = nullptr, *slots = nullptr, *key_cache = nullptr, *value_cache = nullptr;
};

/// q and out [batch, heads, head_dim], the caches [num_pages, page_size, kv_heads, head_dim], table [batch, max_pages]
/// and lengths [batch] of i32, lse null or [batch, heads] of f32.
struct PagedAttentionTensors {
  const DLTensor *q = nullptr, *key_cache = nullptr, *value_cache = nullptr, *table = nullptr, *lengths = nullptr,
                 *out = nullptr, *lse = nullptr;
  float scale = 0; ///< 0: 1 / sqrt(head_dim)
  void *workspace = nullptr;
  std::int64_t workspace_size = 0; ///< bytes
};

// T is half, bfloat16 or float, and must be the tensors' element type.

template <class T>
KILN_API kernels::VectorAdd<T> to_problem(const VectorAddTensors &tensors);
template <class T>
KILN_API kernels::Softmax<T> to_problem(const SoftmaxTensors &tensors);
template <class T>
KILN_API kernels::RmsNorm<T> to_problem(const RmsNormTensors &tensors);
template <class T>
KILN_API kernels::Matmul<T> to_problem(const MatmulTensors &tensors);
template <class T>
KILN_API kernels::KvCacheStore<T> to_problem(const KvCacheStoreTensors &tensors);
template <class T>
KILN_API kernels::PagedAttention<T> to_problem(const PagedAttentionTensors &tensors);

/// What to_problem does not look at, since it reads no element: for tensors of the host's, that the slots lie in the
/// caches, that lengths lie in the table, and the used entries of the table in the caches. A kernel that is launched
/// with others reads and writes whatever is there. On a GPU the caller answers for them, and this does nothing. For
/// tensors that to_problem has accepted.
/// \throws InvalidArgument, which names the entry.
KILN_API void check_contents(const KvCacheStoreTensors &tensors);
KILN_API void check_contents(const PagedAttentionTensors &tensors);

// ---- Memory of Kiln's for other libraries.

/// An array within a DeviceBuffer.
struct Array {
  DType dtype = f32;
  std::span<const std::int64_t> shape = {};
  std::span<const std::int64_t> strides = {}; ///< in elements, none negative; empty: without gaps
  std::int64_t byte_offset = 0;
};

/// The array as a tensor of DLPack, which owns a share of the buffer until its deleter is called, from any thread.
/// Memory of emulated devices and of the interpreter is the host's.
/// \throws InvalidArgument where the array does not lie within the buffer.
KILN_API DLManagedTensorVersioned *to_dlpack(std::shared_ptr<DeviceBuffer> buffer, const Array &array);
/// The same for receivers that do not know DLPack 1.0.
KILN_API DLManagedTensor *to_dlpack_unversioned(std::shared_ptr<DeviceBuffer> buffer, const Array &array);

} // namespace kiln::dlpack
