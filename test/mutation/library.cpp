#include "library.h"

#include "kv_cache/kernel.h"
#include "matmul/kernel.h"
#include "paged_attention/kernel.h"
#include "paged_attention/random_problem.h"
#include "rms_norm/kernel.h"
#include "softmax/kernel.h"
#include "vector_add/kernel.h"

using namespace kiln;
using namespace kiln::test;

namespace {

using Size = std::int64_t;

/// The arrays of one problem, and the kernel that works on them.
struct Problem {
  std::vector<std::shared_ptr<void>> memory;
  std::vector<std::span<const std::byte>> outputs;
  std::unique_ptr<Subject> subject;

  template <class T>
  T *keep(const char *name, std::vector<T> values, typename Array<T>::Role role) {
    auto array = std::make_shared<Array<T>>(name, std::move(values), role);
    memory.push_back(array);
    return array->data();
  }
  template <class T>
  T *input(const char *name, Size size) {
    std::vector<T> values(std::size_t(size), T(0));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = T(kernels::random_number(i));
    return keep(name, std::move(values), Array<T>::Role::input);
  }
  template <class T>
  T *input(const char *name, std::vector<T> values) {
    return keep(name, std::move(values), Array<T>::Role::input);
  }
  template <class T>
  T *output(const char *name, Size size) {
    T *data = keep(name, std::vector<T>(std::size_t(size), T(0)), Array<T>::Role::output);
    outputs.push_back(std::as_bytes(std::span(data, std::size_t(size))));
    return data;
  }
};

template <class... Arguments>
std::shared_ptr<Subject> finish(std::shared_ptr<Problem> problem, const Arguments &...arguments) {
  problem->subject = std::make_unique<Subject>(arguments...);
  for (std::span<const std::byte> output : problem->outputs)
    problem->subject->watch(output);
  return {problem, problem->subject.get()}; // keeps the memory too
}

template <class T>
std::shared_ptr<Subject> vector_add() {
  auto p = std::make_shared<Problem>();
  const Size n = 1016;
  const Kernel kernel{"vector_add", kernels::vector_add_body<T>};
  return finish(p, kernel, kernels::VectorAddConfig{.block = 512}, std::array{2U, 1U, 1U}, p->input<T>("x", n),
                p->input<T>("y", n), p->output<T>("out", n), n);
}

template <class T>
std::shared_ptr<Subject> softmax(kernels::SoftmaxConfig config, std::int32_t columns) {
  auto p = std::make_shared<Problem>();
  const Kernel kernel{"softmax", kernels::softmax_body<T>};
  return finish(p, kernel, config, std::array{2U, 1U, 1U}, p->input<T>("in", 2 * columns),
                p->output<T>("out", 2 * columns), Size(columns), Size(columns), columns);
}

template <class T>
std::shared_ptr<Subject> rms_norm(kernels::RmsNormConfig config, std::int32_t columns) {
  auto p = std::make_shared<Problem>();
  const Kernel kernel{"rms_norm", kernels::rms_norm_body<T>};
  return finish(p, kernel, config, std::array{2U, 1U, 1U}, p->input<T>("x", 2 * columns),
                p->input<T>("weight", columns), p->output<T>("out", 2 * columns), Size(columns), Size(columns), columns,
                1e-5F);
}

template <class T>
std::shared_ptr<Subject> matmul(kernels::MatmulConfig config) {
  auto p = std::make_shared<Problem>();
  const std::int32_t m = 72, n = 48, k = 80;
  const bool a_is_transposed = config.a_layout == kernels::MatrixLayout::column_major,
             b_is_transposed = config.b_layout == kernels::MatrixLayout::column_major;
  const Kernel kernel{"matmul", kernels::matmul_body<T>};
  const auto blocks =
      unsigned(((m + config.block_m - 1) / config.block_m) * ((n + config.block_n - 1) / config.block_n));
  return finish(p, kernel, config, std::array{blocks, 1U, 1U}, p->input<T>("a", Size(m) * k),
                p->input<T>("b", Size(k) * n), p->output<T>("out", Size(m) * n), m, n, k,
                a_is_transposed ? Size(1) : Size(k), a_is_transposed ? Size(m) : Size(1),
                b_is_transposed ? Size(1) : Size(n), b_is_transposed ? Size(k) : Size(1), Size(n));
}

template <class T>
std::shared_ptr<Subject> kv_cache_store() {
  auto p = std::make_shared<Problem>();
  const std::int32_t heads = 3;
  const Size dim = 80, page = 4, token = heads * dim;
  const Kernel kernel{"kv_cache_store", kernels::kv_cache_store_body<T>};
  const kernels::KvCacheStoreConfig config{.head_dim = int(dim), .page_size = int(page), .block_heads = 4};
  return finish(p, kernel, config, std::array{3U, 1U, 1U}, p->input<T>("key", 3 * token),
                p->input<T>("value", 3 * token), p->input("slots", std::vector<std::int64_t>{5, -1, 2}),
                p->input<T>("key_cache", 2 * page * token), p->input<T>("value_cache", 2 * page * token), heads, token,
                dim, Size(1), token, dim, Size(1), page * token, token, dim, Size(1), page * token, token, dim,
                Size(1));
}

template <class T>
std::shared_ptr<Subject> paged_attention(kernels::PagedAttentionConfig config) {
  auto p = std::make_shared<Problem>();
  const std::vector<std::int32_t> lengths{75, 3, 0};
  const kernels::PagedShape shape{
      .kv_heads = 2, .group = config.group, .head_dim = config.head_dim, .page_size = config.page_size};
  const kernels::RandomPagedAttention<T> host(lengths, shape);
  const auto &d = host.problem;
  const auto vector = [](const auto &values) { return std::vector(values.begin(), values.end()); };
  const Kernel kernel{"paged_attention_decode", kernels::paged_attention_body<T>};
  const auto &k = d.key_cache_stride, &v = d.value_cache_stride;
  T *const q = p->input("q", host.q);
  T *const key_cache = p->input("key_cache", vector(host.key_cache));
  T *const value_cache = p->input("value_cache", vector(host.value_cache));
  std::int32_t *const table = p->input("table", host.table);
  std::int32_t *const lengths_of = p->input("lengths", host.lengths);
  T *const out = p->output<T>("out", Size(host.q.size()));
  float *const lse = p->output<float>("lse", d.batch * d.heads);
  return finish(p, kernel, config, std::array{2U, 3U, 1U}, lengths_of, std::int32_t(d.batch), std::int32_t(d.max_pages),
                key_cache, value_cache, k.token, k.head, table, d.table_stride.batch, d.table_stride.entry,
                cdiv(Size(1) << 32, d.batch), k.page, q, d.q_stride.batch, d.q_stride.head, d.scale * 1.442695F,
                std::int32_t(d.kv_heads), std::int32_t(1), static_cast<std::int32_t *>(nullptr),
                static_cast<float *>(nullptr), out, d.out_stride.batch, d.out_stride.head, lse, d.lse_stride.batch,
                d.lse_stride.head, d.q_stride.dim, k.dim, v.page, v.token, v.head, v.dim, d.out_stride.dim);
}

//===----------------------------------------------------------------------===//
// One operation each
//===----------------------------------------------------------------------===//

struct Square {
  int size = 32;
  int num_warps = 4;
};

Tile square(const Square &c) {
  Tile i = arange(0, c.size);
  return col(i) * c.size + row(i);
}

template <class T, class Body>
Case on_square(const char *name, Body body, Square config = {}) {
  return {name, [=] {
            auto p = std::make_shared<Problem>();
            const Kernel kernel{name, body};
            const typename detail::KernelOf<decltype(&Body::operator())>::type &untyped = kernel;
            const Size size = Size(config.size) * config.size;
            return finish(p, untyped, config, std::array{1U, 1U, 1U}, p->input<T>("x", size),
                          p->output<T>("out", size));
          }};
}

} // namespace

