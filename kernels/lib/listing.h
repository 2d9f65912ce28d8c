// How each family enters its kernels into the registry.
#pragma once

#include "kiln/kernels/registry.h"
#include "kiln/kiln.h"

#include <initializer_list>
#include <string>

namespace kiln::kernels {

/// "softmax" and half give "softmax_f16".
template <class T>
std::string typed_name(const char *family) {
  return std::string(family) + "_" + name_of(dtype_of<T>);
}

/// Collects entries; the families' list_ functions fill it.
class KernelList {
public:
  std::vector<KernelEntry> entries;

  template <class Config, class... Params>
  void add(std::initializer_list<const char *> field_names, const Kernel<Config, Params...> &kernel) {
    using K = Kernel<Config, Params...>;
    KernelEntry &entry = entries.emplace_back();
    entry.name = kernel.name();
    auto name = field_names.begin();
    for_each_field(Config{}, [&](auto value) { entry.fields.push_back({*name++, std::int64_t(value)}); });
    entry.kernel_ = &kernel;
    entry.trace_ = [](const detail::KernelBase *k, std::span<const std::int64_t> values) {
      return static_cast<const K *>(k)->trace(config_of<Config>(values));
    };
    entry.compile_ = [](const detail::KernelBase *k, std::span<const std::int64_t> values, Device device) {
      return static_cast<const K *>(k)->compile(config_of<Config>(values), device);
    };
  }

private:
  template <class Config>
  static Config config_of(std::span<const std::int64_t> values) {
    Config config{};
    std::size_t i = 0;
    // for_each_field only reads; the object is ours and not const.
    for_each_field(config, [&]<class Field>(const Field &field) { const_cast<Field &>(field) = Field(values[i++]); });
    return config;
  }
};

void list_vector_add(KernelList &list);
void list_softmax(KernelList &list);
void list_rms_norm(KernelList &list);
void list_matmul(KernelList &list);
void list_kv_cache(KernelList &list);
void list_paged_attention(KernelList &list);

} // namespace kiln::kernels
