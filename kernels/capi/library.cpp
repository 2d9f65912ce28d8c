// The kernels of the library in the C API, and their configs.
#include "capi/objects.h"

#include "kiln/dlpack.h"
#include "kiln/tool_arguments.h"

#include "lib/check.h"

#include <algorithm>
#include <array>
#include <cmath>

using namespace kiln;
using namespace kiln::capi;
using kernels::CacheStrides;
using kernels::HeadStrides;
using kernels::MatrixStrides;
using kernels::TokenStrides;

namespace {

// ---- Each kernel: its structures of C beside those of C++.

CacheStrides cache_strides(const std::int64_t (&s)[4]) { return {s[0], s[1], s[2], s[3]}; }
TokenStrides token_strides(const std::int64_t (&s)[3]) { return {s[0], s[1], s[2]}; }
HeadStrides head_strides(const std::int64_t (&s)[3]) { return {s[0], s[1], s[2]}; }
MatrixStrides matrix_strides(const std::int64_t (&s)[2]) { return {s[0], s[1]}; }

template <std::size_t N>
void set(std::int64_t (&to)[N], const std::int64_t (&from)[N]) {
  std::copy_n(from, N, to);
}
void set(std::int64_t (&to)[4], const CacheStrides &s) { set(to, {s.page, s.token, s.head, s.dim}); }
void set(std::int64_t (&to)[3], const TokenStrides &s) { set(to, {s.token, s.head, s.dim}); }
void set(std::int64_t (&to)[3], const HeadStrides &s) { set(to, {s.batch, s.head, s.dim}); }
void set(std::int64_t (&to)[2], const MatrixStrides &s) { set(to, {s.row, s.col}); }

template <class T>
const T *in(const void *pointer) {
  return static_cast<const T *>(pointer);
}
template <class T>
T *out(void *pointer) {
  return static_cast<T *>(pointer);
}

struct VectorAdd {
  using Problem = kiln_vector_add_problem;
  using Tensors = kiln_vector_add_tensors;
  using Config = kernels::VectorAddConfig;
  static constexpr const char *name = "vector_add";

  static const DLTensor *first(const Tensors &t) { return t.x; }
  static dlpack::VectorAddTensors tensors(const Tensors &t) { return {t.x, t.y, t.out}; }
  template <class T>
  static kernels::VectorAdd<T> typed(const Problem &p) {
    return {in<T>(p.x), in<T>(p.y), out<T>(p.out), p.n};
  }
  template <class T>
  static void fill(Problem &to, const kernels::VectorAdd<T> &p) {
    to.n = p.n, to.x = p.x, to.y = p.y, to.out = p.out;
  }
  template <class... A>
  static void run(const A &...arguments) {
    kernels::vector_add(arguments...);
  }
};

struct Softmax {
  using Problem = kiln_softmax_problem;
  using Tensors = kiln_softmax_tensors;
  using Config = kernels::SoftmaxConfig;
  static constexpr const char *name = "softmax";

  static const DLTensor *first(const Tensors &t) { return t.in; }
  static dlpack::SoftmaxTensors tensors(const Tensors &t) { return {t.in, t.out}; }
  template <class T>
  static kernels::Softmax<T> typed(const Problem &p) {
    return {in<T>(p.in), out<T>(p.out), p.rows, p.cols, p.in_stride, p.out_stride};
  }
  template <class T>
  static void fill(Problem &to, const kernels::Softmax<T> &p) {
    to.rows = p.rows, to.cols = p.cols, to.in = p.in, to.out = p.out;
    to.in_stride = p.in_stride, to.out_stride = p.out_stride;
  }
  template <class... A>
  static void run(const A &...arguments) {
    kernels::softmax(arguments...);
  }
};

struct RmsNorm {
  using Problem = kiln_rms_norm_problem;
  using Tensors = kiln_rms_norm_tensors;
  using Config = kernels::RmsNormConfig;
  static constexpr const char *name = "rms_norm";

