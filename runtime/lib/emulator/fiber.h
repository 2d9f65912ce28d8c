// Threads of a program as fibers of one host thread.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace kiln::runtime::emulator {

/// Memory for a fiber's stack, with a page at its end that no code may touch.
class FiberStack {
public:
  /// Kernels with larger frames than half of it are refused when they are compiled.
  static constexpr std::size_t bytes = 256 * 1024;

  /// \throws std::bad_alloc
  FiberStack();
  ~FiberStack();
  FiberStack(const FiberStack &) = delete;
  FiberStack &operator=(const FiberStack &) = delete;

  /// The end with the highest address, where a stack begins.
  void *top() const;
  void *bottom() const;

private:
  void *mapping_;
};

/// One flow of control. The host thread that resumes it is its scheduler until it suspends or ends. A fiber may be
/// abandoned where it is suspended: nothing of it is destroyed.
class Fiber {
public:
  using Function = void (*)(void *argument);

  /// The next resume() calls function(argument) on that stack, which is this fiber's alone until it ends or is
  /// abandoned. The function must not throw.
  void start(FiberStack &stack, Function function, void *argument);
  /// Called by the scheduler: goes on with the fiber and returns when it suspends or ends.
  void resume();
  /// Called by the fiber: goes back to the scheduler.
  void suspend();
  bool ended() const { return ended_; }

private:
  FiberStack *stack_ = nullptr;
  Function function_ = nullptr;
  void *argument_ = nullptr;
  void *context_ = nullptr;                     // where to go on, while it is suspended
  void *scheduler_ = nullptr;                   // where the scheduler goes on, while it runs
  [[maybe_unused]] void *fake_stack_ = nullptr; // of AddressSanitizer
  [[maybe_unused]] const void *scheduler_bottom_ = nullptr;
  [[maybe_unused]] std::size_t scheduler_bytes_ = 0;
  bool ended_ = true;

  friend struct FiberSwitch;
};

/// The stacks of one program, made when they are first wanted and kept for later programs. A thread may run a program
/// while it runs another: what a kernel calls on the host may launch a kernel.
class FiberStacks {
public:
  FiberStacks();
  ~FiberStacks();
  FiberStacks(const FiberStacks &) = delete;
  FiberStacks &operator=(const FiberStacks &) = delete;

  FiberStack &operator[](std::size_t index);

private:
  std::vector<std::unique_ptr<FiberStack>> stacks_;
};

} // namespace kiln::runtime::emulator
