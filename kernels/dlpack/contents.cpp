#include "dlpack/contents.h"

#include "kiln/debug.h"

#include "lib/check.h"

namespace kiln::dlpack {
namespace {

using kernels::Checker;

bool on_host(const DLTensor &tensor) {
  return tensor.device.device_type == kDLCPU || tensor.device.device_type == kDLCUDAHost;
}

/// An element of a tensor of the host's, which to_problem has accepted.
template <class T, class... Index>
T element(const DLTensor &tensor, Index... index) {
  const std::int64_t at[] = {index...};
  std::int64_t offset = 0, dense = 1;
  for (int i = tensor.ndim; i-- > 0; dense *= tensor.shape[i])
    offset += at[i] * (tensor.strides ? tensor.strides[i] : dense);
  return reinterpret_cast<const T *>(static_cast<const char *>(tensor.data) + tensor.byte_offset)[offset];
}

} // namespace

runtime::CallBuffer extent_of(const NamedTensor &named) {
  if (!named.tensor)
    return {};
  const DLTensor &t = *named.tensor;
  std::int64_t first = 0, last = 0, dense = 1;
  for (int i = t.ndim; i-- > 0; dense *= t.shape[i]) {
    if (t.shape[i] == 0)
      return {};
    const std::int64_t reach = (t.shape[i] - 1) * (t.strides ? t.strides[i] : dense);
    (reach < 0 ? first : last) += reach;
  }
  const std::int64_t size = size_of(dtype_of(t));
  return {.name = named.name,
          .address = static_cast<const char *>(t.data) + t.byte_offset + first * size,
          .bytes = std::size_t((last - first + 1) * size)};
}

bool compares_accesses(Device device) {
  return device.kind() == Device::Kind::emulated || (debug::checks() && device.kind() != Device::Kind::cuda);
}

void check_contents(const KvCacheStoreTensors &t) {
  if (!on_host(*t.slots))
    return;
  const Checker check("kv_cache_store");
  const std::int64_t slots = t.key_cache->shape[0] * t.key_cache->shape[1];
  for (std::int64_t i = 0; i < t.slots->shape[0]; ++i) {
    const auto slot = element<std::int64_t>(*t.slots, i);
    check.require(slot < slots, "slots[", i, "] is ", slot, ", but the caches have ", slots, " slots");
  }
}

void check_contents(const PagedAttentionTensors &t) {
  if (!on_host(*t.lengths))
    return;
  const Checker check("paged_attention");
  const std::int64_t pages = t.key_cache->shape[0], page_size = t.key_cache->shape[1], max_pages = t.table->shape[1];
  for (std::int64_t b = 0; b < t.lengths->shape[0]; ++b) {
    const std::int64_t length = element<std::int32_t>(*t.lengths, b);
    check.require(length >= 0 && length <= max_pages * page_size, "lengths[", b, "] is ", length,
                  ", must be from 0 to max_pages * page_size, ", max_pages * page_size);
    for (std::int64_t i = 0; i * page_size < length; ++i) {
      const std::int64_t page = element<std::int32_t>(*t.table, b, i);
      check.require(page >= 0 && page < pages, "table[", b, ", ", i, "] is ", page, ", but the caches have ", pages,
                    " pages");
    }
  }
}

} // namespace kiln::dlpack
