// The kernels of the library in the C API, and their configs.
#include "capi/objects.h"
#include "capi/sized.h"

#include "kiln/dlpack.h"
#include "kiln/tool_arguments.h"

#include "dlpack/contents.h"
#include "lib/check.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <optional>
#include <vector>

using namespace kiln;
using namespace kiln::capi;

namespace {

// ---- Each kernel: its structures of C beside those of C++.

// A problem's members have the same names in both, and one list of them serves both ways: `each` is called with the
// member in C and the one in C++.

/// Into C++.
struct Read {
  template <class C, class V>
  void operator()(const C &c, V &cpp) const {
    if constexpr (std::is_pointer_v<V>)
      cpp = static_cast<V>(c); // an untyped one, but for those to lengths and the like
    else
      cpp = c;
  }
  /// Strides are an array in C, and a structure of so many numbers in that order in C++.
  template <class S, std::size_t N>
  void operator()(const std::int64_t (&c)[N], S &cpp) const {
    cpp = std::bit_cast<S>(std::to_array(c));
  }
};

/// Into C.
struct Write {
  template <class C, class V>
  void operator()(C &c, const V &cpp) const {
    c = cpp;
  }
  template <class S, std::size_t N>
  void operator()(std::int64_t (&c)[N], const S &cpp) const {
    std::ranges::copy(std::bit_cast<std::array<std::int64_t, N>>(cpp), c);
  }
};

/// A kernel's types, by the names that what follows knows them by.
template <class CProblem, class CTensors, class CppConfig, template <class> class CppProblem>
struct KernelTypes {
  using Problem = CProblem;
  using Tensors = CTensors;
  using Config = CppConfig;
  template <class T>
  using Typed = CppProblem<T>;
};

struct VectorAdd
    : KernelTypes<kiln_vector_add_problem, kiln_vector_add_tensors, kernels::VectorAddConfig, kernels::VectorAdd> {
  static constexpr const char *name = "vector_add";

  static const DLTensor *first(const Tensors &t) { return t.x; }
  static dlpack::VectorAddTensors tensors(const Tensors &t) { return {t.x, t.y, t.out}; }
  static auto named(const Tensors &t) {
    return std::to_array<dlpack::NamedTensor>({{"x", t.x}, {"y", t.y}, {"out", t.out}});
  }
  template <class P, class K, class Each>
  static void members(P &c, K &cpp, const Each &each) {
    each(c.n, cpp.n), each(c.x, cpp.x), each(c.y, cpp.y), each(c.out, cpp.out);
  }
  static void run(const auto &...arguments) { kernels::vector_add(arguments...); }
};

struct Softmax : KernelTypes<kiln_softmax_problem, kiln_softmax_tensors, kernels::SoftmaxConfig, kernels::Softmax> {
  static constexpr const char *name = "softmax";

  static const DLTensor *first(const Tensors &t) { return t.in; }
  static dlpack::SoftmaxTensors tensors(const Tensors &t) { return {t.in, t.out}; }
  static auto named(const Tensors &t) { return std::to_array<dlpack::NamedTensor>({{"in", t.in}, {"out", t.out}}); }
  template <class P, class K, class Each>
  static void members(P &c, K &cpp, const Each &each) {
    each(c.rows, cpp.rows), each(c.cols, cpp.cols), each(c.in, cpp.in), each(c.out, cpp.out);
    each(c.in_stride, cpp.in_stride), each(c.out_stride, cpp.out_stride);
  }
  static void run(const auto &...arguments) { kernels::softmax(arguments...); }
};

struct RmsNorm : KernelTypes<kiln_rms_norm_problem, kiln_rms_norm_tensors, kernels::RmsNormConfig, kernels::RmsNorm> {
  static constexpr const char *name = "rms_norm";

