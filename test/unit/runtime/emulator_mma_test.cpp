// Tensor cores of the emulator. Where elements of fragments lie is written as the PTX ISA writes it, shape by shape.
#include "emulated_rows.h"

#include "kiln/float_types.h"

#include <gtest/gtest.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>

using namespace kiln;
using namespace kiln::test;

namespace {

struct Place {
  unsigned row, column;
};

/// Element i of a lane's fragment of A (16 x K); `per` of them are in a register.
Place place_in_a(unsigned k, unsigned per, unsigned lane, unsigned i) {
  const unsigned group = lane >> 2, number = lane % 4;
  if (per == 1) // m16n8k4: a0 (group, number), a1 (group + 8, number); m16n8k8 has four more columns
    return {i % 2 == 0 ? group : group + 8, i < 2 ? number : number + 4};
  if (per == 2) // m16n8k8: a0 a1 | a2 a3; m16n8k16: two times that
    return {i % 4 < 2 ? group : group + 8, number * 2 + (i & 1) + (i >= 4 ? 8 : 0)};
  // m16n8k16 of bytes: a0..a3 | a4..a7; m16n8k32: two times that
  (void)k;
  return {i % 8 < 4 ? group : group + 8, number * 4 + (i & 3) + (i >= 8 ? 16 : 0)};
}

/// Of B (K x 8).
Place place_in_b(unsigned per, unsigned lane, unsigned i) {
  const unsigned group = lane >> 2, number = lane % 4;
  if (per == 1)
    return {number + (i == 1 ? 4 : 0), group};
  if (per == 2)
    return {number * 2 + (i & 1) + (i >= 2 ? 8 : 0), group};
  return {number * 4 + (i & 3) + (i >= 4 ? 16 : 0), group};
}

/// Of C and D (16 x 8).
Place place_in_c(unsigned lane, unsigned i) { return {(lane >> 2) + (i < 2 ? 0u : 8u), lane % 4 * 2 + (i & 1)}; }

enum class Type { f16, bf16, tf32, s8, e4m3, e5m2 };

unsigned bits_of(Type type) { return type == Type::tf32 ? 32 : type == Type::f16 || type == Type::bf16 ? 16 : 8; }

/// The code of a number that the type has.
std::uint64_t encode(Type type, double number) {
  const auto x = float(number);
  switch (type) {
  case Type::f16:
    return half(x).bits;
  case Type::bf16:
    return bfloat16(x).bits;
  case Type::tf32:
    return std::bit_cast<std::uint32_t>(x);
  case Type::s8:
    return std::uint8_t(std::int8_t(number));
  case Type::e4m3:
    return float8_e4m3(x).bits;
  case Type::e5m2:
    return float8_e5m2(x).bits;
  }
  return 0;
}

struct Shape {
  const char *name;
  unsigned k;
  Type a, b;
  bool is_integer() const { return a == Type::s8; }
};

constexpr Shape kShapes[] = {{"m16n8k16.f32.f16", 16, Type::f16, Type::f16},
                             {"m16n8k8.f32.f16", 8, Type::f16, Type::f16},
                             {"m16n8k16.f32.bf16", 16, Type::bf16, Type::bf16},
                             {"m16n8k8.f32.bf16", 8, Type::bf16, Type::bf16},
                             {"m16n8k8.f32.tf32", 8, Type::tf32, Type::tf32},
                             {"m16n8k4.f32.tf32", 4, Type::tf32, Type::tf32},
                             {"m16n8k32.s32.s8", 32, Type::s8, Type::s8},
                             {"m16n8k16.s32.s8", 16, Type::s8, Type::s8},
                             {"m16n8k32.f32.e4m3.e4m3", 32, Type::e4m3, Type::e4m3},
                             {"m16n8k32.f32.e4m3.e5m2", 32, Type::e4m3, Type::e5m2},
                             {"m16n8k32.f32.e5m2.e4m3", 32, Type::e5m2, Type::e4m3},
                             {"m16n8k32.f32.e5m2.e5m2", 32, Type::e5m2, Type::e5m2}};

/// Codes of the elements, row by row.
struct Problem {
  Shape shape;
  Words a = Words(16 * shape.k), b = Words(shape.k * 8), c = Words(16 * 8);

