#pragma once

#include "kiln/export.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

/// Running compiled kernels on the CPU: the grid is spread over a pool of threads that lives as long as the process.
namespace kiln::runtime {

/// The place of one program in its grid. Compiled code reads this layout.
struct ProgramInfo {
  std::int32_t id[3];
  std::int32_t num[3];
};
static_assert(sizeof(ProgramInfo) == 24);

/// What a compiled kernel is: runs one program. `args[i]` points at the value of parameter i; `scratch` is 64-byte
/// aligned and this thread's own; `context` is handed on to the callbacks below. Returns 0, or a trap code after which
/// the launch is abandoned.
using CpuEntry = std::int32_t (*)(const void *const *args, const ProgramInfo *program, void *scratch, void *context);

/// A kernel that is ready to run.
struct CpuKernel {
  std::string name;
  CpuEntry entry = nullptr;
  std::size_t scratch_bytes = 0;
  /// The code calls cpu_check: a launch takes note of the registered buffers.
  bool checked = false;
  /// Appended to the message of a trap: "note: while running 'name' with {...}".
  std::string note = {};
  /// How long a program took in the last launch, in nanoseconds; 0 is unknown. A hint for whether waking threads is
  /// worth it.
  mutable std::atomic<float> program_ns{0};
};

/// Runs every program of the grid and returns when all have finished. Several threads may launch at the same time; the
/// calling thread works too. A launch from inside a program runs on that program's thread alone.
/// \throws LaunchError for a grid with a zero or too large dimension, TrapError when a program trapped (the first one
/// to do so), std::bad_alloc when there is no memory for scratch.
KILN_API void launch_cpu(const CpuKernel &kernel, std::array<unsigned, 3> grid, const void *const *args);

/// \throws LaunchError when a dimension is zero or beyond what every target takes: 2^31 - 1 in x, 65535 in y and z.
KILN_API void check_grid(const std::string &kernel, std::array<unsigned, 3> grid);

/// The number of threads that can work on a launch, the caller's included: KILN_NUM_THREADS, or else the processors
/// this process may use.
/// \throws InvalidArgument when KILN_NUM_THREADS is not a number from 1 to 1024.
KILN_API unsigned cpu_threads();

// Callbacks of compiled code, which knows them as kiln_cpu_check, kiln_cpu_assert_failed and kiln_cpu_print. They never
// throw; a result other than 0 is a trap code for the entry to return.

/// Compares an access, a "load", "store" or "atomic", with the registered buffers. `where` is "file:line:column".
KILN_API std::int32_t cpu_check(void *context, const ProgramInfo *program, const void *address, std::int64_t bytes,
                                const char *access, const char *where);
/// The condition is false at `element`, in row-major order, of a tile of `extents`, "4x8"; empty of a scalar.
KILN_API std::int32_t cpu_assert_failed(void *context, const ProgramInfo *program, const char *message,
                                        const char *where, std::int64_t element, const char *extents);
/// Prints "kernel(x, y, z) prefix [type] values". `kind`: 0 values are int64_t, 1 double with the digits of float,
/// 2 addresses as int64_t, 3 double. `type` is text, as "tensor<4xf32>". Without values only the prefix is printed.
KILN_API void cpu_print(void *context, const ProgramInfo *program, const char *prefix, std::int32_t kind,
                        const void *values, std::int64_t count, const char *type);

} // namespace kiln::runtime
