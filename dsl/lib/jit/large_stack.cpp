#include "jit/large_stack.h"

#include <exception>
#include <pthread.h>

namespace {

// Only what is used of it takes memory.
constexpr std::size_t stack_bytes = std::size_t(256) << 20;

struct Call {
  llvm::function_ref<void()> body;
  std::exception_ptr error = nullptr;
};

void *run(void *call) {
  auto &[body, error] = *static_cast<Call *>(call);
  try {
    body();
  } catch (...) {
    error = std::current_exception();
  }
  return nullptr;
}

} // namespace

void kiln::jit::run_on_large_stack(llvm::function_ref<void()> body) {
  Call call{body};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_t thread;
  const bool started =
      pthread_attr_setstacksize(&attributes, stack_bytes) == 0 && pthread_create(&thread, &attributes, run, &call) == 0;
  pthread_attr_destroy(&attributes);
  if (!started)
    return body();
  pthread_join(thread, nullptr);
  if (call.error)
    std::rethrow_exception(call.error);
}