  std::array<Words, 32> fragments() const {
    const unsigned bits = bits_of(shape.a), per = 32 / bits;
    std::array<Words, 32> operands;
    for (unsigned lane = 0; lane < 32; ++lane) {
      Words &words = operands[lane];
      auto put = [&](unsigned first, unsigned i, std::uint64_t code) {
        words[first + i / per] |= code << (i % per * bits);
      };
      const unsigned a_registers = 16 * shape.k / 32 / per, b_registers = a_registers / 2;
      words.assign(a_registers + b_registers + 4, 0);
      for (unsigned i = 0; i < a_registers * per; ++i) {
        const auto [row, column] = place_in_a(shape.k, per, lane, i);
        put(0, i, a[row * shape.k + column]);
      }
      for (unsigned i = 0; i < b_registers * per; ++i) {
        const auto [row, column] = place_in_b(per, lane, i);
        put(a_registers, i, b[row * 8 + column]);
      }
      for (unsigned i = 0; i < 4; ++i) {
        const auto [row, column] = place_in_c(lane, i);
        words[a_registers + b_registers + i] = c[row * 8 + column];
      }
    }
    return operands;
  }

  /// D, row by row.
  Words run() const {
    const WarpResults results = apply_warp(std::string("mma.") + shape.name, fragments());
    EXPECT_EQ(results.found, "");
    Words d(16 * 8);
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned i = 0; i < 4; ++i) {
        const auto [row, column] = place_in_c(lane, i);
        d[row * 8 + column] = results[lane][i];
      }
    return d;
  }
};

float float_of(std::uint64_t bits) { return std::bit_cast<float>(std::uint32_t(bits)); }

class EmulatedMma : public testing::TestWithParam<Shape> {};

TEST_P(EmulatedMma, SmallIntegersExactly) {
  const Shape shape = GetParam();
  std::mt19937 random(1);
  for (int round = 0; round < 8; ++round) {
    Problem problem{shape};
    std::vector<int> a(problem.a.size()), b(problem.b.size()), c(problem.c.size());
    // Of one element of A, or of all.
    const bool sparse = round % 2 == 0;
    const std::size_t only = random() % a.size();
    for (std::size_t i = 0; i < a.size(); ++i)
      problem.a[i] = encode(shape.a, a[i] = sparse && i != only ? 0 : int(random() % 17) - 8);
    for (std::size_t i = 0; i < b.size(); ++i)
      problem.b[i] = encode(shape.b, b[i] = int(random() % 9) - 4);
    for (std::size_t i = 0; i < c.size(); ++i) {
      c[i] = int(random() % 2001) - 1000;
      problem.c[i] = shape.is_integer() ? std::uint32_t(c[i]) : std::bit_cast<std::uint32_t>(float(c[i]));
    }
    const Words d = problem.run();
    for (unsigned row = 0; row < 16; ++row)
      for (unsigned column = 0; column < 8; ++column) {
        int sum = c[row * 8 + column];
        for (unsigned i = 0; i < shape.k; ++i)
          sum += a[row * shape.k + i] * b[i * 8 + column];
        const std::uint64_t bits = d[row * 8 + column];
        ASSERT_EQ(shape.is_integer() ? double(std::int32_t(bits)) : double(float_of(bits)), sum)
            << row << ", " << column;
      }
  }
}

TEST_P(EmulatedMma, SumsAreRoundedOnce) {
  const Shape shape = GetParam();
  if (shape.is_integer())
    return;
  std::mt19937 random(2);
  std::uniform_real_distribution<double> numbers(-4, 4);
  auto value = [](Type type, std::uint64_t code) -> double {
    switch (type) {
    case Type::f16:
      return float(half::from_bits(std::uint16_t(code)));
    case Type::bf16:
      return float(bfloat16::from_bits(std::uint16_t(code)));
    case Type::e4m3:
      return float(float8_e4m3::from_bits(std::uint8_t(code)));
    case Type::e5m2:
      return float(float8_e5m2::from_bits(std::uint8_t(code)));
    default:
      return float_of(code & 0xffffe000); // the rest of a tf32 is not looked at
    }
  };
  Problem problem{shape};
  for (std::uint64_t &code : problem.a)
    code = encode(shape.a, numbers(random));
  for (std::uint64_t &code : problem.b)
    code = encode(shape.b, numbers(random));
  for (std::uint64_t &code : problem.c)
    code = std::bit_cast<std::uint32_t>(float(numbers(random)));
  const Words d = problem.run();
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned column = 0; column < 8; ++column) {
      long double sum = float_of(problem.c[row * 8 + column]);
      for (unsigned i = 0; i < shape.k; ++i)
        sum += (long double)value(shape.a, problem.a[row * shape.k + i]) * value(shape.b, problem.b[i * 8 + column]);
      // All but the very nearest ties.
      const auto expected = float(sum);
      EXPECT_NEAR(float_of(d[row * 8 + column]), expected, std::fabs(expected) * 1e-12) << row << ", " << column;
    }
}

