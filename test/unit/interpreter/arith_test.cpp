// Integer arithmetic, comparisons, conversions and constants.
#include "interpreter_test.h"

using namespace kiln::interp;
using Bits = std::vector<uint64_t>;

static Bits binary8(const std::string &op, const Bits &a, const Bits &b) {
  return apply(op + " %0, %1 : tensor<Txi8>", {"i8", "i8"}, "i8", {a, b});
}

TEST(Integers, Wrap) {
  EXPECT_EQ(binary8("arith.addi", {127, 255}, {1, 1}), (Bits{128, 0}));
  EXPECT_EQ(binary8("arith.subi", {128, 0}, {1, 1}), (Bits{127, 255}));
  EXPECT_EQ(binary8("arith.muli", {128, 16}, {255, 17}), (Bits{128, 16}));
  EXPECT_EQ(apply("arith.muli %0, %1 : tensor<Txi64>", {"i64", "i64"}, "i64", {{1ull << 63}, {~0ull}}),
            (Bits{1ull << 63}));
}

TEST(Integers, Bitwise) {
  EXPECT_EQ(binary8("arith.andi", {0xcc}, {0xaa}), (Bits{0x88}));
  EXPECT_EQ(binary8("arith.ori", {0xcc}, {0xaa}), (Bits{0xee}));
  EXPECT_EQ(binary8("arith.xori", {0xcc}, {0xaa}), (Bits{0x66}));
}

TEST(Integers, DivisionTruncates) {
  Bits a = {7, 0xf9, 7, 0xf9, 0x80}, b = {2, 2, 0xfe, 0xfe, 1};
  EXPECT_EQ(binary8("arith.divsi", a, b), (Bits{3, 0xfd, 0xfd, 3, 0x80}));
  EXPECT_EQ(binary8("arith.remsi", a, b), (Bits{1, 0xff, 1, 0xff, 0}));
  EXPECT_EQ(binary8("arith.floordivsi", a, b), (Bits{3, 0xfc, 0xfc, 3, 0x80}));
  EXPECT_EQ(binary8("arith.ceildivsi", a, b), (Bits{4, 0xfd, 0xfd, 4, 0x80}));
  EXPECT_EQ(binary8("arith.divui", a, b), (Bits{3, 0x7c, 0, 0, 0x80}));
  EXPECT_EQ(binary8("arith.remui", a, b), (Bits{1, 1, 7, 0xf9, 0}));
  EXPECT_EQ(binary8("arith.ceildivui", a, b), (Bits{4, 0x7d, 1, 1, 0x80}));
}

TEST(Integers, UnguardedDivisionIsAnError) {
  auto fails = [](const std::string &op, uint64_t a, uint64_t b) {
    std::string error;
    apply(op + " %0, %1 : tensor<Txi32>", {"i32", "i32"}, "i32", {{a}, {b}}, {}, &error);
    return error;
  };
  for (std::string op : {"arith.divsi", "arith.remsi", "arith.divui", "arith.remui", "arith.floordivsi"})
    EXPECT_NE(fails(op, 5, 0).find("error: integer division by zero without a guard (program (0, 0, 0))"),
              std::string::npos);
  for (std::string op : {"arith.divsi", "arith.remsi"})
    EXPECT_NE(fails(op, 0x80000000, 0xffffffff).find("error: overflowing integer division without a guard"),
              std::string::npos);
}

TEST(Integers, Shifts) {
  EXPECT_EQ(binary8("arith.shli", {0x81, 0x81, 0x81}, {1, 7, 0}), (Bits{2, 0x80, 0x81}));
  EXPECT_EQ(binary8("arith.shrui", {0x81, 0x81}, {1, 7}), (Bits{0x40, 1}));
  EXPECT_EQ(binary8("arith.shrsi", {0x81, 0x81}, {1, 7}), (Bits{0xc0, 0xff}));
  // What has no defined result is visibly wrong.
  EXPECT_EQ(binary8("arith.shli", {1, 1}, {8, 0xff}), (Bits{0xa5, 0xa5}));
}

TEST(Integers, MaximumMinimumAbs) {
  EXPECT_EQ(binary8("arith.maxsi", {0x80, 5}, {0x7f, 0xff}), (Bits{0x7f, 5}));
  EXPECT_EQ(binary8("arith.minsi", {0x80, 5}, {0x7f, 0xff}), (Bits{0x80, 0xff}));
  EXPECT_EQ(binary8("arith.maxui", {0x80, 5}, {0x7f, 0xff}), (Bits{0x80, 0xff}));
  EXPECT_EQ(binary8("arith.minui", {0x80, 5}, {0x7f, 0xff}), (Bits{0x7f, 5}));
  EXPECT_EQ(apply("math.absi %0 : tensor<Txi8>", {"i8"}, "i8", {{0x80, 0xff, 3}}), (Bits{0x80, 1, 3}));
}

