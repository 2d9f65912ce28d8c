// Making and shaping tiles, contraction, reduction and scan.
#include "interpreter_test.h"

#include <cmath>

using namespace kiln::interp;

namespace {

/// Stores `%r`, computed by `body` from %x : tensor<8xi32> = 0..7, of type tensor<N x element>, and returns its
/// elements.
template <typename T>
std::vector<T> evaluate(const std::string &body, const std::string &element, size_t count, const std::string &shape) {
  std::string n = std::to_string(count), pointer = "!tile.ptr<" + element + ">",
              pointers = "tensor<" + n + "x" + pointer + ">";
  TestProgram program(
      "func.func @k(%out: " + pointer + ") attributes {tile.kernel} {\n%x = tile.arange 0 to 8 : tensor<8xi32>\n" +
      body + "\n%flat = tile.reshape %r : tensor<" + shape + "x" + element + "> -> tensor<" + n + "x" + element +
      ">\n%oi = tile.arange 0 to " + n + " : tensor<" + n + "xi32>\n%os = tile.splat %out : " + pointer + " -> " +
      pointers + "\n%op = tile.addptr %os, %oi : " + pointers + ", tensor<" + n +
      "xi32>\ntile.store %op, %flat : " + pointers + "\nreturn\n}");
  std::vector<T> out(count);
  EXPECT_EQ(program.run(out.data()), "");
  return out;
}
using Ints = std::vector<int32_t>;

TEST(Shapes, ArangeSplatReshape) {
  EXPECT_EQ(evaluate<int32_t>("%r = tile.arange -2 to 2 : tensor<4xi32>", "i32", 4, "4"), (Ints{-2, -1, 0, 1}));
  EXPECT_EQ(
      evaluate<int32_t>("%c = arith.constant 5 : i32\n%r = tile.splat %c : i32 -> tensor<2x2xi32>", "i32", 4, "2x2"),
      (Ints{5, 5, 5, 5}));
  EXPECT_EQ(evaluate<int32_t>("%r = tile.reshape %x : tensor<8xi32> -> tensor<2x1x4xi32>", "i32", 8, "2x1x4"),
            (Ints{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(Shapes, ExpandAndBroadcast) {
  EXPECT_EQ(evaluate<int32_t>("%a = tile.arange 0 to 2 : tensor<2xi32>\n%e = tile.expand_dims %a axis 1 : "
                              "tensor<2xi32> -> tensor<2x1xi32>\n"
                              "%r = tile.broadcast %e : tensor<2x1xi32> -> tensor<2x4xi32>",
                              "i32", 8, "2x4"),
            (Ints{0, 0, 0, 0, 1, 1, 1, 1}));
  EXPECT_EQ(evaluate<int32_t>("%a = tile.arange 0 to 2 : tensor<2xi32>\n%e = tile.expand_dims %a axis 0 : "
                              "tensor<2xi32> -> tensor<1x2xi32>\n"
                              "%r = tile.broadcast %e : tensor<1x2xi32> -> tensor<4x2xi32>",
                              "i32", 8, "4x2"),
            (Ints{0, 1, 0, 1, 0, 1, 0, 1}));
}

TEST(Shapes, Trans) {
  EXPECT_EQ(evaluate<int32_t>("%m = tile.reshape %x : tensor<8xi32> -> tensor<2x4xi32>\n"
                              "%r = tile.trans %m [1, 0] : tensor<2x4xi32> -> tensor<4x2xi32>",
                              "i32", 8, "4x2"),
            (Ints{0, 4, 1, 5, 2, 6, 3, 7}));
  EXPECT_EQ(evaluate<int32_t>("%m = tile.reshape %x : tensor<8xi32> -> tensor<2x2x2xi32>\n"
                              "%r = tile.trans %m [2, 0, 1] : tensor<2x2x2xi32> -> tensor<2x2x2xi32>",
                              "i32", 8, "2x2x2"),
            (Ints{0, 2, 4, 6, 1, 3, 5, 7}));
}

const char *kAdd = "{\n^bb0(%p: i32, %q: i32):\n%s = arith.addi %p, %q : i32\ntile.yield %s : i32\n}";
const std::string kMatrix = "%m = tile.reshape %x : tensor<8xi32> -> tensor<2x4xi32>\n";

TEST(Combine, ReduceAlongEachAxis) {
  EXPECT_EQ(evaluate<int32_t>(kMatrix + "%r = tile.reduce %m axis 0 : (tensor<2x4xi32>) -> tensor<4xi32> " + kAdd,
                              "i32", 4, "4"),
            (Ints{4, 6, 8, 10}));
  EXPECT_EQ(evaluate<int32_t>(kMatrix + "%r = tile.reduce %m axis 1 : (tensor<2x4xi32>) -> tensor<2xi32> " + kAdd,
                              "i32", 2, "2"),
            (Ints{6, 22}));
  EXPECT_EQ(evaluate<int32_t>(std::string("%t = tile.reduce %x axis 0 : (tensor<8xi32>) -> i32 ") + kAdd +
                                  "\n%r = tile.splat %t : i32 -> tensor<1xi32>",
                              "i32", 1, "1"),
            (Ints{28}));
}

TEST(Combine, ScansBothWays) {
  EXPECT_EQ(evaluate<int32_t>(kMatrix + "%r = tile.scan %m axis 1 : (tensor<2x4xi32>) -> tensor<2x4xi32> " + kAdd,
                              "i32", 8, "2x4"),
            (Ints{0, 1, 3, 6, 4, 9, 15, 22}));
  EXPECT_EQ(
      evaluate<int32_t>(kMatrix + "%r = tile.scan %m axis 1 reverse : (tensor<2x4xi32>) -> tensor<2x4xi32> " + kAdd,
                        "i32", 8, "2x4"),
      (Ints{6, 6, 5, 3, 22, 18, 13, 7}));
  EXPECT_EQ(evaluate<int32_t>(kMatrix + "%r = tile.scan %m axis 0 : (tensor<2x4xi32>) -> tensor<2x4xi32> " + kAdd,
                              "i32", 8, "2x4"),
            (Ints{0, 1, 2, 3, 4, 6, 8, 10}));
}

TEST(Combine, FirstOperandComesFirst) {
  // "Take the first" and "take the second" are associative and tell the operands apart.
  std::string first = "{\n^bb0(%p: i32, %q: i32):\ntile.yield %p : i32\n}",
              second = "{\n^bb0(%p: i32, %q: i32):\ntile.yield %q : i32\n}";
  auto scan = [&](const std::string &how, const std::string &combiner) {
    return evaluate<int32_t>("%r = tile.scan %x axis 0 " + how + ": (tensor<8xi32>) -> tensor<8xi32> " + combiner,
                             "i32", 8, "8");
  };
  EXPECT_EQ(scan("", first), (Ints{0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(scan("", second), (Ints{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(scan("reverse ", first), (Ints{7, 7, 7, 7, 7, 7, 7, 7}));
  EXPECT_EQ(scan("reverse ", second), (Ints{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(Combine, TuplesConstantsAndBranches) {
  // argmax with ties to the smaller index; a constant and an scf.if inside the combiner.
  std::string combiner = "{\n^bb0(%a: i32, %i: i32, %b: i32, %j: i32):\n%gt = arith.cmpi sgt, %a, %b : i32\n"
                         "%eq = arith.cmpi eq, %a, %b : i32\n%lt = arith.cmpi slt, %i, %j : i32\n"
                         "%tie = arith.andi %eq, %lt : i1\n%first = arith.ori %gt, %tie : i1\n"
                         "%w = arith.select %first, %a, %b : i32\n%k = arith.select %first, %i, %j : i32\n"
                         "tile.yield %w, %k : i32, i32\n}";
  EXPECT_EQ(
      evaluate<int32_t>("%three = arith.constant dense<3> : tensor<8xi32>\n%v = arith.andi %x, %three : tensor<8xi32>\n"
                        "%t:2 = tile.reduce %v, %x axis 0 : (tensor<8xi32>, tensor<8xi32>) -> (i32, i32) " +
                            combiner + "\n%r = tile.splat %t#1 : i32 -> tensor<1xi32>",
                        "i32", 1, "1"),
      (Ints{3}));
  EXPECT_EQ(
      evaluate<int32_t>(
          kMatrix +
              "%r = tile.reduce %m axis 1 : (tensor<2x4xi32>) -> tensor<2xi32> {\n"
              "^bb0(%p: i32, %q: i32):\n%c = arith.constant 2 : i32\n%d = arith.cmpi sgt, %p, %c : i32\n"
              "%s = scf.if %d -> i32 {\nscf.yield %p : i32\n} else {\nscf.yield %q : i32\n}\ntile.yield %s : i32\n}",
          "i32", 2, "2"),
      (Ints{3, 4}));
  EXPECT_EQ(evaluate<int32_t>(kMatrix + "%r = tile.reduce %m axis 1 : (tensor<2x4xi32>) -> tensor<2xi32> {\n"
                                        "^bb0(%p: i32, %q: i32):\n%c = arith.constant 9 : i32\ntile.yield %c : i32\n}",
                              "i32", 2, "2"),
            (Ints{9, 9}));
}

TEST(Combine, DotOfFloats) {
  std::string body = "%f = arith.sitofp %x : tensor<8xi32> to tensor<8xf16>\n"
                     "%a = tile.reshape %f : tensor<8xf16> -> tensor<2x4xf16>\n%b = tile.reshape %f : tensor<8xf16> -> "
                     "tensor<4x2xf16>\n"
                     "%c = arith.constant dense<1.0> : tensor<2x2xf32>\n"
                     "%r = tile.dot %a, %b, %c : tensor<2x4xf16>, tensor<4x2xf16> -> tensor<2x2xf32>";
  EXPECT_EQ(evaluate<float>(body, "f32", 4, "2x2"), (std::vector<float>{29, 35, 77, 99}));
}

TEST(Combine, DotOfIntegersWraps) {
  std::string body =
      "%i = arith.trunci %x : tensor<8xi32> to tensor<8xi8>\n%n = arith.constant dense<-1> : tensor<4x2xi8>\n"
      "%a = tile.reshape %i : tensor<8xi8> -> tensor<2x4xi8>\n"
      "%c = arith.constant dense<-2147483648> : tensor<2x2xi32>\n"
      "%r = tile.dot %a, %n, %c : tensor<2x4xi8>, tensor<4x2xi8> -> tensor<2x2xi32>";
  EXPECT_EQ(evaluate<int32_t>(body, "i32", 4, "2x2"), (Ints{2147483642, 2147483642, 2147483626, 2147483626}));
}

TEST(Combine, DotFormsEveryProduct) {
  std::string body = "%a = arith.constant dense<[[0.0, 1.0]]> : tensor<1x2xf32>\n%b = arith.constant "
                     "dense<[[0x7f800000], [2.0]]> : tensor<2x1xf32>\n"
                     "%c = arith.constant dense<0.0> : tensor<1x1xf32>\n"
                     "%r = tile.dot %a, %b, %c : tensor<1x2xf32>, tensor<2x1xf32> -> tensor<1x1xf32>";
  EXPECT_TRUE(std::isnan(evaluate<float>(body, "f32", 1, "1x1")[0]));
}

} // namespace
