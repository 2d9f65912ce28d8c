// From MLIR's diagnostics to the text of an exception.
#pragma once

#include "jit/executable.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"

#include <string>

namespace kiln::jit {

/// Collects the errors that MLIR reports in a context, with their notes, for as long as it lives. Warnings and remarks
/// are dropped.
class CapturedDiagnostics {
public:
  explicit CapturedDiagnostics(mlir::MLIRContext *context);

  /// "file:line:column: error: message", one diagnostic a line, the first error first; empty when there was none.
  const std::string &text() const { return text_; }

private:
  std::string text_;
  mlir::ScopedDiagnosticHandler handler_;
};

/// The command `kiln-opt <arguments> <file>`, and what to put into the file, that repeat a failure.
struct Reproducer {
  std::string arguments;
  std::string ir;
};

/// Throws CompileError: what was captured (or `fallback`, where nothing was), a command to repeat it with, and the
/// kernel and config.
[[noreturn]] void throw_compile_error(const CapturedDiagnostics &captured, const std::string &fallback,
                                      const Reproducer &reproducer, const Subject &subject);

} // namespace kiln::jit
