//===- ExpandNarrowFloats.cpp - tile-expand-narrow-floats -----------------===//
//
// Processors have few instructions for bf16, and none that rounds f64 to f16 or bf16; LLVM calls functions of the
// compiler's run-time library there, one element at a time, and a process need not contain them. So arithmetic on bf16
// is done in f32, which is wide enough for one rounding afterwards to give the correctly rounded result of + - * / and
// sqrt (24 >= 2 * 8 + 2 bits), and the conversions are integer arithmetic, which
// vectorises.
//
//===----------------------------------------------------------------------===//

#include "kiln/Conversion/TileToCPU/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace kiln {
#define GEN_PASS_DEF_TILEEXPANDNARROWFLOATS
#include "kiln/Conversion/TileToCPU/Passes.h.inc"
} // namespace kiln

using namespace mlir;

namespace {

/// `type`, a scalar or a vector, with another element type.
Type withElement(Type type, Type element) {
  if (auto shaped = dyn_cast<ShapedType>(type))
    return shaped.clone(element);
  return element;
}

class Conversions {
public:
  Conversions(ImplicitLocOpBuilder &b) : b(b) {}

  /// f32 to bf16, to nearest even: half an ulp of the result, less one in the last place where the result would be
  /// even, is added to the bits, and the lower ones are dropped. A carry into the exponent is what rounding up means.
  Value toBF16(Value x) {
    Value bits = integer(x, b.getI32Type());
    Value sixteen = constant(bits, 16);
    Value odd = arith::AndIOp::create(b, arith::ShRUIOp::create(b, bits, sixteen), constant(bits, 1));
    Value rounded = arith::AddIOp::create(b, arith::AddIOp::create(b, bits, constant(bits, 0x7fff)), odd);
    // A NaN whose payload lies in the lower bits would become an infinity: it is made quiet instead.
    Value quiet = arith::OrIOp::create(b, bits, constant(bits, 0x400000));
    Value nan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, x, x);
    Value upper = arith::ShRUIOp::create(b, arith::SelectOp::create(b, nan, quiet, rounded), sixteen);
    Value narrow = arith::TruncIOp::create(b, withElement(x.getType(), b.getI16Type()), upper);
    return arith::BitcastOp::create(b, withElement(x.getType(), b.getBF16Type()), narrow);
  }

  /// f64 to f32, to odd: towards zero, and the last bit is set if anything was lost. A second rounding, to a type with
  /// at least two bits less, then gives what rounding once to nearest would have given.
  Value toOddF32(Value x) {
    Value nearest = arith::TruncFOp::create(b, withElement(x.getType(), b.getF32Type()), x);
    Value wide = arith::ExtFOp::create(b, x.getType(), nearest);
    Value bits = integer(nearest, b.getI32Type());
    Value one = constant(bits, 1);
    Value away =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, math::AbsFOp::create(b, wide), math::AbsFOp::create(b, x));
    Value truncated = arith::SelectOp::create(b, away, arith::SubIOp::create(b, bits, one), bits);
    Value inexact = arith::CmpFOp::create(b, arith::CmpFPredicate::ONE, wide, x); // false for NaN
    Value result = arith::SelectOp::create(b, inexact, arith::OrIOp::create(b, truncated, one), bits);
    return arith::BitcastOp::create(b, nearest.getType(), result);
  }

  /// bf16 to f32: bf16 is the upper half of f32.
  Value fromBF16(Value x) {
    Value bits = arith::ExtUIOp::create(b, withElement(x.getType(), b.getI32Type()), integer(x, b.getI16Type()));
    return arith::BitcastOp::create(b, withElement(x.getType(), b.getF32Type()),
                                    arith::ShLIOp::create(b, bits, constant(bits, 16)));
  }

private:
  Value integer(Value x, Type element) { return arith::BitcastOp::create(b, withElement(x.getType(), element), x); }
  Value constant(Value like, int64_t value) {
    TypedAttr attribute = b.getI32IntegerAttr(static_cast<int32_t>(value));
    if (auto shaped = dyn_cast<ShapedType>(like.getType()))
      attribute = DenseElementsAttr::get(shaped, ArrayRef<Attribute>(attribute));
    return arith::ConstantOp::create(b, attribute);
  }

  ImplicitLocOpBuilder &b;
};

bool isBF16(Type type) { return getElementTypeOrSelf(type).isBF16(); }

/// Operations that compute with numbers. Those that only move bits, or pick among them, take bf16 as it is.
bool isArithmetic(Operation *op) {
  if (isa<arith::ConstantOp, arith::SelectOp, arith::BitcastOp, arith::ExtFOp, arith::TruncFOp>(op))
    return false;
  return isa<arith::ArithDialect, math::MathDialect>(op->getDialect()) ||
         isa<vector::ReductionOp, vector::MultiDimReductionOp, vector::FMAOp, vector::ContractionOp>(op);
}

struct ExpandNarrowFloats : kiln::impl::TileExpandNarrowFloatsBase<ExpandNarrowFloats> {
  void runOnOperation() override {
    getOperation()->walk([](LLVM::AtomicRMWOp op) {
      if (isBF16(op.getType()))
        addInLoop(op);
    });
    SmallVector<Operation *> arithmetic;
    getOperation()->walk([&](Operation *op) {
      if (isArithmetic(op) &&
          (llvm::any_of(op->getOperandTypes(), isBF16) || llvm::any_of(op->getResultTypes(), isBF16)))
        arithmetic.push_back(op);
    });
    for (Operation *op : arithmetic)
      computeInF32(op);

    SmallVector<arith::TruncFOp> truncations;
    getOperation()->walk([&](arith::TruncFOp op) { truncations.push_back(op); });
    for (arith::TruncFOp op : truncations)
      expand(op);
    SmallVector<arith::ExtFOp> extensions;
    getOperation()->walk([&](arith::ExtFOp op) { extensions.push_back(op); });
    for (arith::ExtFOp op : extensions)
      expand(op);
    getOperation()->walk([](Operation *op) {
      if (isa<LLVM::LoadOp, LLVM::StoreOp>(op))
        accessBits(op);
    });
  }

