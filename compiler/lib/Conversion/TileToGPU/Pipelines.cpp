//===- Pipelines.cpp - From tile programs to a thread of a GPU ------------===//

#include "kiln/Conversion/TileToGPU/Pipelines.h"

#include "kiln/Conversion/TileGPUToLLVM/Passes.h"
#include "kiln/Conversion/TileGPUToThreads/Passes.h"
#include "kiln/Dialect/Tile/Transforms/Passes.h"
#include "kiln/Dialect/TileGPU/Transforms/Passes.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace kiln;

static void simplify(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void kiln::buildTileToGPULayoutsPipeline(OpPassManager &pm, const TileToGPUOptions &options) {
  tile::SettleAssertsOptions settle;
  settle.asserts = options.asserts;
  pm.addPass(tile::createSettleAsserts(settle));
  if (options.capability < 90)
    pm.addPass(tile::createRemoveOverlap());
  tile::ExpandFp8Options fp8;
  fp8.capability = options.capability;
  pm.addPass(tile::createExpandFp8(fp8));
  simplify(pm);
  pm.addPass(createLoopInvariantCodeMotionPass());
  pm.addPass(tile_gpu::createCoalesce());
  pm.addPass(tile_gpu::createAccelerateDot());
  pm.addPass(tile_gpu::createAssignLayouts());
  pm.addPass(tile_gpu::createRemoveConversions());
  simplify(pm);
  pm.addPass(createLoopInvariantCodeMotionPass()); // a query is converted once, not for every block of keys
  tile_gpu::PipelineOptions pipeline;
  pipeline.maxBytes = options.sharedBytes;
  pm.addPass(tile_gpu::createPipeline(pipeline));
  pm.addPass(tile_gpu::createPrefetchOperands());
  pm.addPass(tile_gpu::createCarryPointers());
  tile_gpu::AllocateSharedOptions shared;
  shared.maxBytes = options.sharedBytes;
  pm.addPass(tile_gpu::createAllocateShared(shared));
  pm.addPass(tile_gpu::createInsertBarriers());
}

void kiln::buildTileToGPUThreadsPipeline(OpPassManager &pm, const TileToGPUOptions &options) {
  tile_gpu::LowerToThreadsOptions threads;
  threads.checkExchanges = options.checkExchanges;
  threads.capability = options.capability;
  pm.addPass(tile_gpu::createLowerToThreads(threads));
  simplify(pm);
  pm.addNestedPass<func::FuncOp>(tile::createExpandMath());
  pm.addPass(createLoopInvariantCodeMotionPass());
  simplify(pm);
  pm.addPass(tile_gpu::createFillFirstWait());
}

void kiln::buildTileToGPULLVMPipeline(OpPassManager &pm, const TileToGPUOptions &options) {
  pm.addPass(createSCFToControlFlowPass());
  TileGPUToLLVMOptions llvm;
  llvm.capability = options.capability;
  llvm.libdevice = options.libdevice;
  pm.addPass(createTileGPUToLLVM(llvm));
  pm.addPass(createReconcileUnrealizedCastsPass());
}

void kiln::buildTileToGPUPipeline(OpPassManager &pm, const TileToGPUOptions &options) {
  buildTileToGPULayoutsPipeline(pm, options);
  buildTileToGPUThreadsPipeline(pm, options);
  buildTileToGPULLVMPipeline(pm, options);
}

void kiln::registerTileToGPUPipelines() {
  PassPipelineRegistration<TileToGPUOptions>("tile-to-gpu-layouts", "Distribute tiles over the threads of a program",
                                             buildTileToGPULayoutsPipeline);
  PassPipelineRegistration<TileToGPUOptions>("tile-to-gpu-threads", "Lower tiles with layouts to one thread",
                                             buildTileToGPUThreadsPipeline);
  PassPipelineRegistration<TileToGPUOptions>("tile-to-gpu", "Lower a kernel to the LLVM dialect for a GPU",
                                             buildTileToGPUPipeline);
}
