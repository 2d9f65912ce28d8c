//===- Passes.h - From tiles with layouts to threads ------------*- C++ -*-===//

#ifndef KILN_CONVERSION_TILEGPUTOTHREADS_PASSES_H
#define KILN_CONVERSION_TILEGPUTOTHREADS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace kiln::tile_gpu {

#define GEN_PASS_DECL
#include "kiln/Conversion/TileGPUToThreads/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "kiln/Conversion/TileGPUToThreads/Passes.h.inc"

} // namespace kiln::tile_gpu

#endif // KILN_CONVERSION_TILEGPUTOTHREADS_PASSES_H