  /// The only atomic that works on bf16 adds. Memory is compared and swapped until nobody came in between.
  static void addInLoop(LLVM::AtomicRMWOp op) {
    ImplicitLocOpBuilder b(op.getLoc(), op);
    Type i16 = b.getI16Type();
    // The failure order may not be stronger than what a read can have.
    const LLVM::AtomicOrdering order = op.getOrdering();
    const bool acquires = order == LLVM::AtomicOrdering::acquire || order == LLVM::AtomicOrdering::acq_rel;
    const auto onFailure = acquires ? LLVM::AtomicOrdering::acquire : LLVM::AtomicOrdering::monotonic;
    Value first =
        LLVM::LoadOp::create(b, i16, op.getPtr(), /*alignment=*/2, /*isVolatile=*/false, /*isNonTemporal=*/false,
                             /*isInvariant=*/false, /*isInvariantGroup=*/false, LLVM::AtomicOrdering::monotonic);
    auto loop = scf::WhileOp::create(
        b, TypeRange(i16), first,
        [&](OpBuilder &inner, Location loc, ValueRange expected) {
          ImplicitLocOpBuilder body(loc, inner);
          Value old = arith::BitcastOp::create(body, op.getType(), expected[0]);
          Value sum = arith::AddFOp::create(body, old, op.getVal());
          Value pair = LLVM::AtomicCmpXchgOp::create(body, op.getPtr(), expected[0],
                                                     arith::BitcastOp::create(body, i16, sum), order, onFailure);
          Value found = LLVM::ExtractValueOp::create(body, pair, ArrayRef<int64_t>{0});
          Value done = LLVM::ExtractValueOp::create(body, pair, ArrayRef<int64_t>{1});
          Value truth = arith::ConstantIntOp::create(body, body.getI1Type(), 1);
          scf::ConditionOp::create(body, arith::XOrIOp::create(body, done, truth), found);
        },
        [](OpBuilder &inner, Location loc, ValueRange found) { scf::YieldOp::create(inner, loc, found); });
    op.replaceAllUsesWith(arith::BitcastOp::create(b, op.getType(), loop.getResult(0)).getResult());
    op.erase();
  }

  /// Widens the bf16 operands, and rounds what was a bf16 result.
  static void computeInF32(Operation *op) {
    ImplicitLocOpBuilder b(op->getLoc(), op);
    for (OpOperand &operand : op->getOpOperands())
      if (Type type = operand.get().getType(); isBF16(type))
        operand.set(arith::ExtFOp::create(b, withElement(type, b.getF32Type()), operand.get()));
    b.setInsertionPointAfter(op);
    for (OpResult result : op->getResults()) {
      Type type = result.getType();
      if (!isBF16(type))
        continue;
      result.setType(withElement(type, b.getF32Type()));
      auto rounded = arith::TruncFOp::create(b, type, result);
      result.replaceAllUsesExcept(rounded, rounded);
    }
  }

  static void expand(arith::TruncFOp op) {
    const Type from = getElementTypeOrSelf(op.getIn().getType()), to = getElementTypeOrSelf(op.getType());
    const bool toBF16 = to.isBF16();
    if (!toBF16 && !(to.isF16() && from.isF64()))
      return;
    ImplicitLocOpBuilder b(op.getLoc(), op);
    Conversions convert(b);
    Value x = op.getIn();
    if (from.isF64())
      x = convert.toOddF32(x);
    else if (from.isF16())
      x = arith::ExtFOp::create(b, withElement(x.getType(), b.getF32Type()), x);
    Value result = toBF16 ? convert.toBF16(x) : arith::TruncFOp::create(b, op.getType(), x).getResult();
    op.replaceAllUsesWith(result);
    op.erase();
  }

  static void expand(arith::ExtFOp op) {
    if (!isBF16(op.getIn().getType()))
      return;
    ImplicitLocOpBuilder b(op.getLoc(), op);
    Value result = Conversions(b).fromBF16(op.getIn());
    if (getElementTypeOrSelf(op.getType()).isF64())
      result = arith::ExtFOp::create(b, op.getType(), result);
    op.replaceAllUsesWith(result);
    op.erase();
  }

  /// Global memory is read and written by operations of LLVM, which get to see i16.
  static void accessBits(Operation *op) {
    ImplicitLocOpBuilder b(op->getLoc(), op);
    if (auto store = dyn_cast<LLVM::StoreOp>(op)) {
      if (Type type = store.getValue().getType(); isBF16(type))
        store.getValueMutable().set(arith::BitcastOp::create(b, withElement(type, b.getI16Type()), store.getValue()));
      return;
    }
    Value loaded = op->getResult(0);
    Type type = loaded.getType();
    if (!isBF16(type))
      return;
    b.setInsertionPointAfter(op);
    loaded.setType(withElement(type, b.getI16Type()));
    auto value = arith::BitcastOp::create(b, type, loaded);
    loaded.replaceAllUsesExcept(value, value);
  }
};

} // namespace
