//===- Pipelines.cpp - From tile programs to the LLVM dialect -------------===//

#include "kiln/Conversion/TileToCPU/Passes.h"
#include "kiln/Dialect/Tile/Transforms/Passes.h"
#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Vector/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void kiln::buildTileToCPULoopsPipeline(OpPassManager &pm, const TileToCPUOptions &options) {
  auto simplify = [&] {
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
  };
  pm.addPass(tile::createRemoveOverlap());
  pm.addPass(tile::createExpandFp8());
  simplify();
  pm.addPass(createTileSplitPointers());
  simplify();
  TileLowerMemoryOptions memory;
  memory.vectorBits = options.vectorBits;
  memory.checkBounds = options.checkBounds;
  memory.asserts = options.asserts;
  pm.addPass(createTileLowerMemory(memory));
  simplify();
  pm.addNestedPass<func::FuncOp>(createTileToLinalg());
  pm.addPass(createCSEPass());
  pm.addPass(createLoopInvariantCodeMotionPass()); // a query tile is widened once, not for every block of keys
  pm.addNestedPass<func::FuncOp>(createTileFuseElementwise());
  simplify();
  pm.addPass(createTileBufferize());
  TileVectorizeLinalgOptions vectors;
  vectors.vectorBits = options.vectorBits;
  pm.addNestedPass<func::FuncOp>(createTileVectorizeLinalg(vectors));
  pm.addNestedPass<func::FuncOp>(tile::createExpandMath());
  pm.addNestedPass<func::FuncOp>(createTileExpandNarrowFloats());
  simplify();
}

void kiln::buildTileToCPUPipeline(OpPassManager &pm, const TileToCPUOptions &options) {
  buildTileToCPULoopsPipeline(pm, options);
  pm.addPass(createTilePlanScratch());
  pm.addPass(createTileKernelABI());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createTileCPUToLLVM());
  pm.addPass(createReconcileUnrealizedCastsPass());
}

void kiln::registerTileToCPUPipelines() {
  PassPipelineRegistration<TileToCPUOptions>("tile-to-cpu-loops", "Lower a kernel to loops over vectors on buffers",
                                             buildTileToCPULoopsPipeline);
  PassPipelineRegistration<TileToCPUOptions>("tile-to-cpu", "Lower a kernel to the LLVM dialect for the CPU",
                                             buildTileToCPUPipeline);
}

void kiln::registerTileToCPUDependencies(DialectRegistry &registry) {
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  bufferization::func_ext::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerBufferizableOpInterfaceExternalModels(registry);
  scf::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
  vector::registerBufferizableOpInterfaceExternalModels(registry);
}