  static const DLTensor *first(const Tensors &t) { return t.x; }
  static dlpack::RmsNormTensors tensors(const Tensors &t) { return {t.x, t.weight, t.out, t.epsilon}; }
  static auto named(const Tensors &t) {
    return std::to_array<dlpack::NamedTensor>({{"x", t.x}, {"weight", t.weight}, {"out", t.out}});
  }
  template <class P, class K, class Each>
  static void members(P &c, K &cpp, const Each &each) {
    each(c.epsilon, cpp.epsilon), each(c.rows, cpp.rows), each(c.cols, cpp.cols);
    each(c.x, cpp.x), each(c.weight, cpp.weight), each(c.out, cpp.out);
    each(c.x_stride, cpp.x_stride), each(c.out_stride, cpp.out_stride);
  }
  static void run(const auto &...arguments) { kernels::rms_norm(arguments...); }
};

struct Matmul : KernelTypes<kiln_matmul_problem, kiln_matmul_tensors, kernels::MatmulConfig, kernels::Matmul> {
  static constexpr const char *name = "matmul";

  static const DLTensor *first(const Tensors &t) { return t.a; }
  static dlpack::MatmulTensors tensors(const Tensors &t) { return {t.a, t.b, t.out}; }
  static auto named(const Tensors &t) {
    return std::to_array<dlpack::NamedTensor>({{"a", t.a}, {"b", t.b}, {"out", t.out}});
  }
  template <class P, class K, class Each>
  static void members(P &c, K &cpp, const Each &each) {
    each(c.m, cpp.m), each(c.n, cpp.n), each(c.k, cpp.k);
    each(c.a, cpp.a), each(c.b, cpp.b), each(c.out, cpp.out);
    each(c.a_stride, cpp.a_stride), each(c.b_stride, cpp.b_stride), each(c.out_stride, cpp.out_stride);
  }
  static void run(const auto &...arguments) { kernels::matmul(arguments...); }
};

struct KvCacheStore : KernelTypes<kiln_kv_cache_store_problem, kiln_kv_cache_store_tensors, kernels::KvCacheStoreConfig,
                                  kernels::KvCacheStore> {
  static constexpr const char *name = "kv_cache_store";

  static const DLTensor *first(const Tensors &t) { return t.key; }
  static dlpack::KvCacheStoreTensors tensors(const Tensors &t) {
    return {t.key, t.value, t.slots, t.key_cache, t.value_cache};
  }
  static auto named(const Tensors &t) {
    return std::to_array<dlpack::NamedTensor>({{"key", t.key},
                                               {"value", t.value},
                                               {"slots", t.slots},
                                               {"key_cache", t.key_cache},
                                               {"value_cache", t.value_cache}});
  }
  template <class P, class K, class Each>
  static void members(P &c, K &cpp, const Each &each) {
    each(c.tokens, cpp.tokens), each(c.kv_heads, cpp.kv_heads), each(c.head_dim, cpp.head_dim);
    each(c.page_size, cpp.page_size), each(c.key, cpp.key), each(c.value, cpp.value), each(c.slots, cpp.slots);
    each(c.key_cache, cpp.key_cache), each(c.value_cache, cpp.value_cache);
    each(c.key_stride, cpp.key_stride), each(c.value_stride, cpp.value_stride);
    each(c.key_cache_stride, cpp.key_cache_stride), each(c.value_cache_stride, cpp.value_cache_stride);
  }
  static void run(const auto &...arguments) { kernels::kv_cache_store(arguments...); }
};

struct PagedAttention : KernelTypes<kiln_paged_attention_decode_problem, kiln_paged_attention_decode_tensors,
                                    kernels::PagedAttentionConfig, kernels::PagedAttention> {
  static constexpr const char *name = "paged_attention_decode";

  static const DLTensor *first(const Tensors &t) { return t.q; }
  static dlpack::PagedAttentionTensors tensors(const Tensors &t) {
    return {t.q, t.key_cache, t.value_cache, t.table, t.lengths, t.out, t.lse, t.scale, t.workspace, t.workspace_size};
  }
  static auto named(const Tensors &t) {
    return std::to_array<dlpack::NamedTensor>({{"q", t.q},
                                               {"key_cache", t.key_cache},
                                               {"value_cache", t.value_cache},
                                               {"table", t.table},
                                               {"lengths", t.lengths},
                                               {"out", t.out},
                                               {"lse", t.lse}});
  }
  template <class P, class K, class Each>
  static void members(P &c, K &cpp, const Each &each) {
    each(c.scale, cpp.scale), each(c.batch, cpp.batch), each(c.heads, cpp.heads);
    each(c.kv_heads, cpp.kv_heads), each(c.head_dim, cpp.head_dim);
    each(c.page_size, cpp.page_size), each(c.max_pages, cpp.max_pages);
    each(c.q, cpp.q), each(c.key_cache, cpp.key_cache), each(c.value_cache, cpp.value_cache);
    each(c.table, cpp.table), each(c.lengths, cpp.lengths), each(c.out, cpp.out);
    each(c.lse, cpp.lse), each(c.workspace, cpp.workspace), each(c.workspace_size, cpp.workspace_size);
    each(c.q_stride, cpp.q_stride), each(c.out_stride, cpp.out_stride);
    each(c.key_cache_stride, cpp.key_cache_stride), each(c.value_cache_stride, cpp.value_cache_stride);
    each(c.table_stride, cpp.table_stride), each(c.lse_stride, cpp.lse_stride);
  }
  template <class T>
  static void run(const kernels::PagedAttention<T> &p, const Config &config, const kernels::Execution &where) {
    if (const std::int64_t needed = kernels::workspace_bytes(p, config, where.device); p.workspace_size < needed)
      throw WorkspaceTooSmall("paged_attention: workspace_size is " + std::to_string(p.workspace_size) +
                              ", must be at least " + std::to_string(needed) +
                              "; kiln_paged_attention_decode_workspace tells how much a problem needs");
    kernels::paged_attention(p, config, where);
  }
};

/// A problem of C in C++.
template <class F, class T>
typename F::template Typed<T> typed(const typename F::Problem &problem) {
  typename F::template Typed<T> result;
  F::members(problem, result, Read());
  if constexpr (std::is_same_v<F, PagedAttention>)
    if (result.scale == 0)
      result.scale = 1 / std::sqrt(float(result.head_dim));
  return result;
}

// ---- Configs

template <class F>
Family family_of() {
  return {F::name, &detail::fields_of<typename F::Config>()};
}

const std::array<Family, 6> &families() {
  static const std::array<Family, 6> all = {family_of<VectorAdd>(),    family_of<Softmax>(),
                                            family_of<RmsNorm>(),      family_of<Matmul>(),
                                            family_of<KvCacheStore>(), family_of<PagedAttention>()};
  return all;
}

std::size_t index_of(const Family &family, std::string_view member) {
  const auto place = std::ranges::find(*family.members, member, &ConfigMember::name);
  return std::size_t(place - family.members->begin());
}

/// The defaults but for what a config of the caller's says.
template <class F>
typename F::Config resolve(const kiln_config *config, typename F::Config defaults) {
  if (!config)
    return defaults;
  kernels::Checker(F::name).require(config->family->name == std::string_view(F::name), "the config is one of ",
                                    config->family->name);
  std::size_t i = 0;
  // for_each_field only reads; the object is ours and not const.
  for_each_field(defaults, [&]<class Field>(const Field &field) {
    if (config->set[i])
      const_cast<Field &>(field) = detail::member_of<Field>(config->values[i], (*config->family->members)[i].name);
    ++i;
  });
  return defaults;
}

template <class P>
auto default_config_of(const P &problem, Device device) {
  if constexpr (requires { kernels::default_config(problem, device); })
    return kernels::default_config(problem, device);
  else
    return kernels::default_config(problem);
}

// ---- The functions

/// Calls `body` with a value of the C++ type of an element.
template <class Body>
void with_type(int dtype, const char *kernel, Body &&body) {
  switch (dtype) {
  case KILN_F16:
    return body(half());
  case KILN_BF16:
    return body(bfloat16());
  case KILN_F32:
    return body(float());
  default:
    kernels::Checker(kernel).require(false, "the elements are of ",
                                     dtype >= KILN_I1 && dtype <= KILN_F64 ? name_of(DType(dtype)) : "no known type",
                                     "; must be of f16, bf16 or f32");
  }
}

/// Where a call runs that names no device, or one that must fit the tensors.
template <class F>
Device device_for(const typename F::Tensors &tensors, const DLTensor &first) {
  const Device memory = dlpack::device_of(first);
  if (!tensors.device)
    return memory;
  const Device asked = tensors.device->device;
  const bool fits = memory.kind() == Device::Kind::cuda ? asked == memory : asked.kind() != Device::Kind::cuda;
  kernels::Checker(F::name).require(fits, "device is ", asked.name(), ", but the tensors are in memory of ",
                                    memory.name(), "; move them, or name no device");
  return asked;
}

template <class F, class P>
void run(const P &problem, const kiln_config *config, Device device, void *stream) {
  F::run(problem, resolve<F>(config, default_config_of(problem, device)), kernels::Execution{device, stream});
}

template <class F>
kiln_status launch(const typename F::Problem *p, const kiln_config *config, void *stream) {
  return guarded([&] {
    const auto problem = read_sized(p, F::name);
    with_type(problem.dtype, F::name,
              [&]<class T>(T) { run<F>(typed<F, T>(problem), config, device_of(problem.device), stream); });
  });
}

/// Calls `body` with a typed problem made of tensors, these, their element type and the device.
template <class F, class Body>
void with_tensors(const typename F::Tensors *t, Body &&body) {
  const auto tensors = read_sized(t, F::name);
  const DLTensor *first = F::first(tensors);
  if (!first) // says which one is missing
    dlpack::to_problem<float>(F::tensors(tensors));
  const int dtype = int(dlpack::dtype_of(*first));
  with_type(dtype, F::name, [&]<class T>(T) {
    const auto problem = dlpack::to_problem<T>(F::tensors(tensors));
    body(problem, tensors, dtype, device_for<F>(tensors, *first));
  });
}

/// The memory of a call, for the checks of its launch.
template <class F>
std::vector<runtime::CallBuffer> memory_of(const typename F::Tensors &tensors) {
  std::vector<runtime::CallBuffer> memory;
  for (const dlpack::NamedTensor &named : F::named(tensors))
    memory.push_back(dlpack::extent_of(named));
  if constexpr (requires { tensors.workspace; })
    memory.push_back({"workspace", tensors.workspace, std::size_t(std::max<std::int64_t>(tensors.workspace_size, 0))});
  return memory;
}

template <class F>
kiln_status launch_tensors(const typename F::Tensors *t, const kiln_config *config, void *stream) {
  return guarded([&] {
    with_tensors<F>(t, [&](const auto &problem, const auto &tensors, int, Device device) {
      if constexpr (requires { dlpack::check_contents(F::tensors(tensors)); })
        dlpack::check_contents(F::tensors(tensors));
      std::optional<runtime::CallBuffers> known;
      if (dlpack::compares_accesses(device))
        known.emplace(memory_of<F>(tensors));
      run<F>(problem, config, device, stream);
    });
  });
}

template <class F>
kiln_status convert(const typename F::Tensors *t, typename F::Problem *p) {
  return guarded([&] {
    auto result = read_sized(p, F::name);
    with_tensors<F>(t, [&](const auto &problem, const auto &, int dtype, Device device) {
      const kiln_device *handle = nullptr;
      if (const kiln_status status = kiln_device_find(device.name().c_str(), &handle); status != KILN_OK)
        throw DeviceError(kiln_last_error());
      F::members(result, problem, Write());
      result.device = handle;
      result.dtype = dtype;
      write_sized(p, result);
    });
  });
}

template <class F>
kiln_status defaults(const typename F::Problem *p, kiln_config **config) {
  return guarded([&] {
    const auto problem = read_sized(p, F::name);
    auto &result = not_null(config, F::name, "config");
    with_type(problem.dtype, F::name, [&]<class T>(T) {
      const auto converted = typed<F, T>(problem);
      auto made = std::make_unique<kiln_config>(&find_family(F::name));
      for_each_field(default_config_of(converted, device_of(problem.device)),
                     [&](const auto &value) { made->values.push_back(value); });
      made->set.assign(made->values.size(), true);
      result = made.release();
    });
  });
}

} // namespace