  static const DLTensor *first(const Tensors &t) { return t.x; }
  static dlpack::RmsNormTensors tensors(const Tensors &t) { return {t.x, t.weight, t.out, t.epsilon}; }
  template <class T>
  static kernels::RmsNorm<T> typed(const Problem &p) {
    return {in<T>(p.x), in<T>(p.weight), out<T>(p.out), p.rows, p.cols, p.x_stride, p.out_stride, p.epsilon};
  }
  template <class T>
  static void fill(Problem &to, const kernels::RmsNorm<T> &p) {
    to.epsilon = p.epsilon, to.rows = p.rows, to.cols = p.cols, to.x = p.x, to.weight = p.weight, to.out = p.out;
    to.x_stride = p.x_stride, to.out_stride = p.out_stride;
  }
  template <class... A>
  static void run(const A &...arguments) {
    kernels::rms_norm(arguments...);
  }
};

struct Matmul {
  using Problem = kiln_matmul_problem;
  using Tensors = kiln_matmul_tensors;
  using Config = kernels::MatmulConfig;
  static constexpr const char *name = "matmul";

  static const DLTensor *first(const Tensors &t) { return t.a; }
  static dlpack::MatmulTensors tensors(const Tensors &t) { return {t.a, t.b, t.out}; }
  template <class T>
  static kernels::Matmul<T> typed(const Problem &p) {
    return {in<T>(p.a),
            in<T>(p.b),
            out<T>(p.out),
            p.m,
            p.n,
            p.k,
            matrix_strides(p.a_stride),
            matrix_strides(p.b_stride),
            matrix_strides(p.out_stride)};
  }
  template <class T>
  static void fill(Problem &to, const kernels::Matmul<T> &p) {
    to.m = p.m, to.n = p.n, to.k = p.k, to.a = p.a, to.b = p.b, to.out = p.out;
    set(to.a_stride, p.a_stride), set(to.b_stride, p.b_stride), set(to.out_stride, p.out_stride);
  }
  template <class... A>
  static void run(const A &...arguments) {
    kernels::matmul(arguments...);
  }
};

struct KvCacheStore {
  using Problem = kiln_kv_cache_store_problem;
  using Tensors = kiln_kv_cache_store_tensors;
  using Config = kernels::KvCacheStoreConfig;
  static constexpr const char *name = "kv_cache_store";

  static const DLTensor *first(const Tensors &t) { return t.key; }
  static dlpack::KvCacheStoreTensors tensors(const Tensors &t) {
    return {t.key, t.value, t.slots, t.key_cache, t.value_cache};
  }
  template <class T>
  static kernels::KvCacheStore<T> typed(const Problem &p) {
    return {.tokens = p.tokens,
            .kv_heads = p.kv_heads,
            .head_dim = p.head_dim,
            .page_size = p.page_size,
            .key = in<T>(p.key),
            .value = in<T>(p.value),
            .slots = p.slots,
            .key_cache = out<T>(p.key_cache),
            .value_cache = out<T>(p.value_cache),
            .key_stride = token_strides(p.key_stride),
            .value_stride = token_strides(p.value_stride),
            .key_cache_stride = cache_strides(p.key_cache_stride),
            .value_cache_stride = cache_strides(p.value_cache_stride)};
  }
  template <class T>
  static void fill(Problem &to, const kernels::KvCacheStore<T> &p) {
    to.tokens = p.tokens, to.kv_heads = p.kv_heads, to.head_dim = p.head_dim, to.page_size = p.page_size;
    to.key = p.key, to.value = p.value, to.slots = p.slots;
    to.key_cache = p.key_cache, to.value_cache = p.value_cache;
    set(to.key_stride, p.key_stride), set(to.value_stride, p.value_stride);
    set(to.key_cache_stride, p.key_cache_stride), set(to.value_cache_stride, p.value_cache_stride);
  }
  template <class... A>
  static void run(const A &...arguments) {
    kernels::kv_cache_store(arguments...);
  }
};

struct PagedAttention {
  using Problem = kiln_paged_attention_decode_problem;
  using Tensors = kiln_paged_attention_decode_tensors;
  using Config = kernels::PagedAttentionConfig;
  static constexpr const char *name = "paged_attention_decode";