std::vector<Case> test::library_cases() {
  using enum kernels::MatrixLayout;
  const kernels::MatmulConfig small{.block_m = 32, .block_n = 32, .block_k = 32, .num_warps = 4};
  kernels::MatmulConfig transposed = small;
  transposed.a_layout = transposed.b_layout = column_major;
  const kernels::PagedAttentionConfig paged{
      .head_dim = 64, .group = 4, .page_size = 16, .block_n = 32, .lse = true, .num_warps = 4};
  kernels::PagedAttentionConfig odd = paged;
  odd.head_dim = 48;
  odd.group = 3;
  odd.page_size = 5;
  return {
      {"vector_add f32", [] { return vector_add<float>(); }},
      {"softmax f16", [] { return softmax<half>({.block = 1024, .num_warps = 4}, 1000); }},
      {"softmax f32, in chunks", [] { return softmax<float>({.block = 256, .chunked = true, .num_warps = 4}, 600); }},
      {"rms_norm bf16", [] { return rms_norm<bfloat16>({.block = 1024, .num_warps = 4}, 1000); }},
      {"rms_norm f32, in chunks", [] { return rms_norm<float>({.block = 256, .chunked = true, .num_warps = 2}, 600); }},
      {"matmul f16", [=] { return matmul<half>(small); }},
      {"matmul bf16, columns first", [=] { return matmul<bfloat16>(transposed); }},
      {"matmul f32", [=] { return matmul<float>(small); }},
      {"kv_cache_store f16", [] { return kv_cache_store<half>(); }},
      {"paged_attention f16", [=] { return paged_attention<half>(paged); }},
      {"paged_attention bf16, odd sizes", [=] { return paged_attention<bfloat16>(odd); }},
      {"paged_attention f32", [=] { return paged_attention<float>(paged); }},
  };
}