const Family &capi::find_family(std::string_view name) {
  std::string known;
  for (const Family &family : families()) {
    if (family.name == name)
      return family;
    known += (known.empty() ? "" : ", ") + std::string(family.name);
  }
  throw InvalidArgument("kiln_config_create: the library has no kernel '" + std::string(name) + "'; it has " + known);
}

kiln_status kiln_config_create(const char *kernel, kiln_config **config) {
  return guarded([&] {
    auto &result = not_null(config, "kiln_config_create", "config");
    const Family &family = find_family(&not_null(kernel, "kiln_config_create", "kernel"));
    const std::size_t n = family.members->size();
    result = new kiln_config{&family, std::vector<ConfigValue>(n), std::vector<bool>(n)};
  });
}

void kiln_config_release(kiln_config *config) { delete config; }

kiln_status kiln_config_set(kiln_config *config, const char *assignment) {
  return guarded([&] {
    auto &[family, values, set] = not_null(config, "kiln_config_set", "config");
    const std::string_view text = &not_null(assignment, "kiln_config_set", "assignment");
    assign(values, {family->name, "config", "config field", *family->members}, text);
    set[index_of(*family, text.substr(0, text.find('=')))] = true;
  });
}

kiln_status kiln_config_get(const kiln_config *config, const char *member, double *value) {
  return guarded([&] {
    const auto &[family, values, set] = not_null(config, "kiln_config_get", "config");
    const std::string_view name = &not_null(member, "kiln_config_get", "member");
    auto &result = not_null(value, "kiln_config_get", "value");
    const std::size_t i = index_of(*family, name);
    const kernels::Checker check(family->name);
    check.require(i < values.size(), "the config has no member '", std::string(name), "'");
    check.require(set[i], "the config's member '", std::string(name), "' was not set");
    result = values[i].rounded();
  });
}

