// Conversions of the emulator against what the formats are: tables of all their values.
#include "emulated_rows.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

using namespace kiln::test;

namespace {

std::uint64_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }
float float_of(std::uint64_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits)); }

/// A float format, by definition.
struct Format {
  unsigned exponent_bits, mantissa_bits;
  bool has_infinity;
  bool saturates;
  std::uint64_t nan;

  std::uint64_t sign() const { return std::uint64_t(1) << (exponent_bits + mantissa_bits); }
  std::uint64_t infinity() const { return ((std::uint64_t(1) << exponent_bits) - 1) << mantissa_bits; }
  std::uint64_t largest() const { return has_infinity ? infinity() - 1 : sign() - 2; }
  /// Of codes that are finite and positive, and of the one after the largest as if exponents went on.
  double value(std::uint64_t code) const {
    const auto exponent = int(code >> mantissa_bits), bias = (1 << (exponent_bits - 1)) - 1;
    const double mantissa = double(code & ((std::uint64_t(1) << mantissa_bits) - 1));
    const double one = std::ldexp(1.0, int(mantissa_bits));
    return exponent == 0 ? std::ldexp(mantissa, 1 - bias - int(mantissa_bits))
                         : std::ldexp(mantissa + one, exponent - bias - int(mantissa_bits));
  }
  /// The nearest code, of two as near the even one.
  std::uint64_t round(double x) const {
    if (std::isnan(x))
      return nan;
    const std::uint64_t negative = std::signbit(x) ? sign() : 0, overflow = saturates ? largest() : infinity();
    x = std::fabs(x);
    if (std::isinf(x))
      return negative | overflow;
    std::uint64_t low = 0, high = largest() + 1; // value(low) <= x, and x < value(high) unless it overflows
    if (x >= value(high))
      return negative | overflow;
    while (high - low > 1) {
      const std::uint64_t middle = (low + high) / 2;
      (value(middle) <= x ? low : high) = middle;
    }
    const double below = x - value(low), above = value(high) - x;
    const std::uint64_t code = below < above || (below == above && low % 2 == 0) ? low : high;
    return negative | (code > largest() ? overflow : code);
  }
};

constexpr Format f16{5, 10, true, false, 0x7fff};
constexpr Format bf16{8, 7, true, false, 0x7fff};
constexpr Format e4m3{4, 3, false, true, 0x7f};
constexpr Format e5m2{5, 2, true, true, 0x7f};

/// Numbers where a format decides: its values, the middles between them, their neighbours; and what is special.
std::vector<float> interesting(const Format &format) {
  std::vector<float> numbers = {0.0f,
                                std::numeric_limits<float>::denorm_min(),
                                std::numeric_limits<float>::min(),
                                std::numeric_limits<float>::max(),
                                std::numeric_limits<float>::infinity(),
                                std::numeric_limits<float>::quiet_NaN(),
                                float_of(0x7f800001),
                                float_of(0x7fffffff)};
  std::mt19937 random(1);
  const std::uint64_t step = std::max<std::uint64_t>(1, format.largest() / 2000);
  for (std::uint64_t code = 0; code <= format.largest(); code += code < 40 || code + 40 > format.largest() ? 1 : step) {
    const double value = format.value(code), middle = (value + format.value(code + 1)) / 2;
    for (double x : {value, middle}) {
      const auto number = float(x);
      numbers.push_back(number);
      numbers.push_back(std::nextafter(number, 0.0f));
      numbers.push_back(std::nextafter(number, std::numeric_limits<float>::infinity()));
    }
  }
  for (int i = 0; i < 2000; ++i)
    numbers.push_back(float_of(random()));
  const std::size_t count = numbers.size();
  for (std::size_t i = 0; i < count; ++i)
    numbers.push_back(-numbers[i]);
  return numbers;
}

void check_narrowing(const std::string &operation, const Format &format, unsigned width) {
  SCOPED_TRACE(operation);
  const std::vector<float> numbers = interesting(format);
  std::vector<Words> operands;
  for (std::size_t i = 0; i < numbers.size(); ++i) // (high, low)
    operands.push_back({bits_of(numbers[i]), bits_of(numbers[numbers.size() - 1 - i])});
  const std::vector<Words> results = compute(operation, operands);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    ASSERT_EQ(results[i][0], format.round(float_of(operands[i][0])) << width | format.round(float_of(operands[i][1])))
        << float_of(operands[i][0]) << ", " << float_of(operands[i][1]);
}

