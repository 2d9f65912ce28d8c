// Operators compute what docs/semantics.md says, for all operands.
#include "run.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

using kiln::Kernel;
using kiln::load;
using kiln::ptr;
using kiln::scalar;
using kiln::store;
using kiln::Tile;
using kiln_test::None;
using kiln_test::on_every_device;

namespace {

constexpr int pairs = 256;

/// Sixteen integers near everything that is special about a type, and all pairs of them.
template <class T>
std::pair<std::vector<T>, std::vector<T>> edge_pairs() {
  constexpr T least = std::numeric_limits<T>::min(), most = std::numeric_limits<T>::max();
  constexpr int bits = 8 * sizeof(T);
  const T values[] = {least, T(least + 1), T(-bits - 1), -7,          -2,          -1,  0, 1, 2, 3,
                      7,     T(bits - 1),  T(bits),      T(bits + 1), T(most - 1), most};
  std::vector<T> a, b;
  for (T x : values)
    for (T y : values)
      a.push_back(x), b.push_back(y);
  return {a, b};
}

/// The operators, each writing one block of `pairs` results.
template <class T>
void integer_operators(const None &, ptr<const T> pa, ptr<const T> pb, ptr<T> out) {
  auto i = kiln::arange(0, pairs);
  auto a = load(pa + i), b = load(pb + i);
  int block = 0;
  auto put = [&](const Tile &value) {
    store(out + (i + pairs * block++), value.dtype() == kiln::i1 ? value.to(out.element_type) : value);
  };
  put(a + b);
  put(a - b);
  put(a * b);
  put(a / b);
  put(a % b);
  put(a & b);
  put(a | b);
  put(a ^ b);
  put(a << b);
  put(a >> b);
  put(kiln::shift_right_logical(a, b));
  put(-a);
  put(~a);
  put(kiln::abs(a));
  put(kiln::maximum(a, b));
  put(kiln::minimum(a, b));
  put(kiln::cdiv(a, b));
  put(a < b);
  put(a <= b);
  put(a > b);
  put(a >= b);
  put(a == b);
  put(a != b);
  put(!a);
  // Constants, which need no guards.
  put(a / 7);
  put(a / -1);
  put(a / 0);
  put(a % 7);
  put(a % -1);
  put(a % 0);
  put(a << 3);
  put(a << -1);
  put(a << 100);
  put(a >> 3);
  put(a >> -1);
  put(a >> 100);
  put(kiln::shift_right_logical(a, 100));
  put(3 / a);
  put(3 % a);
}

template <class T>
T expected_integer(int op, T a, T b) {
  using U = std::make_unsigned_t<T>;
  constexpr int bits = 8 * sizeof(T);
  constexpr T least = std::numeric_limits<T>::min();
  auto divide = [](T x, T y) -> T { return y == 0 ? T(0) : y == -1 ? T(U(0) - U(x)) : T(x / y); };
  auto modulo = [](T x, T y) -> T { return y == 0 ? x : y == -1 ? T(0) : T(x % y); };
  auto in_range = [](T y) { return y >= 0 && y < bits; };
  auto left = [&](T x, T y) -> T { return in_range(y) ? T(U(U(x) << y)) : T(0); };
  auto right = [&](T x, T y) -> T { return T(x >> (in_range(y) ? int(y) : bits - 1)); };
  auto logical = [&](T x, T y) -> T { return in_range(y) ? T(U(x) >> y) : T(0); };
  switch (op) {
  case 0:
    return T(U(U(a) + U(b)));
  case 1:
    return T(U(U(a) - U(b)));
  case 2:
    return T(U(std::uint64_t(U(a)) * U(b)));
  case 3:
    return divide(a, b);
  case 4:
    return modulo(a, b);
  case 5:
    return a & b;
  case 6:
    return a | b;
  case 7:
    return a ^ b;
  case 8:
    return left(a, b);
  case 9:
    return right(a, b);
  case 10:
    return logical(a, b);
  case 11:
    return T(U(U(0) - U(a)));
  case 12:
    return ~a;
  case 13:
    return a == least ? least : a < 0 ? T(-a) : a;
  case 14:
    return std::max(a, b);
  case 15:
    return std::min(a, b);
  case 16: {
    if (b == 0)
      return 0;
    const T q = divide(a, b), r = modulo(a, b);
    return r != 0 && (r < 0) == (b < 0) ? T(q + 1) : q;
  }
  case 17:
    return a < b;
  case 18:
    return a <= b;
  case 19:
    return a > b;
  case 20:
    return a >= b;
  case 21:
    return a == b;
  case 22:
    return a != b;
  case 23:
    return a == 0;
  case 24:
    return divide(a, 7);
  case 25:
    return divide(a, -1);
  case 26:
    return divide(a, 0);
  case 27:
    return modulo(a, 7);
  case 28:
    return modulo(a, -1);
  case 29:
    return modulo(a, 0);
  case 30:
    return left(a, 3);
  case 31:
    return left(a, -1);
  case 32:
    return left(a, 100);
  case 33:
    return right(a, 3);
  case 34:
    return right(a, -1);
  case 35:
    return right(a, 100);
  case 36:
    return logical(a, 100);
  case 37:
    return divide(3, a);
  default:
    return modulo(3, a);
  }
}

template <class T>
class Integers : public testing::Test {};
using IntegerTypes = testing::Types<std::int8_t, std::int16_t, std::int32_t, std::int64_t>;
TYPED_TEST_SUITE(Integers, IntegerTypes);

TYPED_TEST(Integers, EveryOperatorAtEveryEdge) {
  using T = TypeParam;
  constexpr int ops = 39;
  Kernel kernel{"integer_operators", integer_operators<T>};
  const auto [a, b] = edge_pairs<T>();
  on_every_device([&](kiln::Device device) {
    std::vector<T> out(ops * pairs);
    kernel.launch({.device = device}, {}, a.data(), b.data(), out.data());
    for (int op = 0; op < ops; ++op)
      for (int i = 0; i < pairs; ++i)
        ASSERT_EQ(+out[op * pairs + i], +expected_integer(op, a[i], b[i]))
            << "operator " << op << " of " << +a[i] << ", " << +b[i];
  });
}

TEST(Scalars, AreGuardedAsTilesAre) {
  Kernel kernel{"scalars", [](const None &, ptr<int> out, scalar<int> a, scalar<int> b) {
                  store(out, a / b);
                  store(out + 1, a % b);
                  store(out + 2, a << b);
                  store(out + 3, a >> b);
                }};
  constexpr int least = std::numeric_limits<int>::min();
  kiln_test::expect_output(kernel, None{}, {0, 5, 5, 5}, 5, 0);
  kiln_test::expect_output(kernel, None{}, {least, 0, 0, -1}, least, -1);
}

TEST(Booleans, Operators) {
  Kernel kernel{"booleans", [](const None &, ptr<int> out, scalar<bool> a, scalar<bool> b) {
                  Tile results[] = {a & b, a | b, a ^ b, ~a, !a, a == b, a != b, a & true, a == 0};
                  for (int i = 0; i < 9; ++i)
                    store(out + i, results[i].to(kiln::i32));
                }};
  kiln_test::expect_output(kernel, None{}, {0, 1, 1, 0, 0, 0, 1, 1, 0}, true, false);
  kiln_test::expect_output(kernel, None{}, {1, 1, 0, 0, 0, 1, 0, 1, 0}, true, true);
  kiln_test::expect_output(kernel, None{}, {0, 0, 0, 1, 1, 1, 0, 0, 1}, false, false);
}

// ---- floating point
// -------------------------------------------------------------------------------------------------------------

constexpr float inf = std::numeric_limits<float>::infinity();

void float_operators(const None &, ptr<const float> pa, ptr<const float> pb, ptr<float> out) {
  auto i = kiln::arange(0, pairs);
  auto a = load(pa + i), b = load(pb + i);
  int block = 0;
  auto put = [&](const Tile &value) { store(out + (i + pairs * block++), value.to(kiln::f32)); };
  put(a + b);
  put(a - b);
  put(a * b);
  put(a / b);
  put(a % b);
  put(-a);
  put(kiln::abs(a));
  put(kiln::maximum(a, b));
  put(kiln::minimum(a, b));
  put(kiln::maximum(a, b, {.nan = kiln::Nan::ignore}));
  put(kiln::minimum(a, b, {.nan = kiln::Nan::ignore}));
  put(kiln::fma(a, b, a));
  put(kiln::sqrt(a));
  put(kiln::floor(a));
  put(kiln::ceil(a));
  put(kiln::round(a));
  put(kiln::trunc(a));
  put(a < b);
  put(a <= b);
  put(a > b);
  put(a >= b);
  put(a == b);
  put(a != b);
  put(kiln::clamp(a, -1, 2.5));
  put(a * 0.1 + 1);
}

float expected_float(int op, float a, float b) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const bool unordered = std::isnan(a) || std::isnan(b);
  auto largest = [](float x, float y) { return x == y ? (std::signbit(x) ? y : x) : x > y ? x : y; };
  auto smallest = [](float x, float y) { return x == y ? (std::signbit(x) ? x : y) : x < y ? x : y; };
  switch (op) {
  case 0:
    return a + b;
  case 1:
    return a - b;
  case 2:
    return a * b;
  case 3:
    return a / b;
  case 4:
    return std::fmod(a, b);
  case 5:
    return -a;
  case 6:
    return std::fabs(a);
  case 7:
    return unordered ? nan : largest(a, b);
  case 8:
    return unordered ? nan : smallest(a, b);
  case 9:
    return std::fmax(a, b);
  case 10:
    return std::fmin(a, b);
  case 11:
    return std::fma(a, b, a);
  case 12:
    return std::sqrt(a);
  case 13:
    return std::floor(a);
  case 14:
    return std::ceil(a);
  case 15:
    return std::nearbyint(a);
  case 16:
    return std::trunc(a);
  case 17:
    return a < b;
  case 18:
    return a <= b;
  case 19:
    return a > b;
  case 20:
    return a >= b;
  case 21:
    return a == b;
  case 22:
    return a != b;
  case 23:
    return std::isnan(a) ? nan : std::fmin(std::fmax(a, -1.0f), 2.5f);
  default: {
    volatile float product = a * 0.1f; // rounded before the addition
    return product + 1.0f;
  }
  }
}

