//===- Passes.h - Lowering of tile programs for the CPU ---------*- C++ -*-===//

#ifndef KILN_CONVERSION_TILETOCPU_PASSES_H
#define KILN_CONVERSION_TILETOCPU_PASSES_H

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace mlir {
class DialectRegistry;
}

namespace kiln {

#define GEN_PASS_DECL
#include "kiln/Conversion/TileToCPU/Passes.h.inc"

/// i64 attribute on a kernel: the bytes of scratch memory that one running program needs.
inline constexpr llvm::StringLiteral kScratchBytesAttr = "kiln.scratch_bytes";

/// i64 attribute on tile.load and tile.store, set by `tile-split-pointers`: the length of contiguous runs of pointers
/// along the last axis.
inline constexpr llvm::StringLiteral kContiguityAttr = "kiln.contiguity";

/// Unit attribute on the linalg.generic that a tile.dot became: nothing but widened operands is multiplied, and a
/// product may be rounded together with its addition. Neither holds for a sum of products that fusion made.
inline constexpr llvm::StringLiteral kDotAttr = "kiln.dot";

struct TileToCPUOptions : public mlir::PassPipelineOptions<TileToCPUOptions> {
  Option<int64_t> vectorBits{*this, "vector-bits", llvm::cl::desc("width of a vector register of the target"),
                             llvm::cl::init(256)};
  Option<bool> checkBounds{*this, "check-bounds", llvm::cl::desc("call kiln_cpu_check before every access"),
                           llvm::cl::init(false)};
  Option<bool> asserts{*this, "asserts", llvm::cl::desc("check tile.assert"), llvm::cl::init(false)};
};

/// Tile dialect to loops over vectors on buffers: `tile-to-cpu-loops`.
void buildTileToCPULoopsPipeline(mlir::OpPassManager &pm, const TileToCPUOptions &options);

/// Tile dialect to the LLVM dialect: `tile-to-cpu`. What the CPU target runs.
void buildTileToCPUPipeline(mlir::OpPassManager &pm, const TileToCPUOptions &options);

/// Registers the pipelines by name.
void registerTileToCPUPipelines();

/// Registers what the passes need of upstream dialects: the bufferization models.
void registerTileToCPUDependencies(mlir::DialectRegistry &registry);

#define GEN_PASS_REGISTRATION
#include "kiln/Conversion/TileToCPU/Passes.h.inc"

} // namespace kiln

#endif // KILN_CONVERSION_TILETOCPU_PASSES_H
