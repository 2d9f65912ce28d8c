#pragma once

#include "kiln/export.h"

#include <exception>

/// What a program's calls into the user's code on the host throw. Generated code cannot be unwound through, so the
/// exception is caught in front of it, kept by the launch, and thrown to the launch's caller when no program runs any
/// more.
namespace kiln::runtime {

/// A launch that can be told to fail.
class HostFailure {
public:
  /// Keeps the launch's first failure, and lets no further program begin.
  virtual void fail(std::exception_ptr error) noexcept = 0;
  virtual bool failed() const noexcept = 0;

protected:
  ~HostFailure() = default;
};

/// The launch whose program this thread runs; null outside of one.
KILN_API HostFailure *current_launch() noexcept;
/// Returns what it was before.
KILN_API HostFailure *set_current_launch(HostFailure *launch) noexcept;

} // namespace kiln::runtime
