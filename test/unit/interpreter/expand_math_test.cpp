// The expansions of f32 functions against double precision, over the whole range of f32.
#include "interpreter_test.h"

#include "kiln/Dialect/Tile/Transforms/Passes.h"

#include <cmath>

using namespace kiln::interp;

namespace {

void addExpansion(mlir::OpPassManager &manager) { manager.addPass(kiln::tile::createExpandMath()); }

/// The error of `got` in units of the last place of f32 at `want`; huge where a special value is wrong.
double ulps(float got, double want) {
  constexpr double wrong = 1e9;
  float rounded = float(want);
  if (std::isnan(want) || std::isnan(got))
    return std::isnan(want) && std::isnan(got) ? 0 : wrong;
  if (want == 0 || std::isinf(want))
    return bits(got) == bits(rounded) ? 0 : wrong;
  // Near the largest number infinity counts as 2^128.
  if (std::isinf(got) || std::isinf(rounded)) {
    bool isRight = bits(got) == bits(rounded);
    return isRight ? 0 : std::fabs((std::isinf(got) ? std::copysign(0x1p128, got) : got) - want) / 0x1p104;
  }
  int exponent = std::max(std::ilogb(want), -126);
  return std::fabs(got - want) / std::ldexp(1.0, exponent - 23);
}

struct Function {
  const char *name;
  double (*reference)(double);
  double bound;
  float limit;
};

class ExpandMath : public testing::TestWithParam<Function> {};

TEST_P(ExpandMath, KeepsItsBound) {
  Function function = GetParam();
  std::vector<uint64_t> inputs;
  for (uint64_t x = 0; x < uint64_t(1) << 32; x += 20011)
    inputs.push_back(x);
  for (float x :
       {0.0f,      1.0f,      2.0f,       0.5f,       127.99999f, 128.0f,   126.0f,      149.0f,       149.5f, 150.0f,
        151.0f,    88.72283f, 88.72284f,  103.97f,    103.98f,    0.625f,   0.62499994f, 0.99999994f,  3.9f,   4.0f,
        0x1p-149f, 0x1p-126f, 1048576.0f, 1.5707964f, 3.1415927f, INFINITY, float(NAN),  3.4028235e38f})
    for (float signedX : {x, -x})
      inputs.push_back(bits(signedX));
  auto got =
      apply(std::string("math.") + function.name + " %0 : tensor<Txf32>", {"f32"}, "f32", {inputs}, addExpansion);
  double largest = 0;
  float where = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    float x = asFloat(inputs[i]), y = asFloat(got[i]);
    if (std::isfinite(x) && std::fabs(x) > function.limit) {
      EXPECT_LE(std::fabs(y), 1.0f) << function.name << " of " << x;
      continue;
    }
    double error = ulps(y, function.reference(x));
    if (error > largest) {
      largest = error;
      where = x;
    }
  }
  RecordProperty("max_ulp", std::to_string(largest));
  EXPECT_LE(largest, function.bound) << function.name << " of " << where;
}

double rsqrt(double x) { return 1 / std::sqrt(x); }
INSTANTIATE_TEST_SUITE_P(Functions, ExpandMath,
                         testing::Values(Function{"exp2", std::exp2, 2, INFINITY},
                                         Function{"exp", std::exp, 2, INFINITY}, Function{"log", std::log, 2, INFINITY},
                                         Function{"log2", std::log2, 2, INFINITY},
                                         Function{"sin", std::sin, 4, 1048576}, Function{"cos", std::cos, 4, 1048576},
                                         Function{"tanh", std::tanh, 4, INFINITY},
                                         Function{"erf", std::erf, 4, INFINITY}, Function{"rsqrt", rsqrt, 2, INFINITY}),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(ExpandMathExact, PowersOfTwo) {
  std::vector<uint64_t> exponents, powers;
  for (int e = -149; e <= 127; ++e) {
    exponents.push_back(bits(float(e)));
    powers.push_back(bits(std::ldexp(1.0f, e)));
  }
  EXPECT_EQ(apply("math.exp2 %0 : tensor<Txf32>", {"f32"}, "f32", {exponents}, addExpansion), powers);
  EXPECT_EQ(apply("math.log2 %0 : tensor<Txf32>", {"f32"}, "f32", {powers}, addExpansion), exponents);
}

} // namespace
