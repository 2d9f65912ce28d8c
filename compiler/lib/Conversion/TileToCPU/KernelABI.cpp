//===- KernelABI.cpp - tile-kernel-abi ------------------------------------===//
//
// One signature for every kernel, so that the runtime calls compiled code without knowing its parameters:
//
//   i32 kernel(ptr args, ptr info, memref<?xi8> scratch, ptr context)
//
// The pass also turns what is left of the tile dialect, scalar pointers and program ids, into the LLVM dialect. Control
// flow is still structured.
//
//===----------------------------------------------------------------------===//

#include "CheckCalls.h"
#include "kiln/Conversion/TileToCPU/Passes.h"
#include "kiln/Dialect/Tile/IR/Tile.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Transforms/DialectConversion.h"

namespace kiln {
#define GEN_PASS_DEF_TILEKERNELABI
#include "kiln/Conversion/TileToCPU/Passes.h.inc"
} // namespace kiln

using namespace mlir;
using namespace kiln;
using namespace kiln::tile;

namespace {

struct AddPtrPattern : OpConversionPattern<AddPtrOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(AddPtrOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Type element = cast<PtrType>(op.getType()).getPointeeType();
    if (element.getIntOrFloatBitWidth() < 8)
      element = rewriter.getI8Type();
    rewriter.replaceOpWithNewOp<LLVM::GEPOp>(op, adaptor.getBase().getType(), element, adaptor.getBase(),
                                             ArrayRef<LLVM::GEPArg>{adaptor.getOffset()});
    return success();
  }
};

/// Bitcasts of pointers and promises about them: nothing happens.
template <typename Op>
struct ForwardPattern : OpConversionPattern<Op> {
  using OpConversionPattern<Op>::OpConversionPattern;
  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, adaptor.getSource());
    return success();
  }
};

struct SelectPattern : OpConversionPattern<arith::SelectOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(arith::SelectOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<arith::SelectOp>(op, adaptor.getCondition(), adaptor.getTrueValue(),
                                                 adaptor.getFalseValue());
    return success();
  }
};

struct CastPattern : OpConversionPattern<UnrealizedConversionCastOp> {
  using OpConversionPattern::OpConversionPattern;
  LogicalResult matchAndRewrite(UnrealizedConversionCastOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, adaptor.getInputs());
    return success();
  }
};

class KernelABIPass : public kiln::impl::TileKernelABIBase<KernelABIPass> {
public:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<func::FuncOp> kernels;
    for (auto function : module.getOps<func::FuncOp>())
      if (function->hasAttr(kScratchBytesAttr))
        kernels.push_back(function);
    for (func::FuncOp kernel : kernels)
      rewriteSignature(kernel);
    passContext(module);
    if (failed(convertPointers(module)))
      signalPassFailure();
  }

private:
  void rewriteSignature(func::FuncOp kernel);
  void passContext(ModuleOp module);
  LogicalResult convertPointers(ModuleOp module);
};