TEST_P(EmulatedMma, SpecialNumbersGoWhereTheyBelong) {
  const Shape shape = GetParam();
  if (shape.is_integer())
    return;
  Problem problem{shape};
  for (std::uint64_t &code : problem.b)
    code = encode(shape.b, 1);
  constexpr float infinity = std::numeric_limits<float>::infinity();
  problem.a[3 * shape.k + 1] = encode(shape.a, std::numeric_limits<double>::quiet_NaN());
  problem.c[5 * 8 + 2] = std::bit_cast<std::uint32_t>(-std::numeric_limits<float>::quiet_NaN());
  problem.c[6 * 8 + 3] = std::bit_cast<std::uint32_t>(-infinity);
  problem.c[7 * 8 + 4] = 1; // the smallest subnormal
  const Words d = problem.run();
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned column = 0; column < 8; ++column) {
      std::uint64_t expected = 0;
      if (row == 3 || (row == 5 && column == 2))
        expected = 0x7fffffff;
      else if (row == 6 && column == 3)
        expected = std::bit_cast<std::uint32_t>(-infinity);
      else if (row == 7 && column == 4)
        expected = 1;
      ASSERT_EQ(d[row * 8 + column], expected) << row << ", " << column;
    }
}

TEST_P(EmulatedMma, EveryCodeOfAnElement) {
  const Shape shape = GetParam();
  if (shape.a == Type::tf32)
    return;
  // One code in each row of A, times one.
  const unsigned codes = 1u << bits_of(shape.a), step = codes > 256 ? 37 : 1;
  for (unsigned first = 0; first < codes; first += 16 * step) {
    Problem problem{shape};
    for (unsigned row = 0; row < 16; ++row)
      problem.a[row * shape.k + row % shape.k] = (first + row * step) % codes;
    for (std::uint64_t &code : problem.b)
      code = encode(shape.b, 1);
    const Words d = problem.run();
    for (unsigned row = 0; row < 16; ++row) {
      const unsigned code = (first + row * step) % codes;
      const std::uint64_t bits = d[row * 8 + row % 8];
      if (shape.is_integer()) {
        ASSERT_EQ(std::int32_t(bits), std::int8_t(code));
        continue;
      }
      const float expected = shape.a == Type::f16    ? float(half::from_bits(std::uint16_t(code)))
                             : shape.a == Type::bf16 ? float(bfloat16::from_bits(std::uint16_t(code)))
                             : shape.a == Type::e4m3 ? float(float8_e4m3::from_bits(std::uint8_t(code)))
                                                     : float(float8_e5m2::from_bits(std::uint8_t(code)));
      if (std::isnan(expected))
        ASSERT_EQ(bits, 0x7fffffffU) << code;
      else
        ASSERT_EQ(float_of(bits), expected) << code;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, EmulatedMma, testing::ValuesIn(kShapes), [](const auto &info) {
  std::string name = info.param.name;
  for (char &c : name)
    c = c == '.' ? '_' : c;
  return name;
});

TEST(EmulatedMmaOfBytes, SumsWrap) {
  for (const Shape &shape : kShapes) {
    if (!shape.is_integer())
      continue;
    Problem problem{shape};
    for (std::uint64_t &code : problem.a)
      code = 0x80;
    for (std::uint64_t &code : problem.b)
      code = 0x80;
    problem.c[0] = 0x7fffffff;
    problem.c[1] = 0x80000000;
    const Words d = problem.run();
    EXPECT_EQ(d[0], 0x7fffffffu + shape.k * 128 * 128);
    EXPECT_EQ(d[1], 0x80000000u + shape.k * 128 * 128);
  }
}

TEST(EmulatedMmaOfTf32, LowBitsAreNotLookedAt) {
  Problem problem{kShapes[4]};
  problem.a[0] = std::bit_cast<std::uint32_t>(1.0f) | 0x1fff;
  problem.b[0] = std::bit_cast<std::uint32_t>(3.0f) | 0x1fff;
  EXPECT_EQ(float_of(problem.run()[0]), 3);
}

} // namespace
