#include "jit/diagnostics.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace kiln;
using namespace kiln::jit;

namespace {

/// The first place in a file that a location leads to; null where it leads to none.
mlir::FileLineColLoc file_location(mlir::Location location) {
  mlir::FileLineColLoc found;
  location->walk([&](mlir::Location inner) {
    if (auto file = llvm::dyn_cast<mlir::FileLineColLoc>(inner)) {
      found = file;
      return mlir::WalkResult::interrupt();
    }
    return mlir::WalkResult::advance();
  });
  return found;
}

void append(std::string &text, const mlir::Diagnostic &diagnostic, const char *severity) {
  if (!text.empty())
    text += '\n';
  if (mlir::FileLineColLoc at = file_location(diagnostic.getLocation()))
    text += at.getFilename().str() + ":" + std::to_string(at.getLine()) + ":" + std::to_string(at.getColumn()) + ": ";
  text += severity;
  text += ": " + diagnostic.str();
}

/// Writes the IR to a file of its own in the directory for temporary files. Returns its path, or nothing: a failure to
/// write must not hide the error that is being reported.
std::string write_file(const std::string &kernel, const std::string &ir) {
  std::string prefix = "kiln-";
  for (char c : kernel)
    prefix += llvm::isAlnum(c) || c == '_' ? c : '_';
  int descriptor = -1;
  llvm::SmallString<128> path;
  if (ir.empty() || llvm::sys::fs::createTemporaryFile(prefix, "mlir", descriptor, path))
    return {};
  llvm::raw_fd_ostream file(descriptor, /*shouldClose=*/true);
  file << ir;
  file.close();
  if (!file.has_error())
    return std::string(path);
  file.clear_error();
  return {};
}

} // namespace

std::string Subject::note(const char *activity) const {
  return std::string("note: while ") + activity + " '" + kernel + "' with " + config;
}

CapturedDiagnostics::CapturedDiagnostics(mlir::MLIRContext *context)
    : handler_(context, [this](mlir::Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error) {
          append(text_, diagnostic, "error");
          for (const mlir::Diagnostic &note : diagnostic.getNotes())
            append(text_, note, "note");
        }
        return mlir::success();
      }) {}

void jit::throw_compile_error(const CapturedDiagnostics &captured, const std::string &fallback,
                              const Reproducer &reproducer, const Subject &subject) {
  std::string message = captured.text().empty() ? "error: " + fallback : captured.text();
  if (std::string path = write_file(subject.kernel, reproducer.ir); !path.empty())
    message += "\nnote: reproduce with: kiln-opt " + reproducer.arguments + " " + path;
  throw CompileError(message + "\n" + subject.note("compiling"));
}
