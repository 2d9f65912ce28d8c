//===- TileGPUToLLVM.cpp - tile-gpu-to-llvm -------------------------------===//

#include "kiln/Conversion/TileGPUToLLVM/Passes.h"

#include "Steps.h"

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace kiln {
#define GEN_PASS_DEF_TILEGPUTOLLVM
#include "kiln/Conversion/TileGPUToLLVM/Passes.h.inc"
} // namespace kiln

using namespace mlir;
using namespace kiln;

void kiln::dropTileAttributes(func::FuncOp function) {
  for (NamedAttribute attribute : llvm::to_vector(function->getDiscardableAttrs()))
    if (isa_and_nonnull<tile::TileDialect, tile_gpu::TileGPUDialect>(attribute.getNameDialect()))
      function->removeAttr(attribute.getName());
  function.setAllArgAttrs(ArrayRef<DictionaryAttr>(
      SmallVector<DictionaryAttr>(function.getNumArguments(), DictionaryAttr::get(function.getContext()))));
}

namespace {

void callLibdevice(ModuleOp module) {
  module.walk([&](Operation *op) {
    StringRef name = libdeviceFunction(op);
    if (name.empty())
      return;
    OpBuilder builder(op);
    SmallVector<Type> types(op->getOperandTypes());
    FailureOr<LLVM::LLVMFuncOp> function =
        LLVM::lookupOrCreateFn(builder, module, name, types, op->getResult(0).getType());
    auto call = LLVM::CallOp::create(builder, op->getLoc(), *function, op->getOperands());
    op->replaceAllUsesWith(call);
    op->erase();
  });
}

/// What the launch needs to know of a kernel is said in the attributes of the NVVM dialect; those of the tile dialects
/// have served their purpose.
void describeKernels(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>()) {
    MLIRContext *context = function.getContext();
    if (tile::isKernel(function)) {
      function->setAttr("nvvm.kernel", UnitAttr::get(context));
      int32_t threads = 32 * tile_gpu::getNumWarps(function);
      function->setAttr("nvvm.reqntid", DenseI32ArrayAttr::get(context, {threads}));
    }
    dropTileAttributes(function);
  }
}

struct TileGPUToLLVMPass : kiln::impl::TileGPUToLLVMBase<TileGPUToLLVMPass> {
  using TileGPUToLLVMBase::TileGPUToLLVMBase;

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    ModuleOp module = getOperation();
    if (failed(checkLegality(module, capability, libdevice)))
      return signalPassFailure();
    combineClamps(module);
    expandRemainders(module);
    callLibdevice(module);
    unsigned ptx = lowerMachineOps(module);
    module->setAttr(kPTXVersionAttr, IntegerAttr::get(IntegerType::get(context, 32), ptx));
    describeKernels(module);

    LLVMTypeConverter converter(context);
    LLVMConversionTarget target(*context);
    target.addLegalOp<ModuleOp>();
    RewritePatternSet patterns(context);
    arith::populateArithToLLVMConversionPatterns(converter, patterns);
    cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
    index::populateIndexToLLVMConversionPatterns(converter, patterns);
    populateFuncToLLVMConversionPatterns(converter, patterns);
    populateMathToLLVMConversionPatterns(converter, patterns);
    ub::populateUBToLLVMConversionPatterns(converter, patterns);
    if (failed(applyFullConversion(module, target, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
