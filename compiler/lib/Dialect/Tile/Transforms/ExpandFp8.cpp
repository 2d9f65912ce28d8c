//===- ExpandFp8.cpp - fp8 as bytes ---------------------------------------===//
//
// First every operation that knows what an fp8 value means is rewritten on the bytes, with tile.bitcast between them
// and the fp8 values around:
//
//   %y = arith.extf %x : f8E5M2 to f32     ->    %b = tile.bitcast %x : f8E5M2 -> i8
//                                                %w = arith.extui %b : i8 to i16 ...
//
// What is left only moves values: loads, stores, selects, shapes, loops. Then the type of every value is changed in
// place, and the casts have nothing left to do. Where the target converts tiles itself, a cast remains next to each
// conversion:
//
//   %y = arith.extf %x : f8E5M2 to f32     ->    %c = tile.bitcast %x : i8 -> f8E5M2
//                                                %y = arith.extf %c : f8E5M2 to f32
//
//===----------------------------------------------------------------------===//

#include "kiln/Dialect/Tile/Transforms/Passes.h"

#include "Emitter.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "llvm/ADT/TypeSwitch.h"

namespace kiln::tile {
#define GEN_PASS_DEF_EXPANDFP8
#include "kiln/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace kiln::tile

using namespace mlir;
using namespace kiln;

namespace {

bool isFp8(Type type) { return isa<Float8E4M3FNType, Float8E5M2Type>(tile::getElementOrSelf(type)); }

/// `type` with i8 for fp8, in tensors and behind pointers too.
Type convertType(Type type) {
  if (auto pointer = dyn_cast<tile::PtrType>(type))
    return tile::PtrType::get(convertType(pointer.getPointeeType()));
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return tensor.clone(convertType(tensor.getElementType()));
  return isFp8(type) ? IntegerType::get(type.getContext(), 8) : type;
}

//===----------------------------------------------------------------------===//
// Conversions on bits
//===----------------------------------------------------------------------===//

class Fp8Emitter : public tile::Emitter {
public:
  using Emitter::Emitter;

  /// The f32 that a byte of fp8 stands for.
  Value decode(Value byte, bool isE4M3);
  /// The f16.
  Value decodeHalf(Value byte, bool isE4M3);
  /// f32 rounded to nearest even as a byte of fp8. Beyond the largest number: infinity, or NaN in E4M3FN, which has
  /// none.
  Value encode(Value x, bool isE4M3);
  /// f64 as f32 such that a second rounding, to fp8, gives what rounding once would have: towards zero, with the last
  /// bit set if anything was lost.
  Value roundToOdd(Value x);

private:
  /// For E5M2, the f16 of the same number; for E4M3, of 2^-8 of it, and whether it is a NaN, which the f16 is not.
  std::pair<Value, Value> shiftToHalf(Value byte, bool isE4M3);
};

/// Both formats are a shifted f16, which hardware converts, subnormals included: E5M2 is its upper byte; E4M3 has an
/// exponent bit less, so that its value is 2^8 times that of the f16.
Value Fp8Emitter::decode(Value byte, bool isE4M3) {
  auto [half, isNaN] = shiftToHalf(byte, isE4M3);
  Value value = convert<arith::ExtFOp>(builder.getF32Type(), half);
  return isE4M3 ? select(isNaN, constant(std::numeric_limits<float>::quiet_NaN()), mul(value, 256.0f)) : value;
}

Value Fp8Emitter::decodeHalf(Value byte, bool isE4M3) {
  auto [half, isNaN] = shiftToHalf(byte, isE4M3);
  auto constantHalf = [&](double value) { return splat(builder.getF16FloatAttr(value)); };
  return isE4M3 ? select(isNaN, constantHalf(std::numeric_limits<double>::quiet_NaN()), mul(half, constantHalf(256)))
                : half;
}

std::pair<Value, Value> Fp8Emitter::shiftToHalf(Value byte, bool isE4M3) {
  Type i16 = builder.getI16Type();
  auto constant16 = [&](int16_t value) { return splat(builder.getI16IntegerAttr(value)); };
  auto toHalf = [&](Value bits) { return convert<arith::BitcastOp>(builder.getF16Type(), bits); };
  if (!isE4M3) {
    Value wide = convert<arith::ExtUIOp>(i16, byte);
    return {toHalf(arith::ShLIOp::create(builder, loc, wide, constant16(8))), Value()};
  }
  // The sign extends into bits 15 and 14; the latter is part of the exponent.
  Value wide = convert<arith::ExtSIOp>(i16, byte);
  Value shifted = arith::ShLIOp::create(builder, loc, wide, constant16(7));
  Value half = toHalf(andi(shifted, constant16(~0x4000)));
  Value magnitude = andi(wide, constant16(0x7f));
  return {half, compare(arith::CmpIPredicate::eq, magnitude, constant16(0x7f))};
}

Value Fp8Emitter::encode(Value x, bool isE4M3) {
  const int32_t mantissaBits = isE4M3 ? 3 : 2, bias = isE4M3 ? 7 : 15, dropped = 23 - mantissaBits;
  const int32_t smallestNormal = (128 - bias) << 23; // the bits of f32 2^(1 - bias)
  Value magnitude = andi(bits(x), 0x7fffffff);
  // Adding half a unit less one, and one more if the last kept bit is odd, carries exactly when nearest-even rounds up.
  Value lastBit = andi(shiftRight(magnitude, dropped), 1);
  Value rounded = addi(addi(magnitude, lastBit), (1 << (dropped - 1)) - 1);
  Value normal = addi(shiftRight(rounded, dropped), -((127 - bias) << mantissaBits));
  // The unit of this power of two in f32 is the smallest subnormal, so the addition rounds to a multiple of it.
  const int32_t powerBits = (127 + 23 + 1 - bias - mantissaBits) << 23;
  Value sum = add(fromBits(magnitude), fromBits(constant(powerBits)));
  Value subnormal = addi(bits(sum), -powerBits);
  Value isSmall = compare(arith::CmpIPredicate::slt, magnitude, constant(smallestNormal));
  Value code = minUnsigned(select(isSmall, subnormal, normal), isE4M3 ? 0x7f : 0x7c);
  if (!isE4M3) {
    Value isNaN = compare(arith::CmpIPredicate::sgt, magnitude, constant(0x7f800000));
    code = select(isNaN, constant(0x7e), code);
  }
  Value sign = andi(shiftRight(bits(x), 24), 0x80);
  return convert<arith::TruncIOp>(builder.getI8Type(), ori(code, sign));
}

Value Fp8Emitter::roundToOdd(Value x) {
  Value nearest = convert<arith::TruncFOp>(builder.getF32Type(), x);
  Value back = convert<arith::ExtFOp>(builder.getF64Type(), nearest);
  auto asInteger = [&](Value flag) { return convert<arith::ExtUIOp>(builder.getI32Type(), flag); };
  Value isLarger = asInteger(compare(arith::CmpFPredicate::OGT, abs(back), abs(x)));
  Value isInexact = asInteger(compare(arith::CmpFPredicate::ONE, back, x));
  return fromBits(ori(subi(bits(nearest), isLarger), isInexact));
}

//===----------------------------------------------------------------------===//
// Operations that know what fp8 means
//===----------------------------------------------------------------------===//

Value castToBytes(OpBuilder &builder, Location loc, Value value) {
  return tile::BitcastOp::create(builder, loc, convertType(value.getType()), value);
}

class Expansion {
public:
  /// `hasConversions`: the target converts tiles between fp8 and f16 or f32. `dotElement` is what fp8 operands of a dot
  /// become.
  Expansion(bool hasConversions, Type dotElement) : hasConversions(hasConversions), dotElement(dotElement) {}