void KernelABIPass::rewriteSignature(func::FuncOp kernel) {
  Location loc = kernel.getLoc();
  Block &entry = kernel.front();
  OpBuilder builder(&entry, entry.begin());
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext()), i32 = builder.getI32Type();
  unsigned parameters = entry.getNumArguments() - 1; // the last one is the scratch area
  Type scratchType = entry.getArgument(parameters).getType();

  Value args = entry.addArgument(pointer, loc), info = entry.addArgument(pointer, loc);
  Value scratch = entry.addArgument(scratchType, loc);
  entry.addArgument(pointer, loc); // the context: see passContext
  for (unsigned i = 0; i < parameters; ++i) {
    BlockArgument parameter = entry.getArgument(i);
    Type type = parameter.getType();
    bool isPointer = isa<PtrType>(type), isBoolean = type.isInteger(1);
    Value slot =
        LLVM::GEPOp::create(builder, loc, pointer, pointer, args, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(i)});
    Value address = LLVM::LoadOp::create(builder, loc, pointer, slot);
    Type stored = isPointer ? pointer : isBoolean ? builder.getI8Type() : type.isBF16() ? builder.getI16Type() : type;
    Value value = LLVM::LoadOp::create(builder, loc, stored, address);
    if (isBoolean)
      value = arith::TruncIOp::create(builder, loc, type, value);
    else if (type.isBF16()) // of which LLVM sees the bits alone
      value = arith::BitcastOp::create(builder, loc, type, value);
    else if (isPointer)
      value = UnrealizedConversionCastOp::create(builder, loc, type, value).getResult(0);
    parameter.replaceAllUsesWith(value);
  }
  entry.getArgument(parameters).replaceAllUsesWith(scratch);
  entry.eraseArguments(0, parameters + 1);

  // Program ids: struct ProgramInfo { int32_t id[3]; int32_t num[3]; }.
  auto readInfo = [&](Operation *op, int32_t position) {
    OpBuilder at(op);
    Value slot = LLVM::GEPOp::create(at, op->getLoc(), pointer, i32, info, ArrayRef<LLVM::GEPArg>{position});
    op->replaceAllUsesWith(ValueRange{LLVM::LoadOp::create(at, op->getLoc(), i32, slot)});
    op->erase();
  };
  kernel.walk([&](ProgramIdOp op) { readInfo(op, op.getAxis()); });
  kernel.walk([&](NumProgramsOp op) { readInfo(op, 3 + op.getAxis()); });

  kernel.walk([&](func::ReturnOp op) {
    OpBuilder at(op);
    Value ok = arith::ConstantIntOp::create(at, op.getLoc(), i32, 0);
    op->setOperands(ok);
  });
  kernel.setFunctionType(builder.getFunctionType({pointer, pointer, scratchType, pointer}, {i32}));
  kernel.setArgAttr(2, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
}

/// Callbacks get the context and the program info in front.
void KernelABIPass::passContext(ModuleOp module) {
  Type pointer = LLVM::LLVMPointerType::get(module.getContext());
  OpBuilder builder(module.getContext());
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function.isExternal() || !function.getName().starts_with(kCallbackPrefix))
      continue;
    SmallVector<Type> inputs{pointer, pointer};
    llvm::append_range(inputs, function.getArgumentTypes());
    function.setFunctionType(builder.getFunctionType(inputs, function.getResultTypes()));
  }
  module.walk([&](func::CallOp call) {
    if (!call.getCallee().starts_with(kCallbackPrefix))
      return;
    auto kernel = call->getParentOfType<func::FuncOp>();
    SmallVector<Value> operands{kernel.getArgument(3), kernel.getArgument(1)};
    llvm::append_range(operands, call.getOperands());
    call->setOperands(operands);
  });
}

LogicalResult KernelABIPass::convertPointers(ModuleOp module) {
  MLIRContext *context = &getContext();
  TypeConverter converter;
  converter.addConversion([](Type type) { return type; });
  converter.addConversion([](PtrType type) { return LLVM::LLVMPointerType::get(type.getContext()); });
  auto materialize = [](OpBuilder &builder, Type type, ValueRange inputs, Location loc) -> Value {
    return UnrealizedConversionCastOp::create(builder, loc, type, inputs).getResult(0);
  };
  converter.addSourceMaterialization(materialize);
  converter.addTargetMaterialization(materialize);

  ConversionTarget target(*context);
  target.addIllegalDialect<TileDialect>();
  target.addDynamicallyLegalOp<UnrealizedConversionCastOp>([](UnrealizedConversionCastOp op) {
    return llvm::none_of(op.getOperandTypes(), llvm::IsaPred<PtrType>) &&
           llvm::none_of(op.getResultTypes(), llvm::IsaPred<PtrType>);
  });
  target.addDynamicallyLegalOp<arith::SelectOp>([](arith::SelectOp op) { return !isa<PtrType>(op.getType()); });
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  RewritePatternSet patterns(context);
  patterns.add<AddPtrPattern, ForwardPattern<BitcastOp>, ForwardPattern<AssumeOp>, SelectPattern, CastPattern>(
      converter, context);
  scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns, target);
  return applyPartialConversion(module, target, std::move(patterns));
}

} // namespace
