//===- GPUTarget.h - The GPUs that Kiln generates code for ------*- C++ -*-===//

#ifndef KILN_TARGET_NVPTX_GPUTARGET_H
#define KILN_TARGET_NVPTX_GPUTARGET_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>

namespace kiln::gpu {

/// One architecture. The numbers of a multiprocessor (SM) are those of the CUDA C++ Programming Guide, "Compute
/// Capabilities".
struct GPUTarget {
  llvm::StringLiteral name; ///< as ptxas knows it: "sm_90a"
  unsigned capability;      ///< 10 * major + minor
  unsigned ptx;             ///< the lowest PTX version that has the architecture, 10 * major + minor
  int64_t sharedPerBlock;   ///< bytes that one program may have
  int64_t sharedPerSM;      ///< bytes; each resident program takes 1024 of them beside its own
  unsigned warpsPerSM;
  unsigned blocksPerSM;
  unsigned registersPerSM = 65536;
  unsigned registersPerThread = 255;

  /// Tensor cores and conversions for f8E4M3FN and f8E5M2.
  bool hasFP8() const { return capability >= 89; }

  /// The architecture of that name. The error lists those that there are.
  static llvm::Expected<GPUTarget> parse(llvm::StringRef name);

  /// The architecture whose code runs on a device of compute capability `major`.`minor`.
  static llvm::Expected<GPUTarget> forDevice(unsigned major, unsigned minor);

  /// All of them, oldest first.
  static llvm::ArrayRef<GPUTarget> all();
};

} // namespace kiln::gpu

#endif // KILN_TARGET_NVPTX_GPUTARGET_H
