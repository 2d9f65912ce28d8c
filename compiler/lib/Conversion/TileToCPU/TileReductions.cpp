//===- TileReductions.cpp - Reductions and scans on the CPU ---------------===//

#include "TileReductions.h"
#include "kiln/Dialect/Tile/IR/Tile.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/DialectConversion.h"

using namespace mlir;
using namespace kiln::tile;

using Iterator = utils::IteratorType;

namespace {

RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

/// The only operation of a combiner that applies one operation of known neutral element to its two arguments, or null.
Operation *simpleCombiner(Region &region) {
  Block &block = region.front();
  if (block.getNumArguments() != 2 || !llvm::hasNItems(block.getOperations(), 2))
    return nullptr;
  Operation *op = &block.front();
  bool appliesToArguments = op->getNumOperands() == 2 && op->getNumResults() == 1 &&
                            ((op->getOperand(0) == block.getArgument(0) && op->getOperand(1) == block.getArgument(1)) ||
                             (op->getOperand(0) == block.getArgument(1) && op->getOperand(1) == block.getArgument(0)));
  if (!appliesToArguments || block.getTerminator()->getOperand(0) != op->getResult(0))
    return nullptr;
  bool known = isa<arith::AddFOp, arith::MulFOp, arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
                   arith::MinNumFOp, arith::AddIOp, arith::MulIOp, arith::MaxSIOp, arith::MinSIOp, arith::MaxUIOp,
                   arith::MinUIOp, arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op);
  return known ? op : nullptr;
}

struct SimpleReducePattern : OpConversionPattern<ReduceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ReduceOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Operation *combiner = simpleCombiner(op.getCombiner());
    if (!combiner)
      return rewriter.notifyMatchFailure(op, "the combiner has no known neutral element");
    std::optional<TypedAttr> neutral = arith::getNeutralElement(combiner);
    if (!neutral)
      return rewriter.notifyMatchFailure(op, "the combiner has no known neutral element");

    Location loc = op.getLoc();
    Value source = adaptor.getSources().front();
    auto from = tensorType(source);
    int64_t axis = op.getAxis();
    SmallVector<int64_t> shape(from.getShape());
    shape.erase(shape.begin() + axis);
    auto to = RankedTensorType::get(shape, from.getElementType());

    SmallVector<Iterator> iterators(from.getRank(), Iterator::parallel);
    iterators[axis] = Iterator::reduction;
    SmallVector<AffineExpr> kept;
    for (int64_t dim = 0; dim < from.getRank(); ++dim)
      if (dim != axis)
        kept.push_back(rewriter.getAffineDimExpr(dim));
    AffineMap sourceMap = rewriter.getMultiDimIdentityMap(from.getRank());
    AffineMap resultMap = AffineMap::get(from.getRank(), 0, kept, rewriter.getContext());

    Value start = arith::ConstantOp::create(rewriter, loc, *neutral);
    Value empty = tensor::EmptyOp::create(rewriter, loc, to.getShape(), to.getElementType());
    Value init = linalg::FillOp::create(rewriter, loc, start, empty).getResult(0);
    auto generic = linalg::GenericOp::create(rewriter, loc, to, source, init, ArrayRef<AffineMap>{sourceMap, resultMap},
                                             iterators, [&](OpBuilder &b, Location at, ValueRange arguments) {
                                               OperationState state(at, combiner->getName());
                                               state.addOperands({arguments[1], arguments[0]});
                                               state.addAttributes(combiner->getAttrs());
                                               state.addTypes(from.getElementType());
                                               linalg::YieldOp::create(b, at, b.create(state)->getResult(0));
                                             });
    Value result = generic.getResult(0);
    if (to.getRank() == 0)
      result = tensor::ExtractOp::create(rewriter, loc, result, ValueRange{});
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// Applies a combiner to two tuples of scalars.
SmallVector<Value> combine(OpBuilder &builder, Region &combiner, ValueRange left, ValueRange right) {
  Block &block = combiner.front();
  IRMapping mapping;
  size_t count = left.size();
  for (size_t i = 0; i < count; ++i) {
    mapping.map(block.getArgument(i), left[i]);
    mapping.map(block.getArgument(count + i), right[i]);
  }
  for (Operation &op : block.without_terminator())
    builder.clone(op, mapping);
  return llvm::map_to_vector(block.getTerminator()->getOperands(),
                             [&](Value value) { return mapping.lookupOrDefault(value); });
}

/// Loops over all axes of `shape` but `axis`; `body` gets the position on the others (with a hole at `axis`) and the
/// tensors carried.
SmallVector<Value> buildOuterLoops(OpBuilder &builder, Location loc, ArrayRef<int64_t> shape, int64_t axis,
                                   ValueRange carried,
                                   function_ref<SmallVector<Value>(OpBuilder &, SmallVector<Value>, ValueRange)> body) {
  SmallVector<Value> lower, upper, step;
  for (auto [dim, size] : llvm::enumerate(shape)) {
    if (static_cast<int64_t>(dim) == axis)
      continue;
    lower.push_back(arith::ConstantIndexOp::create(builder, loc, 0));
    upper.push_back(arith::ConstantIndexOp::create(builder, loc, size));
    step.push_back(arith::ConstantIndexOp::create(builder, loc, 1));
  }
  auto withHole = [&](ValueRange position) {
    SmallVector<Value> indices(position);
    indices.insert(indices.begin() + axis, Value());
    return indices;
  };
  if (lower.empty())
    return body(builder, withHole({}), carried);
  scf::LoopNest nest =
      scf::buildLoopNest(builder, loc, lower, upper, step, carried,
                         [&](OpBuilder &b, Location, ValueRange position, ValueRange values) -> scf::ValueVector {
                           SmallVector<Value> next = body(b, withHole(position), values);
                           return scf::ValueVector(next.begin(), next.end());
                         });
  return SmallVector<Value>(nest.results.begin(), nest.results.end());
}

