#include "kiln/dlpack.h"

#include "dlpack/tensor.h"
#include "lib/instantiate.h"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace kiln::dlpack {
namespace {

// Codes of DLPack's that its own header has since 1.1.
constexpr std::uint8_t code_e4m3fn = 10, code_e5m2 = 12;

struct TypeRow {
  DType dtype;
  std::uint8_t code, bits;
};
constexpr TypeRow types[] = {{i1, kDLBool, 8},       {i8, kDLInt, 8},     {i16, kDLInt, 16},
                             {i32, kDLInt, 32},      {i64, kDLInt, 64},   {f8e4m3, code_e4m3fn, 8},
                             {f8e5m2, code_e5m2, 8}, {f16, kDLFloat, 16}, {bf16, kDLBfloat, 16},
                             {f32, kDLFloat, 32},    {f64, kDLFloat, 64}};

/// What a managed tensor owns beside itself.
template <class Managed>
struct Owner {
  Managed managed{};
  std::shared_ptr<DeviceBuffer> buffer;
  std::vector<std::int64_t> shape, strides;
};

DLDevice device_of(const DeviceBuffer &buffer) {
  const Device device = buffer.device();
  return device.kind() == Device::Kind::cuda ? DLDevice{kDLCUDA, device.ordinal()} : DLDevice{kDLCPU, 0};
}

void check_array(const DeviceBuffer &buffer, const Array &array, std::span<const std::int64_t> strides) {
  const kernels::Checker check("to_dlpack");
  check.require(strides.size() == array.shape.size(), "there are ", strides.size(), " strides, but ",
                array.shape.size(), " dimensions");
  check.size("byte_offset", array.byte_offset);
  bool empty = false;
  for (std::size_t i = 0; i < strides.size(); ++i) {
    check.size("a dimension", array.shape[i]);
    check.size("a stride", strides[i]);
    empty = empty || array.shape[i] == 0;
  }
  const auto require_end = [&](__int128 end) {
    check.require(end <= __int128(buffer.bytes()), "the array ends behind its buffer of ", buffer.bytes(), " bytes");
  };
  __int128 last = 0; // of the elements, in elements
  for (std::size_t i = 0; i < strides.size() && !empty; ++i) {
    last += __int128(array.shape[i] - 1) * strides[i];
    require_end(last); // the sum of more might be one that no integer holds
  }
  require_end(array.byte_offset + (empty ? 0 : (last + 1) * size_of(array.dtype)));
}

template <class Managed>
Managed *export_array(std::shared_ptr<DeviceBuffer> buffer, const Array &array) {
  kernels::Checker("to_dlpack").pointer("the buffer", buffer.get());
  auto owner = std::make_unique<Owner<Managed>>();
  owner->shape.assign(array.shape.begin(), array.shape.end());
  owner->strides.assign(array.strides.begin(), array.strides.end());
  if (array.strides.empty()) {
    owner->strides.resize(owner->shape.size());
    std::int64_t product = 1;
    for (std::size_t i = owner->shape.size(); i-- > 0;) {
      owner->strides[i] = product;
      // Where no integer holds a stride, the array is refused below, or has no elements.
      if (__builtin_mul_overflow(product, std::max<std::int64_t>(owner->shape[i], 1), &product))
        product = std::numeric_limits<std::int64_t>::max();
    }
  }
  check_array(*buffer, array, owner->strides);
  DLTensor &tensor = owner->managed.dl_tensor;
  tensor.data = buffer->data();
  tensor.device = device_of(*buffer);
  tensor.ndim = std::int32_t(owner->shape.size());
  tensor.dtype = to_dlpack(array.dtype);
  tensor.shape = owner->shape.data();
  tensor.strides = owner->strides.data();
  tensor.byte_offset = std::uint64_t(array.byte_offset);
  owner->buffer = std::move(buffer);
  owner->managed.manager_ctx = owner.get();
  owner->managed.deleter = [](Managed *self) { delete static_cast<Owner<Managed> *>(self->manager_ctx); };
  return &owner.release()->managed;
}

kernels::CacheStrides cache_strides(const Tensor &t) { return {t.stride(0), t.stride(1), t.stride(2), t.stride(3)}; }
kernels::TokenStrides token_strides(const Tensor &t) { return {t.stride(0), t.stride(1), t.stride(2)}; }
kernels::HeadStrides head_strides(const Tensor &t) { return {t.stride(0), t.stride(1), t.stride(2)}; }
kernels::MatrixStrides matrix_strides(const Tensor &t) { return {t.stride(0), t.stride(1)}; }

constexpr const char *cache_shape = "[num_pages, page_size, kv_heads, head_dim]";

} // namespace