TEST(EmulatedConversion, NarrowsPairsOfFloats) {
  check_narrowing("cvt.rn.f16x2.f32", f16, 16);
  check_narrowing("cvt.rn.bf16x2.f32", bf16, 16);
  check_narrowing("cvt.rn.satfinite.e4m3x2.f32", e4m3, 8);
  check_narrowing("cvt.rn.satfinite.e5m2x2.f32", e5m2, 8);
}

double half_value(std::uint64_t code) {
  const std::uint64_t magnitude = code & 0x7fff;
  const double value = magnitude < f16.infinity()    ? f16.value(magnitude)
                       : magnitude == f16.infinity() ? std::numeric_limits<double>::infinity()
                                                     : std::numeric_limits<double>::quiet_NaN();
  return code & 0x8000 ? -value : value;
}

TEST(EmulatedConversion, NarrowsEveryPairOfHalves) {
  for (auto [operation, format] :
       {std::pair("cvt.rn.satfinite.e4m3x2.f16x2", e4m3), std::pair("cvt.rn.satfinite.e5m2x2.f16x2", e5m2)}) {
    SCOPED_TRACE(operation);
    std::vector<Words> operands;
    for (std::uint64_t code = 0; code < 0x10000; ++code)
      operands.push_back({code << 16 | (code ^ 0x5a5a)});
    const std::vector<Words> results = compute(operation, operands);
    for (std::uint64_t code = 0; code < 0x10000; ++code)
      ASSERT_EQ(results[code][0], format.round(half_value(code)) << 8 | format.round(half_value(code ^ 0x5a5a)))
          << code;
  }
}

TEST(EmulatedConversion, WidensEveryPairOfBytes) {
  for (auto [operation, format] : {std::pair("cvt.rn.f16x2.e4m3x2", e4m3), std::pair("cvt.rn.f16x2.e5m2x2", e5m2)}) {
    SCOPED_TRACE(operation);
    std::vector<Words> operands;
    for (std::uint64_t pair = 0; pair < 0x10000; ++pair)
      operands.push_back({pair});
    const std::vector<Words> results = compute(operation, operands);
    auto widened = [&, format = format](std::uint64_t code) {
      const std::uint64_t magnitude = code & 0x7f;
      const double value = magnitude <= format.largest() ? format.value(magnitude)
                           : format.has_infinity && magnitude == format.infinity()
                               ? std::numeric_limits<double>::infinity()
                               : std::numeric_limits<double>::quiet_NaN();
      return f16.round(code & 0x80 ? -value : value);
    };
    for (std::uint64_t pair = 0; pair < 0x10000; ++pair)
      ASSERT_EQ(results[pair][0], widened(pair >> 8) << 16 | widened(pair & 0xff)) << pair;
  }
}

TEST(EmulatedConversion, RoundsToTf32AwayFromZero) {
  std::vector<Words> operands;
  std::mt19937 random(2);
  for (std::uint64_t bits : {0x0u, 0x1u, 0xfffu, 0x1000u, 0x1001u, 0x3000u, 0x3f800fffu, 0x3f801000u, 0x3f803000u,
                             0x7f7fefffu, 0x7f7ff000u, 0x7f7fffffu, 0x7f800000u, 0x007fffffu, 0x00800000u})
    for (std::uint64_t sign : {0u, 0x80000000u})
      operands.push_back({sign | bits});
  for (int i = 0; i < 5000; ++i)
    operands.push_back({random()});
  const std::vector<Words> results = compute("cvt.rna.tf32.f32", operands);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const double x = float_of(operands[i][0]);
    if (std::isnan(x)) {
      ASSERT_EQ(results[i][0], operands[i][0] & 0xffffe000U); // measured on an H100
      continue;
    }
    double expected = x;
    if (std::isfinite(x) && x != 0) {
      // The last place: 10 bits below the leading one, or below the smallest normal number.
      const double unit = std::ldexp(1.0, std::max(std::ilogb(x), -126) - 10);
      expected = std::round(x / unit) * unit;
    }
    ASSERT_EQ(results[i][0], bits_of(float(expected))) << x;
  }
  EXPECT_EQ(compute("cvt.rna.tf32.f32", {{0x7f800001}, {0xffc00000}}),
            (std::vector<Words>{Words{0x7f800000, 0, 0, 0, 0, 0, 0, 0}, Words{0xffc00000, 0, 0, 0, 0, 0, 0, 0}}));
}

