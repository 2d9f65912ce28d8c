// The kernels of the library, and others of all that moves data between threads, each with a small problem.
#pragma once

#include "subject.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kiln::test {

struct Case {
  std::string name;
  /// The kernel, with the memory of its problem. One at a time: a launch must write all outputs that there are.
  std::function<std::shared_ptr<Subject>()> make;
};

/// Of the library: every family, several warps, sizes that fill no block.
std::vector<Case> library_cases();

/// One operation each: transposition, reduction, scan, dots, atomics.
std::vector<Case> exchange_cases();

} // namespace kiln::test