const char *kiln_config_member(const kiln_config *config, int index) {
  if (!config || index < 0 || std::size_t(index) >= config->family->members->size())
    return nullptr;
  // The names are parts of longer spellings, which no 0 follows.
  static const auto &names = *new auto([] {
    std::array<std::vector<std::string>, 6> all;
    for (std::size_t i = 0; i < all.size(); ++i)
      for (const ConfigMember &member : *families()[i].members)
        all[i].emplace_back(member.name);
    return all;
  }());
  return names[std::size_t(config->family - families().data())][std::size_t(index)].c_str();
}

#define KILN_DEFINE_KERNEL(F, X)                                                                                       \
  kiln_status kiln_##X(const kiln_##X##_problem *problem, const kiln_config *config, void *stream) {                   \
    return launch<F>(problem, config, stream);                                                                         \
  }                                                                                                                    \
  kiln_status kiln_##X##_dlpack(const kiln_##X##_tensors *tensors, const kiln_config *config, void *stream) {          \
    return launch_tensors<F>(tensors, config, stream);                                                                 \
  }                                                                                                                    \
  kiln_status kiln_##X##_from_dlpack(const kiln_##X##_tensors *tensors, kiln_##X##_problem *problem) {                 \
    return convert<F>(tensors, problem);                                                                               \
  }                                                                                                                    \
  kiln_status kiln_##X##_default_config(const kiln_##X##_problem *problem, kiln_config **config) {                     \
    return defaults<F>(problem, config);                                                                               \
  }

KILN_DEFINE_KERNEL(VectorAdd, vector_add)
KILN_DEFINE_KERNEL(Softmax, softmax)
KILN_DEFINE_KERNEL(RmsNorm, rms_norm)
KILN_DEFINE_KERNEL(Matmul, matmul)
KILN_DEFINE_KERNEL(KvCacheStore, kv_cache_store)
KILN_DEFINE_KERNEL(PagedAttention, paged_attention_decode)

kiln_status kiln_paged_attention_decode_workspace(const kiln_paged_attention_decode_problem *p,
                                                  const kiln_config *config, std::int64_t *bytes) {
  return guarded([&] {
    const auto problem = read_sized(p, PagedAttention::name);
    auto &result = not_null(bytes, PagedAttention::name, "bytes");
    with_type(problem.dtype, PagedAttention::name, [&]<class T>(T) {
      const auto converted = typed<PagedAttention, T>(problem);
      const Device device = device_of(problem.device);
      result = kernels::workspace_bytes(converted,
                                        resolve<PagedAttention>(config, default_config_of(converted, device)), device);
    });
  });
}
