//===- tile_dialect_test.cpp - The C++ interface of the tile dialect -------------------------------------===//

#include "kiln/Analysis/AxisFacts.h"
#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace kiln::tile;

namespace {

class TileDialectTest : public testing::Test {
protected:
  TileDialectTest() {
    context.loadDialect<TileDialect, arith::ArithDialect, func::FuncDialect, scf::SCFDialect, ub::UBDialect>();
  }

  OwningOpRef<ModuleOp> parse(StringRef text) { return parseSourceString<ModuleOp>(text, &context); }

  /// The first operation of a kind in `module`.
  template <typename Op>
  static Op find(ModuleOp module) {
    Op found;
    module.walk([&](Op op) { found = found ? found : op; });
    return found;
  }

  MLIRContext context;
};

TEST_F(TileDialectTest, BuildersInferTypes) {
  OpBuilder builder(&context);
  Location loc = builder.getUnknownLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  builder.setInsertionPointToStart(module->getBody());
  auto print = [](Value value) {
    std::string text;
    llvm::raw_string_ostream(text) << value.getType();
    return text;
  };
  Value i = ArangeOp::create(builder, loc, 0, 64);
  EXPECT_EQ(print(i), "tensor<64xi32>");
  EXPECT_EQ(print(ArangeOp::create(builder, loc, -4, 4, 64)), "tensor<8xi64>");
  Value column = ExpandDimsOp::create(builder, loc, i, 1);
  EXPECT_EQ(print(column), "tensor<64x1xi32>");
  Value wide = BroadcastOp::create(builder, loc, column, ArrayRef<int64_t>{64, 8});
  EXPECT_EQ(print(wide), "tensor<64x8xi32>");
  EXPECT_EQ(print(TransOp::create(builder, loc, wide, ArrayRef<int32_t>{1, 0})), "tensor<8x64xi32>");
  EXPECT_EQ(print(ReshapeOp::create(builder, loc, wide, ArrayRef<int64_t>{512})), "tensor<512xi32>");

  Value pointer = ub::PoisonOp::create(builder, loc, PtrType::get(builder.getF16Type()), nullptr);
  Value pointers = SplatOp::create(builder, loc, pointer, ArrayRef<int64_t>{64});
  EXPECT_EQ(print(pointers), "tensor<64x!tile.ptr<f16>>");
  EXPECT_EQ(print(LoadOp::create(builder, loc, pointer)), "f16");
  Value mask = arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(RankedTensorType::get({64}, builder.getI1Type()), true));
  EXPECT_EQ(print(LoadOp::create(builder, loc, pointers, mask)), "tensor<64xf16>");
}

TEST_F(TileDialectTest, ElementsHaveTheirSizeInMemory) {
  Builder builder(&context);
  EXPECT_EQ(PtrType::get(builder.getI1Type()).getElementBytes(), 1);
  EXPECT_EQ(PtrType::get(Float8E5M2Type::get(&context)).getElementBytes(), 1);
  EXPECT_EQ(PtrType::get(builder.getBF16Type()).getElementBytes(), 2);
  EXPECT_EQ(PtrType::get(builder.getI64Type()).getElementBytes(), 8);
}

TEST_F(TileDialectTest, ReadOnlyMemoryIsFoundThroughControlFlow) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    func.func @kernel(%p: !tile.ptr<f32> {tile.readonly}, %q: !tile.ptr<f32>, %n: i32, %c: i1) attributes {tile.kernel} {
      %c0 = arith.constant 0 : i32
      %c1 = arith.constant 1 : i32
      %swapped:2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %p, %b = %q) -> (!tile.ptr<f32>, !tile.ptr<f32>) : i32 {
        scf.yield %b, %a : !tile.ptr<f32>, !tile.ptr<f32>
      }
      %stepped = scf.for %i = %c0 to %n step %c1 iter_args(%a = %p) -> !tile.ptr<f32> : i32 {
        %next = tile.addptr %a, %c1 : !tile.ptr<f32>, i32
        scf.yield %next : !tile.ptr<f32>
      }
      tile.print "", %swapped#0, %stepped, %p, %q : !tile.ptr<f32>, !tile.ptr<f32>, !tile.ptr<f32>, !tile.ptr<f32>
      return
    })mlir");
  ASSERT_TRUE(module);
  OperandRange values = find<PrintOp>(*module).getValues();
  EXPECT_FALSE(isReadOnlyMemory(values[0])); // after an odd number of iterations it is %q
  EXPECT_TRUE(isReadOnlyMemory(values[1]));
  EXPECT_TRUE(isReadOnlyMemory(values[2]));
  EXPECT_FALSE(isReadOnlyMemory(values[3]));
}

TEST_F(TileDialectTest, WhatALaunchInFrontMayWriteIsNotConstant) {
  for (bool overlaps : {false, true}) {
    OwningOpRef<ModuleOp> module =
        parse(std::string("func.func @kernel(%p: !tile.ptr<f32> {tile.readonly}, %q: !tile.ptr<f32>, %i: i32) "
                          "attributes {tile.kernel") +
              (overlaps ? ", tile.overlaps" : "") +
              "} {\n%n = tile.addptr %p, %i : !tile.ptr<f32>, i32\n"
              "tile.print \"\", %p, %n, %q : !tile.ptr<f32>, !tile.ptr<f32>, !tile.ptr<f32>\nreturn\n}");
    ASSERT_TRUE(module);
    OperandRange values = find<PrintOp>(*module).getValues();
    for (unsigned i : {0, 1}) {
      EXPECT_TRUE(isReadOnlyMemory(values[i]));
      EXPECT_EQ(isConstantMemory(values[i]), !overlaps);
    }
    EXPECT_FALSE(isConstantMemory(values[2]));
  }
}

TEST_F(TileDialectTest, FactsAboutDeadCodeAreUnknown) {
  OwningOpRef<ModuleOp> module = parse(R"mlir(
    func.func @kernel(%n: i32) attributes {tile.kernel} {
      %false = arith.constant false
      scf.if %false {
        %i = tile.arange 0 to 64 : tensor<64xi32>
        tile.print "", %i : tensor<64xi32>
      }
      return
    })mlir");
  ASSERT_TRUE(module);
  Value value = find<PrintOp>(*module).getValues().front();
  EXPECT_EQ(AxisFactsAnalysis(*module).get(value), AxisFacts::unknown(value.getType()));
}

} // namespace
