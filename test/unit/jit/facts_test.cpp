#include "jit/facts.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace kiln;
using namespace kiln::jit;

namespace {

class FactsTest : public testing::Test {
protected:
  FactsTest() {
    context.loadDialect<mlir::func::FuncDialect, tile::TileDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(R"(
      func.func @kernel(%p: !tile.ptr<f32> {tile.divisibility = 24 : i64}, %a: i8 {tile.divisibility = 4 : i64}, %b: i16,
                        %c: i32 {tile.divisibility = 3 : i64}, %d: i64 {tile.divisibility = 8 : i64}, %e: f32)
          attributes {tile.kernel} { return })",
                                                     &context);
  }

  std::string text() {
    std::string result;
    llvm::raw_string_ostream(result) << *module;
    return result;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  struct {
    std::uint64_t p = 48;
    std::int8_t a = -4;
    std::int16_t b = 1;
    std::int32_t c = -9;
    std::int64_t d = 1LL << 40;
    float e = 1.5F;
  } values;
  const void *args[6] = {&values.p, &values.a, &values.b, &values.c, &values.d, &values.e};
};

TEST_F(FactsTest, HoldWhenEveryDeclaredOneDoes) {
  const Facts facts = specialise(*module, 1);
  EXPECT_EQ(facts.size(), 4u);
  EXPECT_TRUE(facts.hold(args));
  auto fails_with = [&](auto &value, auto other) {
    const auto kept = value;
    value = other;
    EXPECT_FALSE(facts.hold(args)) << +other;
    value = kept;
  };
  fails_with(values.p, 32);
  fails_with(values.a, 2);
  fails_with(values.c, 4);
  fails_with(values.d, (1LL << 40) + 4);
  values = {.p = 0, .a = 0, .b = 7, .c = 0, .d = 0, .e = 0};
  EXPECT_TRUE(facts.hold(args)) << "zero is a multiple of everything";
}

TEST_F(FactsTest, PointersAreAlignedAsWell) {
  const Facts facts = specialise(*module, 16);
  EXPECT_TRUE(facts.hold(args));
  values.p = 24;
  EXPECT_FALSE(facts.hold(args));
  EXPECT_NE(text().find("!tile.ptr<f32> {tile.divisibility = 48 : i64}"), std::string::npos) << text();
}

TEST_F(FactsTest, TheGenericVariantKnowsNone) {
  generalise(*module);
  EXPECT_EQ(text().find("divisibility"), std::string::npos) << text();
  EXPECT_TRUE(specialise(*module, 1).empty());
}

} // namespace