TEST(Floats, EveryOperatorAtEveryEdge) {
  constexpr int ops = 25;
  const float values[] = {-inf, -3.4e38f, -2.5f, -1.5f, -1.0f, -0.5f, -1e-40f, -0.0f,
                          0.0f, 1e-45f,   0.1f,  1.0f,  2.5f,  1e30f, inf,     NAN};
  std::vector<float> a, b;
  for (float x : values)
    for (float y : values)
      a.push_back(x), b.push_back(y);
  Kernel kernel{"float_operators", float_operators};
  on_every_device([&](kiln::Device device) {
    std::vector<float> out(ops * pairs);
    kernel.launch({.device = device}, {}, a.data(), b.data(), out.data());
    for (int op = 0; op < ops; ++op)
      for (int i = 0; i < pairs; ++i) {
        const float got = out[op * pairs + i], expected = expected_float(op, a[i], b[i]);
        const bool same = std::isnan(expected) ? std::isnan(got) : got == expected;
        // The sign of a zero is unspecified for the extrema that ignore NaN.
        const bool signs = std::isnan(expected) || op == 9 || op == 10 || std::signbit(got) == std::signbit(expected);
        ASSERT_TRUE(same && signs) << "operator " << op << " of " << a[i] << ", " << b[i] << ": " << got << ", not "
                                   << expected;
      }
  });
}

