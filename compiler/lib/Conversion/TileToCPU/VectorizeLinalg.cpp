//===- VectorizeLinalg.cpp - tile-vectorize-linalg ------------------------===//
//
// Upstream's linalg vectorisation works on whole operations, so each would first be tiled, its unit dimensions dropped,
// its transfers and multi-dimensional vectors lowered: several pattern drivers over every kernel, in a compiler that is
// to answer in milliseconds. Shapes here are static powers of two and maps are projections, so emitting one-dimensional
// vectors in loops is direct. What does not fit the three shapes below becomes scalar loops.
//
//===----------------------------------------------------------------------===//

#include "VectorLoops.h"
#include "kiln/Conversion/TileToCPU/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace kiln {
#define GEN_PASS_DEF_TILEVECTORIZELINALG
#include "kiln/Conversion/TileToCPU/Passes.h.inc"
} // namespace kiln

using namespace mlir;
using namespace kiln;

static bool areProjections(ArrayRef<AffineMap> maps) {
  return llvm::all_of(maps, [](AffineMap map) {
    return llvm::all_of(map.getResults(), [](AffineExpr expr) { return isa<AffineDimExpr, AffineConstantExpr>(expr); });
  });
}

static bool usesIndex(linalg::LinalgOp op) {
  return llvm::any_of(*op.getBlock(), [](Operation &inner) { return isa<linalg::IndexOp>(inner); });
}

LogicalResult kiln::vectorizeElementwise(linalg::LinalgOp op, int64_t vectorBits) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (op.getNumParallelLoops() != op.getNumLoops() || op.getNumDpsInits() != 1 || !areProjections(maps))
    return failure();
  OpBuilder builder(op);
  Location loc = op.getLoc();
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  SmallVector<Value> buffers(op->getOperands());

  // A dense operation over several dimensions is one over the product of them.
  bool isDense = sizes.size() > 1 && !usesIndex(op) && llvm::all_of(llvm::zip(buffers, maps), [](auto pair) {
                   auto type = dyn_cast<MemRefType>(std::get<0>(pair).getType());
                   return !type || (std::get<1>(pair).isIdentity() && type.getLayout().isIdentity());
                 });
  if (isDense) {
    auto all = llvm::to_vector<2>(llvm::seq<int64_t>(0, sizes.size()));
    for (auto [buffer, map] : llvm::zip(buffers, maps)) {
      if (!isa<MemRefType>(buffer.getType()))
        continue;
      buffer = memref::CollapseShapeOp::create(builder, loc, buffer, ArrayRef<ReassociationIndices>{all});
      map = builder.getMultiDimIdentityMap(1);
    }
    sizes = {llvm::product_of(sizes)};
  }

  // Two registers' worth: independent chains hide latency.
  unsigned initNumber = op.getDpsInitOperand(0)->getOperandNumber();
  AffineMap resultMap = maps[initNumber];
  int64_t laneDim = -1, width = 1;
  if (resultMap.getNumResults() > 0)
    if (auto last = dyn_cast<AffineDimExpr>(resultMap.getResult(resultMap.getNumResults() - 1))) {
      laneDim = last.getPosition();
      width = std::min<int64_t>(sizes[laneDim], std::max<int64_t>(1, 2 * vectorBits / widestElementBits(op)));
    }

  SmallVector<Value> position(sizes.size());
  auto emitFrom = [&](auto &self, OpBuilder &b, size_t dim) -> void {
    if (dim == sizes.size()) {
      LaneBody body(b, op, buffers, maps, position, laneDim, width);
      Value result = body.emit(op.getBlock()->getTerminator()->getOperand(0));
      body.storeOperand(initNumber, result);
      return;
    }
    int64_t step = static_cast<int64_t>(dim) == laneDim ? width : 1;
    buildLoop(b, loc, sizes[dim], step, [&](OpBuilder &inner, Value at) {
      position[dim] = at;
      self(self, inner, dim + 1);
    });
  };
  emitFrom(emitFrom, builder, 0);
  op->erase();
  return success();
}

static Value combineWith(OpBuilder &builder, Operation *combiner, Value left, Value right) {
  OperationState state(combiner->getLoc(), combiner->getName());
  state.addOperands({left, right});
  state.addTypes(left.getType());
  state.addAttributes(combiner->getAttrs());
  return builder.create(state)->getResult(0);
}

