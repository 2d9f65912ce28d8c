// What Kiln throws.
#pragma once

#include "kiln/export.h"

#include <stdexcept>

namespace kiln {

/// The base of everything Kiln throws. Where the fault has a place in the user's source, `what()` begins with
/// "file:line:column: error: "; an error about a kernel ends with "note: while tracing 'name' with {config values}".
class KILN_API Error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
  ~Error() override;
};

/// A kernel function that cannot be traced: mismatched shapes or types, misused control flow, values out of scope.
class KILN_API TraceError : public Error {
public:
  using Error::Error;
  ~TraceError() override;
};

/// A traced kernel that cannot be compiled for the target.
class KILN_API CompileError : public Error {
public:
  using Error::Error;
  ~CompileError() override;
};

/// A launch that cannot be made: an empty grid, a misaligned pointer, a kernel that needs more than the device has.
class KILN_API LaunchError : public Error {
public:
  using Error::Error;
  ~LaunchError() override;
};

/// An argument of a host function that is out of its stated range.
class KILN_API InvalidArgument : public Error {
public:
  using Error::Error;
  ~InvalidArgument() override;
};

/// A pack of kernels that cannot be read or written: no such file, damaged, or of another version of Kiln.
class KILN_API PackError : public Error {
public:
  using Error::Error;
  ~PackError() override;
};

/// None of the configs that were to be compared works; the message has the reason of each.
class KILN_API TuneError : public Error {
public:
  using Error::Error;
  ~TuneError() override;
};

/// No such device, one that this machine cannot use, or one that fails without having lost its context.
class KILN_API DeviceError : public Error {
public:
  using Error::Error;
  ~DeviceError() override;
};

/// Memory that a device, or the host for it, does not have left. Everything else goes on.
class KILN_API OutOfMemory : public DeviceError {
public:
  using DeviceError::DeviceError;
  ~OutOfMemory() override;
};

/// A program that stopped: a failed `device_assert`, or in check mode `check_finite`, `check_range`, an offset that
/// wraps or an access outside the registered buffers.
class KILN_API TrapError : public Error {
public:
  using Error::Error;
  ~TrapError() override;
};

/// What the checks of an emulated device found: a race, an access outside the registered buffers, a barrier that not
/// all threads reach, a result that depends on memory nobody wrote. The message names every fault with the places of
/// the kernel's source, the program and the lanes.
class KILN_API CheckError : public Error {
public:
  using Error::Error;
  ~CheckError() override;
};

/// A fault that destroyed a CUDA context. Nothing works in that context afterwards; the host and the CPU do.
class KILN_API ContextLost : public Error {
public:
  using Error::Error;
  ~ContextLost() override;
};

} // namespace kiln
