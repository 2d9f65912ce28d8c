// What launches are tested for before they get the specialised variant of a kernel.
//
// A kernel declares facts about its parameters: a stride is a multiple of 8, a pointer is aligned. Code that may rely
// on them is better, so each config has up to two variants: the specialised one, for launches of which all facts hold,
// and the generic one, which relies on none, for all others. The facts form one predicate; there is no third variant,
// and a launch of which they do not hold is no error.
#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kiln::jit {

enum class Variant : std::uint8_t { specialised, generic };

/// Parameter `param`, a pointer or integer of `bytes` bytes, is a multiple of `divisor`.
struct Fact {
  std::uint16_t param;
  std::uint8_t bytes;
  std::int64_t divisor;
};

/// The facts of one config.
class Facts {
public:
  Facts() = default;

  /// Whether all of them hold for these arguments. args[i] points at the value of parameter i.
  bool hold(const void *const *args) const {
    for (const Fact &fact : facts_)
      if (!holds(fact, args[fact.param]))
        return false;
    return true;
  }
  bool empty() const { return facts_.empty(); }
  std::size_t size() const { return facts_.size(); }

private:
  friend Facts specialise(mlir::ModuleOp module, std::int64_t pointer_alignment);

  static bool holds(const Fact &fact, const void *value);

  std::vector<Fact> facts_;
};

/// The facts that the traced kernel of `module` declares. Pointers count as declared to be `pointer_alignment` bytes
/// aligned, and are marked so, unless it is 1.
Facts specialise(mlir::ModuleOp module, std::int64_t pointer_alignment);

/// Removes the declared facts from the kernel of `module`.
void generalise(mlir::ModuleOp module);

} // namespace kiln::jit
