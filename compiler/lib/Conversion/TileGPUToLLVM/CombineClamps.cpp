//===- CombineClamps.cpp - Bounds of a float as one instruction -----------===//
//
// x < c ? c : x is max.NaN(x, c) where c is neither zero nor NaN: an x that is NaN stays, and no two zeros meet. LLVM
// does not say so, because the payload of a NaN may differ; ours is unspecified.
//
//===----------------------------------------------------------------------===//

#include "Steps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

static bool isBound(Value value) {
  APFloat constant(0.0f);
  return matchPattern(value, m_ConstantFloat(&constant)) && !constant.isZero() && !constant.isNaN();
}

void kiln::combineClamps(ModuleOp module) {
  module.walk([](arith::SelectOp select) {
    auto compare = select.getCondition().getDefiningOp<arith::CmpFOp>();
    Value x = select.getFalseValue(), bound = select.getTrueValue();
    // f64 has no instruction that keeps NaN.
    if (!compare || compare.getLhs() != x || compare.getRhs() != bound || x.getType().isF64() || !isBound(bound))
      return;
    OpBuilder builder(select);
    Value clamped;
    if (compare.getPredicate() == arith::CmpFPredicate::OLT)
      clamped = arith::MaximumFOp::create(builder, select.getLoc(), x, bound);
    else if (compare.getPredicate() == arith::CmpFPredicate::OGT)
      clamped = arith::MinimumFOp::create(builder, select.getLoc(), x, bound);
    else
      return;
    select.replaceAllUsesWith(clamped);
    select.erase();
    if (compare->use_empty())
      compare.erase();
  });
}