TEST(Floats, SixteenBitOperationsAreRoundedEach) {
  Kernel kernel{"half", [](const None &, ptr<float> out, ptr<const kiln::half> in) {
                  auto a = load(in), b = load(in + 1);
                  store(out, (a * b + a).to(kiln::f32));
                  store(out + 1, (a / b).to(kiln::f32));
                  store(out + 2, kiln::sigmoid(a).to(kiln::f32));
                }};
  const kiln::half in[] = {kiln::half(1.0009765625f), kiln::half(3.001953125f)};
  const float a = static_cast<float>(in[0]), b = static_cast<float>(in[1]);
  auto rounded = [](float x) { return static_cast<float>(kiln::half(x)); };
  on_every_device([&](kiln::Device device) {
    float out[3];
    kernel.launch({.device = device}, {}, out, in);
    EXPECT_EQ(out[0], rounded(rounded(a * b) + a));
    EXPECT_EQ(out[1], rounded(a / b));
    EXPECT_NEAR(out[2], 1 / (1 + std::exp(-a)), 0x1p-11);
  });
}

TEST(Mathematics, Functions) {
  constexpr int n = 32;
  Kernel kernel{"functions", [](const None &, ptr<double> out, ptr<const double> in) {
                  auto i = kiln::arange(0, n);
                  auto x = load(in + i);
                  int block = 0;
                  using Function = Tile (*)(const kiln::Operand &, kiln::Loc);
                  const Function exp = [](const kiln::Operand &y, kiln::Loc loc) { return kiln::exp(y, {}, loc); };
                  const Function exp2 = [](const kiln::Operand &y, kiln::Loc loc) { return kiln::exp2(y, {}, loc); };
                  for (Function f : {exp, exp2, Function(kiln::log), Function(kiln::log2), Function(kiln::sin),
                                     Function(kiln::cos), Function(kiln::tanh), Function(kiln::erf),
                                     Function(kiln::sqrt), Function(kiln::rsqrt), Function(kiln::sigmoid)}) {
                    store(out + (i + n * block++), f(x, kiln::Loc::current()));
                    store(out + (i + n * block++), f(x.to(kiln::f32), kiln::Loc::current()).to(kiln::f64));
                    store(out + (i + n * block++), f(x.to(kiln::bf16), kiln::Loc::current()).to(kiln::f64));
                  }
                }};
  double (*const references[])(double) = {
      [](double x) { return std::exp(x); },           [](double x) { return std::exp2(x); },
      [](double x) { return std::log(x); },           [](double x) { return std::log2(x); },
      [](double x) { return std::sin(x); },           [](double x) { return std::cos(x); },
      [](double x) { return std::tanh(x); },          [](double x) { return std::erf(x); },
      [](double x) { return std::sqrt(x); },          [](double x) { return 1 / std::sqrt(x); },
      [](double x) { return 1 / (1 + std::exp(-x)); }};
  std::vector<double> in(n);
  for (int i = 0; i < n; ++i)
    in[i] = 0.125 * (i + 1); // exact in bf16
  on_every_device([&](kiln::Device device) {
    std::vector<double> out(std::size(references) * 3 * n);
    kernel.launch({.device = device}, {}, out.data(), in.data());
    for (std::size_t f = 0; f < std::size(references); ++f)
      for (int i = 0; i < n; ++i) {
        const double expected = references[f](in[i]);
        EXPECT_NEAR(out[(3 * f) * n + i], expected, 1e-15 * (1 + std::fabs(expected))) << f;
        EXPECT_NEAR(out[(3 * f + 1) * n + i], expected, 5e-7 * (1 + std::fabs(expected))) << f;
        EXPECT_NEAR(out[(3 * f + 2) * n + i], expected, 0x1p-8 * (0.01 + std::fabs(expected))) << f;
      }
  });
}

TEST(Mathematics, FastExponentials) {
  constexpr int n = 4096;
  Kernel kernel{"fast", [](const None &, ptr<float> out, ptr<const float> in) {
                  auto i = kiln::arange(0, n);
                  auto x = load(in + i);
                  store(out + i, exp(x, {.accuracy = kiln::Accuracy::fast}));
                  store(out + (i + n), exp2(x, {.accuracy = kiln::Accuracy::fast}));
                }};
  EXPECT_NE(kernel.trace({}).find("fastmath<afn>"), std::string::npos);
  std::vector<float> in(n);
  for (int i = 0; i < n; ++i)
    in[i] = float(i - n / 2) / 25; // to 82 either way
  on_every_device([&](kiln::Device device) {
    std::vector<float> out(2 * n);
    kernel.launch({.device = device}, {}, out.data(), in.data());
    for (int i = 0; i < n; ++i) {
      const double x = in[i];
      EXPECT_NEAR(out[i] / std::exp(x), 1, (3 + std::fabs(x)) * 0x1p-24) << x;
      EXPECT_NEAR(out[n + i] / std::exp2(x), 1, 3 * 0x1p-24) << x;
    }
  });
}

} // namespace
