//===- CompilerSupport.h - What the compilers of all targets share -*- C++ -*-===//

#ifndef KILN_LIB_TARGET_COMPILERSUPPORT_H
#define KILN_LIB_TARGET_COMPILERSUPPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Error.h"
#include <string>

namespace kiln {

/// Keeps the text of the first error while diagnostics still reach whoever else listens.
class FirstError {
public:
  explicit FirstError(mlir::MLIRContext *context)
      : handler(context, [this](mlir::Diagnostic &diagnostic) {
          if (text.empty() && diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
            text = diagnostic.str();
          return llvm::failure();
        }) {}
  llvm::Error error(llvm::StringRef fallback) const {
    return llvm::createStringError(text.empty() ? fallback.str() : text);
  }

private:
  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

/// The text of a module, for a dump.
inline std::string printed(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  return text;
}

} // namespace kiln

#endif // KILN_LIB_TARGET_COMPILERSUPPORT_H
