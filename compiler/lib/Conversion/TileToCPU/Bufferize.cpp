//===- Bufferize.cpp - tile-bufferize -------------------------------------===//

#include "kiln/Conversion/TileToCPU/Passes.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace kiln {
#define GEN_PASS_DEF_TILEBUFFERIZE
#include "kiln/Conversion/TileToCPU/Passes.h.inc"
} // namespace kiln

using namespace mlir;

namespace {

/// Upstream wants a tensor that the condition of a while loop forwards to be the argument of the same number. But
/// canonicalisation drops what nobody uses after the condition, which moves the others, and the condition may compute
/// what it forwards. So all arguments are forwarded, in order; a tensor that is none gets an argument whose buffer it
/// is copied to.
void forwardAllArguments(scf::WhileOp loop) {
  scf::ConditionOp condition = loop.getConditionOp();
  Block::BlockArgListType arguments = loop.getBeforeArguments();
  auto isAligned = [&](auto indexed) {
    auto [index, value] = indexed;
    return !isa<TensorType>(value.getType()) || (index < arguments.size() && value == arguments[index]);
  };
  if (llvm::all_of(llvm::enumerate(condition.getArgs()), isAligned))
    return;

  SmallVector<Value> inits(loop.getInits()), forwarded(arguments.begin(), arguments.end()), scalars;
  DenseMap<Value, unsigned> places; // of what was forwarded, in what now is
  for (auto [place, argument] : llvm::enumerate(arguments))
    places[argument] = place;
  OpBuilder builder(loop);
  for (Value value : condition.getArgs()) {
    if (places.contains(value))
      continue;
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type) {
      scalars.push_back(value);
      continue;
    }
    places[value] = forwarded.size();
    inits.push_back(tensor::EmptyOp::create(builder, loop.getLoc(), type.getShape(), type.getElementType()));
    Value argument = loop.getBeforeBody()->addArgument(type, loop.getLoc());
    OpBuilder inside(condition);
    forwarded.push_back(linalg::CopyOp::create(inside, loop.getLoc(), value, argument).getResult(0));
  }
  unsigned carried = forwarded.size();
  for (Value scalar : scalars)
    if (places.try_emplace(scalar, forwarded.size()).second)
      forwarded.push_back(scalar);

  SmallVector<unsigned> oldPlaces = llvm::map_to_vector(condition.getArgs(), [&](Value v) { return places.at(v); });
  condition.getArgsMutable().assign(forwarded);
  auto aligned = scf::WhileOp::create(builder, loop.getLoc(), TypeRange(ValueRange(forwarded)), inits);
  aligned.getBefore().takeBody(loop.getBefore());
  aligned.getAfter().takeBody(loop.getAfter());
  Block &body = *aligned.getAfterBody();
  unsigned oldCount = body.getNumArguments();
  SmallVector<Location> locations(forwarded.size(), loop.getLoc());
  body.addArguments(TypeRange(ValueRange(forwarded)), locations);
  for (auto [index, place] : llvm::enumerate(oldPlaces)) {
    body.getArgument(index).replaceAllUsesWith(body.getArgument(oldCount + place));
    loop.getResult(index).replaceAllUsesWith(aligned.getResult(place));
  }
  body.eraseArguments(0, oldCount);
  // What the body yields goes back to the buffers it came from; those of the new arguments go round as they are.
  scf::YieldOp yield = aligned.getYieldOp();
  builder.setInsertionPoint(yield);
  for (OpOperand &operand : yield->getOpOperands()) {
    Value value = operand.get(), argument = body.getArgument(operand.getOperandNumber());
    auto copy = value.getDefiningOp<linalg::CopyOp>();
    if (isa<TensorType>(value.getType()) && value != argument && !(copy && copy.getOutputs()[0] == argument))
      operand.set(linalg::CopyOp::create(builder, loop.getLoc(), value, argument).getResult(0));
  }
  for (unsigned i = loop.getInits().size(); i < carried; ++i)
    yield.getResultsMutable().append(body.getArgument(i));
  loop.erase();
}

struct BufferizePass : kiln::impl::TileBufferizeBase<BufferizePass> {
  void runOnOperation() override {
    getOperation()->walk(forwardAllArguments);
    bufferization::OneShotBufferizationOptions options;
    options.allowUnknownOps = true; // pointers and program ids; none of them touches a tensor
    options.setFunctionBoundaryTypeConversion(bufferization::LayoutMapOption::IdentityLayoutMap);
    options.unknownTypeConverterFn = [](TensorType type, Attribute memorySpace,
                                        const bufferization::BufferizationOptions &) {
      return bufferization::getMemRefTypeWithStaticIdentityLayout(type, memorySpace);
    };
    // Scratch memory is reused across programs: nothing is ever freed, and every buffer is placed at compile time.
    options.memCpyFn = [](OpBuilder &builder, Location loc, Value from, Value to) {
      if (from != to)
        linalg::CopyOp::create(builder, loc, from, to);
      return success();
    };
    bufferization::BufferizationState state;
    if (failed(bufferization::runOneShotBufferize(getOperation(), options, state)))
      return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    bufferization::ToBufferOp::getCanonicalizationPatterns(patterns, &getContext());
    bufferization::ToTensorOp::getCanonicalizationPatterns(patterns, &getContext());
    scf::ForOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    getOperation()->walk([](linalg::CopyOp copy) {
      if (copy.getInputs()[0] == copy.getOutputs()[0])
        copy.erase();
    });
  }
};

} // namespace
