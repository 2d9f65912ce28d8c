#include "kiln/float_types.h"

#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

using namespace kiln;

namespace {

/// What a format is, written down independently of the code under test.
struct Format {
  int exponent_bits, mantissa_bits, bias;
  unsigned max_finite;
  bool has_infinity;
  bool saturates;
};
constexpr Format half_spec{5, 10, 15, 0x7bff, true, false};
constexpr Format bfloat_spec{8, 7, 127, 0x7f7f, true, false};
constexpr Format e4m3_spec{4, 3, 7, 0x7e, false, true};
constexpr Format e5m2_spec{5, 2, 15, 0x7b, true, true};

/// The value of a code without its sign, by the definition of the formats; NaN where it is none.
double value_of(unsigned code, Format f) {
  if (code > f.max_finite)
    return f.has_infinity && code == f.max_finite + 1 ? std::numeric_limits<double>::infinity()
                                                      : std::numeric_limits<double>::quiet_NaN();
  int exponent = static_cast<int>(code >> f.mantissa_bits);
  double fraction = static_cast<double>(code & ((1u << f.mantissa_bits) - 1)) / (1 << f.mantissa_bits);
  return exponent == 0 ? std::ldexp(fraction, 1 - f.bias) : std::ldexp(1 + fraction, exponent - f.bias);
}

template <typename T, Format f>
struct Case {
  using type = T;
  static constexpr Format format = f;
};

template <typename C>
class FloatTypes : public testing::Test {};
using Cases = testing::Types<Case<half, half_spec>, Case<bfloat16, bfloat_spec>, Case<float8_e4m3, e4m3_spec>,
                             Case<float8_e5m2, e5m2_spec>>;
TYPED_TEST_SUITE(FloatTypes, Cases);

TYPED_TEST(FloatTypes, EveryCodeHasItsValueAndConvertsBack) {
  using T = typename TypeParam::type;
  constexpr Format f = TypeParam::format;
  constexpr unsigned sign = 1u << (f.exponent_bits + f.mantissa_bits);
  for (unsigned code = 0; code < 2 * sign; ++code) {
    double expected = value_of(code & (sign - 1), f);
    float value = static_cast<float>(T::from_bits(static_cast<decltype(T::bits)>(code)));
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value)) << code;
      float again = static_cast<float>(T(value));
      EXPECT_TRUE(std::isnan(again)) << code;
      continue;
    }
    ASSERT_EQ(value, code & sign ? -expected : expected) << code;
    ASSERT_EQ(std::signbit(value), (code & sign) != 0) << code;
    if (std::isinf(expected) && f.saturates)
      ASSERT_EQ(T(value).bits, (code & sign) | f.max_finite);
    else
      ASSERT_EQ(T(value).bits, code);
  }
}

TYPED_TEST(FloatTypes, RoundsToNearestEven) {
  using T = typename TypeParam::type;
  constexpr Format f = TypeParam::format;
  constexpr unsigned sign = 1u << (f.exponent_bits + f.mantissa_bits);
  float infinity = std::numeric_limits<float>::infinity();
  for (unsigned code = 0; code < f.max_finite; ++code) {
    double middle = (value_of(code, f) + value_of(code + 1, f)) / 2;
    auto tie = static_cast<float>(middle);
    ASSERT_EQ(tie, middle) << "the test needs the tie to be a float";
    unsigned even = code % 2 ? code + 1 : code;
    ASSERT_EQ(T(tie).bits, even) << code;
    ASSERT_EQ(T(-tie).bits, even | sign) << code;
    ASSERT_EQ(T(std::nextafter(tie, 0.f)).bits, code) << code;
    ASSERT_EQ(T(std::nextafter(tie, infinity)).bits, code + 1) << code;
  }
}

TYPED_TEST(FloatTypes, OverflowsAsTheFormatSays) {
  using T = typename TypeParam::type;
  constexpr Format f = TypeParam::format;
  constexpr unsigned sign = 1u << (f.exponent_bits + f.mantissa_bits);
  unsigned beyond = f.saturates ? f.max_finite : f.max_finite + 1;
  double largest = value_of(f.max_finite, f), step = largest - value_of(f.max_finite - 1, f);
  auto tie = static_cast<float>(largest + step / 2);
  EXPECT_EQ(T(std::nextafter(tie, 0.f)).bits, f.max_finite);
  EXPECT_EQ(T(tie).bits, beyond);
  EXPECT_EQ(T(std::numeric_limits<float>::max()).bits, beyond);
  EXPECT_EQ(T(std::numeric_limits<float>::infinity()).bits, beyond);
  EXPECT_EQ(T(-std::numeric_limits<float>::infinity()).bits, beyond | sign);
  EXPECT_EQ(T(std::numeric_limits<float>::denorm_min()).bits, 0u);
  EXPECT_EQ(T(-std::numeric_limits<float>::denorm_min()).bits, sign);
}

TEST(FloatTypesAgainstTheCompiler, HalfAgreesWithFloat16) {
  std::mt19937 random(1);
  for (int i = 0; i < 2'000'000; ++i) {
    float value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (std::isnan(value))
      continue;
    ASSERT_EQ(half(value).bits, std::bit_cast<std::uint16_t>(static_cast<_Float16>(value))) << value;
  }
}

static_assert(half(1.0f).bits == 0x3c00 && static_cast<float>(half(0.5f)) == 0.5f,
              "conversions are constant expressions");

} // namespace
