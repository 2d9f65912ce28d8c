//===- Interpreter.h - The reference interpreter of tile programs -*- C++ -*-===//
//
// Runs a kernel straight from its IR, one program after another, as docs/semantics.md says. It is the executor the
// others are compared with: simple enough to be believed, fast enough for small launches.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_INTERPRETER_INTERPRETER_H
#define KILN_INTERPRETER_INTERPRETER_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <array>
#include <cstdint>

namespace kiln::interp {

struct Options {
  /// Whether an access of `bytes` bytes at `address`, a "load", "store" or "atomic", is allowed. Asked before each
  /// access, once for each lane whose mask is true. Without it every access is carried out.
  llvm::function_ref<bool(const void *address, size_t bytes, llvm::StringRef access)> allowAccess = nullptr;
  /// Calls the device function `symbol` for each of `count` elements: reads arguments[i][e] and writes results[i][e],
  /// in the size of the element type, an i1 as a byte. Returns whether it knows the function.
  llvm::function_ref<bool(llvm::StringRef symbol, size_t count, const void *const *arguments, void *const *results)>
      callFunction = nullptr;
  /// Receives what tile.print prints; without it nothing is printed.
  llvm::raw_ostream *printStream = nullptr;
  /// Evaluate tile.assert, and in it the promises of tile.assume and of `tile.divisibility`.
  bool asserts = true;
};

/// Runs the kernel named `kernel` of `module` for every point of `grid`, axis 0 fastest. `args[i]` points at the value
/// of parameter i, for a pointer at the address. The first error ends the run; its text begins with the place in the
/// source ("file:line:column: error: ...") and names the program. Errors are: no such kernel, a wrong number of
/// arguments, an operation that the interpreter does not know, an access that `allowAccess` refuses or that is
/// misaligned, an assertion or promise that fails, an unguarded integer division that has no result, and an induction
/// variable that overflows.
llvm::Error interpret(mlir::ModuleOp module, llvm::StringRef kernel, llvm::ArrayRef<const void *> args,
                      std::array<uint32_t, 3> grid, const Options &options = {});

} // namespace kiln::interp

#endif // KILN_INTERPRETER_INTERPRETER_H
