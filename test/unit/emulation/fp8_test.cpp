//===- fp8_test.cpp - Conversions of fp8, by the machine and by arithmetic -------------------------------===//

#include "emulation_test.h"

#include <cmath>

using namespace kiln;

namespace {

interp::Format formatOf(mlir::MLIRContext &context, const std::string &type) {
  mlir::Builder builder(&context);
  return interp::getFormat(type == "f8E4M3FN" ? builder.getType<mlir::Float8E4M3FNType>()
                           : type == "f8E5M2" ? builder.getType<mlir::Float8E5M2Type>()
                           : type == "f16"    ? builder.getF16Type()
                           : type == "bf16"   ? builder.getBF16Type()
                           : type == "f64"    ? mlir::Type(builder.getF64Type())
                                              : builder.getF32Type());
}

/// A load of 256 numbers of `from`, `op` and a store.
std::string makeKernel(const std::string &op, const std::string &from, const std::string &to) {
  std::string text = R"(
func.func @k(%a: !tile.ptr<FROM>, %d: !tile.ptr<TO>) attributes {tile.kernel, tile.num_warps = 1 : i32} {
  %i = tile.arange 0 to 256 : tensor<256xi32>
  %as = tile.splat %a : !tile.ptr<FROM> -> tensor<256x!tile.ptr<FROM>>
  %ap = tile.addptr %as, %i : tensor<256x!tile.ptr<FROM>>, tensor<256xi32>
  %x = tile.load %ap : tensor<256x!tile.ptr<FROM>> -> tensor<256xFROM>
  %y = arith.OP %x : tensor<256xFROM> to tensor<256xTO>
  %ds = tile.splat %d : !tile.ptr<TO> -> tensor<256x!tile.ptr<TO>>
  %dp = tile.addptr %ds, %i : tensor<256x!tile.ptr<TO>>, tensor<256xi32>
  tile.store %dp, %y : tensor<256x!tile.ptr<TO>>
  return
})";
  for (auto [name, with] : {std::pair("FROM", from), std::pair("TO", to), std::pair("OP", op)})
    for (size_t at; (at = text.find(name)) != std::string::npos;)
      text.replace(at, std::string(name).size(), with);
  return text;
}

/// Converts the bits of 256 numbers.
void check(const std::string &op, const std::string &from, const std::string &to, const std::vector<uint64_t> &inputs,
           unsigned capability) {
  SCOPED_TRACE(op + " " + from + " to " + to + " on " + std::to_string(capability));
  EmulationTest test(makeKernel(op, from, to), capability);
  ASSERT_TRUE(test.isLowered);
  EXPECT_EQ(test.print().find("\"cvt.rn") != std::string::npos, capability >= 89);
  interp::Format source = formatOf(test.context, from), result = formatOf(test.context, to);
  EmulationTest::Buffers buffers = {std::vector<uint8_t>(256 * source.bytes()),
                                    std::vector<uint8_t>(256 * result.bytes())};
  ASSERT_EQ(inputs.size(), 256U);
  for (size_t i = 0; i < 256; ++i)
    std::memcpy(&buffers[0][i * source.bytes()], &inputs[i], source.bytes());
  EmulationTest::Buffers got = test.emulate(buffers), want = test.interpret(buffers);
  for (size_t i = 0; i < 256; ++i) {
    uint64_t x = 0, y = 0;
    std::memcpy(&x, &got[1][i * result.bytes()], result.bytes());
    std::memcpy(&y, &want[1][i * result.bytes()], result.bytes());
    double a = interp::toDouble(result, x), b = interp::toDouble(result, y);
    if (!std::isnan(a) || !std::isnan(b)) // the bits of a NaN are unspecified
      ASSERT_EQ(x, y) << "of " << interp::toDouble(source, inputs[i]);
  }
}

class Fp8 : public testing::TestWithParam<std::tuple<std::string, unsigned>> {};

TEST_P(Fp8, WidensAllCodes) {
  auto [type, capability] = GetParam();
  std::vector<uint64_t> codes(256);
  for (size_t i = 0; i < 256; ++i)
    codes[i] = i;
  for (const char *to : {"f16", "bf16", "f32", "f64"})
    check("extf", type, to, codes, capability);
}

TEST_P(Fp8, NarrowsWithoutSaturation) {
  auto [type, capability] = GetParam();
  mlir::MLIRContext context;
  interp::Format fp8 = formatOf(context, type);
  const double largest = fp8.finiteOnly ? 448 : 57344, half = fp8.finiteOnly ? 16 : 4096;
  for (const char *from : {"f16", "bf16", "f32", "f64"}) {
    interp::Format format = formatOf(context, from);
    std::vector<uint64_t> inputs;
    auto add = [&](double number) {
      for (double x : {number, -number})
        if (inputs.size() < 256)
          inputs.push_back(interp::fromDouble(format, x));
    };
    // Around the largest number, and the half way beyond it where the tie goes one way or the other.
    for (double x : {largest, largest + half, double(NAN), double(INFINITY), 1e30, 0.0}) {
      add(x);
      add(std::nextafter(float(x), 0.0F));
      add(std::nextafter(float(x), float(INFINITY)));
    }
    // The numbers and the half ways between them.
    for (uint64_t code = 0; inputs.size() < 256; code = (code + 3) % 127) {
      double x = interp::toDouble(fp8, code), next = interp::toDouble(fp8, code + 1);
      if (std::isfinite(x))
        add(std::isfinite(next) && code % 2 ? (x + next) / 2 : x);
    }
    check("truncf", from, type, inputs, capability);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Fp8, testing::Combine(testing::Values("f8E4M3FN", "f8E5M2"), testing::Values(80, 90)),
                         [](const auto &info) {
                           return std::get<0>(info.param) + "_sm" + std::to_string(std::get<1>(info.param));
                         });

} // namespace
