//===- Passes.h - Passes on tile programs with layouts ----------*- C++ -*-===//
//
// From tile programs to tile programs whose types have layouts and whose exchanges have their place in shared memory.
// Each pass is described in Passes.td.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_DIALECT_TILEGPU_TRANSFORMS_PASSES_H
#define KILN_DIALECT_TILEGPU_TRANSFORMS_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace kiln::tile_gpu {

#define GEN_PASS_DECL
#include "kiln/Dialect/TileGPU/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "kiln/Dialect/TileGPU/Transforms/Passes.h.inc"

} // namespace kiln::tile_gpu

#endif // KILN_DIALECT_TILEGPU_TRANSFORMS_PASSES_H
