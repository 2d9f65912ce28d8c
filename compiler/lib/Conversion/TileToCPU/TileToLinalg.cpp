//===- TileToLinalg.cpp - convert-tile-to-linalg --------------------------===//
//
// What is left of the tile dialect once memory is lowered are values: shapes, dots, reductions. Shapes become indexing
// maps of linalg.generic, so that fusion sees through them.
//
//===----------------------------------------------------------------------===//

#include "TileReductions.h"
#include "kiln/Conversion/TileToCPU/Passes.h"
#include "kiln/Dialect/Tile/IR/Tile.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/Transforms/DialectConversion.h"

namespace kiln {
#define GEN_PASS_DEF_TILETOLINALG
#include "kiln/Conversion/TileToCPU/Passes.h.inc"
} // namespace kiln

using namespace mlir;
using namespace kiln;
using namespace kiln::tile;

using Iterator = utils::IteratorType;

namespace {

RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

Value emptyTensor(OpBuilder &builder, Location loc, RankedTensorType type) {
  return tensor::EmptyOp::create(builder, loc, type.getShape(), type.getElementType());
}

/// result[i...] = source[map(i...)].
Value buildCopy(OpBuilder &builder, Location loc, RankedTensorType type, Value source, AffineMap map) {
  AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
  SmallVector<Iterator> iterators(type.getRank(), Iterator::parallel);
  return linalg::GenericOp::create(
             builder, loc, type, source, emptyTensor(builder, loc, type), ArrayRef<AffineMap>{map, identity}, iterators,
             [](OpBuilder &b, Location at, ValueRange arguments) { linalg::YieldOp::create(b, at, arguments[0]); })
      .getResult(0);
}

/// Row-major reinterpretation, which on a buffer without gaps is a change of the type only.
Value buildReshape(OpBuilder &builder, Location loc, Value source, RankedTensorType type) {
  auto from = tensorType(source);
  if (from == type)
    return source;
  if (auto groups = getReassociationIndicesForReshape(from, type)) {
    if (from.getRank() > type.getRank())
      return tensor::CollapseShapeOp::create(builder, loc, type, source, *groups);
    return tensor::ExpandShapeOp::create(builder, loc, type, source, *groups);
  }
  auto flat = RankedTensorType::get({from.getNumElements()}, from.getElementType());
  return buildReshape(builder, loc, buildReshape(builder, loc, source, flat), type);
}

struct ArangePattern : OpConversionPattern<ArangeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(ArangeOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    int64_t start = op.getStart();
    auto generic = linalg::GenericOp::create(
        rewriter, op.getLoc(), type, ValueRange{}, emptyTensor(rewriter, op.getLoc(), type),
        ArrayRef<AffineMap>{rewriter.getMultiDimIdentityMap(1)}, ArrayRef<Iterator>{Iterator::parallel},
        [&](OpBuilder &b, Location at, ValueRange) {
          Value value = arith::IndexCastOp::create(b, at, type.getElementType(), linalg::IndexOp::create(b, at, 0));
          if (start != 0)
            value =
                arith::AddIOp::create(b, at, value, arith::ConstantIntOp::create(b, at, type.getElementType(), start));
          linalg::YieldOp::create(b, at, value);
        });
    rewriter.replaceOp(op, generic.getResults());
    return success();
  }
};

struct SplatPattern : OpConversionPattern<SplatOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(SplatOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    Value source = adaptor.getSource();
    SmallVector<Iterator> iterators(type.getRank(), Iterator::parallel);
    // The scalar is captured, so that fusion has nothing to carry along.
    auto generic = linalg::GenericOp::create(
        rewriter, op.getLoc(), type, ValueRange{}, emptyTensor(rewriter, op.getLoc(), type),
        ArrayRef<AffineMap>{rewriter.getMultiDimIdentityMap(type.getRank())}, iterators,
        [&](OpBuilder &b, Location at, ValueRange) { linalg::YieldOp::create(b, at, source); });
    rewriter.replaceOp(op, generic.getResults());
    return success();
  }
};

struct BroadcastPattern : OpConversionPattern<BroadcastOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(BroadcastOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    // Drop the dimensions that are repeated: what is left maps one to one, and the reshape cancels the one that
    // expand_dims became.
    auto from = tensorType(op.getSource()), to = cast<RankedTensorType>(op.getType());
    SmallVector<int64_t> kept;
    SmallVector<AffineExpr> exprs;
    for (int64_t axis = 0; axis < from.getRank(); ++axis) {
      if (from.getDimSize(axis) == 1)
        continue;
      kept.push_back(from.getDimSize(axis));
      exprs.push_back(rewriter.getAffineDimExpr(axis));
    }
    Value source =
        buildReshape(rewriter, op.getLoc(), adaptor.getSource(), RankedTensorType::get(kept, from.getElementType()));
    AffineMap map = AffineMap::get(to.getRank(), 0, exprs, rewriter.getContext());
    rewriter.replaceOp(op, buildCopy(rewriter, op.getLoc(), to, source, map));
    return success();
  }
};

/// expand_dims and reshape.
template <typename Op>
struct ReshapePattern : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op,
                       buildReshape(rewriter, op.getLoc(), adaptor.getSource(), cast<RankedTensorType>(op.getType())));
    return success();
  }
};

