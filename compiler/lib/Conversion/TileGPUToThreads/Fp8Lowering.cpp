//===- Fp8Lowering.cpp - Conversions of fp8 by the machine ----------------===//
//
// The machine converts two numbers at a time, between fp8 and f16 or from f32. From f32 it saturates, while
// arith.truncf does not: what rounds beyond the largest number is NaN in E4M3FN and an infinity in E5M2. Either code is
// the one after the largest number's.
//
//===----------------------------------------------------------------------===//

#include "Lowerings.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

/// "e4m3x2" or "e5m2x2".
static StringRef getPair(Type element) { return isa<Float8E4M3FNType>(element) ? "e4m3x2" : "e5m2x2"; }

bool tile_gpu::isFp8(Type type) { return isa<Float8E4M3FNType, Float8E5M2Type>(tile::getElementOrSelf(type)); }

LogicalResult tile_gpu::lowerFp8Extend(ThreadLowering &lowering, arith::ExtFOp op) {
  OpBuilder &b = lowering.builder;
  Type to = tile::getElementOrSelf(op.getType());
  SmallVector<Value> registers = lowering.getRegisters(op.getIn()), results;
  std::string name = ("cvt.rn.f16x2." + getPair(tile::getElementOrSelf(op.getIn().getType()))).str();
  for (size_t i = 0; i < registers.size(); i += 2) {
    Value low = lowering.toBits(registers[i]);
    Value high = i + 1 < registers.size() ? lowering.toBits(registers[i + 1]) : low;
    Value halves = lowering.machine(name, lowering.machine("pack.b8x2", {low, high}));
    for (Value bits : lowering.machineResults("unpack.b16x2", halves)) {
      Value number = lowering.fromBits(bits, b.getF16Type());
      if (!to.isF16())
        number = arith::ExtFOp::create(b, lowering.loc, to.isBF16() ? b.getF32Type() : to, number);
      results.push_back(to.isBF16() ? arith::TruncFOp::create(b, lowering.loc, to, number).getResult() : number);
    }
  }
  results.resize(registers.size());
  lowering.setRegisters(op.getResult(), results);
  return success();
}

LogicalResult tile_gpu::lowerFp8Truncate(ThreadLowering &lowering, arith::TruncFOp op) {
  OpBuilder &b = lowering.builder;
  Type to = tile::getElementOrSelf(op.getType());
  if (tile::getElementOrSelf(op.getIn().getType()).isF64())
    return op.emitOpError("rounds f64 to fp8, which the machine does by way of f32 and so twice");
  SmallVector<Value> numbers = lowering.getRegisters(op.getIn()), results;
  for (Value &number : numbers)
    if (!number.getType().isF32())
      number = arith::ExtFOp::create(b, lowering.loc, b.getF32Type(), number);
  // Half way between the largest number and the next, if there were one; the tie goes to the even mantissa, which is
  // that of 448 (E4M3FN) and that of infinity (E5M2).
  bool isE4M3 = isa<Float8E4M3FNType>(to);
  Value limit = arith::ConstantOp::create(b, lowering.loc, b.getF32FloatAttr(isE4M3 ? 464 : 61440));
  auto predicate = isE4M3 ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OGE;
  std::string name = ("cvt.rn.satfinite." + getPair(to) + ".f32").str();
  for (size_t i = 0; i < numbers.size(); i += 2) {
    Value low = numbers[i], high = i + 1 < numbers.size() ? numbers[i + 1] : low;
    Value pair = lowering.machine(name, {high, low});
    ValueRange bytes = lowering.machineResults("unpack.b8x2", pair);
    for (auto [number, byte] : llvm::zip_equal(ValueRange{low, high}, bytes)) {
      Value magnitude = math::AbsFOp::create(b, lowering.loc, number);
      Value isBeyond = arith::CmpFOp::create(b, lowering.loc, predicate, magnitude, limit);
      Value next = arith::ExtUIOp::create(b, lowering.loc, b.getI8Type(), isBeyond);
      results.push_back(lowering.fromBits(lowering.add(byte, next), to));
    }
  }
  results.resize(numbers.size());
  lowering.setRegisters(op.getResult(), results);
  return success();
}
