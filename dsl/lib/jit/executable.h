// A compiled kernel, whatever runs it.
#pragma once

#include "jit/facts.h"
#include "trace.h"

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace kiln::jit {

/// What a compile depends on besides the kernel and its config. Part of the key of the cache.
struct CompileOptions {
  bool checks = false;
  bool asserts = false;
  bool line_info = false; // of GPU code only

  /// The current ones: debug::checks(), debug::asserts() and debug::line_info().
  static CompileOptions current(Device::Kind kind);
  friend bool operator==(const CompileOptions &, const CompileOptions &) = default;
};

/// The kernel and config that an error speaks of.
struct Subject {
  std::string kernel;
  std::string config;
  std::string arch = {}; // "sm_90a"; empty for the CPU and the interpreter
  Variant variant = Variant::specialised;
  bool emulated = false; // the GPU

  /// "note: while compiling 'name' with {...}"
  std::string note(const char *activity) const;
};

class Executable {
public:
  virtual ~Executable() = default;

  /// Runs the grid and returns when it has ended; on a GPU, enqueues it in `stream`, as LaunchOptions::programmatic
  /// says. args[i] points at the value of parameter i. Safe to call from several threads.
  virtual void launch(std::array<unsigned, 3> grid, const void *const *args, void *stream, bool programmatic) const = 0;
  /// What is known of the code; the times of tracing and compiling are filled in by others.
  virtual CompileReport report() const = 0;
};

/// Compiles for this machine's processor. Throws CompileError.
std::unique_ptr<Executable> make_cpu_executable(detail::TracedKernel traced, const Subject &subject,
                                                CompileOptions options);
/// Keeps the IR, to be interpreted at each launch.
std::unique_ptr<Executable> make_interpreter_executable(detail::TracedKernel traced, const Subject &subject,
                                                        CompileOptions options);

/// Compiles for an emulated GPU of `subject.arch`. Throws CompileError.
std::unique_ptr<Executable> make_emulated_executable(detail::TracedKernel traced, const Subject &subject,
                                                     CompileOptions options);

/// The text of one stage of compiling for this machine's processor. Throws CompileError, and InvalidArgument where
/// there is no such stage.
std::string cpu_stage(detail::TracedKernel traced, const Subject &subject, CompileOptions options,
                      std::string_view stage);
/// The same for an emulated GPU of `subject.arch`.
std::string emulated_stage(detail::TracedKernel traced, const Subject &subject, CompileOptions options, double trace_ms,
                           std::string_view stage);

} // namespace kiln::jit
