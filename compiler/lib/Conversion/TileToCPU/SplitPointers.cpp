//===- SplitPointers.cpp - tile-split-pointers ----------------------------===//
//
// A tile of pointers is 8 bytes an element and opaque; one base and a tile of offsets is something that the lowering of
// memory operations can reason about. The pass converts types: tensor<...x!tile.ptr<T>> becomes (!tile.ptr<T>,
// tensor<...xi64>).
//
// Memory operations still want a tile of pointers as operand, so the pair is joined again right in front of each of
// them. The joining operations carry a marker while the conversion runs, which is how it knows that they are final.
//
//===----------------------------------------------------------------------===//

#include "kiln/Analysis/AxisFacts.h"
#include "kiln/Conversion/TileToCPU/Passes.h"
#include "kiln/Dialect/Tile/IR/Tile.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/DialectConversion.h"

namespace kiln {
#define GEN_PASS_DEF_TILESPLITPOINTERS
#include "kiln/Conversion/TileToCPU/Passes.h.inc"
} // namespace kiln

using namespace mlir;
using namespace kiln;
using namespace kiln::tile;

namespace {

constexpr StringLiteral kJoined = "kiln.joined";

bool isPointerTile(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa<PtrType>(tensor.getElementType());
}

RankedTensorType offsetsType(Type pointerTile) {
  return cast<RankedTensorType>(pointerTile).clone(IntegerType::get(pointerTile.getContext(), 64));
}

Value zeroOffsets(OpBuilder &builder, Location loc, Type pointerTile) {
  return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(offsetsType(pointerTile)));
}

bool isZero(Value value) {
  DenseElementsAttr attr;
  return matchPattern(value, m_Constant(&attr)) && attr.isSplat() && attr.getSplatValue<APInt>().isZero();
}

/// The bytes of one element behind a pointer.
int64_t pointeeBytes(Type pointerOrTile) { return cast<PtrType>(getElementOrSelf(pointerOrTile)).getElementBytes(); }

/// Base and offsets of a pointer tile, as the type converter made them.
struct Split {
  Value base, offsets;
  explicit Split(ValueRange pair) : base(pair[0]), offsets(pair[1]) { assert(pair.size() == 2); }
};

struct SplatPattern : OpConversionPattern<SplatOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(SplatOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Value offsets = zeroOffsets(rewriter, op.getLoc(), op.getType());
    rewriter.replaceOpWithMultiple(op, {{adaptor.getSource().front(), offsets}});
    return success();
  }
};

struct AddPtrPattern : OpConversionPattern<AddPtrOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(AddPtrOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Split split(adaptor.getBase());
    Value offset = adaptor.getOffset().front();
    // A uniform step moves the base: the offsets stay what they were, and the loop that steps stays free of tiles.
    if (auto splat = op.getOffset().getDefiningOp<SplatOp>()) {
      Value base = AddPtrOp::create(rewriter, loc, split.base, splat.getSource());
      rewriter.replaceOpWithMultiple(op, {{base, split.offsets}});
      return success();
    }
    DenseElementsAttr constant;
    if (matchPattern(offset, m_Constant(&constant)) && constant.isSplat()) {
      Value step = arith::ConstantOp::create(rewriter, loc, cast<TypedAttr>(constant.getSplatValue<Attribute>()));
      Value base = AddPtrOp::create(rewriter, loc, split.base, step);
      rewriter.replaceOpWithMultiple(op, {{base, split.offsets}});
      return success();
    }
    auto wide = offsetsType(op.getType());
    if (offset.getType() != wide)
      offset = arith::ExtSIOp::create(rewriter, loc, wide, offset);
    if (!isZero(split.offsets))
      offset = arith::AddIOp::create(rewriter, loc, split.offsets, offset);
    rewriter.replaceOpWithMultiple(op, {{split.base, offset}});
    return success();
  }
};

