//===- NativeCode.h - LLVM IR to code in this process -----------*- C++ -*-===//

#ifndef KILN_LIB_TARGET_CPU_NATIVECODE_H
#define KILN_LIB_TARGET_CPU_NATIVECODE_H

#include "kiln/Target/CPU/CPUTarget.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

namespace kiln::cpu {

/// The processor of this machine.
struct Host {
  std::string cpu, features;
  int64_t vectorBits; // of the widest registers worth using
};

const Host &host();

/// Optimises `module` for the host and loads it. `symbols` are what it may call besides the C library's mathematical
/// functions. `dump` gets the stages "llvmir" and "asm" where set.
llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>> loadNativeCode(std::unique_ptr<llvm::Module> module,
                                                                 std::unique_ptr<llvm::LLVMContext> context,
                                                                 const Options &options);

} // namespace kiln::cpu

#endif // KILN_LIB_TARGET_CPU_NATIVECODE_H