  static const DLTensor *first(const Tensors &t) { return t.q; }
  static dlpack::PagedAttentionTensors tensors(const Tensors &t) {
    return {t.q, t.key_cache, t.value_cache, t.table, t.lengths, t.out, t.lse, t.scale, t.workspace, t.workspace_size};
  }
  template <class T>
  static kernels::PagedAttention<T> typed(const Problem &p) {
    return {.batch = p.batch,
            .heads = p.heads,
            .kv_heads = p.kv_heads,
            .head_dim = p.head_dim,
            .page_size = p.page_size,
            .max_pages = p.max_pages,
            .scale = p.scale != 0 ? p.scale : 1 / std::sqrt(float(p.head_dim)),
            .q = in<T>(p.q),
            .key_cache = in<T>(p.key_cache),
            .value_cache = in<T>(p.value_cache),
            .table = p.table,
            .lengths = p.lengths,
            .out = out<T>(p.out),
            .lse = p.lse,
            .workspace = p.workspace,
            .workspace_size = p.workspace_size,
            .q_stride = head_strides(p.q_stride),
            .out_stride = head_strides(p.out_stride),
            .key_cache_stride = cache_strides(p.key_cache_stride),
            .value_cache_stride = cache_strides(p.value_cache_stride),
            .table_stride = {p.table_stride[0], p.table_stride[1]},
            .lse_stride = {p.lse_stride[0], p.lse_stride[1]}};
  }
  template <class T>
  static void fill(Problem &to, const kernels::PagedAttention<T> &p) {
    to.scale = p.scale, to.batch = p.batch, to.heads = p.heads, to.kv_heads = p.kv_heads, to.head_dim = p.head_dim;
    to.page_size = p.page_size, to.max_pages = p.max_pages;
    to.q = p.q, to.key_cache = p.key_cache, to.value_cache = p.value_cache;
    to.table = p.table, to.lengths = p.lengths, to.out = p.out, to.lse = p.lse;
    to.workspace = p.workspace, to.workspace_size = p.workspace_size;
    set(to.q_stride, p.q_stride), set(to.out_stride, p.out_stride);
    set(to.key_cache_stride, p.key_cache_stride), set(to.value_cache_stride, p.value_cache_stride);
    set(to.table_stride, {p.table_stride.batch, p.table_stride.entry});
    set(to.lse_stride, {p.lse_stride.batch, p.lse_stride.head});
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
    const auto &problem = sized(p, F::name);
    with_type(problem.dtype, F::name,
              [&]<class T>(T) { run<F>(F::template typed<T>(problem), config, device_of(problem.device), stream); });
  });
}

/// Calls `body` with a typed problem made of tensors, their element type and the device.
template <class F, class Body>
void with_tensors(const typename F::Tensors *t, Body &&body) {
  const auto &tensors = sized(t, F::name);
  const DLTensor *first = F::first(tensors);
  if (!first) // says which one is missing
    dlpack::to_problem<float>(F::tensors(tensors));
  const int dtype = int(dlpack::dtype_of(*first));
  with_type(dtype, F::name, [&]<class T>(T) {
    const auto problem = dlpack::to_problem<T>(F::tensors(tensors));
    body(problem, dtype, device_for<F>(tensors, *first));
  });
}

template <class F>
kiln_status launch_tensors(const typename F::Tensors *t, const kiln_config *config, void *stream) {
  return guarded([&] {
    with_tensors<F>(t, [&](const auto &problem, int, Device device) { run<F>(problem, config, device, stream); });
  });
}

template <class F>
kiln_status convert(const typename F::Tensors *t, typename F::Problem *p) {
  return guarded([&] {
    auto &result = sized(p, F::name);
    with_tensors<F>(t, [&](const auto &problem, int dtype, Device device) {
      const kiln_device *handle = nullptr;
      if (const kiln_status status = kiln_device_find(device.name().c_str(), &handle); status != KILN_OK)
        throw DeviceError(kiln_last_error());
      F::fill(result, problem);
      result.device = handle;
      result.dtype = dtype;
    });
  });
}

template <class F>
kiln_status defaults(const typename F::Problem *p, kiln_config **config) {
  return guarded([&] {
    const auto &problem = sized(p, F::name);
    auto &result = not_null(config, F::name, "config");
    with_type(problem.dtype, F::name, [&]<class T>(T) {
      const auto typed = F::template typed<T>(problem);
      auto made = std::make_unique<kiln_config>(&find_family(F::name));
      for_each_field(default_config_of(typed, device_of(problem.device)),
                     [&](const auto &value) { made->values.push_back(static_cast<double>(value)); });
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
    result = new kiln_config{&family, std::vector<double>(n), std::vector<bool>(n)};
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
    result = values[i];
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
    const auto &problem = sized(p, PagedAttention::name);
    auto &result = not_null(bytes, PagedAttention::name, "bytes");
    with_type(problem.dtype, PagedAttention::name, [&]<class T>(T) {
      const auto typed = PagedAttention::typed<T>(problem);
      const Device device = device_of(problem.device);
      result =
          kernels::workspace_bytes(typed, resolve<PagedAttention>(config, default_config_of(typed, device)), device);
    });
  });
}