DType dtype_of(const DLTensor &tensor) {
  for (const TypeRow &row : types)
    if (tensor.dtype.code == row.code && tensor.dtype.bits == row.bits && tensor.dtype.lanes == 1)
      return row.dtype;
  throw InvalidArgument("Kiln has no element type of DLPack code " + std::to_string(int(tensor.dtype.code)) + ", " +
                        std::to_string(int(tensor.dtype.bits)) + " bits and " +
                        std::to_string(int(tensor.dtype.lanes)) + " lanes");
}

DLDataType to_dlpack(DType dtype) {
  const TypeRow &row = types[std::size_t(dtype)];
  return {row.code, row.bits, 1};
}

Device device_of(const DLTensor &tensor) {
  switch (int(tensor.device.device_type)) {
  case kDLCPU:
  case kDLCUDAHost:
    return Device::cpu();
  case kDLCUDA:
  case kDLCUDAManaged:
    return Device::cuda(tensor.device.device_id);
  default:
    throw InvalidArgument("a tensor is in memory of a device of DLPack type " +
                          std::to_string(int(tensor.device.device_type)) +
                          "; kernels run on memory of the host (1, 3) and of CUDA devices (2, 13): copy it there");
  }
}

const DLTensor &view(const DLManagedTensorVersioned *tensor, bool written) {
  if (!tensor)
    throw InvalidArgument("a tensor of DLPack is missing");
  if (tensor->version.major != 1)
    throw InvalidArgument("a tensor is of DLPack " + std::to_string(tensor->version.major) + "." +
                          std::to_string(tensor->version.minor) +
                          ", and Kiln knows version 1; ask its library for max_version=(1, 0)");
  if (written && (tensor->flags & DLPACK_FLAG_BITMASK_READ_ONLY))
    throw InvalidArgument("a tensor that the kernel writes is read-only; pass a copy that can be written");
  return tensor->dl_tensor;
}

template <class T>
kernels::VectorAdd<T> to_problem(const VectorAddTensors &t) {
  Tensors all("vector_add");
  const DType type = kiln::dtype_of<T>;
  const Tensor x(all, "x", t.x, type, -1, "[n]"), y(all, "y", t.y, type, -1, "[n]"),
      out(all, "out", t.out, type, -1, "[n]");
  y.same_shape(x);
  out.same_shape(x);
  y.dense_size();
  out.dense_size();
  return {x.data<T>(), y.data<T>(), out.data<T>(), x.dense_size()};
}

template <class T>
kernels::Softmax<T> to_problem(const SoftmaxTensors &t) {
  Tensors all("softmax");
  const Tensor in(all, "in", t.in, kiln::dtype_of<T>, -1, "[..., cols]"),
      out(all, "out", t.out, kiln::dtype_of<T>, -1, "[..., cols]");
  out.same_shape(in);
  return {in.data<T>(), out.data<T>(), in.rows(), in.size(in.rank() - 1), in.row_stride(), out.row_stride()};
}

template <class T>
kernels::RmsNorm<T> to_problem(const RmsNormTensors &t) {
  Tensors all("rms_norm");
  const DType type = kiln::dtype_of<T>;
  const Tensor x(all, "x", t.x, type, -1, "[..., cols]"), weight(all, "weight", t.weight, type, 1, "[cols]"),
      out(all, "out", t.out, type, -1, "[..., cols]");
  out.same_shape(x);
  weight.same(0, "elements", x, x.rank() - 1);
  weight.side_by_side(0);
  return {x.data<T>(),          weight.data<T>(), out.data<T>(),    x.rows(),
          x.size(x.rank() - 1), x.row_stride(),   out.row_stride(), t.epsilon};
}

template <class T>
kernels::Matmul<T> to_problem(const MatmulTensors &t) {
  Tensors all("matmul");
  const DType type = kiln::dtype_of<T>;
  const Tensor a(all, "a", t.a, type, 2, "[m, k]"), b(all, "b", t.b, type, 2, "[k, n]"),
      out(all, "out", t.out, type, 2, "[m, n]");
  b.same(0, "rows", a, 1);
  out.same(0, "rows", a, 0);
  out.same(1, "columns", b, 1);
  return {a.data<T>(), b.data<T>(),       out.data<T>(),     a.size(0),          b.size(1),
          a.size(1),   matrix_strides(a), matrix_strides(b), matrix_strides(out)};
}

