// Element types, host numbers, operators, mathematics.
#include "expect_error.h"

using namespace kiln_test;
using kiln::arange;
using kiln::full;
using kiln::ptr;
using kiln::scalar;
using kiln::Tile;

namespace {

const std::string integers = ": it takes integers; convert with .to(), or take the bits with kiln::bitcast";
const std::string storage = ", which is a storage type: convert with .to(kiln::f16) or .to(kiln::f32) first";

TEST(ValueErrors, ElementTypesThatDoNotMix) {
  expect_error("'+': f32 and i32 have different element types; convert one with .to()",
               [](const None &, scalar<float> a, scalar<int> b) { BAD auto c = a + b; });
  expect_error("'*': tile<4xf16> and f32 have different element types; convert one with .to()",
               [](const None &, scalar<float> a) {
                 auto x = kiln::zeros({4}, kiln::f16);
                 BAD x *= a;
               });
  expect_error("'fma': f32 and f64 have different element types; convert one with .to()",
               [](const None &, scalar<float> a, scalar<double> b) { BAD kiln::fma(a, 2, b); });
}

TEST(ValueErrors, HostNumbersThatDoNotFit) {
  expect_error("'+': 2147483648 does not fit i32", [](const None &, scalar<int> a) { BAD a + 2147483648; });
  expect_error("'&': 300 does not fit i8", [](const None &, scalar<std::int8_t> a) { BAD a & 300; });
  expect_error("'==': 2 does not fit i1", [](const None &, scalar<bool> a) { BAD auto same = a == 2; });
  expect_error("'+': 18446744073709551615 does not fit i64",
               [](const None &, scalar<std::int64_t> a) { BAD a + 18446744073709551615ull; });
  expect_error("'*': 100000 does not fit f16", [](const None &) { BAD full({4}, 1, kiln::f16) * 100000; });
  expect_error("'*': 1e+300 does not fit f32", [](const None &, scalar<float> a) { BAD a * 1e300; });
  expect_error("'full': inf does not fit f8e4m3",
               [](const None &) { BAD full({4}, std::numeric_limits<float>::infinity(), kiln::f8e4m3); });
  expect_error("'+': the floating-point number 0.5 meets a tile of i32; convert the tile with .to()",
               [](const None &, scalar<int> a) { BAD a + 0.5; });
}

TEST(ValueErrors, OperatorsThatATypeLacks) {
  expect_error("'+' is not defined on i1: use &, | and ^, or convert with .to(kiln::i32)",
               [](const None &, scalar<bool> a) { BAD a + a; });
  expect_error("'&' is not defined on tile<4xf32>" + integers, [](const None &) {
    auto x = kiln::zeros({4}, kiln::f32);
    BAD x &x;
  });
  expect_error("'<<' is not defined on f64" + integers, [](const None &, scalar<double> a) { BAD a << 1; });
  expect_error("'shift_right_logical' is not defined on i1: use &, | and ^, or convert with .to(kiln::i32)",
               [](const None &, scalar<bool> a) { BAD kiln::shift_right_logical(a, 1); });
  expect_error("'cdiv' is not defined on f32" + integers, [](const None &, scalar<float> a) { BAD kiln::cdiv(a, 2); });
  expect_error("'-' is not defined on i1: use ~, or convert with .to(kiln::i32)",
               [](const None &, scalar<bool> a) { BAD - a; });
  expect_error("'~' is not defined on f32" + integers, [](const None &, scalar<float> a) { BAD ~a; });
  expect_error("'maximum' is not defined on i1: use |, &, kiln::any and kiln::all",
               [](const None &, scalar<bool> a) { BAD kiln::maximum(a, a); });
  expect_error("'abs' is not defined on i1", [](const None &, scalar<bool> a) { BAD kiln::abs(a); });
}

TEST(ValueErrors, EightBitFloatsAreStorage) {
  expect_error("'+': there is no arithmetic on f8e4m3" + storage, [](const None &) {
    auto x = kiln::zeros({4}, kiln::f8e4m3);
    BAD x + x;
  });
  expect_error("'exp': there is no arithmetic on f8e5m2" + storage, [](const None &) {
    auto x = kiln::zeros({4}, kiln::f8e5m2);
    BAD kiln::exp(x);
  });
  expect_error("'sum': there is no arithmetic on f8e4m3" + storage, [](const None &) {
    auto x = kiln::zeros({4}, kiln::f8e4m3);
    BAD kiln::sum(x, 0);
  });
  expect_error("'<': there is no arithmetic on f8e4m3" + storage, [](const None &) {
    auto x = kiln::zeros({4}, kiln::f8e4m3);
    BAD auto less = x < x;
  });
}

TEST(ValueErrors, ChainedComparison) {
  const std::string message = "'<' does not order i1: write a chained comparison a < b < c as (a < b) & (b < c)";
  expect_error(message, [](const None &, scalar<int> n) { BAD auto mask = 0 < arange(0, 4) < n; });
  expect_error(message, [](const None &, scalar<int> n) { BAD auto mask = 0 < n < 1; });
}

TEST(ValueErrors, FunctionsOfFloatingPointValues) {
  expect_error("'exp2' takes floating-point values, got i32; convert with .to()",
               [](const None &, scalar<int> a) { BAD kiln::exp2(a); });
  expect_error("'fma' takes floating-point values, got i64",
               [](const None &, scalar<std::int64_t> a) { BAD kiln::fma(a, a, 1); });
}

TEST(ValueErrors, Where) {
  expect_error("'where': the condition is i1, got i32", [](const None &, scalar<int> a) { BAD kiln::where(a, 1, 2); });
  expect_error("'where': ptr<f32> and ptr<i32> have different element types",
               [](const None &, ptr<float> p, ptr<int> q, scalar<bool> c) { BAD kiln::where(c, p, q); });
  expect_error("'where': shapes of tile<4xi1>, tile<8xi32> and i32 do not match: aligned at the last dimension, sizes "
               "are equal or 1",
               [](const None &) {
                 auto x = arange(0, 8);
                 auto c = arange(0, 4) > 1;
                 BAD kiln::where(c, x, 0);
               });
}

TEST(ValueErrors, Conversions) {
  expect_error("'to': a pointer cannot be converted to a number",
               [](const None &, ptr<int> p) { BAD p.to(kiln::i64); });
  expect_error("'bitcast': f32 and i64 have different widths",
               [](const None &, scalar<float> a) { BAD kiln::bitcast(a, kiln::i64); });
}

TEST(ValueErrors, Reductions) {
  expect_error("'any' takes i1, got tile<4xi32>; compare with 0 first", [](const None &) {
    auto x = arange(0, 4);
    BAD kiln::any(x, 0);
  });
  expect_error("'argmax' is not defined on i1: use |, &, kiln::any and kiln::all", [](const None &) {
    auto x = arange(0, 4) > 1;
    BAD kiln::argmax(x, 0);
  });
  expect_error("'reduce': the combiner takes i32 and returns f32", [](const None &) {
    auto x = arange(0, 4);
    BAD kiln::reduce(x, 0, [](Tile a, Tile b) { return (a + b).to(kiln::f32); });
  });
  expect_error("'reduce' is not defined on pointers", [](const None &, ptr<int> p) {
    auto x = p + arange(0, 4);
    BAD kiln::reduce(x, 0, [](Tile a, Tile) { return a; });
  });
  expect_error("'scan': shapes of tile<4xi32> and tile<8xi32> differ", [](const None &) {
    std::array<Tile, 2> x{arange(0, 4), arange(0, 8)};
    BAD kiln::scan(x, 0, [](auto a, auto) { return a; });
  });
}

TEST(ValueErrors, FactsAndChecks) {
  expect_error("'assume_multiple': expected integers or pointers, got f32",
               [](const None &, scalar<float> a) { BAD kiln::assume_multiple(a, 8); });
  expect_error("'assume_multiple': the divisor is positive, got 0",
               [](const None &, scalar<int> a) { BAD kiln::assume_multiple(a, 0); });
  expect_error("'check_finite' takes floating-point values, got i32",
               [](const None &, scalar<int> a) { BAD kiln::check_finite(a, "a"); });
  expect_error("'check_range' takes integers, got f32",
               [](const None &, scalar<float> a) { BAD kiln::check_range(a, 0, 1, "a"); });
  expect_error("'check_range': the mask tile<8xi1> does not fit the values, tile<4xi1>",
               [](const None &, scalar<int> n) {
                 auto mask = arange(0, 8) < n;
                 BAD kiln::check_range(arange(0, 4), 0, n, "i", {.mask = mask});
               });
  expect_error("'check_finite': a mask is i1, got i32",
               [](const None &, scalar<float> a, scalar<int> n) { BAD kiln::check_finite(a, "a", {.mask = n}); });
  expect_error("'device_assert': the condition is i1, got i32",
               [](const None &, scalar<int> a) { BAD kiln::device_assert(a, "a"); });
}

// The place of an operator is where its right operand stands, also where the expression is spread over lines.
TEST(ValueErrors, LineOfAnExpressionOnSeveralLines) {
  expect_error("'*': i32 and f32 have different element types; convert one with .to()",
               [](const None &, scalar<int> a, scalar<float> b) {
                 auto c = a + 1 //
                          + a * 2 + a * (failing_line = __LINE__, b);
               });
}

} // namespace
