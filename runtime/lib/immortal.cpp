// Static objects that outlive the program.
//
// At the end of a process static objects are destroyed in the reverse order of their construction, and those of the
// main thread before them. The program may still be compiling and launching then: in a thread that nobody has joined,
// or in the destructor of a static object that is older than what LLVM, MLIR and Kiln made when they were first used.
// So theirs are not destroyed: the linker leads here what registers destructors (--wrap), std::atexit() among it. The
// system takes the memory.
#include <unistd.h>

extern "C" {

using Destroy = void (*)(void *);

// Defined by the linker.
int __real___cxa_thread_atexit(Destroy, void *, void *); // NOLINT(bugprone-reserved-identifier)

[[gnu::visibility("hidden")]] int __wrap___cxa_atexit(Destroy, void *, void *) { return 0; }

/// Other threads end before the process does, and there may be many.
[[gnu::visibility("hidden")]] int __wrap___cxa_thread_atexit(Destroy destroy, void *object, void *library) {
  return gettid() == getpid() ? 0 : __real___cxa_thread_atexit(destroy, object, library);
}
}
