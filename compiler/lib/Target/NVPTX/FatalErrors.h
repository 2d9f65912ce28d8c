//===- FatalErrors.h - LLVM's fatal errors as errors ------------*- C++ -*-===//

#ifndef KILN_LIB_TARGET_NVPTX_FATALERRORS_H
#define KILN_LIB_TARGET_NVPTX_FATALERRORS_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include <optional>
#include <string>

namespace kiln::gpu {

/// Runs `body`. Where LLVM reports a fatal error meanwhile, which would end the process, its text is returned and the
/// rest of `body` does not happen: what it holds on its stack is not destroyed, so it should hold as little as
/// possible.
std::optional<std::string> catchFatalErrors(llvm::function_ref<void()> body);

} // namespace kiln::gpu

#endif // KILN_LIB_TARGET_NVPTX_FATALERRORS_H
