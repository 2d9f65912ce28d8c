#pragma once

#include "kiln/export.h"

#include <cstddef>
#include <string>

/// Checks that are too slow to be always on.
///
/// With checks on, kernels are compiled so that every access of memory is compared with the registered buffers, and
/// every `device_assert` is evaluated. An access that does not lie within one registered buffer stops the launch with a
/// TrapError that names the kernel, the program, the source line and the nearest buffer. (CUDA devices do not compare.)
/// Everywhere, offsets of addresses that wrap in 32 bits stop it too, and what kiln::check_finite and
/// kiln::check_range find. With checks off, compiled kernels carry no trace of them.
namespace kiln::debug {

/// Turns bounds checks (and asserts) on or off for the launches that follow. The default is the environment's:
/// KILN_CHECK=1 is on.
KILN_API void set_checks(bool on);
KILN_API bool checks();

/// Turns `device_assert` on or off for the launches that follow, without bounds checks. The default: KILN_ASSERT=1 is
/// on.
KILN_API void set_asserts(bool on);
/// True when asserts or checks are on.
KILN_API bool asserts();

/// Turns line information in GPU code on or off for the kernels that are compiled from now on, so that profilers and
/// fault reports name lines of the kernel's source. The default: KILN_LINE_INFO=1 is on. The code is the same; it is
/// kept apart from code without.
KILN_API void set_line_info(bool on);
KILN_API bool line_info();

/// Makes `bytes` bytes from `address` known to the checkers, under a name for messages. A buffer of 0 bytes is accepted
/// and forgotten. Within the memory of a DeviceBuffer of an emulated device, which is known already, it takes that
/// buffer's place.
/// \throws InvalidArgument when the address is null, the range wraps, or it overlaps a registered buffer.
KILN_API void register_buffer(const void *address, std::size_t bytes, const char *name);

/// The same of memory that each launch writes, all of it, and does not read before. The emulated launches of this
/// thread fill it with poison before they begin, and fail where a byte of it was not written at the end. Elsewhere it
/// is a buffer like others.
KILN_API void register_output(void *address, std::size_t bytes, const char *name);

/// Forgets the buffer or output that was registered at this address; does nothing where none was. Launches that are
/// running keep what they knew when they began.
KILN_API void unregister_buffer(const void *address);

/// A registration for the life of a scope.
class Buffer {
public:
  Buffer(const void *address, std::size_t bytes, const char *name) : address_(bytes ? address : nullptr) {
    register_buffer(address, bytes, name);
  }
  ~Buffer() {
    if (address_)
      unregister_buffer(address_);
  }
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;

private:
  const void *address_;
};

/// The same of an output.
class Output {
public:
  Output(void *address, std::size_t bytes, const char *name) : address_(bytes ? address : nullptr) {
    register_output(address, bytes, name);
  }
  ~Output() {
    if (address_)
      unregister_buffer(address_);
  }
  Output(const Output &) = delete;
  Output &operator=(const Output &) = delete;

private:
  void *address_;
};

/// Empty when the access lies within one registered buffer (or is of 0 bytes); otherwise a sentence that says what is
/// wrong with it, which it calls `access`: "store of 4 bytes at 0x10, 16 bytes past the end of buffer 'out' (64
/// bytes)".
KILN_API std::string describe_access(const void *address, std::size_t bytes, std::string_view access);

/// Receives what kernels print, one call a line (with its newline), never from two threads at once. What it throws ends
/// the launch and is thrown to its caller; of that program no further line is printed. It may print, launch kernels
/// that print, and set another handler: then it is called again before it has returned, or the other one is. It must
/// not wait for another thread that prints.
using PrintHandler = void (*)(void *user, const char *text, std::size_t size);

/// Sends what kernels print to `handler`; nullptr restores the default, which writes to standard output. What they
/// print on a GPU is not sent there: the driver writes it to standard output when the stream or the device is waited
/// for.
KILN_API void set_print_handler(PrintHandler handler, void *user);

/// Prints one line through the current handler.
KILN_API void print_line(const std::string &line);

} // namespace kiln::debug
