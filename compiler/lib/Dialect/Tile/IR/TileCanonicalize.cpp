//===- TileCanonicalize.cpp - Rewrites to simpler operations ---------------------------------------------===//
//
// What TileFolds.cpp cannot do because it makes operations.
//
//===----------------------------------------------------------------------===//

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace kiln::tile;

namespace {

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

/// The shape of a tile of one value does not matter:
///   tile.broadcast (tile.splat %s : f32 -> tensor<1x64xf32>) : tensor<1x64xf32> -> tensor<4x64xf32>
///   ==> tile.splat %s : f32 -> tensor<4x64xf32>
template <typename Op>
struct ShapeOfSplat : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    auto splat = op.getSource().template getDefiningOp<SplatOp>();
    if (!splat)
      return rewriter.notifyMatchFailure(op, "source is not a splat");
    rewriter.replaceOpWithNewOp<SplatOp>(op, op.getResult().getType(), splat.getSource());
    return success();
  }
};

struct BroadcastOfBroadcast : OpRewritePattern<BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(BroadcastOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getSource().getDefiningOp<BroadcastOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "source is not a broadcast");
    rewriter.modifyOpInPlace(op, [&] { op.getSourceMutable().assign(inner.getSource()); });
    return success();
  }
};

//===----------------------------------------------------------------------===//
// addptr
//===----------------------------------------------------------------------===//

/// tile.addptr (tile.addptr %p, 3), 5 ==> tile.addptr %p, 8
/// Offsets are sign-extended before they are added, so that a sum which overflows its own type is left alone.
struct AddPtrOfConstants : OpRewritePattern<AddPtrOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddPtrOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getBase().getDefiningOp<AddPtrOp>();
    if (!inner || inner.getOffset().getType() != op.getOffset().getType())
      return rewriter.notifyMatchFailure(op, "base is not moved by an offset of the same type");
    APInt first, second;
    if (!matchPattern(inner.getOffset(), m_ConstantInt(&first)) ||
        !matchPattern(op.getOffset(), m_ConstantInt(&second)))
      return rewriter.notifyMatchFailure(op, "offsets are not both constant");
    bool overflow;
    APInt sum = first.sadd_ov(second, overflow);
    if (overflow)
      return rewriter.notifyMatchFailure(op, "the sum of the offsets overflows");
    Type type = op.getOffset().getType();
    TypedAttr value = rewriter.getIntegerAttr(getElementOrSelf(type), sum);
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      value = DenseElementsAttr::get(tensor, sum);
    Value offset = arith::ConstantOp::create(rewriter, op.getLoc(), value);
    rewriter.replaceOpWithNewOp<AddPtrOp>(op, op.getResult().getType(), inner.getBase(), offset);
    return success();
  }
};

/// tile.addptr (tile.splat %p), (tile.splat %i) ==> tile.splat (tile.addptr %p, %i)
struct AddPtrOfSplats : OpRewritePattern<AddPtrOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AddPtrOp op, PatternRewriter &rewriter) const override {
    auto base = op.getBase().getDefiningOp<SplatOp>();
    auto offset = op.getOffset().getDefiningOp<SplatOp>();
    if (!base || !offset)
      return rewriter.notifyMatchFailure(op, "base and offset are not both splats");
    Type scalar = base.getSource().getType();
    Value pointer = AddPtrOp::create(rewriter, op.getLoc(), scalar, base.getSource(), offset.getSource());
    rewriter.replaceOpWithNewOp<SplatOp>(op, op.getResult().getType(), pointer);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

/// Drops a mask that is true in every lane.
template <typename Op>
struct DropTrueMask : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!op.getMask() || !matchPattern(op.getMask(), m_One()))
      return rewriter.notifyMatchFailure(op, "mask is not true everywhere");
    rewriter.modifyOpInPlace(op, [&] {
      op.getMaskMutable().clear();
      if constexpr (std::is_same_v<Op, LoadOp>)
        op.getOtherMutable().clear();
    });
    return success();
  }
};

/// A zero of `type`.
Value createZero(PatternRewriter &rewriter, Location loc, Type type) {
  return arith::ConstantOp::create(rewriter, loc, rewriter.getZeroAttr(type));
}

/// Replaces an access that no lane executes by what its lanes yield.
template <typename Op>
struct DropFalseMask : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;
  LogicalResult matchAndRewrite(Op op, PatternRewriter &rewriter) const override {
    if (!op.getMask() || !matchPattern(op.getMask(), m_Zero()))
      return rewriter.notifyMatchFailure(op, "mask is not false everywhere");
    if constexpr (std::is_same_v<Op, StoreOp>) {
      rewriter.eraseOp(op);
    } else {
      Value other;
      if constexpr (std::is_same_v<Op, LoadOp>)
        other = op.getOther();
      rewriter.replaceOp(op, other ? other : createZero(rewriter, op.getLoc(), op.getResult().getType()));
    }
    return success();
  }
};

/// Drops an `other` that is the zero it would be anyway; a negative zero is none.
struct DropZeroOther : OpRewritePattern<LoadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LoadOp op, PatternRewriter &rewriter) const override {
    if (!op.getOther() || !(matchPattern(op.getOther(), m_Zero()) || matchPattern(op.getOther(), m_PosZeroFloat())))
      return rewriter.notifyMatchFailure(op, "'other' is not zero");
    rewriter.modifyOpInPlace(op, [&] { op.getOtherMutable().clear(); });
    return success();
  }
};

} // namespace

void ExpandDimsOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<ShapeOfSplat<ExpandDimsOp>>(context);
}

void BroadcastOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<ShapeOfSplat<BroadcastOp>, BroadcastOfBroadcast>(context);
}

void ReshapeOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<ShapeOfSplat<ReshapeOp>>(context);
}

void TransOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<ShapeOfSplat<TransOp>>(context);
}

void AddPtrOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<AddPtrOfConstants, AddPtrOfSplats>(context);
}

void LoadOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropTrueMask<LoadOp>, DropFalseMask<LoadOp>, DropZeroOther>(context);
}

void StoreOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropTrueMask<StoreOp>, DropFalseMask<StoreOp>>(context);
}

void AtomicRMWOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<DropTrueMask<AtomicRMWOp>, DropFalseMask<AtomicRMWOp>>(context);
}
