// Under which key a compiled kernel is kept on disk.
#pragma once

#include "jit/executable.h"

#include "kiln/runtime/disk_cache.h"

#include "llvm/ADT/StringRef.h"

#include <string>
#include <utility>
#include <vector>

namespace kiln::jit {

/// A digest of parts, each with a name. The order of the parts counts; where one ends and the next begins cannot be
/// mistaken.
class KeyBuilder {
public:
  void add(llvm::StringRef name, llvm::StringRef part);
  runtime::CacheKey finish() const;

private:
  std::string text_; // name and part, each after its length
};

/// What the code of a traced kernel depends on: its IR, the architecture, the options, and everything that turns one
/// into the other. Locations count where they reach the code. `nvrtc` is what compiles CUDA C++, if there is any.
runtime::CacheKey disk_key(mlir::ModuleOp module, llvm::StringRef arch, CompileOptions options,
                           llvm::StringRef assembler, llvm::StringRef nvrtc = {});

/// What tells this build of Kiln from any other, in hexadecimal: the build id that the linker gave to the library or
/// program which this code is in, or a digest of its file where it has none.
const std::string &build_id();

} // namespace kiln::jit
