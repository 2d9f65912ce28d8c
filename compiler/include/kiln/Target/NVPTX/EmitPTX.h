//===- EmitPTX.h - From the LLVM dialect to PTX -----------------*- C++ -*-===//

#ifndef KILN_TARGET_NVPTX_EMITPTX_H
#define KILN_TARGET_NVPTX_EMITPTX_H

#include "kiln/Target/NVPTX/DeviceCode.h"
#include "kiln/Target/NVPTX/GPUTarget.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <string>

namespace kiln::gpu {

struct EmitOptions {
  /// Say with .loc which line of the source each instruction comes from. The instructions stay the same.
  bool lineInfo = false;
  /// The device functions that the kernel calls.
  llvm::ArrayRef<DeviceCode> functions = {};
  /// Called with the name of each stage ("llvmir", "ptx") and its text, if set.
  llvm::function_ref<void(llvm::StringRef stage, llvm::StringRef text)> dump = nullptr;
};

/// PTX of a module that `tile-gpu-to-llvm` made. An error names the kernel; LLVM's fatal errors are such errors and do
/// not end the process.
llvm::Expected<std::string> emitPTX(mlir::ModuleOp module, const GPUTarget &target, const EmitOptions &options = {});

/// The file with NVIDIA's functions for f64, or nothing: $CUDA_HOME, $CUDA_PATH or /usr/local/cuda, in it
/// nvvm/libdevice/libdevice.10.bc. With it, `tile-gpu-to-llvm` may be told to call them.
std::string findLibdevice();

} // namespace kiln::gpu

#endif // KILN_TARGET_NVPTX_EMITPTX_H
