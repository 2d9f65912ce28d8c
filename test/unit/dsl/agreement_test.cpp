// Kernels whose lowering for the CPU has to keep values apart, or in order: what it computes is what the interpreter
// does. Elements are small integers, so that every order of summation gives the same bits.
#include "run.h"

#include <cstdint>
#include <utility>

using kiln::arange;
using kiln::col;
using kiln::dot;
using kiln::Kernel;
using kiln::load;
using kiln::ptr;
using kiln::range;
using kiln::row;
using kiln::scalar;
using kiln::store;
using kiln::Tile;
using kiln::zeros;
using kiln_test::None;

namespace {

/// The elements of a matrix that lies densely at `base`.
Tile matrix(const Tile &base, int rows, int columns) {
  return base + col(arange(0, rows)) * columns + row(arange(0, columns));
}

/// Launches `kernel` with an output of `size` elements and two inputs, and expects what the interpreter gives.
template <class T, class A, class B>
void expect_agreement(const Kernel<None, ptr<T>, ptr<const A>, ptr<const B>, scalar<int>> &kernel, int n,
                      std::size_t size) {
  constexpr std::size_t inputs = 4096;
  std::vector<A> a(inputs);
  std::vector<B> b(inputs);
  for (std::size_t i = 0; i < inputs; ++i) {
    a[i] = A(float(int(i * 2654435761u >> 7) % 7 - 3));
    b[i] = B(float(int(i * 2246822519u >> 9) % 5 - 2));
  }
  auto run = [&](kiln::Device device) {
    std::vector<T> out(size);
    kernel.launch({.device = device}, {}, out.data(), a.data(), b.data(), n);
    return out;
  };
  EXPECT_EQ(run(kiln::Device::cpu()), run(kiln::Device::interpreter()));
}

TEST(Agreement, SumsOfADotOutliveOtherTiles) {
  Kernel kernel{"apart", [](const None &, ptr<float> out, ptr<const float> a, ptr<const float> b, scalar<int>) {
                  Tile sums = dot(load(matrix(a, 8, 16)), load(matrix(b, 16, 16)), kiln::full({8, 16}, 4, kiln::f32));
                  store(matrix(out, 8, 16), kiln::cumsum(load(matrix(a + 512, 8, 16)), 0));
                  store(matrix(out + 128, 8, 16), sums);
                }};
  expect_agreement(kernel, 0, 256);
}

TEST(Agreement, DotsThatStartFromTheSameSums) {
  Kernel kernel{"twins", [](const None &, ptr<float> out, ptr<const float> a, ptr<const float> b, scalar<int>) {
                  Tile q = load(matrix(a, 4, 16)), start = zeros({4, 16}, kiln::f32);
                  store(matrix(out, 4, 16), dot(q, load(matrix(b, 16, 16)), start));
                  store(matrix(out + 64, 4, 16), dot(q, load(matrix(b + 256, 16, 16)), start));
                }};
  expect_agreement(kernel, 0, 128);
}

TEST(Agreement, DotsOfALoopThatStartAnew) {
  Kernel kernel{"anew", [](const None &, ptr<float> out, ptr<const float> a, ptr<const float> b, scalar<int> n) {
                  Tile q = load(matrix(a, 4, 16)), start = load(matrix(a + 64, 4, 16));
                  for (Tile i : range(n)) {
                    Tile rows = load(matrix(b + i * 256, 16, 16));
                    store(matrix(out + i * 128, 4, 16), dot(q, rows));
                    store(matrix(out + i * 128 + 64, 4, 16), dot(q, load(matrix(b + i * 256, 16, 16)), start));
                  }
                  store(matrix(out + 384, 4, 16), start);
                }};
  expect_agreement(kernel, 3, 448);
}

TEST(Agreement, DotsThatStartFromACarriedTile) {
  Kernel kernel{"carried", [](const None &, ptr<float> out, ptr<const float> a, ptr<const float> b, scalar<int> n) {
                  Tile q = load(matrix(a, 4, 16)), sums = load(matrix(a + 64, 4, 16));
                  for (Tile i : range(n)) {
                    Tile x = dot(q, load(matrix(b + i * 256, 16, 16)), sums);
                    Tile y = dot(x, load(matrix(b + i * 256 + 32, 16, 16)), sums);
                    sums = kiln::clamp(x + y, -9, 9);
                  }
                  store(matrix(out, 4, 16), sums);
                }};
  expect_agreement(kernel, 3, 64);
}

TEST(Agreement, SumsOfProductsThatAreNoDots) {
  Kernel kernel{"sums", [](const None &, ptr<int> out, ptr<const int> a, ptr<const std::int8_t> b, scalar<int>) {
                  // Each tile is used once: all of it becomes part of the sum.
                  auto left = [&](const Tile &x) { return kiln::expand_dims(x, 1); };
                  auto right = [&](int at) { return kiln::expand_dims(load(matrix(a + at, 8, 16)), 0); };
                  store(matrix(out, 8, 8), kiln::sum(left(load(matrix(a, 8, 16)) + 1) * right(64), 2));
                  Tile positive = load(matrix(b, 8, 16)) > 0;
                  store(matrix(out + 64, 8, 8), kiln::sum(right(128) * left(positive.to(kiln::i32)), 2));
                }};
  expect_agreement(kernel, 0, 128);
}

TEST(Agreement, BitcastsOfPointersWhoseBaseIsNotAligned) {
  Kernel kernel{"bytes", [](const None &, ptr<int> out, ptr<const int> a, ptr<const int> b, scalar<int> n) {
                  Tile i = arange(0, 32), bytes = kiln::bitcast(a, kiln::i8);
                  store(out + i, load(kiln::bitcast(bytes + 1 + (i * 4 + 3), kiln::i32)));
                  store(out + 32 + i, load(kiln::bitcast(bytes + 3 + n * 4 + (i * 8 - 3), kiln::i32)));
                  store(kiln::bitcast(kiln::bitcast(out + 64, kiln::i8) + 2 + (i * 4 - 2), kiln::i32), load(b + i));
                }};
  expect_agreement(kernel, 3, 96);
}

TEST(Agreement, CarriedTilesThatBranchesExchange) {
  Kernel kernel{"exchange", [](const None &, ptr<float> out, ptr<const float> a, ptr<const float> b, scalar<int> n) {
                  Tile i = arange(0, 32), x = load(a + i), y = load(b + i), t = x, u = x;
                  for (Tile j : range(n)) {
                    kiln::if_(
                        j % 2 == 0,
                        [&] {
                          t = u + y;
                          u = t;
                        },
                        [&] {
                          u = t;
                          t = x;
                          x = x + 1;
                          kiln::if_(j > 2, [&] { std::swap(t, y); });
                        });
                    y = u;
                  }
                  store(out + i, x);
                  store(out + 32 + i, y);
                  store(out + 64 + i, t);
                  store(out + 96 + i, u);
                }};
  for (int n : {0, 1, 2, 6})
    expect_agreement(kernel, n, 128);
}

} // namespace
