//===- CPUTarget.h - Tile programs as native code ---------------*- C++ -*-===//
//
// Lowers a kernel for the processor of this machine, compiles it in the process, and returns a function that runs one
// program of the grid. Who calls it for which programs, on which threads, is the runtime's business.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_TARGET_CPU_CPUTARGET_H
#define KILN_TARGET_CPU_CPUTARGET_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>
#include <utility>

namespace kiln::cpu {

/// Which program of which grid. Generated code reads this layout; the runtime declares the same one.
struct ProgramInfo {
  int32_t id[3];
  int32_t num[3];
};
static_assert(sizeof(ProgramInfo) == 24);

/// Runs one program. `args[i]` points at the value of parameter i; a pointer parameter's slot holds the address.
/// `scratch` is 64-byte aligned, CompiledKernel::scratchBytes() long and used by one program at a time. `context` is
/// handed to the callbacks. Returns 0, or the trap code of the callback that stopped the program.
using Entry = int32_t (*)(const void *const *args, const ProgramInfo *info, void *scratch, void *context);

/// A function that generated code calls: kiln_cpu_check, kiln_cpu_assert_failed or kiln_cpu_print.
using Symbol = std::pair<llvm::StringRef, void *>;

struct Options {
  /// Ask kiln_cpu_check before every access, and take no shortcut through memory: lanes are accessed one by one.
  bool checkBounds = false;
  /// Evaluate tile.assert, and in it the promises of tile.assume.
  bool asserts = false;
  /// The callbacks; those that the kernel does not need may be missing.
  llvm::ArrayRef<Symbol> symbols;
  /// Called with the name of each stage ("tile", "loops", "llvm", "llvmir", "asm") and its text, if set.
  llvm::function_ref<void(llvm::StringRef stage, llvm::StringRef text)> dump = nullptr;
};

/// Native code in this process; lives as long as this object.
class CompiledKernel {
public:
  virtual ~CompiledKernel() = default;
  virtual Entry entry() const = 0;
  virtual size_t scratchBytes() const = 0;
};

/// Compiles the only kernel of `module`, which is lowered in place. Errors are diagnostics on the module's context as
/// well; the returned one repeats the first.
llvm::Expected<std::unique_ptr<CompiledKernel>> compile(mlir::ModuleOp module, const Options &options);

/// The arguments with which kiln-opt runs the passes that compile() runs: "--tile-to-cpu=...".
std::string pipelineArguments(const Options &options);

/// The processor that compile() generates for, with its vector extensions: "znver3+avx2+...". Part of any key under
/// which compiled code is kept.
std::string hostDescription();

} // namespace kiln::cpu

#endif // KILN_TARGET_CPU_CPUTARGET_H
