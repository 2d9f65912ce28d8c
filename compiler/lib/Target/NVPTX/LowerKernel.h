//===- LowerKernel.h - What all compilers of GPU code begin with -*- C++ -*-===//

#ifndef KILN_LIB_TARGET_NVPTX_LOWERKERNEL_H
#define KILN_LIB_TARGET_NVPTX_LOWERKERNEL_H

#include "kiln/Conversion/TileToGPU/Pipelines.h"
#include "kiln/Target/NVPTX/GPUCompiler.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace kiln::gpu {

/// The kernel of `module`, or null.
mlir::func::FuncOp findKernel(mlir::ModuleOp module);

/// Sets what the passes need to know of the target.
void describe(const GPUTarget &target, bool asserts, TileToGPUOptions &lowering);

/// The same as arguments of kiln-opt: "capability=90 shared-bytes=232448".
std::string arguments(const TileToGPUOptions &lowering);

/// Called with the name of a stage and its text, if set.
using Dump = llvm::function_ref<void(llvm::StringRef stage, llvm::StringRef text)>;

/// Runs the passes that `build` adds, and dumps what they leave as `stage`.
mlir::LogicalResult runStage(mlir::ModuleOp module, llvm::StringRef stage,
                             void (*build)(mlir::OpPassManager &, const TileToGPUOptions &),
                             const TileToGPUOptions &lowering, Dump dump);

/// Lowers a tile program to the code of one thread: the stages "tile", "tile_gpu" and "threads".
mlir::LogicalResult lowerToThread(mlir::ModuleOp module, const TileToGPUOptions &lowering, Dump dump);

/// What the passes have written down on the kernel, under a name that PTX takes.
CompiledKernel describeKernel(mlir::func::FuncOp kernel);

} // namespace kiln::gpu

#endif // KILN_LIB_TARGET_NVPTX_LOWERKERNEL_H
