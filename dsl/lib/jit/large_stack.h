// Running what may recurse deeply.
#pragma once

#include "llvm/ADT/STLFunctionalExtras.h"

#include <optional>
#include <utility>

namespace kiln::jit {

void run_on_large_stack(llvm::function_ref<void()> body);

/// Calls `body` in a thread with a stack of 256 MB, waits for it, and returns what it returns or throws. LLVM and MLIR
/// recurse over chains of operations, and a kernel whose C++ loops record thousands of them would go past the end of a
/// usual stack; callers may also have a small one. Where the system gives no such thread, `body` runs in this one.
template <class Body>
auto on_large_stack(Body &&body) {
  std::optional<decltype(body())> result;
  run_on_large_stack([&] { result.emplace(std::forward<Body>(body)()); });
  return std::move(*result);
}

} // namespace kiln::jit