  LogicalResult run(ModuleOp module);

private:
  Value extend(OpBuilder &builder, Location loc, Value value, Type type);
  Value truncate(OpBuilder &builder, Location loc, Value value, Type type);
  void widenOperands(Operation *op, Type element);
  void replaceConstant(arith::ConstantOp op);
  LogicalResult rewrite(Operation *op);
  void convertTypesInPlace(ModuleOp module);
  bool isKept(Type type) const { return hasConversions && isa<RankedTensorType>(type); }

  bool hasConversions;
  Type dotElement;
  DenseSet<Value> kept; // values that are converted or come from a conversion, and keep their type
};

Value Expansion::extend(OpBuilder &builder, Location loc, Value value, Type type) {
  Fp8Emitter emit(builder, loc, value.getType());
  bool isE4M3 = isa<Float8E4M3FNType>(tile::getElementOrSelf(value.getType()));
  Value byte = castToBytes(builder, loc, value), result;
  Type element = tile::getElementOrSelf(type);
  if (isKept(type)) {
    Value number = tile::BitcastOp::create(builder, loc, value.getType(), byte);
    kept.insert(number);
    result = emit.convert<arith::ExtFOp>(element.isF16() ? element : builder.getF32Type(), number);
  } else {
    result = element.isF16() ? emit.decodeHalf(byte, isE4M3) : emit.decode(byte, isE4M3);
  }
  if (element.isF64())
    return emit.convert<arith::ExtFOp>(element, result);
  return element.isBF16() ? emit.convert<arith::TruncFOp>(element, result) : result; // exact: bf16 holds all fp8
}

Value Expansion::truncate(OpBuilder &builder, Location loc, Value value, Type type) {
  Fp8Emitter emit(builder, loc, value.getType());
  Type element = tile::getElementOrSelf(value.getType());
  if (element.isF64())
    value = emit.roundToOdd(value);
  else if (!element.isF32())
    value = emit.convert<arith::ExtFOp>(builder.getF32Type(), value);
  Value byte;
  if (isKept(type)) {
    Value number = arith::TruncFOp::create(builder, loc, type, value);
    kept.insert(number);
    byte = castToBytes(builder, loc, number);
  } else {
    byte = emit.encode(value, isa<Float8E4M3FNType>(tile::getElementOrSelf(type)));
  }
  return tile::BitcastOp::create(builder, loc, type, byte);
}

/// Replaces the fp8 operands of `op`, which accepts wider floats as well, by those of type `element`.
void Expansion::widenOperands(Operation *op, Type element) {
  OpBuilder builder(op);
  for (OpOperand &operand : op->getOpOperands())
    if (Type type = operand.get().getType(); isFp8(type))
      operand.set(extend(builder, op->getLoc(), operand.get(), tile::withElementType(type, element)));
}

void Expansion::replaceConstant(arith::ConstantOp op) {
  OpBuilder builder(op);
  Attribute value = op.getValue();
  TypedAttr bytes;
  if (auto number = dyn_cast<FloatAttr>(value))
    bytes = builder.getI8IntegerAttr(number.getValue().bitcastToAPInt().getSExtValue());
  else
    bytes = cast<DenseFPElementsAttr>(value).mapValues(builder.getI8Type(),
                                                       [](const APFloat &number) { return number.bitcastToAPInt(); });
  Value constant = arith::ConstantOp::create(builder, op.getLoc(), bytes);
  op.getResult().replaceAllUsesWith(tile::BitcastOp::create(builder, op.getLoc(), op.getType(), constant));
  op.erase();
}

/// Whether `op` only moves values, so that changing the types of its operands and results keeps its meaning.
bool onlyMoves(Operation *op) {
  return isa<tile::TileDialect, scf::SCFDialect, func::FuncDialect, ub::UBDialect>(op->getDialect()) ||
         isa<arith::SelectOp, arith::BitcastOp>(op);
}

LogicalResult Expansion::rewrite(Operation *op) {
  if (auto print = dyn_cast<tile::PrintOp>(op);
      print && llvm::any_of(print.getOperandTypes(), [](Type type) { return convertType(type) != type; }))
    print.setTypesAttr(Builder(op).getTypeArrayAttr(SmallVector<Type>(print.getValues().getTypes())));
  bool touchesFp8 = llvm::any_of(op->getOperandTypes(), isFp8) || llvm::any_of(op->getResultTypes(), isFp8);
  if (!touchesFp8)
    return success();
  OpBuilder builder(op);
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<arith::ExtFOp>([&](auto ext) {
        ext.getResult().replaceAllUsesWith(extend(builder, ext.getLoc(), ext.getIn(), ext.getType()));
        ext.erase();
        return success();
      })
      .Case<arith::TruncFOp>([&](auto trunc) {
        trunc.getResult().replaceAllUsesWith(truncate(builder, trunc.getLoc(), trunc.getIn(), trunc.getType()));
        trunc.erase();
        return success();
      })
      .Case<arith::ConstantOp>([&](auto constant) {
        replaceConstant(constant);
        return success();
      })
      .Case<tile::DotOp>([&](auto dot) {
        widenOperands(dot, dotElement);
        return success();
      })
      .Case<tile::PrintOp>([&](auto print) {
        widenOperands(print, builder.getF32Type());
        return success();
      })
      .Default([](Operation *other) -> LogicalResult {
        if (onlyMoves(other))
          return success();
        return other->emitOpError("computes with fp8 values, which are for storage only: convert them first");
      });
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

void Expansion::convertTypesInPlace(ModuleOp module) {
  auto convertValue = [&](Value value) {
    if (!kept.contains(value))
      value.setType(convertType(value.getType()));
  };
  module.walk([&](Operation *op) {
    llvm::for_each(op->getResults(), convertValue);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        llvm::for_each(block.getArguments(), convertValue);
    if (auto function = dyn_cast<func::FuncOp>(op)) {
      auto convertAll = [](TypeRange types) { return llvm::map_to_vector(types, convertType); };
      function.setType(FunctionType::get(op->getContext(), convertAll(function.getArgumentTypes()),
                                         convertAll(function.getResultTypes())));
    }
  });
  module.walk([](Operation *op) {
    if (isa<tile::BitcastOp, arith::BitcastOp>(op) && op->getOperand(0).getType() == op->getResult(0).getType()) {
      op->getResult(0).replaceAllUsesWith(op->getOperand(0));
      op->erase();
    }
  });
}

LogicalResult Expansion::run(ModuleOp module) {
  // First all operations: those that are made on the way need no rewriting.
  SmallVector<Operation *> operations;
  module.walk([&](Operation *op) { operations.push_back(op); });
  for (Operation *op : operations)
    if (failed(rewrite(op)))
      return failure();
  convertTypesInPlace(module);
  return success();
}

struct ExpandFp8 : tile::impl::ExpandFp8Base<ExpandFp8> {
  using ExpandFp8Base::ExpandFp8Base;

  void runOnOperation() override {
    Builder builder(&getContext());
    Type dotElement = capability ? builder.getF16Type() : Type(builder.getF32Type());
    if (failed(Expansion(/*hasConversions=*/capability >= 89, dotElement).run(getOperation())))
      signalPassFailure();
  }
};

} // namespace
