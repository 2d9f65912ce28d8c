//===- FatalErrors.cpp - LLVM's fatal errors as errors --------------------===//

#include "FatalErrors.h"

#include "llvm/Support/ErrorHandling.h"
#include <csetjmp>
#include <mutex>

namespace {

struct Guard {
  std::jmp_buf resume;
  std::string text;
};
thread_local Guard *guard = nullptr;

/// LLVM ends the process when this returns, as it does without a handler.
void handle(void *, const char *reason, bool) {
  if (!guard) {
    std::fprintf(stderr, "LLVM ERROR: %s\n", reason);
    return;
  }
  guard->text = reason;
  std::longjmp(guard->resume, 1);
}

} // namespace

std::optional<std::string> kiln::gpu::catchFatalErrors(llvm::function_ref<void()> body) {
  static std::once_flag once;
  std::call_once(once, [] { llvm::install_fatal_error_handler(handle); });
  Guard current;
  guard = &current;
  // LLVM's own crash recovery does the same, but takes over the signal handlers of the process, too.
  if (setjmp(current.resume)) {
    guard = nullptr;
    return current.text;
  }
  body();
  guard = nullptr;
  return std::nullopt;
}
