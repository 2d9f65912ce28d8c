// System calls of libkiln_runtime.so that fail, or at which the process is killed, as a test says. What other libraries
// call is left alone. For programs in which the runtime is a shared library.
#pragma once

#include <cerrno>
#include <cstddef>
#include <functional>
#include <string_view>

namespace kiln::runtime::test {

/// Why a call fails that ought not to: full and broken disks, quotas, rights, servers that went away, limits of the
/// process, signals, kernels that lack the call.
inline constexpr int errors[] = {ENOSPC, EIO,    EACCES, EINTR,  ENOENT, ENOSYS,
                                 EROFS,  EDQUOT, EMFILE, ENOMEM, ESTALE, ELOOP};

/// What happens to a thread's system calls.
struct Plan {
  bool armed = false;
  int calls = 0;                  ///< so far
  int at = 0;                     ///< the call that fails, from 1
  int error = 0;                  ///< how; 0: the process is killed instead
  bool from_then_on = false;      ///< and all after it
  std::string_view struck = {};   ///< the name of the first call that failed
  std::size_t chunk = 0;          ///< the most that a read or write takes, where not 0
  std::ptrdiff_t written = 0;     ///< so far
  std::ptrdiff_t kill_after = -1; ///< bytes written, where not negative
  std::string_view before = {};   ///< the call before which, the first time, this happens:
  std::function<void()> meanwhile = {};
};

extern thread_local Plan plan;

/// Of this process.
std::size_t count_open_files();

} // namespace kiln::runtime::test