TEST(Integers, Compare) {
  Bits a = {0x80, 0x7f, 3}, b = {0x7f, 0x80, 3};
  auto compare = [&](const std::string &predicate) {
    return apply("arith.cmpi " + predicate + ", %0, %1 : tensor<Txi8>", {"i8", "i8"}, "i1", {a, b});
  };
  EXPECT_EQ(compare("eq"), (Bits{0, 0, 1}));
  EXPECT_EQ(compare("ne"), (Bits{1, 1, 0}));
  EXPECT_EQ(compare("slt"), (Bits{1, 0, 0}));
  EXPECT_EQ(compare("sle"), (Bits{1, 0, 1}));
  EXPECT_EQ(compare("sgt"), (Bits{0, 1, 0}));
  EXPECT_EQ(compare("sge"), (Bits{0, 1, 1}));
  EXPECT_EQ(compare("ult"), (Bits{0, 1, 0}));
  EXPECT_EQ(compare("ule"), (Bits{0, 1, 1}));
  EXPECT_EQ(compare("ugt"), (Bits{1, 0, 0}));
  EXPECT_EQ(compare("uge"), (Bits{1, 0, 1}));
}

TEST(Integers, Conversions) {
  EXPECT_EQ(apply("arith.extsi %0 : tensor<Txi8> to tensor<Txi32>", {"i8"}, "i32", {{0x80, 1}}), (Bits{0xffffff80, 1}));
  EXPECT_EQ(apply("arith.extui %0 : tensor<Txi8> to tensor<Txi32>", {"i8"}, "i32", {{0x80, 1}}), (Bits{0x80, 1}));
  EXPECT_EQ(apply("arith.extui %0 : tensor<Txi1> to tensor<Txi64>", {"i1"}, "i64", {{0, 1}}), (Bits{0, 1}));
  EXPECT_EQ(apply("arith.trunci %0 : tensor<Txi64> to tensor<Txi16>", {"i64"}, "i16", {{0x123456789abc}}),
            (Bits{0x9abc}));
  EXPECT_EQ(apply("arith.trunci %0 : tensor<Txi8> to tensor<Txi1>", {"i8"}, "i1", {{2, 3}}), (Bits{0, 1}));
}

TEST(Integers, SelectKeepsWhatIsNotChosenOut) {
  EXPECT_EQ(apply("arith.select %0, %1, %2 : tensor<Txi1>, tensor<Txf32>", {"i1", "f32", "f32"}, "f32",
                  {{1, 0}, {0x7fc12345, 0x7fc12345}, {7, 8}}),
            (Bits{0x7fc12345, 8}));
}

TEST(Integers, Constants) {
  EXPECT_EQ(apply("arith.constant dense<-2> : tensor<Txi16>", {"i8"}, "i16", {{0, 0}}), (Bits{0xfffe, 0xfffe}));
  EXPECT_EQ(apply("arith.constant dense<[1, 2, -3, 4]> : tensor<4xi64>", {"i8"}, "i64", {{0, 0, 0, 0}}),
            (Bits{1, 2, uint64_t(-3), 4}));
  EXPECT_EQ(apply("arith.constant dense<[true, false]> : tensor<2xi1>", {"i8"}, "i1", {{0, 0}}), (Bits{1, 0}));
  EXPECT_EQ(apply("arith.constant dense<[1.5, -0.0]> : tensor<2xf16>", {"i8"}, "f16", {{0, 0}}),
            (Bits{0x3e00, 0x8000}));
  EXPECT_EQ(apply("arith.constant dense<2.0> : tensor<Txf8E5M2>", {"i8"}, "f8E5M2", {{0}}), (Bits{0x40}));
  EXPECT_EQ(apply("ub.poison : tensor<Txi32>", {"i8"}, "i32", {{0}}), (Bits{0xa5a5a5a5}));
}

TEST(Integers, Bitcast) {
  EXPECT_EQ(apply("tile.bitcast %0 : tensor<Txf32> -> tensor<Txi32>", {"f32"}, "i32", {{0x7f812345}}),
            (Bits{0x7f812345}));
  EXPECT_EQ(apply("arith.bitcast %0 : tensor<Txi16> to tensor<Txbf16>", {"i16"}, "bf16", {{0x8001}}), (Bits{0x8001}));
}
