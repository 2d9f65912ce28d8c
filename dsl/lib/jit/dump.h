// KILN_DUMP and KILN_OVERRIDE_DIR: kernels as they are compiled, to be read and to be replaced.
#pragma once

#include "jit/executable.h"

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace kiln::jit {

/// Whether the environment asks for any stage. KILN_DUMP is a list of stages, "tile,llvm", or "all".
bool dumping();

/// Prints a stage if it is asked for: to standard error, or into the directory KILN_DUMP_DIR, a file for each kernel,
/// config, variant, GPU architecture and stage: "decode-64-4.tile.mlir", "decode-64-4.sm_90a.ptx". A cubin goes to
/// files only.
void dump(llvm::StringRef stage, llvm::StringRef text, const Subject &subject);

/// The stages that KILN_OVERRIDE_DIR may hold files for, which then take the place of what would be compiled.
constexpr llvm::StringLiteral overridable_stages[] = {"tile", "ptx", "cubin"};

/// The contents of the file in KILN_OVERRIDE_DIR that is named as the stage's dump; nothing where there is none. Says
/// on standard error that it is used. Throws CompileError where it cannot be read.
std::optional<std::string> override_for(llvm::StringRef stage, const Subject &subject);

/// Whether there is a file for any stage.
bool overridden(const Subject &subject);

} // namespace kiln::jit
