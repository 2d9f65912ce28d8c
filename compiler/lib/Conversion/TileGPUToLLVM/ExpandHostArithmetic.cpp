//===- ExpandHostArithmetic.cpp - What a host computes otherwise ----------===//
//
// A GPU has an instruction for a * b + c of f16 and of bf16 that rounds once. Most processors have none, and computing
// in f32 rounds twice. In f64 the product is exact. The sum is rounded to odd: towards zero, with the last bit set if
// anything was lost, which is known because the error of a sum is itself a number of the type. Rounding that once more,
// to a type with at least two bits less, gives what rounding once would have given.
//
// To the minimum and the maximum of a GPU, -0 is less than 0. LLVM's minnum and maxnum leave that open.
//
//===----------------------------------------------------------------------===//

#include "Steps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

/// a + b of f64 rounded to odd.
static Value addToOdd(ImplicitLocOpBuilder &b, Value x, Value y) {
  using arith::CmpFPredicate;
  Value sum = arith::AddFOp::create(b, x, y);
  // Knuth's two-sum: sum + error is x + y exactly.
  Value ofY = arith::SubFOp::create(b, sum, x), ofX = arith::SubFOp::create(b, sum, ofY);
  Value error = arith::AddFOp::create(b, arith::SubFOp::create(b, x, ofX), arith::SubFOp::create(b, y, ofY));
  Value zero = arith::ConstantOp::create(b, b.getF64FloatAttr(0));
  auto integer = [&](int64_t value) -> Value { return arith::ConstantOp::create(b, b.getI64IntegerAttr(value)); };
  auto compare = [&](CmpFPredicate predicate, Value value) -> Value {
    return arith::CmpFOp::create(b, predicate, value, zero);
  };
  Value bits = arith::BitcastOp::create(b, b.getI64Type(), sum);
  // Where the last bit is not set, the neighbour on the side of the error has it set.
  Value further = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, compare(CmpFPredicate::OGT, error),
                                        compare(CmpFPredicate::OGT, sum));
  Value towards = arith::AddIOp::create(b, bits, arith::SelectOp::create(b, further, integer(1), integer(-1)));
  Value isEven =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, arith::AndIOp::create(b, bits, integer(1)), integer(0));
  Value inexact = compare(CmpFPredicate::ONE, error); // false for the NaN of an infinite sum
  Value odd = arith::SelectOp::create(b, arith::AndIOp::create(b, inexact, isEven), towards, bits);
  return arith::BitcastOp::create(b, b.getF64Type(), odd);
}

static void expandFma(math::FmaOp op) {
  if (!op.getType().isF16() && !op.getType().isBF16())
    return;
  ImplicitLocOpBuilder b(op.getLoc(), op);
  auto widen = [&](Value x) -> Value { return arith::ExtFOp::create(b, b.getF64Type(), x); };
  Value product = arith::MulFOp::create(b, widen(op.getA()), widen(op.getB()));
  op.replaceAllUsesWith(arith::TruncFOp::create(b, op.getType(), addToOdd(b, product, widen(op.getC()))).getResult());
  op.erase();
}

/// The operand that is a number where the other one is NaN, and `Ordered` of two numbers.
template <typename Ordered, typename Op>
static void expandExtremum(Op op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  Value x = op.getLhs(), y = op.getRhs();
  auto isNaN = [&](Value value) -> Value { return arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, value, value); };
  Value result = arith::SelectOp::create(b, isNaN(y), x, Ordered::create(b, x, y));
  op.replaceAllUsesWith(arith::SelectOp::create(b, isNaN(x), y, result).getResult());
  op.erase();
}

void kiln::expandHostArithmetic(ModuleOp module) {
  module.walk([](Operation *op) {
    llvm::TypeSwitch<Operation *>(op)
        .Case(expandFma)
        .Case([](arith::MinNumFOp minimum) { expandExtremum<arith::MinimumFOp>(minimum); })
        .Case([](arith::MaxNumFOp maximum) { expandExtremum<arith::MaximumFOp>(maximum); });
  });
}
