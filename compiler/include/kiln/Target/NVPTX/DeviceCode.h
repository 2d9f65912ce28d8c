//===- DeviceCode.h - Device functions from outside -------------*- C++ -*-===//

#ifndef KILN_TARGET_NVPTX_DEVICECODE_H
#define KILN_TARGET_NVPTX_DEVICECODE_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <string>

namespace llvm {
class Module;
} // namespace llvm

namespace kiln::gpu {

/// The code of a device function that a kernel calls: either PTX or bitcode.
struct DeviceCode {
  std::string symbol; ///< in the kernel's module

  /// A module that defines the function of words `kiln_device_<symbol>` (DeviceFunctions.h).
  std::string ptx;

  /// LLVM bitcode, or the text of LLVM IR, for nvptx64. It defines `name`.
  std::string bitcode;
  std::string name;
  /// What the scalars of the function are: what `symbol` is declared as.
  mlir::FunctionType type;
  /// Whether the first result is returned; the others are written through pointers.
  bool returnsValue = true;
  /// Of each parameter in order, whether it is such a pointer.
  llvm::SmallVector<bool> isPointer;
};

/// Links the functions that are bitcode into `module` and defines the functions of words that it calls for them, all to
/// be inlined.
llvm::Error linkBitcode(llvm::Module &module, llvm::ArrayRef<DeviceCode> functions);

/// Puts the functions that are PTX in front of a kernel's PTX, in place of its declarations of them. What they define
/// besides gets names of its own.
std::string linkPTX(llvm::StringRef kernel, llvm::ArrayRef<DeviceCode> functions);

} // namespace kiln::gpu

#endif // KILN_TARGET_NVPTX_DEVICECODE_H
