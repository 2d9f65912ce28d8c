//===- Passes.h - From the code of one thread to the LLVM dialect -*- C++ -*-===//

#ifndef KILN_CONVERSION_TILEGPUTOLLVM_PASSES_H
#define KILN_CONVERSION_TILEGPUTOLLVM_PASSES_H

#include "mlir/Pass/Pass.h"

namespace kiln {

#define GEN_PASS_DECL
#include "kiln/Conversion/TileGPUToLLVM/Passes.h.inc"

/// i32 attribute on a module: the lowest PTX version, as 10 * major + minor, that has what the module uses.
inline constexpr llvm::StringLiteral kPTXVersionAttr = "tile_gpu.ptx_version";

/// The symbol of a kernel's shared memory, all of which is allocated at launch.
inline constexpr llvm::StringLiteral kSharedSymbol = "kiln_shared";

#define GEN_PASS_REGISTRATION
#include "kiln/Conversion/TileGPUToLLVM/Passes.h.inc"

} // namespace kiln

#endif // KILN_CONVERSION_TILEGPUTOLLVM_PASSES_H
