//===- NativeCode.h - LLVM IR to code in this process -----------*- C++ -*-===//

#ifndef KILN_LIB_TARGET_NATIVE_NATIVECODE_H
#define KILN_LIB_TARGET_NATIVE_NATIVECODE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include <optional>
#include <utility>

namespace kiln::native {

/// The processor of this machine.
struct Host {
  std::string cpu, features;
  int64_t vectorBits; // of the widest registers worth using
};

const Host &host();

/// What to spend on code. Full optimises. Quick does not, for code that spends its time in what it calls: it is
/// compiled in a quarter of the time.
enum class Effort : uint8_t { Full, Quick };

struct NativeOptions {
  /// What the code may call besides the C library's mathematical functions.
  llvm::ArrayRef<std::pair<llvm::StringRef, void *>> symbols;
  Effort effort = Effort::Full;
  /// The most stack that one function may take, in bytes.
  std::optional<unsigned> maxFrameBytes;
  /// Gets the stages "llvmir" and "asm" where set.
  llvm::function_ref<void(llvm::StringRef stage, llvm::StringRef text)> dump = nullptr;
};

struct NativeCode {
  std::unique_ptr<llvm::orc::LLJIT> jit; ///< owns the code
  llvm::orc::ExecutorAddr entry;
};

/// Optimises `module` for the host and loads it; `entry` is the function that is looked for.
llvm::Expected<NativeCode> loadNativeCode(std::unique_ptr<llvm::Module> module,
                                          std::unique_ptr<llvm::LLVMContext> context, llvm::StringRef entry,
                                          const NativeOptions &options);

} // namespace kiln::native

#endif // KILN_LIB_TARGET_NATIVE_NATIVECODE_H
