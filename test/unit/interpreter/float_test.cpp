// Floating-point formats, rounding, NaN rules and conversions. The expected bits come from llvm::APFloat, which the
// interpreter's own rounding does not use.
#include "interpreter_test.h"

#include "llvm/ADT/APFloat.h"
#include <cmath>
#include <random>

using namespace kiln::interp;
using llvm::APFloat;
using Bits = std::vector<uint64_t>;

namespace {

struct Type {
  std::string name;
  unsigned bits;
  const llvm::fltSemantics &semantics;
};
const std::vector<Type> kNarrow = {{"f8E4M3FN", 8, APFloat::Float8E4M3FN()},
                                   {"f8E5M2", 8, APFloat::Float8E5M2()},
                                   {"f16", 16, APFloat::IEEEhalf()},
                                   {"bf16", 16, APFloat::BFloat()}};

Bits allCodes(const Type &type) {
  Bits codes(size_t(1) << type.bits);
  for (size_t i = 0; i < codes.size(); ++i)
    codes[i] = i;
  return codes;
}

uint64_t convert(double value, const llvm::fltSemantics &semantics) {
  APFloat number(value);
  bool losesInfo;
  number.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
  return number.bitcastToAPInt().getZExtValue();
}

bool isNaN(uint64_t bits, const Type &type) { return APFloat(type.semantics, llvm::APInt(type.bits, bits)).isNaN(); }

std::string cast(const std::string &op, const std::string &from, const std::string &to) {
  return op + " %0 : tensor<Tx" + from + "> to tensor<Tx" + to + ">";
}

TEST(Floats, WideningIsExactForAllCodes) {
  for (const Type &type : kNarrow) {
    Bits codes = allCodes(type);
    Bits got = apply(cast("arith.extf", type.name, "f64"), {type.name}, "f64", {codes});
    for (uint64_t code : codes) {
      APFloat value(type.semantics, llvm::APInt(type.bits, code));
      double want = value.convertToDouble(), have = llvm::bit_cast<double>(got[code]);
      if (value.isNaN())
        ASSERT_TRUE(std::isnan(have)) << type.name << " " << code;
      else
        ASSERT_EQ(got[code], bits(want)) << type.name << " " << code;
    }
  }
}

TEST(Floats, KnownValues) {
  auto widen = [](const std::string &type, uint64_t code) {
    return asFloat(apply(cast("arith.extf", type, "f32"), {type}, "f32", {{code}})[0]);
  };
  EXPECT_EQ(widen("f8E4M3FN", 0x7e), 448.0f);
  EXPECT_EQ(widen("f8E4M3FN", 0x01), 0x1p-9f);
  EXPECT_EQ(widen("f8E4M3FN", 0x78), 256.0f);
  EXPECT_EQ(widen("f8E5M2", 0x7b), 57344.0f);
  EXPECT_EQ(widen("f8E5M2", 0x01), 0x1p-16f);
  EXPECT_EQ(widen("f8E5M2", 0xfc), -INFINITY);
  EXPECT_EQ(widen("f16", 0x7bff), 65504.0f);
  EXPECT_EQ(widen("f16", 0x0001), 0x1p-24f);
  EXPECT_EQ(widen("bf16", 0x3f80), 1.0f);
  EXPECT_EQ(widen("bf16", 0x0001), 0x1p-133f);
}

TEST(Floats, NarrowingRoundsToNearestEven) {
  for (const Type &type : kNarrow) {
    // Every midpoint between neighbours, a little more and a little less, both signs; and what lies beyond the largest
    // number.
    std::vector<double> values = {0.0, INFINITY, NAN, 1e-300, 1e300, 0x1p-1074};
    for (uint64_t code = 0; code + 1 < (uint64_t(1) << (type.bits - 1)); ++code) {
      double low = APFloat(type.semantics, llvm::APInt(type.bits, code)).convertToDouble();
      double high = APFloat(type.semantics, llvm::APInt(type.bits, code + 1)).convertToDouble();
      double middle = std::isfinite(high) ? low + (high - low) / 2 : low * (1 + 0x1p-5);
      for (double value : {low, middle, std::nextafter(middle, 0), std::nextafter(middle, INFINITY)})
        values.push_back(value);
    }
    for (size_t i = 0, n = values.size(); i < n; ++i)
      values.push_back(-values[i]);
    Bits inputs;
    for (double value : values)
      inputs.push_back(bits(value));
    Bits got = apply(cast("arith.truncf", "f64", type.name), {"f64"}, type.name, {inputs});
    for (size_t i = 0; i < values.size(); ++i) {
      uint64_t want = convert(values[i], type.semantics);
      if (isNaN(want, type))
        ASSERT_TRUE(isNaN(got[i], type)) << type.name << " " << values[i];
      else
        ASSERT_EQ(got[i], want) << type.name << " " << values[i];
    }
  }
}

TEST(Floats, ArithmeticRoundsEachOperation) {
  std::mt19937 random(7);
  for (const Type &type : kNarrow) {
    if (type.bits == 8)
      continue;
    Bits a, b, c;
    for (int i = 0; i < 4096; ++i) {
      a.push_back(random() & 0xffff);
      b.push_back(random() & 0xffff);
      c.push_back(random() & 0xffff);
    }
    auto check = [&](const std::string &op, const std::string &operands,
                     const std::function<void(APFloat &, const APFloat &, const APFloat &)> &compute) {
      Bits got = apply(op + " " + operands + " : tensor<Tx" + type.name + ">", {type.name, type.name, type.name},
                       type.name, {a, b, c});
      for (size_t i = 0; i < a.size(); ++i) {
        auto number = [&](uint64_t bits) { return APFloat(type.semantics, llvm::APInt(type.bits, bits)); };
        APFloat want = number(a[i]);
        compute(want, number(b[i]), number(c[i]));
        if (want.isNaN())
          ASSERT_TRUE(isNaN(got[i], type));
        else
          ASSERT_EQ(got[i], want.bitcastToAPInt().getZExtValue()) << op << " " << a[i] << " " << b[i] << " " << c[i];
      }
    };
    auto nearest = APFloat::rmNearestTiesToEven;
    check("arith.addf", "%0, %1", [&](APFloat &x, const APFloat &y, const APFloat &) { x.add(y, nearest); });
    check("arith.subf", "%0, %1", [&](APFloat &x, const APFloat &y, const APFloat &) { x.subtract(y, nearest); });
    check("arith.mulf", "%0, %1", [&](APFloat &x, const APFloat &y, const APFloat &) { x.multiply(y, nearest); });
    check("arith.divf", "%0, %1", [&](APFloat &x, const APFloat &y, const APFloat &) { x.divide(y, nearest); });
    check("arith.remf", "%0, %1", [&](APFloat &x, const APFloat &y, const APFloat &) { x.mod(y); });
    check("math.fma", "%0, %1, %2",
          [&](APFloat &x, const APFloat &y, const APFloat &z) { x.fusedMultiplyAdd(y, z, nearest); });
  }
}

TEST(Floats, F32AndF64) {
  auto f32 = [](const std::string &op, float a, float b) {
    return asFloat(apply(op + " %0, %1 : tensor<Txf32>", {"f32", "f32"}, "f32", {{bits(a)}, {bits(b)}})[0]);
  };
  EXPECT_EQ(f32("arith.addf", 1.0f, 0x1p-24f), 1.0f);
  EXPECT_EQ(f32("arith.mulf", 0x1p-100f, 0x1p-49f), 0x1p-149f);
  EXPECT_EQ(f32("arith.mulf", 0x1p-100f, 0x1p-50f), 0.0f);
  EXPECT_EQ(f32("arith.divf", 1.0f, 3.0f), 1.0f / 3.0f);
  EXPECT_EQ(f32("arith.divf", 1.0f, -0.0f), -INFINITY);
  EXPECT_TRUE(std::isnan(f32("arith.divf", 0.0f, 0.0f)));
  EXPECT_EQ(f32("arith.remf", -7.5f, 2.0f), -1.5f);
  float a = 1 + 0x1p-23f;
  EXPECT_EQ(asFloat(apply("math.fma %0, %0, %1 : tensor<Txf32>", {"f32", "f32"}, "f32", {{bits(a)}, {bits(-1.0f)}})[0]),
            std::fma(a, a, -1.0f));
  EXPECT_EQ(apply("arith.addf %0, %1 : tensor<Txf64>", {"f64", "f64"}, "f64", {{bits(0.1)}, {bits(0.2)}}),
            (Bits{bits(0.1 + 0.2)}));
  EXPECT_EQ(apply("math.fma %0, %0, %1 : tensor<Txf64>", {"f64", "f64"}, "f64", {{bits(0.1)}, {bits(-0.01)}}),
            (Bits{bits(std::fma(0.1, 0.1, -0.01))}));
}

TEST(Floats, MaximumAndMinimum) {
  float nan = NAN;
  auto f32 = [](const std::string &op, float a, float b) {
    return asFloat(apply(op + " %0, %1 : tensor<Txf32>", {"f32", "f32"}, "f32", {{bits(a)}, {bits(b)}})[0]);
  };
  EXPECT_TRUE(std::isnan(f32("arith.maximumf", nan, 1)));
  EXPECT_TRUE(std::isnan(f32("arith.maximumf", 1, nan)));
  EXPECT_TRUE(std::isnan(f32("arith.minimumf", nan, -INFINITY)));
  EXPECT_EQ(f32("arith.maxnumf", nan, 1), 1);
  EXPECT_EQ(f32("arith.maxnumf", 1, nan), 1);
  EXPECT_EQ(f32("arith.minnumf", nan, 1), 1);
  EXPECT_EQ(f32("arith.maximumf", 2, 3), 3);
  EXPECT_EQ(f32("arith.minimumf", 2, 3), 2);
  EXPECT_FALSE(std::signbit(f32("arith.maximumf", -0.0f, 0.0f)));
  EXPECT_FALSE(std::signbit(f32("arith.maximumf", 0.0f, -0.0f)));
  EXPECT_TRUE(std::signbit(f32("arith.minimumf", 0.0f, -0.0f)));
  EXPECT_TRUE(std::signbit(f32("arith.minimumf", -0.0f, 0.0f)));
}

TEST(Floats, Compare) {
  Bits a = {bits(1.0f), bits(2.0f), bits(0.0f), bits(NAN)}, b = {bits(2.0f), bits(1.0f), bits(-0.0f), bits(1.0f)};
  auto compare = [&](const std::string &predicate) {
    return apply("arith.cmpf " + predicate + ", %0, %1 : tensor<Txf32>", {"f32", "f32"}, "i1", {a, b});
  };
  EXPECT_EQ(compare("oeq"), (Bits{0, 0, 1, 0}));
  EXPECT_EQ(compare("ogt"), (Bits{0, 1, 0, 0}));
  EXPECT_EQ(compare("oge"), (Bits{0, 1, 1, 0}));
  EXPECT_EQ(compare("olt"), (Bits{1, 0, 0, 0}));
  EXPECT_EQ(compare("ole"), (Bits{1, 0, 1, 0}));
  EXPECT_EQ(compare("one"), (Bits{1, 1, 0, 0}));
  EXPECT_EQ(compare("ord"), (Bits{1, 1, 1, 0}));
  EXPECT_EQ(compare("ueq"), (Bits{0, 0, 1, 1}));
  EXPECT_EQ(compare("ugt"), (Bits{0, 1, 0, 1}));
  EXPECT_EQ(compare("uge"), (Bits{0, 1, 1, 1}));
  EXPECT_EQ(compare("ult"), (Bits{1, 0, 0, 1}));
  EXPECT_EQ(compare("ule"), (Bits{1, 0, 1, 1}));
  EXPECT_EQ(compare("une"), (Bits{1, 1, 0, 1}));
  EXPECT_EQ(compare("uno"), (Bits{0, 0, 0, 1}));
  EXPECT_EQ(compare("true"), (Bits{1, 1, 1, 1}));
  EXPECT_EQ(compare("false"), (Bits{0, 0, 0, 0}));
}

TEST(Floats, SignOperationsWorkOnBits) {
  EXPECT_EQ(apply("arith.negf %0 : tensor<Txf16>", {"f16"}, "f16", {{0, 0x3c00, 0x7e01}}),
            (Bits{0x8000, 0xbc00, 0xfe01}));
  EXPECT_EQ(apply("math.absf %0 : tensor<Txf16>", {"f16"}, "f16", {{0x8000, 0xbc00}}), (Bits{0, 0x3c00}));
}

TEST(Floats, RoundingToIntegers) {
  Bits x;
  for (float value : {2.5f, -2.5f, 1.5f, -0.5f, 1e30f})
    x.push_back(bits(value));
  auto check = [&](const std::string &op, std::vector<float> want) {
    Bits got = apply(op + " %0 : tensor<Txf32>", {"f32"}, "f32", {x});
    for (size_t i = 0; i < want.size(); ++i)
      EXPECT_EQ(got[i], bits(want[i])) << op << " " << i;
  };
  check("math.floor", {2, -3, 1, -1, 1e30f});
  check("math.ceil", {3, -2, 2, -0.0f, 1e30f});
  check("math.trunc", {2, -2, 1, -0.0f, 1e30f});
  check("math.roundeven", {2, -2, 2, -0.0f, 1e30f});
}

TEST(Floats, FromIntegers) {
  EXPECT_EQ(apply(cast("arith.sitofp", "i32", "f32"), {"i32"}, "f32", {{0xffffffff, 16777217, 0x80000000}}),
            (Bits{bits(-1.0f), bits(16777216.0f), bits(-0x1p31f)}));
  EXPECT_EQ(apply(cast("arith.uitofp", "i1", "f32"), {"i1"}, "f32", {{0, 1}}), (Bits{bits(0.0f), bits(1.0f)}));
  EXPECT_EQ(apply(cast("arith.uitofp", "i64", "f64"), {"i64"}, "f64", {{~0ull}}), (Bits{bits(0x1p64)}));
  EXPECT_EQ(apply(cast("arith.sitofp", "i32", "f16"), {"i32"}, "f16", {{65519, 65520}}), (Bits{0x7bff, 0x7c00}));
  // 2^24 + 2^16 + 1 lies above the middle of two neighbours; through f32 it would become the middle itself.
  EXPECT_EQ(apply(cast("arith.sitofp", "i32", "bf16"), {"i32"}, "bf16", {{0x1010001}}), (Bits{0x4b81}));
}

TEST(Floats, ToIntegers) {
  Bits x;
  for (double value : {-1.9, 1.9, 2147483647.9, -2147483648.9, 2147483648.0, double(NAN), double(INFINITY)})
    x.push_back(bits(value));
  EXPECT_EQ(apply(cast("arith.fptosi", "f64", "i32"), {"f64"}, "i32", {x}),
            (Bits{0xffffffff, 1, 0x7fffffff, 0x80000000, 0xa5a5a5a5, 0xa5a5a5a5, 0xa5a5a5a5}));
  EXPECT_EQ(apply(cast("arith.fptoui", "f64", "i32"), {"f64"}, "i32", {{bits(4294967295.5), bits(-0.5)}}),
            (Bits{0xffffffff, 0}));
  EXPECT_EQ(apply(cast("arith.fptosi", "f64", "i64"), {"f64"}, "i64", {{bits(-0x1p63), bits(0x1p63)}}),
            (Bits{1ull << 63, 0xa5a5a5a5a5a5a5a5}));
}

TEST(Floats, MathematicalFunctions) {
  auto f32 = [](const std::string &op, float x) {
    return asFloat(apply("math." + op + " %0 : tensor<Txf32>", {"f32"}, "f32", {{bits(x)}})[0]);
  };
  EXPECT_EQ(f32("exp", 1), float(std::exp(1.0)));
  EXPECT_EQ(f32("exp2", -149), 0x1p-149f);
  EXPECT_EQ(f32("log", 10), float(std::log(10.0)));
  EXPECT_EQ(f32("log2", 8), 3);
  EXPECT_EQ(f32("log2", 0), -INFINITY);
  EXPECT_EQ(f32("sin", 1), float(std::sin(1.0)));
  EXPECT_EQ(f32("cos", 1), float(std::cos(1.0)));
  EXPECT_EQ(f32("tanh", 1), float(std::tanh(1.0)));
  EXPECT_EQ(f32("erf", 1), float(std::erf(1.0)));
  EXPECT_EQ(f32("sqrt", 2), float(std::sqrt(2.0)));
  EXPECT_EQ(f32("rsqrt", 4), 0.5f);
  EXPECT_TRUE(std::isnan(f32("sqrt", -1)));
  EXPECT_TRUE(std::isnan(f32("log", -1)));
}

} // namespace
