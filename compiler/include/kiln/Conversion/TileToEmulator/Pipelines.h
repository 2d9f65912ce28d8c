//===- Pipelines.h - From tile programs to an emulated thread ---*- C++ -*-===//
//
// The emulator runs what a GPU would: `tile-to-gpu-layouts` and `tile-to-gpu-threads` are the same, and the code of one
// thread then becomes code for the host.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_CONVERSION_TILETOEMULATOR_PIPELINES_H
#define KILN_CONVERSION_TILETOEMULATOR_PIPELINES_H

#include "kiln/Conversion/TileToGPU/Pipelines.h"

namespace kiln {

/// What `tile-to-gpu-threads` leaves, to the LLVM dialect of the host.
void buildTileToEmulatorLLVMPipeline(mlir::OpPassManager &pm, const TileToGPUOptions &options);

/// `tile-to-emulator`: a tile program to the LLVM dialect of the host.
void buildTileToEmulatorPipeline(mlir::OpPassManager &pm, const TileToGPUOptions &options);

void registerTileToEmulatorPipelines();

} // namespace kiln

#endif // KILN_CONVERSION_TILETOEMULATOR_PIPELINES_H
