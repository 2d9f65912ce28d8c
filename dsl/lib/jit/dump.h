// KILN_DUMP: the IR of kernels as they are compiled.
#pragma once

#include "jit/executable.h"

#include "llvm/ADT/StringRef.h"

namespace kiln::jit {

/// Whether the environment asks for any stage. KILN_DUMP is a list of stages, "tile,llvm", or "all".
bool dumping();

/// Prints a stage if it is asked for: to standard error, or into the directory KILN_DUMP_DIR, a file for each kernel,
/// config and stage.
void dump(llvm::StringRef stage, llvm::StringRef text, const Subject &subject);

} // namespace kiln::jit
