// The stages of a compile that can be looked at.
#pragma once

#include "kiln/error.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace kiln::jit {

/// What a compile gives its stages to.
using Dump = llvm::function_ref<void(llvm::StringRef stage, llvm::StringRef text)>;

/// Keeps the text of one stage: to be passed as a Dump.
class KeptStage {
public:
  /// Throws InvalidArgument where `wanted` is none of `stages`; the message names those, and the target.
  KeptStage(llvm::StringRef wanted, llvm::ArrayRef<llvm::StringLiteral> stages, const std::string &target)
      : wanted_(wanted) {
    if (!llvm::is_contained(stages, wanted))
      throw InvalidArgument("error: there is no stage '" + wanted.str() + "' of " + target +
                            "; there are: " + llvm::join(stages, ", "));
  }

  void operator()(llvm::StringRef stage, llvm::StringRef contents) {
    if (stage == wanted_)
      text = contents.str();
  }

  std::optional<std::string> text; ///< nothing before the stage was reached

private:
  llvm::StringRef wanted_;
};

} // namespace kiln::jit