template <class T>
kernels::KvCacheStore<T> to_problem(const KvCacheStoreTensors &t) {
  Tensors all("kv_cache_store");
  const DType type = kiln::dtype_of<T>;
  const Tensor key(all, "key", t.key, type, 3, "[tokens, kv_heads, head_dim]"),
      value(all, "value", t.value, type, 3, "[tokens, kv_heads, head_dim]"),
      slots(all, "slots", t.slots, i64, 1, "[tokens]"), key_cache(all, "key_cache", t.key_cache, type, 4, cache_shape),
      value_cache(all, "value_cache", t.value_cache, type, 4, cache_shape);
  value.same_shape(key);
  value_cache.same_shape(key_cache);
  slots.same(0, "elements", key, 0);
  key_cache.written(0);
  value_cache.written(0);
  key_cache.same(2, "heads", key, 1);
  key_cache.same(3, "elements in a head", key, 2);
  slots.side_by_side(0);
  return {.tokens = key.size(0),
          .kv_heads = key.size(1),
          .head_dim = key.size(2),
          .page_size = key_cache.size(1),
          .key = key.data<T>(),
          .value = value.data<T>(),
          .slots = slots.data<std::int64_t>(),
          .key_cache = key_cache.data<T>(),
          .value_cache = value_cache.data<T>(),
          .key_stride = token_strides(key),
          .value_stride = token_strides(value),
          .key_cache_stride = cache_strides(key_cache),
          .value_cache_stride = cache_strides(value_cache)};
}

template <class T>
kernels::PagedAttention<T> to_problem(const PagedAttentionTensors &t) {
  Tensors all("paged_attention");
  const DType type = kiln::dtype_of<T>;
  const Tensor q(all, "q", t.q, type, 3, "[batch, heads, head_dim]"),
      key_cache(all, "key_cache", t.key_cache, type, 4, cache_shape),
      value_cache(all, "value_cache", t.value_cache, type, 4, cache_shape),
      table(all, "table", t.table, i32, 2, "[batch, max_pages]"), lengths(all, "lengths", t.lengths, i32, 1, "[batch]"),
      out(all, "out", t.out, type, 3, "[batch, heads, head_dim]");
  value_cache.same_shape(key_cache);
  key_cache.same(3, "elements in a head", q, 2);
  table.same(0, "rows", q, 0);
  lengths.same(0, "elements", q, 0);
  lengths.side_by_side(0);
  out.same_shape(q);
  kernels::PagedAttention<T> problem{.batch = q.size(0),
                                     .heads = q.size(1),
                                     .kv_heads = key_cache.size(2),
                                     .head_dim = q.size(2),
                                     .page_size = key_cache.size(1),
                                     .max_pages = table.size(1),
                                     .scale = t.scale != 0 ? t.scale : 1 / std::sqrt(float(q.size(2))),
                                     .q = q.data<T>(),
                                     .key_cache = key_cache.data<T>(),
                                     .value_cache = value_cache.data<T>(),
                                     .table = table.data<std::int32_t>(),
                                     .lengths = lengths.data<std::int32_t>(),
                                     .out = out.data<T>(),
                                     .workspace = t.workspace,
                                     .workspace_size = t.workspace_size,
                                     .q_stride = head_strides(q),
                                     .out_stride = head_strides(out),
                                     .key_cache_stride = cache_strides(key_cache),
                                     .value_cache_stride = cache_strides(value_cache),
                                     .table_stride = {table.stride(0), table.stride(1)}};
  if (t.lse) {
    const Tensor lse(all, "lse", t.lse, f32, 2, "[batch, heads]");
    lse.same(0, "rows", q, 0);
    lse.same(1, "columns", q, 1);
    problem.lse = lse.data<float>();
    problem.lse_stride = {lse.stride(0), lse.stride(1)};
  }
  return problem;
}

#define INSTANTIATE(T)                                                                                                 \
  template KILN_API kernels::VectorAdd<T> to_problem(const VectorAddTensors &);                                        \
  template KILN_API kernels::Softmax<T> to_problem(const SoftmaxTensors &);                                            \
  template KILN_API kernels::RmsNorm<T> to_problem(const RmsNormTensors &);                                            \
  template KILN_API kernels::Matmul<T> to_problem(const MatmulTensors &);                                              \
  template KILN_API kernels::KvCacheStore<T> to_problem(const KvCacheStoreTensors &);                                  \
  template KILN_API kernels::PagedAttention<T> to_problem(const PagedAttentionTensors &);
KILN_KERNELS_FOR_EACH_TYPE(INSTANTIATE)

DLManagedTensorVersioned *to_dlpack(std::shared_ptr<DeviceBuffer> buffer, const Array &array) {
  auto *tensor = export_array<DLManagedTensorVersioned>(std::move(buffer), array);
  tensor->version = {1, 0};
  return tensor;
}

DLManagedTensor *to_dlpack_unversioned(std::shared_ptr<DeviceBuffer> buffer, const Array &array) {
  return export_array<DLManagedTensor>(std::move(buffer), array);
}

} // namespace kiln::dlpack
