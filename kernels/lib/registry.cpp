#include "lib/listing.h"

namespace kiln::kernels {

void KernelEntry::check(std::span<const std::int64_t> values) const {
  if (values.size() != fields.size())
    throw InvalidArgument(name + ": the config has " + std::to_string(fields.size()) + " members, " +
                          std::to_string(values.size()) + " values were given");
}

std::span<const KernelEntry> all_kernels() {
  static const std::vector<KernelEntry> entries = [] {
    KernelList list;
    list_vector_add(list);
    list_softmax(list);
    list_rms_norm(list);
    list_matmul(list);
    list_kv_cache(list);
    list_paged_attention(list);
    return std::move(list.entries);
  }();
  return entries;
}

const KernelEntry &find_kernel(std::string_view name) {
  for (const KernelEntry &entry : all_kernels())
    if (entry.name == name)
      return entry;
  throw InvalidArgument("error: the library has no kernel '" + std::string(name) + "'");
}

} // namespace kiln::kernels
