//===- CarryPointers.cpp - tile-gpu-carry-pointers ------------------------===//
//
// A copy's pointers are computed anew in every iteration from those of the first one, which stay in registers beside
// them. Where they move by the same distance each time, one addition in place does.
//
//===----------------------------------------------------------------------===//

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Dialect/TileGPU/Transforms/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

namespace kiln::tile_gpu {
#define GEN_PASS_DEF_CARRYPOINTERS
#include "kiln/Dialect/TileGPU/Transforms/Passes.h.inc"
} // namespace kiln::tile_gpu

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

/// The copy of a loop whose pointers are `base` + splat(offset), base from outside.
class CarriedPointer {
public:
  CarriedPointer(scf::ForOp loop, AsyncLoadOp copy, IRRewriter &rewriter)
      : loop(loop), copy(copy), rewriter(rewriter) {}

  /// Whether the pointers move by the same distance from iteration to iteration.
  bool match();
  scf::ForOp carry();

private:
  bool isInvariant(Value value) { return !loop->isAncestor(value.getParentBlock()->getParentOp()); }
  bool isIteration(Value value);
  bool isLinear(Value value);
  Value getDistance(Value value);
  Value getFirst(Value value, IRMapping &first);

  scf::ForOp loop;
  AsyncLoadOp copy;
  IRRewriter &rewriter;
  tile::AddPtrOp pointer;
  tile::SplatOp offset;
};

/// Whether `value` is the induction variable of the iteration that the copy is for. It need not exist: an addition that
/// wraps belongs to one that does not, and whose copy touches no memory.
bool CarriedPointer::isIteration(Value value) {
  if (value == loop.getInductionVar())
    return true;
  auto sum = value.getDefiningOp<arith::AddIOp>();
  auto ahead = copy->getAttrOfType<IntegerAttr>(kAheadAttr);
  APInt distance, step;
  return sum && ahead && sum.getLhs() == loop.getInductionVar() &&
         matchPattern(sum.getRhs(), m_ConstantInt(&distance)) && matchPattern(loop.getStep(), m_ConstantInt(&step)) &&
         distance.getSExtValue() == ahead.getInt() * step.getSExtValue();
}

/// Whether `value` is a sum of invariants and multiples of the induction variable. Only 64-bit sums and products count,
/// as narrow ones may wrap before they are widened.
bool CarriedPointer::isLinear(Value value) {
  if (isInvariant(value) || isIteration(value))
    return true;
  if (auto wide = value.getDefiningOp<arith::ExtSIOp>())
    return isIteration(wide.getIn());
  if (!value.getType().isInteger(64))
    return false;
  if (auto product = value.getDefiningOp<arith::MulIOp>())
    return (isLinear(product.getLhs()) && isInvariant(product.getRhs())) ||
           (isInvariant(product.getLhs()) && isLinear(product.getRhs()));
  auto sum = value.getDefiningOp<arith::AddIOp>();
  return sum && isLinear(sum.getLhs()) && isLinear(sum.getRhs());
}

bool CarriedPointer::match() {
  pointer = copy.getPointer().getDefiningOp<tile::AddPtrOp>();
  if (!pointer || isInvariant(pointer) || !pointer->hasOneUse() || !isInvariant(pointer.getBase()))
    return false;
  offset = pointer.getOffset().getDefiningOp<tile::SplatOp>();
  return offset && !isInvariant(offset.getSource()) && isLinear(offset.getSource());
}

/// By how much `value`, which is linear, changes in an iteration.
Value CarriedPointer::getDistance(Value value) {
  Location loc = value.getLoc();
  if (isInvariant(value))
    return arith::ConstantOp::create(rewriter, loc, rewriter.getIntegerAttr(value.getType(), 0));
  if (isIteration(value))
    return loop.getStep();
  Operation *op = value.getDefiningOp();
  if (isa<arith::ExtSIOp>(op))
    return rewriter.createOrFold<arith::ExtSIOp>(loc, value.getType(), loop.getStep());
  Value lhs = op->getOperand(0), rhs = op->getOperand(1);
  if (isa<arith::AddIOp>(op))
    return rewriter.createOrFold<arith::AddIOp>(loc, getDistance(lhs), getDistance(rhs));
  if (isInvariant(lhs))
    std::swap(lhs, rhs);
  return rewriter.createOrFold<arith::MulIOp>(loc, getDistance(lhs), rhs);
}

/// `value` in the first iteration.
Value CarriedPointer::getFirst(Value value, IRMapping &first) {
  if (isInvariant(value) || first.contains(value))
    return first.lookupOrDefault(value);
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    getFirst(operand, first);
  rewriter.clone(*op, first);
  return first.lookup(value);
}

/// Carries the pointers of the iteration before, so that the sum is what the copy uses and what goes on.
scf::ForOp CarriedPointer::carry() {
  rewriter.setInsertionPoint(loop);
  Location loc = pointer.getLoc();
  Value distance = getDistance(offset.getSource());
  IRMapping first;
  first.map(loop.getInductionVar(), loop.getLowerBound());
  Value begin = rewriter.createOrFold<arith::SubIOp>(loc, getFirst(offset.getSource(), first), distance);
  auto add = [&](Value to, Value scalar) -> Value {
    Value splat = tile::SplatOp::create(rewriter, loc, offset.getType(), scalar);
    return tile::AddPtrOp::create(rewriter, loc, pointer.getType(), to, splat);
  };
  Value init = add(pointer.getBase(), begin);
  auto replaced = loop.replaceWithAdditionalYields(rewriter, init, /*replaceInitOperandUsesInLoop=*/false,
                                                   [&](OpBuilder &, Location, ArrayRef<BlockArgument> added) {
                                                     OpBuilder::InsertionGuard guard(rewriter);
                                                     rewriter.setInsertionPoint(pointer);
                                                     Value next = add(added.front(), distance);
                                                     rewriter.replaceAllUsesWith(pointer.getResult(), next);
                                                     return SmallVector<Value>{next};
                                                   });
  rewriter.eraseOp(pointer);
  return cast<scf::ForOp>(*replaced);
}

struct CarryPointersPass : tile_gpu::impl::CarryPointersBase<CarryPointersPass> {
  void runOnOperation() override {
    SmallVector<scf::ForOp> loops;
    getOperation().walk([&](scf::ForOp loop) { loops.push_back(loop); });
    IRRewriter rewriter(&getContext());
    for (scf::ForOp loop : loops) {
      SmallVector<AsyncLoadOp> copies(loop.getBody()->getOps<AsyncLoadOp>());
      for (AsyncLoadOp copy : copies) {
        CarriedPointer pointer(loop, copy, rewriter);
        if (pointer.match())
          loop = pointer.carry();
      }
    }
  }
};

} // namespace