SmallVector<Value> extractAll(OpBuilder &builder, Location loc, ValueRange tiles, ValueRange indices) {
  return llvm::map_to_vector(tiles,
                             [&](Value tile) { return Value(tensor::ExtractOp::create(builder, loc, tile, indices)); });
}

struct GeneralReducePattern : OpConversionPattern<ReduceOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ReduceOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    SmallVector<Value> sources(adaptor.getSources());
    auto shape = tensorType(sources[0]).getShape();
    int64_t axis = op.getAxis();
    bool toScalar = shape.size() == 1;
    SmallVector<Value> init;
    if (!toScalar)
      for (Type type : op.getResultTypes())
        init.push_back(
            tensor::EmptyOp::create(rewriter, loc, cast<RankedTensorType>(type).getShape(), getElementOrSelf(type)));

    SmallVector<Value> results = buildOuterLoops(
        rewriter, loc, shape, axis, init, [&](OpBuilder &b, SmallVector<Value> indices, ValueRange carried) {
          indices[axis] = arith::ConstantIndexOp::create(b, loc, 0);
          SmallVector<Value> first = extractAll(b, loc, sources, indices);
          Value one = arith::ConstantIndexOp::create(b, loc, 1),
                size = arith::ConstantIndexOp::create(b, loc, shape[axis]);
          auto loop = scf::ForOp::create(
              b, loc, one, size, one, first, [&](OpBuilder &inner, Location, Value position, ValueRange sofar) {
                indices[axis] = position;
                scf::YieldOp::create(inner, loc,
                                     combine(inner, op.getCombiner(), sofar, extractAll(inner, loc, sources, indices)));
              });
          if (toScalar)
            return SmallVector<Value>(loop.getResults());
          indices.erase(indices.begin() + axis);
          SmallVector<Value> next;
          for (auto [value, tile] : llvm::zip(loop.getResults(), carried))
            next.push_back(tensor::InsertOp::create(b, loc, value, tile, indices));
          return next;
        });
    rewriter.replaceOp(op, results);
    return success();
  }
};

struct ScanPattern : OpConversionPattern<ScanOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ScanOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    SmallVector<Value> sources(adaptor.getSources());
    auto shape = tensorType(sources[0]).getShape();
    int64_t axis = op.getAxis(), size = shape[axis];
    size_t count = sources.size();
    SmallVector<Value> init;
    for (Type type : op.getResultTypes())
      init.push_back(
          tensor::EmptyOp::create(rewriter, loc, cast<RankedTensorType>(type).getShape(), getElementOrSelf(type)));

    SmallVector<Value> results = buildOuterLoops(
        rewriter, loc, shape, axis, init, [&](OpBuilder &b, SmallVector<Value> indices, ValueRange carried) {
          auto insertAll = [&](OpBuilder &at, ValueRange values, ValueRange tiles) {
            SmallVector<Value> next;
            for (auto [value, tile] : llvm::zip(values, tiles))
              next.push_back(tensor::InsertOp::create(at, loc, value, tile, indices));
            return next;
          };
          Value one = arith::ConstantIndexOp::create(b, loc, 1),
                last = arith::ConstantIndexOp::create(b, loc, size - 1);
          indices[axis] = op.getReverse() ? last : arith::ConstantIndexOp::create(b, loc, 0).getResult();
          SmallVector<Value> state = extractAll(b, loc, sources, indices);
          llvm::append_range(state, insertAll(b, state, carried));
          Value end = arith::ConstantIndexOp::create(b, loc, size);
          auto loop = scf::ForOp::create(
              b, loc, one, end, one, state, [&](OpBuilder &inner, Location, Value position, ValueRange values) {
                indices[axis] =
                    op.getReverse() ? arith::SubIOp::create(inner, loc, last, position).getResult() : position;
                SmallVector<Value> next = combine(inner, op.getCombiner(), values.take_front(count),
                                                  extractAll(inner, loc, sources, indices));
                llvm::append_range(next, insertAll(inner, SmallVector<Value>(next), values.drop_front(count)));
                scf::YieldOp::create(inner, loc, next);
              });
          return SmallVector<Value>(loop.getResults().drop_front(count));
        });
    rewriter.replaceOp(op, results);
    return success();
  }
};

} // namespace

void kiln::populateTileReductionPatterns(RewritePatternSet &patterns) {
  patterns.add<SimpleReducePattern>(patterns.getContext(), /*benefit=*/2);
  patterns.add<GeneralReducePattern, ScanPattern>(patterns.getContext());
}
