// Making tiles, shapes, broadcasting, where and dot.
#include "run.h"

#include <cmath>
#include <vector>

using kiln::arange;
using kiln::col;
using kiln::Kernel;
using kiln::load;
using kiln::ptr;
using kiln::row;
using kiln::scalar;
using kiln::store;
using kiln::Tile;
using kiln_test::expect_output;
using kiln_test::None;
using kiln_test::on_every_device;

namespace {

/// Stores the elements of a tile of any rank in row-major order.
void store_all(const Tile &out, const Tile &x) {
  const int n = static_cast<int>(x.shape().elements());
  store(out + arange(0, n), x.rank() == 1 ? x : kiln::reshape(x, {n}));
}

TEST(Shapes, Making) {
  Kernel kernel{"making", [](const None &, ptr<int> out, scalar<int> s) {
                  store_all(out, arange(-2, 2));
                  store_all(out + 4, kiln::full({2, 2}, s, kiln::i32));
                  store_all(out + 8, arange(6, 8, kiln::i64).to(kiln::i32));
                  store(out + 10, kiln::full({}, 9, kiln::i32));
                }};
  expect_output(kernel, {}, {-2, -1, 0, 1, 5, 5, 5, 5, 6, 7, 9}, 5);
}

TEST(Shapes, BroadcastingAlignsTheLastDimension) {
  Kernel kernel{"broadcasting", [](const None &, ptr<int> out) {
                  auto a = arange(0, 2), b = arange(0, 4);
                  store_all(out, col(a) * 10 + row(b));
                  store_all(out + 8, col(a) * 10 + b); // [2, 1] with [4]
                  store_all(out + 16, kiln::expand_dims(col(a), 0) + kiln::reshape(b, {2, 1, 2}));
                }};
  expect_output(kernel, {}, {0, 1, 2, 3, 10, 11, 12, 13, 0, 1, 2, 3, 10, 11, 12, 13, 0, 1, 1, 2, 2, 3, 3, 4});
}

TEST(Shapes, Reordering) {
  Kernel kernel{"reordering", [](const None &, ptr<int> out) {
                  auto x = kiln::reshape(arange(0, 8), {2, 4});
                  store_all(out, kiln::trans(x));
                  store_all(out + 8, kiln::trans(kiln::reshape(x, {2, 2, 2}), {2, 0, 1}));
                  store_all(out + 16, kiln::broadcast_to(row(arange(0, 2)), {2, 2}));
                  EXPECT_EQ(kiln::expand_dims(x, -1).shape(), (kiln::Shape{2, 4, 1}));
                  EXPECT_EQ(kiln::expand_dims(x, -3).shape(), (kiln::Shape{1, 2, 4}));
                }};
  expect_output(kernel, {}, {0, 4, 1, 5, 2, 6, 3, 7, 0, 2, 4, 6, 1, 3, 5, 7, 0, 1, 0, 1});
}

TEST(Shapes, Where) {
  Kernel kernel{"where", [](const None &, ptr<float> out, scalar<float> nan, scalar<int> n) {
                  auto i = arange(0, 4);
                  store_all(out, kiln::where(i < n, i.to(kiln::f32), nan * 0 + nan)); // never multiplies
                  store_all(out + 4, kiln::where(n > 2, 1.5, kiln::zeros({2}, kiln::f32)));
                  store_all(out + 6, kiln::where(col(arange(0, 2)) == row(arange(0, 2)), 1.0, 0));
                }};
  on_every_device([&](kiln::Device device) {
    std::vector<float> out(10);
    kernel.launch({.device = device}, {}, out.data(), NAN, 3);
    EXPECT_EQ(out[2], 2);
    EXPECT_TRUE(out[3] != out[3]);
    EXPECT_EQ((std::vector<float>(out.begin() + 4, out.end())), (std::vector<float>{1.5, 1.5, 1, 0, 0, 1}));
  });
}

template <class A, class C>
void dot_kernel(const None &, ptr<C> out, ptr<const A> pa, ptr<const A> pb) {
  auto m = arange(0, 4), n = arange(0, 8), k = arange(0, 16);
  auto a = load(pa + (col(m) * 16 + row(k))), b = load(pb + (col(k) * 8 + row(n)));
  store_all(out, kiln::dot(a, b));
  store_all(out + 32, kiln::dot(a, b, kiln::full({4, 8}, 100, out.element_type)));
  store_all(out + 64, kiln::dot(a, kiln::trans(kiln::trans(b))));
}

/// Small integers, so that every type and order of summation gives the exact product.
template <class A, class C>
void check_dot() {
  SCOPED_TRACE(kiln::name_of(kiln::dtype_of<A>));
  std::vector<A> a(4 * 16), b(16 * 8);
  std::vector<C> expected(96);
  auto at = [](int i) { return i % 7 - 3; };
  for (int i = 0; i < 64; ++i)
    a[i] = A(at(i));
  for (int i = 0; i < 128; ++i)
    b[i] = A(at(3 * i + 1));
  for (int m = 0; m < 4; ++m)
    for (int n = 0; n < 8; ++n) {
      int sum = 0;
      for (int k = 0; k < 16; ++k)
        sum += at(m * 16 + k) * at(3 * (k * 8 + n) + 1);
      expected[m * 8 + n] = expected[64 + m * 8 + n] = C(sum);
      expected[32 + m * 8 + n] = C(sum + 100);
    }
  expect_output(Kernel{"dot", dot_kernel<A, C>}, None{}, expected, a.data(), b.data());
}

TEST(Dot, F8E4M3) { check_dot<kiln::float8_e4m3, float>(); }
TEST(Dot, F8E5M2) { check_dot<kiln::float8_e5m2, float>(); }
TEST(Dot, F16) { check_dot<kiln::half, float>(); }
TEST(Dot, BF16) { check_dot<kiln::bfloat16, float>(); }
TEST(Dot, F32) { check_dot<float, float>(); }
TEST(Dot, F64) { check_dot<double, double>(); }
TEST(Dot, I8) { check_dot<std::int8_t, int>(); }

} // namespace