TEST(EmulatedConversion, ExponentialIsNearAndFlushes) {
  auto exp2 = [](float x) { return float_of(compute("ex2.approx.ftz.f32", {{bits_of(x)}})[0][0]); };
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (int i = -126; i < 128; ++i)
    EXPECT_EQ(exp2(float(i)), std::ldexp(1.0f, i));
  EXPECT_EQ(exp2(128), infinity);
  EXPECT_EQ(exp2(infinity), infinity);
  EXPECT_EQ(bits_of(exp2(-infinity)), 0U);
  EXPECT_EQ(bits_of(exp2(-126.5f)), 0U) << "subnormal";
  EXPECT_EQ(bits_of(exp2(-1000)), 0U);
  EXPECT_EQ(exp2(-0.0f), 1);
  EXPECT_EQ(exp2(std::numeric_limits<float>::denorm_min()), 1);
  EXPECT_EQ(bits_of(exp2(std::numeric_limits<float>::quiet_NaN())), 0x7fffffffU);
  EXPECT_EQ(bits_of(exp2(-std::numeric_limits<float>::quiet_NaN())), 0x7fffffffU);
  std::mt19937 random(3);
  std::uniform_real_distribution<float> numbers(-125, 127);
  std::vector<Words> operands;
  for (int i = 0; i < 2000; ++i)
    operands.push_back({bits_of(numbers(random))});
  const std::vector<Words> results = compute("ex2.approx.ftz.f32", operands);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const long double expected = std::exp2(static_cast<long double>(float_of(operands[i][0])));
    ASSERT_LE(std::fabs(float_of(results[i][0]) / expected - 1), std::ldexp(1.0L, -23));
  }
}

TEST(EmulatedConversion, ExclusiveOr) { EXPECT_EQ(compute("xor.b32", {{0x0f0f1234, 0xff000234}})[0][0], 0xf00f1000U); }

TEST(EmulatedConversion, PermutesBytes) {
  auto permute = [](std::uint64_t a, std::uint64_t b, std::uint64_t selector) {
    return compute("prmt.b32", {{a, b, selector}})[0][0];
  };
  EXPECT_EQ(permute(0x44332211, 0x88776655, 0x3210), 0x44332211U);
  EXPECT_EQ(permute(0x44332211, 0x88776655, 0x7654), 0x88776655U);
  EXPECT_EQ(permute(0x44332211, 0x88776655, 0x0617), 0x11772288U);
  // The highest bit of a choice asks for the byte's sign.
  EXPECT_EQ(permute(0x44332211, 0x88776655, 0xf8f8), 0xff00ff00U);
  EXPECT_EQ(permute(0x80332211, 0x88776655, 0xffffb000), 0xff111111U) << "what is above 16 bits is not looked at";
  std::mt19937 random(4);
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t a = random(), b = random(), selector = random();
    std::uint64_t expected = 0;
    for (unsigned byte = 0; byte < 4; ++byte) {
      const unsigned choice = selector >> (4 * byte) & 15;
      const std::uint64_t from = (choice & 4 ? b : a) >> (choice % 4 * 8) & 0xff;
      expected |= (choice & 8 ? (from >= 0x80 ? 0xff : 0) : from) << (8 * byte);
    }
    ASSERT_EQ(permute(a, b, selector), expected) << std::hex << a << " " << b << " " << selector;
  }
}

TEST(EmulatedConversion, PacksTheFirstRegisterLowest) {
  auto first = [](const std::string &operation, Words operands, std::size_t results = 1) {
    Words all = compute(operation, {std::move(operands)})[0];
    all.resize(results);
    return all;
  };
  EXPECT_EQ(first("pack.b16x2", {0x1234, 0xfedc}), Words{0xfedc1234});
  EXPECT_EQ(first("pack.b8x4", {0x12, 0x34, 0x56, 0xf8}), Words{0xf8563412});
  EXPECT_EQ(first("pack.b8x2", {0x12, 0xf4}), Words{0xf412});
  EXPECT_EQ(first("pack.b32x2", {0x12345678, 0xfedcba98}), Words{0xfedcba9812345678});
  EXPECT_EQ(first("unpack.b16x2", {0xfedc1234}, 2), (Words{0x1234, 0xfedc}));
  EXPECT_EQ(first("unpack.b8x4", {0xf8563412}, 4), (Words{0x12, 0x34, 0x56, 0xf8}));
  EXPECT_EQ(first("unpack.b8x2", {0xf412}, 2), (Words{0x12, 0xf4}));
  EXPECT_EQ(first("unpack.b32x2", {0xfedcba9812345678}, 2), (Words{0x12345678, 0xfedcba98}));
}

} // namespace
