//===- Pipelines.h - From tile programs to a thread of a GPU ----*- C++ -*-===//
//
// What the GPU target runs, stage by stage. kiln-opt has the same pipelines under the names given here.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_CONVERSION_TILETOGPU_PIPELINES_H
#define KILN_CONVERSION_TILETOGPU_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace kiln {

struct TileToGPUOptions : public mlir::PassPipelineOptions<TileToGPUOptions> {
  Option<unsigned> capability{
      *this, "capability", llvm::cl::desc("compute capability of the target, 10 * major + minor"), llvm::cl::init(90)};
  Option<int64_t> sharedBytes{*this, "shared-bytes", llvm::cl::desc("the most shared memory that a program may have"),
                              llvm::cl::init(232448)};
  Option<bool> asserts{*this, "asserts", llvm::cl::desc("check tile.assert and the promises of tile.assume"),
                       llvm::cl::init(false)};
  Option<bool> checkExchanges{*this, "check-exchanges",
                              llvm::cl::desc("say to the emulator what goes into conversions and what comes out"),
                              llvm::cl::init(false)};
  Option<bool> libdevice{*this, "libdevice", llvm::cl::desc("functions of libdevice may be called"),
                         llvm::cl::init(false)};
};

/// `tile-to-gpu-layouts`: the tile dialect to tiles with layouts, shared memory and barriers.
void buildTileToGPULayoutsPipeline(mlir::OpPassManager &pm, const TileToGPUOptions &options);

/// `tile-to-gpu-threads`: what `tile-to-gpu-layouts` leaves to the scalars of one thread, in blocks and branches.
void buildTileToGPUThreadsPipeline(mlir::OpPassManager &pm, const TileToGPUOptions &options);

/// What `tile-to-gpu-threads` leaves, to the LLVM dialect.
void buildTileToGPULLVMPipeline(mlir::OpPassManager &pm, const TileToGPUOptions &options);

/// `tile-to-gpu`: the three, one after the other.
void buildTileToGPUPipeline(mlir::OpPassManager &pm, const TileToGPUOptions &options);

void registerTileToGPUPipelines();

} // namespace kiln

#endif // KILN_CONVERSION_TILETOGPU_PIPELINES_H
