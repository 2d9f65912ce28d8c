// Where a kernel runs.
#pragma once

#include "kiln/export.h"

#include <string>
#include <string_view>

namespace kiln {

/// A place where kernels run. A plain value: copying it costs nothing and it owns nothing. The default is no device: a
/// launch then uses the current CUDA context and fails, naming `Device::cpu()`, where there is none.
class Device {
public:
  enum class Kind : unsigned char { none, cpu, interpreter, cuda, emulated };

  constexpr Device() = default;

  /// This machine's processor: kernels are compiled for it and the grid is spread over a thread pool.
  static constexpr Device cpu() { return {Kind::cpu, 0}; }
  /// The reference interpreter: slow, exact, the meaning of every operation.
  static constexpr Device interpreter() { return {Kind::interpreter, 0}; }
  /// CUDA device `ordinal`, as the driver counts them. Throws DeviceError where this machine has no such device; the
  /// message says what is missing. More of CUDA is in kiln/cuda.h.
  KILN_API static Device cuda(int ordinal = 0);
  /// A GPU of an architecture ("sm_90a") that this machine need not have: its code runs on the processor, thread by
  /// thread, and is checked while it runs; kiln/emulator.h has what can be set and seen. Memory is the host's. Throws
  /// InvalidArgument for an architecture that Kiln generates no code for; the message lists the others.
  KILN_API static Device emulated(std::string_view arch);

  /// The device of that name(); "cuda" is the first. Throws InvalidArgument for what is no name, and what the functions
  /// above throw.
  KILN_API static Device parse(std::string_view name);

  constexpr Kind kind() const { return kind_; }
  /// Of a CUDA device; those of emulated ones tell architectures apart.
  constexpr int ordinal() const { return ordinal_; }
  /// Of an emulated device: "sm_90a". Empty for all others.
  KILN_API std::string_view arch() const;
  constexpr explicit operator bool() const { return kind_ != Kind::none; }
  friend constexpr bool operator==(Device, Device) = default;

  /// "cpu", "interpreter", "cuda:0", "emulated:sm_90a" or "none".
  KILN_API std::string name() const;

private:
  constexpr Device(Kind kind, int ordinal) : kind_(kind), ordinal_(ordinal) {}

  Kind kind_ = Kind::none;
  int ordinal_ = 0;
};

} // namespace kiln
