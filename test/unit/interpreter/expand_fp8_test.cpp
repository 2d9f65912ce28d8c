// fp8 as bytes: the expanded program yields the bits of the original.
#include "interpreter_test.h"

#include "kiln/Dialect/Tile/Transforms/Passes.h"

#include <cmath>
#include <random>

using namespace kiln::interp;
using Bits = std::vector<uint64_t>;

namespace {

void addExpansion(mlir::OpPassManager &manager) { manager.addPass(kiln::tile::createExpandFp8()); }

/// The bits of a NaN are unspecified.
uint64_t canonical(uint64_t bits, const std::string &type) {
  if (type == "f8E4M3FN")
    return (bits & 0x7f) == 0x7f ? 0x7f : bits;
  uint64_t infinity = type == "f8E5M2" ? 0x7c
                      : type == "f16"  ? 0x7c00
                      : type == "bf16" ? 0x7f80
                      : type == "f32"  ? 0x7f800000
                                       : 0x7ff0000000000000;
  uint64_t magnitude = bits & ~(uint64_t(1) << (elementBytes(type) * 8 - 1));
  return magnitude > infinity ? infinity + 1 : bits;
}

void compare(const std::string &op, const std::string &from, const std::string &to, const Bits &inputs) {
  std::string text = "arith." + op + " %0 : tensor<Tx" + from + "> to tensor<Tx" + to + ">";
  Bits want = apply(text, {from}, to, {inputs}), got = apply(text, {from}, to, {inputs}, addExpansion);
  for (size_t i = 0; i < inputs.size(); ++i)
    ASSERT_EQ(canonical(got[i], to), canonical(want[i], to))
        << op << " " << from << " to " << to << " of " << inputs[i];
}

Bits range(uint64_t count) {
  Bits codes(count);
  for (uint64_t i = 0; i < count; ++i)
    codes[i] = i;
  return codes;
}

class ExpandFp8 : public testing::TestWithParam<std::string> {};

TEST_P(ExpandFp8, WidensAllCodes) {
  for (std::string to : {"f16", "bf16", "f32", "f64"})
    compare("extf", GetParam(), to, range(256));
}

TEST_P(ExpandFp8, NarrowsAllHalves) {
  compare("truncf", "f16", GetParam(), range(65536));
  compare("truncf", "bf16", GetParam(), range(65536));
}

TEST_P(ExpandFp8, NarrowsSingles) {
  Bits inputs;
  for (uint64_t x = 0; x < uint64_t(1) << 32; x += 50021)
    inputs.push_back(x);
  // Around the numbers of the format and the midpoints between them: all values with 5 bits of mantissa.
  for (uint64_t x = 0; x < uint64_t(1) << 32; x += 1 << 18)
    for (int64_t off : {-1, 0, 1})
      inputs.push_back((x + off) & 0xffffffff);
  compare("truncf", "f32", GetParam(), inputs);
}

TEST_P(ExpandFp8, RoundsDoublesOnce) {
  Bits inputs;
  for (int exponent = -20; exponent <= 17; ++exponent)
    for (int mantissa = 32; mantissa < 64; ++mantissa)
      for (double nudge : {0.0, 0x1p-52, -0x1p-52, 0x1p-40}) // a midpoint that f32 cannot tell from its neighbours
        for (double sign : {1.0, -1.0})
          inputs.push_back(bits(sign * std::ldexp(mantissa / 32.0 * (1 + nudge), exponent)));
  for (double x : {0.0, -0.0, 1e300, -1e-300, double(INFINITY), double(NAN)})
    inputs.push_back(bits(x));
  compare("truncf", "f64", GetParam(), inputs);
}

INSTANTIATE_TEST_SUITE_P(Formats, ExpandFp8, testing::Values("f8E4M3FN", "f8E5M2"),
                         [](const auto &info) { return info.param; });

TEST(ExpandFp8Program, ValuesMoveThroughControlFlow) {
  std::string text =
      "func.func @k(%p: !tile.ptr<f8E4M3FN>, %q: !tile.ptr<f8E5M2>, %out: !tile.ptr<f8E4M3FN>, %sum: !tile.ptr<f32>) "
      "attributes {tile.kernel} {\n"
      "%c0 = arith.constant 0 : i32\n%c1 = arith.constant 1 : i32\n%c3 = arith.constant 3 : i32\n"
      "%i = tile.arange 0 to 4 : tensor<4xi32>\n%one = arith.constant dense<1.0> : tensor<4xf8E4M3FN>\n"
      "%s = tile.splat %p : !tile.ptr<f8E4M3FN> -> tensor<4x!tile.ptr<f8E4M3FN>>\n"
      "%a = tile.addptr %s, %i : tensor<4x!tile.ptr<f8E4M3FN>>, tensor<4xi32>\n"
      "%m = arith.constant dense<[true, false, true, true]> : tensor<4xi1>\n"
      "%v = tile.load %a mask %m other %one : tensor<4x!tile.ptr<f8E4M3FN>> -> tensor<4xf8E4M3FN>\n"
      "%r:2 = scf.for %k = %c0 to %c3 step %c1 iter_args(%x = %v, %b = %a) -> (tensor<4xf8E4M3FN>, "
      "tensor<4x!tile.ptr<f8E4M3FN>>) : i32 {\n"
      "  %w = arith.extf %x : tensor<4xf8E4M3FN> to tensor<4xf32>\n  %d = arith.addf %w, %w : tensor<4xf32>\n"
      "  %n = arith.truncf %d : tensor<4xf32> to tensor<4xf8E4M3FN>\n  %z = arith.select %m, %n, %x : tensor<4xi1>, "
      "tensor<4xf8E4M3FN>\n"
      "  scf.yield %z, %b : tensor<4xf8E4M3FN>, tensor<4x!tile.ptr<f8E4M3FN>>\n}\n"
      "%so = tile.splat %out : !tile.ptr<f8E4M3FN> -> tensor<4x!tile.ptr<f8E4M3FN>>\n"
      "%o = tile.addptr %so, %i : tensor<4x!tile.ptr<f8E4M3FN>>, tensor<4xi32>\n"
      "tile.store %o, %r#0 : tensor<4x!tile.ptr<f8E4M3FN>>\n"
      "%u = tile.load %q : !tile.ptr<f8E5M2> -> f8E5M2\n%us = tile.splat %u : f8E5M2 -> tensor<4x1xf8E5M2>\n"
      "%row = tile.reshape %r#0 : tensor<4xf8E4M3FN> -> tensor<1x4xf8E4M3FN>\n%zero = arith.constant dense<0.0> : "
      "tensor<1x1xf32>\n"
      "%dot = tile.dot %row, %us, %zero : tensor<1x4xf8E4M3FN>, tensor<4x1xf8E5M2> -> tensor<1x1xf32>\n"
      "%flat = tile.reshape %dot : tensor<1x1xf32> -> tensor<1xf32>\n%ss = tile.splat %sum : !tile.ptr<f32> -> "
      "tensor<1x!tile.ptr<f32>>\n"
      "tile.store %ss, %flat : tensor<1x!tile.ptr<f32>>\ntile.print \"x\", %r#0 : tensor<4xf8E4M3FN>\nreturn\n}";
  auto run = [&](const std::function<void(mlir::OpPassManager &)> &passes) {
    uint8_t in[4] = {0x38, 0x40, 0x01, 0xc4}, half = 0x38, out[4];
    float sum = 0;
    std::string printed;
    llvm::raw_string_ostream stream(printed);
    Options options;
    options.printStream = &stream;
    TestProgram program(text, passes);
    EXPECT_EQ(program.run({1, 1, 1}, options, in, &half, out, &sum), "");
    return std::tuple(std::vector<int>(out, out + 4), sum, printed);
  };
  auto plain = run({}), expanded = run(addExpansion);
  EXPECT_EQ(plain, expanded);
  // 8, the other value, 8 * 2^-9, -24.
  EXPECT_EQ(std::get<0>(plain), (std::vector<int>{0x50, 0x38, 0x08, 0xdc}));
  EXPECT_EQ(std::get<1>(plain), (8 + 1 + 0x1p-6f - 24) / 2);
}

} // namespace
