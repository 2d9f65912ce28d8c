//===- FuseElementwise.cpp - tile-fuse-elementwise ------------------------===//
//
// Prepares linalg on tensors for bufferization, in three steps:
//
//   1. elementwise producers move into their consumers where that costs nothing;
//   2. an elementwise operation writes over one of its operands where their types agree (`outs(%operand)` instead of
//   `outs(%empty)`): the
//      bufferization then decides whether that operand is still needed;
//   3. what a loop carries is copied into the buffer that carries it. One-shot bufferization wants the yielded tensor
//   to live in the buffer of
//      the loop's argument, and the copy vanishes where it does already (acc = dot(p, v, acc)).
//
//===----------------------------------------------------------------------===//

#include "kiln/Conversion/TileToCPU/Passes.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace kiln {
#define GEN_PASS_DEF_TILEFUSEELEMENTWISE
#include "kiln/Conversion/TileToCPU/Passes.h.inc"
} // namespace kiln

using namespace mlir;

namespace {

/// Whether computing an element of `op` twice costs about as much as reading it: a few integer operations or moves, and
/// no operand that would have to be read.
bool isCheap(linalg::GenericOp op) {
  constexpr int kMaxOperations = 4;
  int count = 0;
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (isa<math::MathDialect>(inner.getDialect()) ||
        isa<arith::DivFOp, arith::DivSIOp, arith::RemSIOp, arith::TruncFOp>(inner))
      return false;
    ++count;
  }
  return count <= kMaxOperations;
}

bool shouldFuse(OpOperand *operand) {
  auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
  auto consumer = dyn_cast<linalg::GenericOp>(operand->getOwner());
  if (!producer || !consumer || producer.getNumParallelLoops() != producer.getNumLoops())
    return false;
  if (!operand->get().hasOneUse())
    return false;
  AffineMap map = consumer.getMatchingIndexingMap(operand);
  if (map.isPermutation())
    return true;
  // Every element would be computed once for each step of the dimensions that the map drops. In a contraction that is a
  // whole matrix dimension.
  return consumer.getNumReductionLoops() == 0 && isCheap(producer);
}

/// Tensors that are one value throughout and need a buffer after all are filled: a constant buffer would be copied
/// before it is written.
void fillSplatConstants(Operation *root) {
  root->walk([](arith::ConstantOp op) {
    auto type = dyn_cast<RankedTensorType>(op.getType());
    auto splat = dyn_cast<SplatElementsAttr>(op.getValue());
    if (!type || !splat)
      return;
    Operation *user = nullptr;
    // One fill for each use: it can then be updated in place.
    for (OpOperand &use : llvm::make_early_inc_range(op->getUses())) {
      user = use.getOwner();
      OpBuilder builder(user);
      Value scalar = arith::ConstantOp::create(builder, op.getLoc(), cast<TypedAttr>(splat.getSplatValue<Attribute>()));
      Value empty = tensor::EmptyOp::create(builder, op.getLoc(), type.getShape(), type.getElementType());
      use.set(linalg::FillOp::create(builder, op.getLoc(), scalar, empty).getResult(0));
    }
    op.erase();
  });
}

void reuseOperands(linalg::GenericOp op) {
  if (op.getNumParallelLoops() != op.getNumLoops() || op.getNumDpsInits() != 1)
    return;
  OpOperand *init = op.getDpsInitOperand(0);
  if (!init->get().getDefiningOp<tensor::EmptyOp>() || op.payloadUsesValueFromOperand(init))
    return;
  AffineMap resultMap = op.getMatchingIndexingMap(init);
  for (OpOperand *input : op.getDpsInputOperands()) {
    if (input->get().getType() != init->get().getType() || op.getMatchingIndexingMap(input) != resultMap)
      continue;
    init->set(input->get());
    return;
  }
}

/// The argument of a loop that carries `result` of a branch, directly or through outer branches, to the next iteration.
BlockArgument carrierOf(OpResult result) {
  for (OpOperand &use : result.getUses()) {
    Operation *terminator = use.getOwner(), *parent = terminator->getParentOp();
    if (!terminator->hasTrait<OpTrait::IsTerminator>())
      continue;
    if (auto outer = dyn_cast<scf::IfOp>(parent))
      return carrierOf(outer->getResult(use.getOperandNumber()));
    // The first operand of a condition is the condition, the first argument of a for is its induction variable.
    int64_t position = use.getOperandNumber();
    position += isa<scf::ForOp>(parent) - isa<scf::ConditionOp>(terminator);
    if (position >= 0 && position < terminator->getBlock()->getNumArguments())
      return terminator->getBlock()->getArgument(position);
  }
  return nullptr;
}