struct TransPattern : OpConversionPattern<TransOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(TransOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    // source index order[i] is result index i.
    SmallVector<AffineExpr> exprs(op.getOrder().size());
    for (auto [axis, from] : llvm::enumerate(op.getOrder()))
      exprs[from] = rewriter.getAffineDimExpr(axis);
    AffineMap map = AffineMap::get(exprs.size(), 0, exprs, rewriter.getContext());
    rewriter.replaceOp(
        op, buildCopy(rewriter, op.getLoc(), cast<RankedTensorType>(op.getType()), adaptor.getSource(), map));
    return success();
  }
};

struct BitcastPattern : OpConversionPattern<BitcastOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(BitcastOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    if (isa<PtrType>(getElementOrSelf(op.getType())))
      return rewriter.notifyMatchFailure(op, "pointers are converted with the kernel's signature");
    rewriter.replaceOpWithNewOp<arith::BitcastOp>(op, op.getType(), adaptor.getSource());
    return success();
  }
};

struct AssumePattern : OpConversionPattern<AssumeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(AssumeOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, adaptor.getSource());
    return success();
  }
};

struct DotPattern : OpConversionPattern<DotOp> {
  using OpConversionPattern::OpConversionPattern;

  /// Looks through a transposition of `value`: the matrix as it lies in memory and whether its indices swap.
  static std::pair<Value, bool> lookThroughTrans(Value value) {
    if (auto trans = value.getDefiningOp<TransOp>())
      return {trans.getSource(), true};
    return {value, false};
  }

  LogicalResult matchAndRewrite(DotOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Type element = getElementOrSelf(op.getType());
    auto widen = [&](OpBuilder &b, Value value) -> Value {
      Type from = getElementOrSelf(value.getType()), to = withElementType(value.getType(), element);
      if (from == element)
        return value;
      if (isa<FloatType>(element))
        return arith::ExtFOp::create(b, loc, to, value);
      return arith::ExtSIOp::create(b, loc, to, value);
    };
    auto [b, bSwapped] = lookThroughTrans(op.getB());
    int64_t rows = tensorType(op.getC()).getDimSize(0);
    // The left operand is read one element at a time, once for each column block: widen it once, in front. The right
    // one is read as vectors; widening it in front pays when several row blocks read it.
    Value a = widen(rewriter, adaptor.getA());
    b = rewriter.getRemappedValue(b);
    if (rows > kRowsWidenedInPlace)
      b = widen(rewriter, b);

    AffineExpr m, n, k;
    bindDims(rewriter.getContext(), m, n, k);
    auto map = [&](AffineExpr row, AffineExpr column, bool swapped) {
      return AffineMap::get(3, 0, swapped ? ArrayRef<AffineExpr>{column, row} : ArrayRef<AffineExpr>{row, column},
                            rewriter.getContext());
    };
    auto generic = linalg::GenericOp::create(
        rewriter, loc, op.getType(), ValueRange{a, b}, adaptor.getC(),
        ArrayRef<AffineMap>{map(m, k, false), map(k, n, bSwapped), map(m, n, false)},
        ArrayRef<Iterator>{Iterator::parallel, Iterator::parallel, Iterator::reduction},
        [&](OpBuilder &body, Location at, ValueRange arguments) {
          Value x = widen(body, arguments[0]), y = widen(body, arguments[1]);
          Value sum =
              isa<FloatType>(element)
                  ? arith::AddFOp::create(body, at, arguments[2], arith::MulFOp::create(body, at, x, y)).getResult()
                  : arith::AddIOp::create(body, at, arguments[2], arith::MulIOp::create(body, at, x, y)).getResult();
          linalg::YieldOp::create(body, at, sum);
        });
    generic->setAttr(kDotAttr, rewriter.getUnitAttr());
    rewriter.replaceOp(op, generic.getResults());
    return success();
  }

  // One register block of rows: see tile-vectorize-linalg.
  static constexpr int64_t kRowsWidenedInPlace = 8;
};

struct TileToLinalgPass : kiln::impl::TileToLinalgBase<TileToLinalgPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    ConversionTarget target(*context);
    target.addIllegalDialect<TileDialect>();
    target.addLegalOp<ProgramIdOp, NumProgramsOp, AddPtrOp>();
    target.addDynamicallyLegalOp<BitcastOp, AssumeOp>(
        [](Operation *op) { return isa<PtrType>(op->getResult(0).getType()); });
    target.markUnknownOpDynamicallyLegal([](Operation *op) {
      if (!op->hasTrait<OpTrait::Elementwise>())
        return true;
      return llvm::none_of(op->getResultTypes(), [](Type type) { return isa<RankedTensorType>(type); });
    });
    RewritePatternSet patterns(context);
    patterns.add<ArangePattern, SplatPattern, BroadcastPattern, ReshapePattern<ExpandDimsOp>, ReshapePattern<ReshapeOp>,
                 TransPattern, BitcastPattern, AssumePattern, DotPattern>(context);
    populateTileReductionPatterns(patterns);
    linalg::populateElementwiseToLinalgConversionPatterns(patterns);
    if (failed(applyPartialConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
