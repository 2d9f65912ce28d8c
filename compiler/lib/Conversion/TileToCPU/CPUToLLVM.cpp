//===- CPUToLLVM.cpp - tile-cpu-to-llvm -----------------------------------===//

#include "kiln/Conversion/TileToCPU/Passes.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace kiln {
#define GEN_PASS_DEF_TILECPUTOLLVM
#include "kiln/Conversion/TileToCPU/Passes.h.inc"
} // namespace kiln

using namespace mlir;

namespace {

/// cf.assert marks where a callback may stop the program. Upstream would abort the process; here the kernel returns 1.
void lowerAsserts(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>()) {
    SmallVector<cf::AssertOp> asserts;
    function.walk([&](cf::AssertOp op) { asserts.push_back(op); });
    if (asserts.empty())
      continue;
    OpBuilder builder(function.getContext());
    Block *stop = builder.createBlock(&function.getBody(), function.getBody().end());
    func::ReturnOp::create(
        builder, function.getLoc(),
        arith::ConstantIntOp::create(builder, function.getLoc(), builder.getI32Type(), 1).getResult());
    for (cf::AssertOp op : asserts) {
      Block *rest = op->getBlock()->splitBlock(op->getNextNode());
      builder.setInsertionPoint(op);
      cf::CondBranchOp::create(builder, op.getLoc(), op.getArg(), rest, stop);
      op.erase();
    }
  }
}

/// bf16 is carried as its bits. LLVM would hold a bf16 that crosses a branch as f32, and call a function of the
/// compiler's run-time library to round it back. Arithmetic is gone by now; what is left moves values.
struct BF16Constant : ConvertOpToLLVMPattern<arith::ConstantOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(arith::ConstantOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isBF16())
      return failure();
    auto bits = [&](const APFloat &value) { return value.bitcastToAPInt(); };
    TypedAttr attribute;
    if (auto elements = dyn_cast<DenseElementsAttr>(op.getValue()))
      attribute = elements.mapValues(rewriter.getI16Type(), bits);
    else
      attribute = rewriter.getIntegerAttr(rewriter.getI16Type(), bits(cast<FloatAttr>(op.getValue()).getValue()));
    rewriter.replaceOpWithNewOp<LLVM::ConstantOp>(op, typeConverter->convertType(op.getType()), attribute);
    return success();
  }
};

struct CPUToLLVMPass : kiln::impl::TileCPUToLLVMBase<CPUToLLVMPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    lowerAsserts(getOperation());

    WalkResult hasVectors = getOperation().walk([](Operation *op) {
      return isa<vector::VectorDialect>(op->getDialect()) ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (hasVectors.wasInterrupted()) { // the code of one thread of a GPU has none, and much else
      RewritePatternSet simplify(context);
      vector::populateVectorTransferLoweringPatterns(simplify, /*maxTransferRank=*/1);
      vector::populateVectorStepLoweringPatterns(simplify);
      if (failed(applyPatternsGreedily(getOperation(), std::move(simplify))))
        return signalPassFailure();
    }

    LowerToLLVMOptions options(context);
    options.useBarePtrCallConv = true; // buffers are static: a pointer says everything
    LLVMTypeConverter converter(context, options);
    converter.addConversion([](BFloat16Type type) { return IntegerType::get(type.getContext(), 16); });
    converter.addConversion([&](VectorType type) -> std::optional<Type> {
      if (!type.getElementType().isBF16())
        return std::nullopt;
      return converter.convertType(type.clone(IntegerType::get(context, 16)));
    });
    LLVMConversionTarget target(*context);
    target.addLegalOp<ModuleOp>();
    RewritePatternSet patterns(context);
    patterns.add<BF16Constant>(converter, /*benefit=*/2);
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    index::populateIndexToLLVMConversionPatterns(converter, patterns);
    populateFuncToLLVMConversionPatterns(converter, patterns);
    populateFinalizeMemRefToLLVMConversionPatterns(converter, patterns);
    populateMathToLLVMConversionPatterns(converter, patterns);
    // Only what LLVM has no intrinsic for: a call for each element where a vector instruction exists would be a
    // disaster (fma).
    populateMathToLibmConversionPatterns(patterns, /*benefit=*/0);
    populateVectorToLLVMConversionPatterns(converter, patterns);
    ub::populateUBToLLVMConversionPatterns(converter, patterns);
    if (failed(applyFullConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