/// A branch in a loop yields tensors of its own, or the argument that carries its result. For the bufferization takes
/// all that a result may be to be one buffer, without end: arguments of the loop that one branch may yield could not be
/// written independently, and it copies the operands of other operations where it must, but never what a branch yields.
void yieldOwnTensors(scf::IfOp branch) {
  if (!branch->getParentOfType<LoopLikeOpInterface>())
    return;
  for (OpResult result : branch->getResults()) {
    if (!isa<RankedTensorType>(result.getType()))
      continue;
    BlockArgument carrier = carrierOf(result);
    unsigned number = result.getResultNumber();
    for (scf::YieldOp yield : {branch.thenYield(), branch.elseYield()}) {
      Value value = yield.getOperand(number);
      bool isOwn = yield->getParentRegion()->isAncestor(value.getParentRegion()) &&
                   !llvm::is_contained(yield.getOperands().take_front(number), value);
      if (isOwn || value == carrier)
        continue;
      OpBuilder builder(yield);
      auto type = cast<RankedTensorType>(value.getType());
      yield.setOperand(number,
                       bufferization::AllocTensorOp::create(builder, yield.getLoc(), type, ValueRange{}, value));
    }
  }
}

/// Yields that a loop carries: (position of the argument in the body, operand of the terminator).
void copyCarried(Block *body, ArrayRef<BlockArgument> arguments, MutableArrayRef<OpOperand> yields) {
  Operation *terminator = body->getTerminator();
  OpBuilder builder(terminator);
  Location loc = terminator->getLoc();
  SmallVector<std::pair<OpOperand *, BlockArgument>> moves;
  // The two regions of a while may hand each other different numbers of values.
  for (auto [argument, yield] : llvm::zip(arguments, yields)) {
    if (!isa<RankedTensorType>(argument.getType()) || yield.get().getType() != argument.getType() ||
        yield.get() == argument)
      continue;
    // All carried arguments are read before the first of them is written: this is a parallel move.
    auto source = dyn_cast<BlockArgument>(yield.get());
    if (source && source.getOwner() == body) {
      auto type = cast<RankedTensorType>(source.getType());
      yield.set(bufferization::AllocTensorOp::create(builder, loc, type, ValueRange{}, /*copy=*/source));
    }
    moves.push_back({&yield, argument});
  }
  for (auto [yield, argument] : moves)
    yield->set(linalg::CopyOp::create(builder, loc, yield->get(), argument).getResult(0));
}

struct FuseElementwisePass : kiln::impl::TileFuseElementwiseBase<FuseElementwisePass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    linalg::populateElementwiseOpsFusionPatterns(patterns, shouldFuse);
    linalg::populateEraseUnnecessaryInputsPatterns(patterns);
    tensor::CollapseShapeOp::getCanonicalizationPatterns(patterns, context);
    tensor::ExpandShapeOp::getCanonicalizationPatterns(patterns, context);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();

    fillSplatConstants(getOperation());
    getOperation()->walk([](linalg::GenericOp op) { reuseOperands(op); });
    getOperation()->walk(yieldOwnTensors);
    getOperation()->walk([](LoopLikeOpInterface loop) {
      if (auto forOp = dyn_cast<scf::ForOp>(*loop)) {
        copyCarried(forOp.getBody(), forOp.getRegionIterArgs(), forOp.getBody()->getTerminator()->getOpOperands());
      } else if (auto whileOp = dyn_cast<scf::WhileOp>(*loop)) {
        scf::ConditionOp condition = whileOp.getConditionOp();
        copyCarried(whileOp.getBeforeBody(), whileOp.getBeforeArguments(), condition->getOpOperands().drop_front());
        copyCarried(whileOp.getAfterBody(), whileOp.getAfterArguments(), whileOp.getYieldOp()->getOpOperands());
      }
    });
  }
};

} // namespace