LogicalResult kiln::vectorizeReduction(linalg::LinalgOp op, int64_t vectorBits) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (op.getNumReductionLoops() != 1 || op.getNumDpsInits() != 1 || !areProjections(maps))
    return failure();
  // The body must end in combine(accumulator, something else).
  Value accumulator = op.getBlock()->getArguments().back();
  Operation *combiner = op.getBlock()->getTerminator()->getOperand(0).getDefiningOp();
  if (!combiner || combiner->getBlock() != op.getBlock() || !accumulator.hasOneUse() || combiner->getNumOperands() != 2)
    return failure();
  std::optional<TypedAttr> neutral = arith::getNeutralElement(combiner);
  if (!neutral || *accumulator.getUsers().begin() != combiner)
    return failure();
  Value combined = combiner->getOperand(combiner->getOperand(0) == accumulator ? 1 : 0);

  OpBuilder builder(op);
  Location loc = op.getLoc();
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  SmallVector<Value> buffers(op->getOperands());
  SmallVector<unsigned> reductionDims;
  op.getReductionDims(reductionDims);
  int64_t reductionDim = reductionDims[0], laneDim = sizes.size() - 1;
  bool reducesLanes = laneDim == reductionDim;
  // Four registers' worth of accumulators: addition and maximum have a latency of three to four cycles.
  int64_t width = std::min<int64_t>(sizes[laneDim], std::max<int64_t>(1, 4 * vectorBits / widestElementBits(op)));
  unsigned initNumber = op.getDpsInitOperand(0)->getOperandNumber();

  SmallVector<Value> position(sizes.size());
  auto reduce = [&](OpBuilder &b, ValueRange init) {
    return buildCarryingLoop(
        b, loc, sizes[reductionDim], reducesLanes ? width : 1, init, [&](OpBuilder &inner, Value at, ValueRange sofar) {
          position[reductionDim] = at;
          LaneBody body(inner, op, buffers, maps, position, laneDim, width);
          return SmallVector<Value>{combineWith(inner, combiner, sofar[0], body.widen(body.emit(combined)))};
        })[0];
  };
  auto emitFrom = [&](auto &self, OpBuilder &b, int64_t dim) -> void {
    if (dim == static_cast<int64_t>(sizes.size())) {
      // The position along the reduced dimension is not read here: the accumulator does not depend on it.
      LaneBody outer(b, op, buffers, maps, position, reducesLanes ? -1 : laneDim, reducesLanes ? 1 : width);
      Value before = outer.loadOperand(initNumber);
      if (!reducesLanes || width == 1) {
        outer.storeOperand(initNumber, reduce(b, outer.widen(before)));
        return;
      }
      auto type = VectorType::get({width}, before.getType());
      Value start = arith::ConstantOp::create(b, loc, DenseElementsAttr::get(type, static_cast<Attribute>(*neutral)));
      Value lanes = reduce(b, start);
      Value total =
          combineLanes(b, loc, lanes, [&](Value left, Value right) { return combineWith(b, combiner, left, right); });
      outer.storeOperand(initNumber, combineWith(b, combiner, before, total));
      return;
    }
    if (dim == reductionDim)
      return self(self, b, dim + 1);
    buildLoop(b, loc, sizes[dim], dim == laneDim ? width : 1, [&](OpBuilder &inner, Value at) {
      position[dim] = at;
      self(self, inner, dim + 1);
    });
  };
  emitFrom(emitFrom, builder, 0);
  op->erase();
  return success();
}

namespace {

struct VectorizeLinalgPass : kiln::impl::TileVectorizeLinalgBase<VectorizeLinalgPass> {
  using TileVectorizeLinalgBase::TileVectorizeLinalgBase;

  void runOnOperation() override {
    SmallVector<linalg::LinalgOp> work;
    getOperation()->walk([&](linalg::LinalgOp op) { work.push_back(op); });
    for (linalg::LinalgOp op : work) {
      if (succeeded(vectorizeElementwise(op, vectorBits)) || succeeded(vectorizeContraction(op, vectorBits)) ||
          succeeded(vectorizeReduction(op, vectorBits)))
        continue;
      IRRewriter rewriter(op);
      if (failed(linalg::linalgOpToLoops(rewriter, op))) {
        op.emitOpError("cannot be lowered to loops");
        return signalPassFailure();
      }
      op.erase();
    }
  }
};

} // namespace
