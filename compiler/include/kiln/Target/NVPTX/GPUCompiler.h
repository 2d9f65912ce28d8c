//===- GPUCompiler.h - Tile programs as PTX ---------------------*- C++ -*-===//
//
// Lowers a kernel for a GPU and emits PTX, with what is needed to launch it and to judge it. Assembling and launching
// are the runtime's business. No GPU is needed.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_TARGET_NVPTX_GPUCOMPILER_H
#define KILN_TARGET_NVPTX_GPUCOMPILER_H

#include "kiln/Conversion/TileGPUToThreads/AccessReport.h"
#include "kiln/Target/NVPTX/DeviceCode.h"
#include "kiln/Target/NVPTX/GPUTarget.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <string>

namespace kiln::gpu {

struct Options {
  /// Evaluate tile.assert, and in it the promises of tile.assume.
  bool asserts = false;
  /// Say with .loc which line of the source each instruction comes from. The instructions stay the same.
  bool lineInfo = false;
  /// The device functions that the kernel calls.
  llvm::ArrayRef<DeviceCode> functions = {};
  /// Called with the name of each stage ("tile", "tile_gpu", "threads", "llvm", "llvmir", "ptx") and its text, if set.
  llvm::function_ref<void(llvm::StringRef stage, llvm::StringRef text)> dump = nullptr;
};

/// Shared memory that one operation uses while it exchanges data.
struct SharedBuffer {
  std::string operation; ///< "tile.reduce"
  std::string place;     ///< "file:line", or empty
  int64_t offset = 0, bytes = 0;
};

struct CompiledKernel {
  std::string ptx;
  std::string name;        ///< of the entry point
  int64_t numWarps = 0;    ///< of a program; 32 threads each
  int64_t sharedBytes = 0; ///< of a program
  llvm::SmallVector<SharedBuffer> sharedBuffers;
  llvm::SmallVector<tile_gpu::AccessRecord> accesses; ///< in program order
};

/// Compiles the only kernel of `module`, which is lowered in place. Errors are diagnostics on the module's context as
/// well; the returned one repeats the first.
llvm::Expected<CompiledKernel> compile(mlir::ModuleOp module, const GPUTarget &target, const Options &options);

/// The arguments with which kiln-opt runs the passes that compile() runs: "--tile-to-gpu=...".
std::string pipelineArguments(const GPUTarget &target, const Options &options);

} // namespace kiln::gpu

#endif // KILN_TARGET_NVPTX_GPUCOMPILER_H