std::vector<Case> test::exchange_cases() {
  std::vector<Case> cases;
  cases.push_back(on_square<half>("transposition", [](const Square &c, ptr<const half> x, ptr<half> out) {
    store(out + square(c), trans(load(x + square(c))));
  }));
  cases.push_back(on_square<float>("reduction", [](const Square &c, ptr<const float> x, ptr<float> out) {
    Tile t = load(x + square(c));
    store(out + square(c), t - col(sum(t, 1)) * row(max(t, 0)));
  }));
  cases.push_back(on_square<float>("reduction to a scalar", [](const Square &c, ptr<const float> x, ptr<float> out) {
    Tile t = load(x + square(c));
    store(out + square(c), t - sum(sum(t, 1), 0));
  }));
  cases.push_back(on_square<float>("position of the largest", [](const Square &c, ptr<const float> x, ptr<float> out) {
    Tile t = load(x + square(c));
    store(out + square(c), t + row(argmax(t, 0).to(f32)));
  }));
  cases.push_back(on_square<float>("scan", [](const Square &c, ptr<const float> x, ptr<float> out) {
    store(out + square(c), cumsum(cumsum(load(x + square(c)), 1), 0));
  }));
  cases.push_back(on_square<half>("dot f16", [](const Square &c, ptr<const half> x, ptr<half> out) {
    Tile t = load(x + square(c));
    store(out + square(c), dot(t, trans(t)).to(f16));
  }));
  cases.push_back(on_square<float>("dot f32", [](const Square &c, ptr<const float> x, ptr<float> out) {
    Tile t = load(x + square(c));
    store(out + square(c), dot(t, dot(t, trans(t))));
  }));
  cases.push_back(on_square<std::int32_t>("store, then load",
                                          [](const Square &c, ptr<const std::int32_t> x, ptr<std::int32_t> out) {
                                            store(out + square(c), load(x + square(c)));
                                            Tile reversed = load(out + c.size * c.size - 1 - square(c));
                                            store(out + square(c), reversed);
                                          }));
  cases.push_back(on_square<std::int32_t>("loop of exchanges",
                                          [](const Square &c, ptr<const std::int32_t> x, ptr<std::int32_t> out) {
                                            Tile t = load(x + square(c));
                                            for (Tile k : range(0, 3))
                                              t = trans(t) + k;
                                            store(out + square(c), t);
                                          }));
  return cases;
}
