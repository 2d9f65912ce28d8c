// What users do wrong, and what they are told: one table for the test and for docs/reference/errors.md.
#pragma once

#include "kiln/kiln.h"

#include <string>
#include <vector>

namespace kiln_test {

/// The process in which a mistake is made. Each but `plain` is one of its own.
enum class World {
  plain,   ///< no CUDA driver
  own,     ///< as plain, for what changes the environment
  devices, ///< a driver that runs nothing and has two devices
  gpu,     ///< the machine's own driver and GPU; skipped where there is none
  nvrtc,   ///< as own; skipped where there is no NVRTC
};

struct Mistake {
  const char *title;
  const char *type; ///< of the exception; "" where the process goes on without one
  /// Parts of the message: what is wrong, and what to do about it. Where the rule that was broken says the latter, it
  /// is that.
  std::string what, remedy;
  const char *code; ///< what the user wrote
  void (*make)();
  /// The place in the user's source, which begins the message; line 0 where the mistake has none.
  int line = 0;
  const char *file = nullptr;
  World world = World::plain;
  /// The message depends on the machine, so the docs show the two parts alone.
  bool varies = false;

  Mistake in(World where) && {
    world = where;
    return *this;
  }
  Mistake that_varies() && {
    varies = true;
    return *this;
  }
};

struct Group {
  const char *title;
  const char *introduction;
  std::vector<Mistake> mistakes;
};

Group shape_mistakes();
Group type_mistakes();
Group memory_mistakes();
Group control_mistakes();
Group config_mistakes();
Group compile_mistakes();
Group launch_mistakes();
Group run_mistakes();
Group device_mistakes();
Group machine_mistakes();
Group device_function_mistakes();
Group pack_mistakes();
Group tensor_mistakes();

struct Config {};

/// Statements in a kernel with these parameters, which are in brackets. The kernel is traced. The lines of a macro's
/// arguments have one number, so the place is known.
#define IN_KERNEL(parameters, ...)                                                                                     \
  "void kernel" #parameters " { " #__VA_ARGS__ " }",                                                                   \
      [] { ::kiln::Kernel{"kernel", [] parameters { __VA_ARGS__ }}.trace({}); }, __LINE__, __FILE__

/// Statements on the host.
#define ON_HOST(...) #__VA_ARGS__, [] { __VA_ARGS__ }

/// Statements on the host, of a fault that is in the source of a kernel, at a line of this file.
#define OF_LINE(number, ...) #__VA_ARGS__, [] { __VA_ARGS__ }, number, __FILE__

} // namespace kiln_test
