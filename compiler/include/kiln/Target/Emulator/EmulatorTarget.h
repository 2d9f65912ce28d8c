//===- EmulatorTarget.h - GPU code for the processor of this machine -*- C++ -*-===//
//
// Lowers a kernel for a GPU down to the LLVM dialect, as NVPTX would get it, but with a call for each machine
// operation; compiles the rest for the host, and returns a function that runs one thread. Who runs the threads, and
// what the operations do, is the runtime's business.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_TARGET_EMULATOR_EMULATORTARGET_H
#define KILN_TARGET_EMULATOR_EMULATORTARGET_H

#include "kiln/Target/NVPTX/GPUCompiler.h"
#include "kiln/Target/NVPTX/GPUTarget.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kiln::emulator {

/// One tile_gpu.machine operation of the code; its index is what the code hands to `execute`.
struct Site {
  std::string operation; ///< the row's name
  std::string place;     ///< "file:line:column" of the source, or empty
  std::string text;      ///< the format of vprintf, the message of __assertfail, the name of an exchange
  std::string types;     ///< of operands whose number is free: 'i' for i32, 'l' for i64, 'd' for f64
};

/// Operations of a thread other than machine operations.
enum class OperationClass : uint8_t { Integer, Floating, Conversion, Control };

/// How many of a class stand for one place of the source in one block of the code.
struct Count {
  std::string place;
  OperationClass kind;
  uint32_t count;
};

/// Runs one thread. `args[i]` points at the value of parameter i. `thread` is handed to `execute`; it begins with the
/// address of an array of one uint64_t counter for each block, which the code raises when it enters the block.
using Entry = void (*)(void *thread, const void *const *args);

/// What the code calls for a machine operation. Operands and results are bits, one by word, zero above.
using Execute = void (*)(void *thread, uint32_t site, const uint64_t *operands, uint64_t *results);

struct Options {
  /// Evaluate tile.assert, and in it the promises of tile.assume.
  bool asserts = false;
  Execute execute = nullptr;
  /// The host implementations of device functions (DeviceFunctions.h).
  llvm::ArrayRef<std::pair<llvm::StringRef, void *>> symbols = {};
  /// Called with the name of each stage ("tile", "tile_gpu", "threads", "llvm", "llvmir", "asm") and its text, if set.
  llvm::function_ref<void(llvm::StringRef stage, llvm::StringRef text)> dump = nullptr;
};

/// Native code in this process; lives as long as this object.
class CompiledKernel {
public:
  virtual ~CompiledKernel() = default;
  virtual Entry entry() const = 0;

  std::vector<Site> sites;
  std::vector<std::vector<Count>> blocks;
  /// As compiled for a GPU; without PTX.
  gpu::CompiledKernel description;
};

/// Compiles the only kernel of `module`, which is lowered in place. The module may hold a tile program, or the code of
/// one thread already. Errors are diagnostics on the module's context as well; the returned one repeats the first.
llvm::Expected<std::unique_ptr<CompiledKernel>> compile(mlir::ModuleOp module, const gpu::GPUTarget &target,
                                                        const Options &options);

/// The arguments with which kiln-opt runs the passes that compile() runs: "--tile-to-emulator=...".
std::string pipelineArguments(const gpu::GPUTarget &target, const Options &options);

} // namespace kiln::emulator

#endif // KILN_TARGET_EMULATOR_EMULATORTARGET_H
