#include "tools/profile_problem.h"

#include "benchmark/device_decode.h"
#include "kiln/device_memory.h"
#include "kiln/kernels/kv_cache.h"
#include "kiln/kernels/matmul.h"
#include "kiln/kernels/paged_attention.h"
#include "kiln/kernels/rms_norm.h"
#include "kiln/kernels/softmax.h"
#include "kiln/kernels/vector_add.h"
#include "kiln/tool_arguments.h"
#include "paged_attention/random_problem.h"

#include <algorithm>
#include <initializer_list>
#include <string>

using namespace kiln;

namespace {

constexpr ConfigMember whole(std::string_view name, int value) { return {name, ConfigMember::Kind::integer, value}; }

/// What a run is told.
struct Request {
  const AnyKernel &kernel;
  std::span<const ConfigMember> members;
  std::span<const ConfigValue> shape;
  std::span<const std::string_view> assignments;
  Device device;

  std::int64_t size(std::string_view name) const {
    const auto member = std::ranges::find(members, name, &ConfigMember::name);
    const auto value = detail::member_of<std::int64_t>(shape[static_cast<std::size_t>(member - members.begin())], name);
    check_elements({value});
    if (value < 1)
      throw InvalidArgument("error: " + kernel.name() + " is not profiled with " + member_text(*member, value) +
                            ": sizes are at least 1");
    return value;
  }

  /// Throws InvalidArgument where an array of that shape is more than a problem for an emulator: before its memory is
  /// asked for, and before the product has overflowed.
  void check_elements(std::initializer_list<std::int64_t> sizes) const {
    constexpr std::int64_t most = std::int64_t(1) << 28;
    std::int64_t elements = 1;
    for (std::int64_t size : sizes) {
      if (size <= most / elements) {
        elements *= std::max<std::int64_t>(size, 1);
        continue;
      }
      std::string text;
      for (std::size_t i = 0; i < members.size(); ++i)
        text += " " + member_text(members[i], shape[i]);
      throw InvalidArgument("error: " + kernel.name() + " is not profiled with" + text + ": an array may have " +
                            std::to_string(most) + " elements");
    }
  }

  template <class Config>
  Config changed(const Config &config) const {
    std::vector<ConfigValue> values;
    for_each_field(config, [&](auto value) { values.push_back(value); });
    for (std::string_view assignment : assignments)
      assign(values, {kernel.name(), "--set", "config field", kernel.fields()}, assignment);
    return detail::config_of<Config>(values);
  }

  kernels::Execution where() const { return {.device = device}; }
};

/// An array of the device.
template <class T>
class Array {
public:
  Array(Device device, const std::vector<T> &values) : memory_(device, values.size() * sizeof(T)) {
    memory_.copy_from_host(values.data(), memory_.bytes());
  }
  /// Of random numbers.
  Array(Device device, std::int64_t size) : Array(device, random(size)) {}

  T *data() { return memory_.as<T>(); }

private:
  static std::vector<T> random(std::int64_t size) {
    std::vector<T> values(static_cast<std::size_t>(size));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = T(kernels::random_number(i));
    return values;
  }

  DeviceBuffer memory_;
};

template <class T>
struct VectorAdd {
  static constexpr ConfigMember shape[] = {whole("size", 16384)};

  static void run(const Request &request) {
    const std::int64_t n = request.size("size");
    Array<T> x(request.device, n), y(request.device, n), out(request.device, n);
    const kernels::VectorAdd<T> problem{.x = x.data(), .y = y.data(), .out = out.data(), .n = n};
    kernels::vector_add(problem, request.changed(kernels::default_config(problem, request.device)), request.where());
  }
};

template <class T>
struct Softmax {
  static constexpr ConfigMember shape[] = {whole("rows", 8), whole("columns", 1024)};

  static void run(const Request &request) {
    const std::int64_t rows = request.size("rows"), columns = request.size("columns");
    request.check_elements({rows, columns});
    Array<T> in(request.device, rows * columns), out(request.device, rows * columns);
    const kernels::Softmax<T> problem{
        .in = in.data(), .out = out.data(), .rows = rows, .cols = columns, .in_stride = columns, .out_stride = columns};
    kernels::softmax(problem, request.changed(kernels::default_config(problem, request.device)), request.where());
  }
};

template <class T>
struct RmsNorm {
  static constexpr ConfigMember shape[] = {whole("rows", 8), whole("columns", 1024)};

  static void run(const Request &request) {
    const std::int64_t rows = request.size("rows"), columns = request.size("columns");
    request.check_elements({rows, columns});
    Array<T> x(request.device, rows * columns), weight(request.device, columns), out(request.device, rows * columns);
    const kernels::RmsNorm<T> problem{.x = x.data(),
                                      .weight = weight.data(),
                                      .out = out.data(),
                                      .rows = rows,
                                      .cols = columns,
                                      .x_stride = columns,
                                      .out_stride = columns};
    kernels::rms_norm(problem, request.changed(kernels::default_config(problem, request.device)), request.where());
  }
};

template <class T>
struct Matmul {
  static constexpr ConfigMember shape[] = {whole("m", 128), whole("n", 128), whole("k", 128)};

  /// The strides of a matrix without gaps, as a layout says; "strided" leaves every second element out.
  static kernels::MatrixStrides strides(kernels::MatrixLayout layout, std::int64_t rows, std::int64_t cols) {
    if (layout == kernels::MatrixLayout::column_major)
      return {1, rows};
    if (layout == kernels::MatrixLayout::strided)
      return {2 * cols, 2};
    return {cols, 1};
  }

