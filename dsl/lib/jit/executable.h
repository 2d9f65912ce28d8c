// A compiled kernel, whatever runs it.
#pragma once

#include "trace.h"

#include <array>
#include <cstddef>
#include <memory>
#include <string>

namespace kiln::jit {

/// What a compile depends on besides the kernel and its config. Part of the key of the cache.
struct CompileOptions {
  bool checks = false;
  bool asserts = false;

  /// The current ones: debug::checks() and debug::asserts().
  static CompileOptions current();
  friend bool operator==(const CompileOptions &, const CompileOptions &) = default;
};

/// The kernel and config that an error speaks of.
struct Subject {
  std::string kernel;
  std::string config;

  /// "note: while tracing 'name' with {...}"
  std::string note(const char *activity) const;
};

class Executable {
public:
  virtual ~Executable() = default;

  /// Runs the grid and returns when it has ended. args[i] points at the value of parameter i. Safe to call from several
  /// threads.
  virtual void launch(std::array<unsigned, 3> grid, const void *const *args) const = 0;
  /// Workspace of one worker, in bytes.
  virtual std::size_t scratch_bytes() const { return 0; }
  /// What the kernel was compiled for.
  virtual std::string target() const = 0;
};

/// Compiles for this machine's processor. Throws CompileError.
std::unique_ptr<Executable> make_cpu_executable(detail::TracedKernel traced, const Subject &subject,
                                                CompileOptions options);
/// Keeps the IR, to be interpreted at each launch.
std::unique_ptr<Executable> make_interpreter_executable(detail::TracedKernel traced, const Subject &subject,
                                                        CompileOptions options);

} // namespace kiln::jit
