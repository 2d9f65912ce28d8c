//===- TileGPUToEmulator.cpp - tile-gpu-to-emulator -----------------------===//

#include "kiln/Conversion/TileGPUToLLVM/Passes.h"

#include "Steps.h"

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace kiln {
#define GEN_PASS_DEF_TILEGPUTOEMULATOR
#include "kiln/Conversion/TileGPUToLLVM/Passes.h.inc"
} // namespace kiln

using namespace mlir;
using namespace kiln;

namespace {

struct TileGPUToEmulatorPass : kiln::impl::TileGPUToEmulatorBase<TileGPUToEmulatorPass> {
  using TileGPUToEmulatorBase::TileGPUToEmulatorBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    // The host has all the functions of libdevice.
    if (failed(checkLegality(module, capability, /*libdevice=*/true)))
      return signalPassFailure();
    combineClamps(module);
    SmallVector<std::pair<func::FuncOp, ArrayAttr>> counts;
    for (auto function : module.getOps<func::FuncOp>())
      if (tile::isKernel(function))
        counts.push_back({function, countOperations(function)});
    expandRemainders(module);
    expandHostArithmetic(module);
    if (failed(callMachineOps(module)))
      return signalPassFailure();
    callHostFunctions(module);
    for (auto [kernel, blocks] : counts)
      kernel->setAttr(kBlocksAttr, blocks);
  }
};

} // namespace