  static void run(const Request &request) {
    const std::int64_t m = request.size("m"), n = request.size("n"), k = request.size("k");
    request.check_elements({2, m, k});
    request.check_elements({2, k, n});
    request.check_elements({m, n});
    Array<T> a(request.device, 2 * m * k), b(request.device, 2 * k * n), out(request.device, m * n);
    kernels::Matmul<T> problem{.a = a.data(),
                               .b = b.data(),
                               .out = out.data(),
                               .m = m,
                               .n = n,
                               .k = k,
                               .a_stride = {k, 1},
                               .b_stride = {n, 1},
                               .out_stride = {n, 1}};
    const kernels::MatmulConfig config = request.changed(kernels::default_config(problem, request.device));
    problem.a_stride = strides(config.a_layout, m, k);
    problem.b_stride = strides(config.b_layout, k, n);
    kernels::matmul(problem, config, request.where());
  }
};

template <class T>
struct KvCacheStore {
  static constexpr ConfigMember shape[] = {whole("tokens", 16), whole("heads", 8), whole("head_dim", 128),
                                           whole("page", 16)};

  static void run(const Request &request) {
    const std::int64_t tokens = request.size("tokens"), heads = request.size("heads"), dim = request.size("head_dim"),
                       page = request.size("page");
    request.check_elements({2 * tokens + page, heads, dim});
    // Every second slot of as many pages as that takes.
    std::vector<std::int64_t> places;
    for (std::int64_t i = 0; i < tokens; ++i)
      places.push_back(2 * i);
    const std::int64_t token = heads * dim, pages = (2 * tokens + page - 1) / page;
    Array<T> key(request.device, tokens * token), value(request.device, tokens * token);
    Array<T> key_cache(request.device, pages * page * token), value_cache(request.device, pages * page * token);
    Array<std::int64_t> slots(request.device, places);
    const kernels::TokenStrides from{token, dim, 1};
    const kernels::CacheStrides to{page * token, token, dim, 1};
    const kernels::KvCacheStore<T> problem{.tokens = tokens,
                                           .kv_heads = heads,
                                           .head_dim = dim,
                                           .page_size = page,
                                           .key = key.data(),
                                           .value = value.data(),
                                           .slots = slots.data(),
                                           .key_cache = key_cache.data(),
                                           .value_cache = value_cache.data(),
                                           .key_stride = from,
                                           .value_stride = from,
                                           .key_cache_stride = to,
                                           .value_cache_stride = to};
    kernels::kv_cache_store(problem, request.changed(kernels::default_config(problem)), request.where());
  }
};

template <class T>
struct PagedAttention {
  static constexpr ConfigMember shape[] = {whole("batch", 2), whole("length", 256),   whole("heads", 8),
                                           whole("group", 4), whole("head_dim", 128), whole("page", 16)};

  static void run(const Request &request) {
    const std::int64_t batch = request.size("batch"), length = request.size("length"), heads = request.size("heads"),
                       group = request.size("group"), dim = request.size("head_dim"), page = request.size("page");
    request.check_elements({batch, length + page, heads, dim});
    request.check_elements({batch, heads, group, dim});
    const std::vector<std::int32_t> lengths(static_cast<std::size_t>(batch), static_cast<std::int32_t>(length));
    const kernels::RandomPagedAttention<T> host(
        lengths, {.kv_heads = heads, .group = group, .head_dim = dim, .page_size = page});
    bench::DeviceDecode<T> decode(host, request.device);
    const auto config = request.changed(kernels::default_config(decode.problem, request.device));
    decode.reserve(config);
    kernels::paged_attention(decode.problem, config, request.where());
  }
};

struct Entry {
  std::string_view kernel;
  std::span<const ConfigMember> shape;
  void (*run)(const Request &request);
};

template <template <class> class Family>
constexpr Entry entry(std::string_view name, int type) {
  constexpr void (*runs[])(const Request &) = {Family<half>::run, Family<bfloat16>::run, Family<float>::run};
  return {name, Family<half>::shape, runs[type]};
}

constexpr Entry entries[] = {
    entry<VectorAdd>("vector_add_f16", 0),
    entry<VectorAdd>("vector_add_bf16", 1),
    entry<VectorAdd>("vector_add_f32", 2),
    entry<Softmax>("softmax_f16", 0),
    entry<Softmax>("softmax_bf16", 1),
    entry<Softmax>("softmax_f32", 2),
    entry<RmsNorm>("rms_norm_f16", 0),
    entry<RmsNorm>("rms_norm_bf16", 1),
    entry<RmsNorm>("rms_norm_f32", 2),
    entry<Matmul>("matmul_f16", 0),
    entry<Matmul>("matmul_bf16", 1),
    entry<Matmul>("matmul_f32", 2),
    entry<KvCacheStore>("kv_cache_store_f16", 0),
    entry<KvCacheStore>("kv_cache_store_bf16", 1),
    entry<KvCacheStore>("kv_cache_store_f32", 2),
    entry<PagedAttention>("paged_attention_decode_f16", 0),
    entry<PagedAttention>("paged_attention_decode_bf16", 1),
    entry<PagedAttention>("paged_attention_decode_f32", 2),
};

const Entry &entry_of(const AnyKernel &kernel) {
  const auto found = std::ranges::find(entries, std::string_view(kernel.name()), &Entry::kernel);
  if (found == std::end(entries))
    throw InvalidArgument("error: there is no problem to profile " + kernel.name() + " with");
  return *found;
}

} // namespace

std::span<const ConfigMember> profile_tool::shape_of(const AnyKernel &kernel) { return entry_of(kernel).shape; }

void profile_tool::run(const AnyKernel &kernel, std::span<const ConfigValue> shape,
                       std::span<const std::string_view> assignments, Device device) {
  const Entry &entry = entry_of(kernel);
  entry.run({kernel, entry.shape, shape, assignments, device});
}
