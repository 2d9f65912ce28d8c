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

/// What code for the emulator calls for a machine operation: void(ptr thread, i32 site, ptr operands, ptr results).
inline constexpr llvm::StringLiteral kExecuteSymbol = "kiln_emulator_execute";

/// On a kernel for the emulator: its machine operations in program order, dictionaries of `operation` (the row's name),
/// `place` ("file:line:column"), and for prints and assertions `text` (the format, the message) and `types` ('i', 'l'
/// or 'd' for each operand of a print). What would be empty is left out.
inline constexpr llvm::StringLiteral kSitesAttr = "tile_gpu.sites";

/// On a kernel for the emulator: for each of its blocks, an array of dictionaries that say how many (`count`, i32)
/// operations of a `kind` ("integer", "floating", "conversion" or "control") stand for a `place`.
inline constexpr llvm::StringLiteral kBlocksAttr = "tile_gpu.blocks";

#define GEN_PASS_REGISTRATION
#include "kiln/Conversion/TileGPUToLLVM/Passes.h.inc"

} // namespace kiln

#endif // KILN_CONVERSION_TILEGPUTOLLVM_PASSES_H
