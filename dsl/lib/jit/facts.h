// What launches are tested for before they get the specialised variant of a kernel.
//
// A kernel declares facts about its parameters: a stride is a multiple of 8, a pointer is aligned. Code that may rely
// on them is better, so each config has up to two variants: the specialised one, for launches of which all facts hold,
// and the generic one, which relies on none, for all others. The facts form one predicate; there is no third variant,
// and a launch of which they do not hold is no error.
#pragma once

#include "kiln/runtime/facts.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>

namespace kiln::jit {

enum class Variant : std::uint8_t { specialised, generic };

using runtime::Fact;
using runtime::Facts;

/// The facts that the traced kernel of `module` declares. Pointers count as declared to be `pointer_alignment` bytes
/// aligned, and are marked so, unless it is 1.
Facts specialise(mlir::ModuleOp module, std::int64_t pointer_alignment);

/// Removes the declared facts from the kernel of `module`.
void generalise(mlir::ModuleOp module);

} // namespace kiln::jit