/// Operations that only move elements: do to the offsets what was done to the pointers.
template <typename Op>
struct ShapePattern : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  LogicalResult matchAndRewrite(Op op, typename OpConversionPattern<Op>::OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Split split(adaptor.getSource());
    OperationState state(op.getLoc(), Op::getOperationName(), split.offsets, offsetsType(op.getType()), op->getAttrs());
    Value offsets = rewriter.create(state)->getResult(0);
    rewriter.replaceOpWithMultiple(op, {{split.base, offsets}});
    return success();
  }
};

struct AssumePattern : OpConversionPattern<AssumeOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(AssumeOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    // The promise is about the sum of base and offset and holds for neither part alone.
    rewriter.replaceOpWithMultiple(op, {adaptor.getSource()});
    return success();
  }
};

/// The address that a scalar pointer holds, as an i64.
Value addressOf(OpBuilder &builder, Location loc, Value pointer) {
  auto type = LLVM::LLVMPointerType::get(builder.getContext());
  Value raw = UnrealizedConversionCastOp::create(builder, loc, type, pointer).getResult(0);
  return LLVM::PtrToIntOp::create(builder, loc, builder.getI64Type(), raw);
}

struct BitcastPattern : OpConversionPattern<BitcastOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(BitcastOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Split split(adaptor.getSource());
    auto result = cast<PtrType>(getElementOrSelf(op.getType()));
    int64_t from = pointeeBytes(op.getSource().getType()), to = pointeeBytes(result);
    Value base = split.base, offsets = split.offsets;
    auto type = cast<RankedTensorType>(offsets.getType());
    auto all = [&](int64_t value) -> Value {
      return arith::ConstantOp::create(b, DenseElementsAttr::get(type, b.getI64IntegerAttr(value)));
    };
    if (from > to) {
      offsets = arith::MulIOp::create(b, offsets, all(from / to));
    } else if (from < to) {
      // Each address that is accessed is a multiple of the new element's size; base and offset alone need not be. What
      // the base has beyond such a multiple moves to the offsets, which then can be divided.
      Value mask = arith::ConstantIntOp::create(b, b.getI64Type(), to - 1);
      Value beyond = arith::AndIOp::create(b, addressOf(b, b.getLoc(), base), mask);
      Value zero = arith::ConstantIntOp::create(b, b.getI64Type(), 0);
      Value bytes = BitcastOp::create(b, PtrType::get(b.getContext(), b.getI8Type()), base);
      base = AddPtrOp::create(b, bytes, arith::SubIOp::create(b, zero, beyond));
      if (from > 1)
        offsets = arith::MulIOp::create(b, offsets, all(from));
      offsets = arith::AddIOp::create(b, offsets, SplatOp::create(b, type, beyond));
      offsets = arith::ShRSIOp::create(b, offsets, all(llvm::Log2_64(to)));
    }
    if (base.getType() != result)
      base = BitcastOp::create(b, result, base);
    rewriter.replaceOpWithMultiple(op, {{base, offsets}});
    return success();
  }
};

struct SelectPattern : OpConversionPattern<arith::SelectOp> {
  using OpConversionPattern::OpConversionPattern;

  /// (address of `a` - address of `b`) in elements.
  static Value distance(OpBuilder &builder, Location loc, Value a, Value b, int64_t bytes) {
    Value difference = arith::SubIOp::create(builder, loc, addressOf(builder, loc, a), addressOf(builder, loc, b));
    Value size = arith::ConstantIntOp::create(builder, loc, builder.getI64Type(), bytes);
    return arith::DivSIOp::create(builder, loc, difference, size);
  }

