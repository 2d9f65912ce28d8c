//===- Pipelines.cpp - From tile programs to an emulated thread -----------===//

#include "kiln/Conversion/TileToEmulator/Pipelines.h"

#include "kiln/Conversion/TileGPUToLLVM/Passes.h"
#include "kiln/Conversion/TileToCPU/Passes.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;
using namespace kiln;

void kiln::buildTileToEmulatorLLVMPipeline(OpPassManager &pm, const TileToGPUOptions &options) {
  pm.addPass(createSCFToControlFlowPass());
  TileGPUToEmulatorOptions emulator;
  emulator.capability = options.capability;
  pm.addPass(createTileGPUToEmulator(emulator));
  pm.addNestedPass<func::FuncOp>(createTileExpandNarrowFloats());
  pm.addPass(createTileCPUToLLVM());
  pm.addPass(createReconcileUnrealizedCastsPass());
}

void kiln::buildTileToEmulatorPipeline(OpPassManager &pm, const TileToGPUOptions &options) {
  buildTileToGPULayoutsPipeline(pm, options);
  buildTileToGPUThreadsPipeline(pm, options);
  buildTileToEmulatorLLVMPipeline(pm, options);
}

void kiln::registerTileToEmulatorPipelines() {
  PassPipelineRegistration<TileToGPUOptions>(
      "tile-to-emulator", "Lower a kernel for a GPU to the LLVM dialect for the host", buildTileToEmulatorPipeline);
}
