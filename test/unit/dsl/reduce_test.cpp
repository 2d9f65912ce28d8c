// Reductions and scans.
#include "run.h"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

using kiln::arange;
using kiln::Kernel;
using kiln::load;
using kiln::ptr;
using kiln::store;
using kiln::Tile;
using kiln_test::expect_output;
using kiln_test::None;
using kiln_test::on_every_device;

namespace {

constexpr int n = 8;

TEST(Reduce, Integers) {
  Kernel kernel{"integers", [](const None &, ptr<int> out, ptr<const int> in) {
                  auto x = load(in + arange(0, n));
                  Tile results[] = {kiln::sum(x, 0),
                                    kiln::max(x, 0),
                                    kiln::min(x, 0),
                                    kiln::argmax(x, 0),
                                    kiln::argmin(x, 0),
                                    kiln::any(x == 4, 0).to(kiln::i32),
                                    kiln::all(x == 4, 0).to(kiln::i32),
                                    kiln::sum(x > 0, 0),
                                    kiln::sum(x.to(kiln::i8), -1)};
                  for (int i = 0; i < 9; ++i)
                    store(out + i, results[i]);
                }};
  const int in[n] = {3, -7, 4, 4, 0, -7, 127, 127};
  expect_output(kernel, {}, {251, 127, -7, 6, 1, 1, 0, 5, 251}, in);
}

TEST(Reduce, Axes) {
  Kernel kernel{"axes", [](const None &, ptr<int> out) {
                  auto x = kiln::reshape(arange(0, 8), {2, 4});
                  store(out + arange(0, 4), kiln::sum(x, 0));
                  store(out + 4 + arange(0, 2), kiln::sum(x, 1));
                  store(out + 6 + arange(0, 2), kiln::argmax(x % 3, 1));
                  store(out + 8 + arange(0, 4), kiln::argmin(x % 3, 0));
                  store(out + 12, kiln::sum(kiln::sum(x, 0), 0));
                }};
  expect_output(kernel, {}, {4, 6, 8, 10, 6, 22, 2, 1, 0, 0, 1, 0, 28});
}

TEST(Reduce, NanAndZeros) {
  Kernel kernel{"nan", [](const None &, ptr<float> out, ptr<const float> in) {
                  auto x = load(in + arange(0, n));
                  Tile results[] = {kiln::max(x, 0),
                                    kiln::min(x, 0),
                                    kiln::max(x, 0, {.nan = kiln::Nan::ignore}),
                                    kiln::min(x, 0, {.nan = kiln::Nan::ignore}),
                                    kiln::argmax(x, 0).to(kiln::f32),
                                    kiln::argmin(x, 0).to(kiln::f32)};
                  for (int i = 0; i < 6; ++i)
                    store(out + i, results[i]);
                }};
  const float with_nan[n] = {1, -INFINITY, 5, NAN, 5, NAN, -2, 0};
  const float zeros[n] = {-0.0f, 0.0f, -0.0f, -0.0f, 0.0f, -0.0f, -0.0f, -0.0f};
  on_every_device([&](kiln::Device device) {
    float out[6];
    kernel.launch({.device = device}, {}, out, with_nan);
    EXPECT_TRUE(std::isnan(out[0]) && std::isnan(out[1]));
    EXPECT_EQ(out[2], 5);
    EXPECT_EQ(out[3], -INFINITY);
    EXPECT_EQ(out[4], 3); // the first NaN
    EXPECT_EQ(out[5], 3);
    kernel.launch({.device = device}, {}, out, zeros);
    EXPECT_FALSE(std::signbit(out[0]));
    EXPECT_TRUE(std::signbit(out[1]));
    EXPECT_EQ(out[4], 0); // the zeros are equal: the first
    EXPECT_EQ(out[5], 0);
  });
}

TEST(Reduce, HalfSumsAreRoundedOnce) {
  Kernel kernel{"half", [](const None &, ptr<float> out, ptr<const kiln::half> in) {
                  auto x = load(in + arange(0, 64));
                  store(out, kiln::sum(x, 0).to(kiln::f32));
                  store(out + arange(0, 64), kiln::cumsum(x, 0).to(kiln::f32), {.mask = arange(0, 64) == 63});
                }};
  std::vector<kiln::half> in(64, kiln::half(1.0f));
  in[0] = kiln::half(2048.0f); // 2048 + 1 is 2048 in f16
  on_every_device([&](kiln::Device device) {
    std::vector<float> out(64);
    kernel.launch({.device = device}, {}, out.data(), in.data());
    EXPECT_EQ(out[0], 2112); // 2111 to the nearest even of two
    EXPECT_EQ(out[63], 2112);
  });
}

TEST(Reduce, Combiners) {
  Kernel kernel{"combiners", [](const None &, ptr<int> out, ptr<const int> in) {
                  auto i = arange(0, n);
                  auto x = load(in + i);
                  store(out, kiln::reduce(x, 0, [](Tile a, Tile b) { return a * b; }));
                  store(out + 1, kiln::reduce(x, 0, [](const Tile &a, const Tile &b) {
                          return kiln::where(kiln::abs(a) >= kiln::abs(b), a, b); // a host-side choice of operations
                        }));
                  // Two tiles together: the last positive element and its index.
                  auto [value, index] = kiln::reduce(std::array{x, Tile(i)}, 0, [](auto a, auto b) {
                    auto take = (b[0] > 0) | (a[0] <= 0);
                    return std::array{kiln::where(take, b[0], a[0]), kiln::where(take, b[1], a[1])};
                  });
                  store(out + 2, value);
                  store(out + 3, index);
                }};
  const int in[n] = {1, -2, 3, 1, -5, 2, -1, -1};
  expect_output(kernel, {}, {60, -5, 2, 5}, in);
}

TEST(Scan, SumsAndProducts) {
  Kernel kernel{"scans", [](const None &, ptr<int> out, ptr<const int> in) {
                  auto i = arange(0, n);
                  auto x = load(in + i);
                  store(out + i, kiln::cumsum(x, 0));
                  store(out + n + i, kiln::cumsum(x, 0, {.reverse = true}));
                  store(out + 2 * n + i, kiln::cumprod(x, 0));
                  store(out + 3 * n + i, kiln::scan(x, 0, [](Tile a, Tile b) { return kiln::maximum(a, b); }));
                  // Not commutative: the first non-zero so far.
                  store(out + 4 * n + i, kiln::scan(x, 0, [](Tile a, Tile b) { return kiln::where(a != 0, a, b); }));
                  auto two = kiln::cumsum(kiln::reshape(x, {2, 4}), 0);
                  store(out + 5 * n + i, kiln::reshape(two, {n}));
                }};
  const int in[n] = {0, 2, -1, 3, 1, 4, -2, 1};
  expect_output(kernel, {}, {0, 2, 1,  4, 5, 9, 7,  8, //
                             8, 8, 6,  7, 4, 3, -1, 1, //
                             0, 0, 0,  0, 0, 0, 0,  0, //
                             0, 2, 2,  3, 3, 4, 4,  4, //
                             0, 2, 2,  2, 2, 2, 2,  2, //
                             0, 2, -1, 3, 1, 6, -3, 4},
                in);
}

TEST(Scan, TwoTilesTogether) {
  // Composes affine maps x -> a x + b.
  Kernel kernel{"affine", [](const None &, ptr<int> out, ptr<const int> in) {
                  auto i = arange(0, 4);
                  auto [a, b] = kiln::scan(std::array{load(in + i), load(in + 4 + i)}, 0,
                                           [](auto f, auto g) { return std::array{f[0] * g[0], f[1] * g[0] + g[1]}; });
                  store(out + i, a);
                  store(out + 4 + i, b);
                }};
  const int in[8] = {2, 3, 1, -1, 1, 0, 5, 2};
  expect_output(kernel, {}, {2, 6, 6, -6, 1, 3, 8, -6}, in);
}

} // namespace
