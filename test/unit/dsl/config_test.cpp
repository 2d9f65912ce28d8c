// Configs as keys and as text, the storage types, launch grids.
#include "run.h"

#include <cmath>
#include <limits>
#include <string>

using kiln_test::None;

namespace {

enum class Mode : unsigned char { fast, exact };
struct Everything {
  int block = 64;
  bool causal = true;
  Mode mode = Mode::exact;
  float scale = 0.5f;
  double bias = 0.1;
  unsigned long long seed = 18446744073709551615ull;
  std::int8_t shift = -3;
};

TEST(Config, Text) {
  EXPECT_EQ(kiln::config_text(Everything{}), "{64, true, 1, 0.5, 0.1, 18446744073709551615, -3}");
  EXPECT_EQ(kiln::config_text(Everything{.causal = false, .scale = -0.0f}),
            "{64, false, 1, -0, 0.1, 18446744073709551615, -3}");
  EXPECT_EQ(kiln::config_text(None{}), "{}");
}

TEST(Config, SixteenMembers) {
  struct Sixteen {
    int a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8, i = 9, j = 10, k = 11, l = 12, m = 13, n = 14, o = 15,
        p = 16;
  };
  int next = 1;
  kiln::for_each_field(Sixteen{}, [&](int value) { EXPECT_EQ(value, next++); });
  EXPECT_EQ(next, 17);
}

// Distinct values have distinct words: these decide whether a compiled kernel is found.
TEST(Config, Words) {
  using kiln::detail::to_word;
  EXPECT_NE(to_word(0.0), to_word(-0.0));
  EXPECT_NE(to_word(1), to_word(-1));
  EXPECT_NE(to_word(true), to_word(false));
  EXPECT_NE(to_word(Mode::fast), to_word(Mode::exact));
  EXPECT_EQ(to_word(0.5f), to_word(0.5));
}

struct Warps {
  int block = 1;
  int num_warps = 8;
};
struct NoWarps {
  int block = 1;
};

TEST(Config, NumWarpsIsFoundByName) {
  kiln::Kernel with{"with", [](const Warps &, kiln::ptr<int>) {}};
  kiln::Kernel without{"without", [](const NoWarps &, kiln::ptr<int>) {}};
  EXPECT_NE(with.trace({.num_warps = 2}).find("tile.num_warps = 2 : i32"), std::string::npos);
  EXPECT_EQ(without.trace({}).find("tile.num_warps"), std::string::npos);
}

TEST(Config, SteersTheTrace) {
  kiln::Kernel kernel{"steered", [](const NoWarps &c, kiln::ptr<int> out) {
                        for (int i = 0; i < c.block; ++i)
                          kiln::store(out + i, i);
                      }};
  kiln_test::expect_output(kernel, NoWarps{.block = 2}, {0, 1, 0});
  kiln_test::expect_output(kernel, NoWarps{.block = 3}, {0, 1, 2});
}

// ---- storage types: every code, and the neighbourhood of every rounding boundary
// -----------------------------------------------

/// The nearest of all finite codes, ties to the even one; what overflows becomes `overflow`.
template <class T, class Bits>
void check_rounding(int codes, double overflow_from, float overflow_to) {
  for (int sign = 0; sign < 2; ++sign) {
    for (int code = 0; code + 1 < codes; ++code) {
      const float low = static_cast<float>(T::from_bits(static_cast<Bits>(code)));
      const float high = static_cast<float>(T::from_bits(static_cast<Bits>(code + 1)));
      ASSERT_LT(low, high);
      const float middle = static_cast<float>((static_cast<double>(low) + high) / 2); // exact: f32 has bits to spare
      const float s = sign ? -1.0f : 1.0f;
      const float even = code % 2 == 0 ? low : high;
      EXPECT_EQ(static_cast<float>(T(s * low)), s * low);
      EXPECT_EQ(static_cast<float>(T(s * middle)), s * even) << code;
      EXPECT_EQ(static_cast<float>(T(s * std::nextafterf(middle, 0))), s * low) << code;
      EXPECT_EQ(static_cast<float>(T(s * std::nextafterf(middle, INFINITY))), s * high) << code;
    }
  }
  EXPECT_EQ(static_cast<float>(T(static_cast<float>(overflow_from))), overflow_to);
  EXPECT_EQ(static_cast<float>(T(-std::numeric_limits<float>::max())), -overflow_to);
  EXPECT_EQ(static_cast<float>(T(INFINITY)), overflow_to);
  EXPECT_TRUE(std::isnan(static_cast<float>(T(NAN))));
  EXPECT_TRUE(std::signbit(static_cast<float>(T(-0.0f))));
}

TEST(FloatTypes, HalfRounds) { check_rounding<kiln::half, std::uint16_t>(0x7c00, 65520, INFINITY); }
TEST(FloatTypes, BFloat16Rounds) { check_rounding<kiln::bfloat16, std::uint16_t>(0x7f80, 3.4e38, INFINITY); }
TEST(FloatTypes, E4M3RoundsAndSaturates) { check_rounding<kiln::float8_e4m3, std::uint8_t>(0x7f, 1e6, 448); }
TEST(FloatTypes, E5M2RoundsAndSaturates) { check_rounding<kiln::float8_e5m2, std::uint8_t>(0x7c, 1e6, 57344); }

TEST(FloatTypes, SpecialCodes) {
  EXPECT_TRUE(std::isnan(static_cast<float>(kiln::float8_e4m3::from_bits(0xff))));
  EXPECT_EQ(static_cast<float>(kiln::float8_e5m2::from_bits(0xfc)), -INFINITY);
  EXPECT_TRUE(std::isnan(static_cast<float>(kiln::float8_e5m2::from_bits(0x7d))));
  EXPECT_EQ(static_cast<float>(kiln::half::from_bits(1)), 0x1p-24f);
  static_assert(static_cast<float>(kiln::half(1.5f)) == 1.5f, "conversions are constant expressions");
}

TEST(Grid, TakesAnyInteger) {
  kiln::Grid grid = kiln::cdiv(std::int64_t(1000), 64);
  EXPECT_EQ(grid.x, 16u);
  EXPECT_EQ(grid.y, 1u);
  EXPECT_THROW(kiln::Grid(-1), kiln::InvalidArgument);
  EXPECT_THROW(kiln::Grid(1, std::int64_t(1) << 31), kiln::InvalidArgument);
}

} // namespace