  LogicalResult matchAndRewrite(arith::SelectOp op, OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Split yes(adaptor.getTrueValue()), no(adaptor.getFalseValue());
    Value condition = adaptor.getCondition().front();
    Value base = yes.base, noOffsets = no.offsets;
    if (yes.base != no.base) {
      Value delta = distance(rewriter, loc, no.base, yes.base, pointeeBytes(op.getType()));
      Value deltas = SplatOp::create(rewriter, loc, noOffsets.getType(), delta);
      noOffsets = arith::AddIOp::create(rewriter, loc, noOffsets, deltas);
    }
    Value offsets = arith::SelectOp::create(rewriter, loc, condition, yes.offsets, noOffsets);
    rewriter.replaceOpWithMultiple(op, {{base, offsets}});
    return success();
  }
};

/// A memory operation: join its pair in front of it.
template <typename Op>
struct AccessPattern : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  LogicalResult matchAndRewrite(Op op, typename OpConversionPattern<Op>::OneToNOpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Split split(adaptor.getPointer());
    auto tileType = cast<RankedTensorType>(op.getPointer().getType());
    Value splat = SplatOp::create(rewriter, loc, tileType, split.base);
    splat.getDefiningOp()->setAttr(kJoined, rewriter.getUnitAttr());
    Value joined = AddPtrOp::create(rewriter, loc, splat, split.offsets);
    joined.getDefiningOp()->setAttr(kJoined, rewriter.getUnitAttr());
    rewriter.modifyOpInPlace(op, [&] { op.getPointerMutable().assign(joined); });
    return success();
  }
};

struct SplitPointersPass : kiln::impl::TileSplitPointersBase<SplitPointersPass> {
  /// Leaves on every access how many neighbouring pointers are contiguous along the last axis. That a narrow offset
  /// does not wrap within a run is known of pointers, and of offsets no more once they are wider integers.
  void recordContiguity() {
    tile::AxisFactsAnalysis facts(getOperation());
    getOperation()->walk([&](Operation *op) {
      if (!isa<LoadOp, StoreOp>(op))
        return;
      auto type = dyn_cast<RankedTensorType>(op->getOperand(0).getType());
      if (!type)
        return;
      int64_t contiguity = facts.get(op->getOperand(0)).getContiguity(type.getRank() - 1);
      op->setAttr(kContiguityAttr, IntegerAttr::get(IntegerType::get(op->getContext(), 64), contiguity));
    });
  }

  void runOnOperation() override {
    recordContiguity();
    MLIRContext *context = &getContext();
    TypeConverter converter;
    converter.addConversion([](Type type) { return type; });
    converter.addConversion([](RankedTensorType type, SmallVectorImpl<Type> &results) -> std::optional<LogicalResult> {
      if (!isPointerTile(type))
        return std::nullopt;
      results.push_back(type.getElementType());
      results.push_back(offsetsType(type));
      return success();
    });

    ConversionTarget target(*context);
    target.markUnknownOpDynamicallyLegal([](Operation *op) {
      if (op->hasAttr(kJoined))
        return true;
      if (llvm::any_of(op->getResultTypes(), isPointerTile))
        return false;
      return llvm::all_of(op->getOperands(), [](Value operand) {
        return !isPointerTile(operand.getType()) ||
               (operand.getDefiningOp() && operand.getDefiningOp()->hasAttr(kJoined));
      });
    });
    RewritePatternSet patterns(context);
    patterns.add<SplatPattern, AddPtrPattern, ShapePattern<ExpandDimsOp>, ShapePattern<BroadcastOp>,
                 ShapePattern<ReshapeOp>, ShapePattern<TransOp>, AssumePattern, BitcastPattern, SelectPattern,
                 AccessPattern<LoadOp>, AccessPattern<StoreOp>, AccessPattern<AtomicRMWOp>, AccessPattern<AtomicCASOp>>(
        converter, context);
    scf::populateSCFStructuralTypeConversions(converter, patterns);
    scf::populateSCFStructuralTypeConversionTarget(converter, target);
    if (failed(applyPartialConversion(getOperation(), target, std::move(patterns))))
      return signalPassFailure();
    getOperation()->walk([](Operation *op) { op->removeAttr(kJoined); });
  }
};

} // namespace
