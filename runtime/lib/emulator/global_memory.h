// Global memory as the programs of a launch see it: the host's, with checks.
#pragma once

#include "kiln/runtime/emulator.h"

#include <cstdint>
#include <memory>
#include <string>

namespace kiln::runtime::emulator {

class WarpClocks;
class WarpStep;

/// What the workers of one launch share: the buffers that are registered when it is made, in the thread that launches,
/// and what memory held before. Programs may use it from several threads; the functions here are called while none
/// runs.
///
/// Where no buffer is registered at all, addresses are not compared with any.
class LaunchMemory {
public:
  LaunchMemory();
  ~LaunchMemory();

  /// Begins a run, of two at most: fills the registered outputs with `poison`.
  void begin_run(std::uint64_t poison);
  /// Ends the first run: keeps what it wrote, and restores what there was before it.
  void rewind();
  /// Ends the second run: compares what it wrote with what the first did. Empty, or the first difference: "byte 17 of
  /// buffer 'out' (64 bytes) is 0x3f in one run and 0x40 in another". `site` is where a program last wrote there,
  /// negative where none did.
  std::string compare(std::int64_t &site) const;
  /// After the last run: empty, or the first byte of an output that a run did not write: "byte 17 of output 'out' (64
  /// bytes) is not written by the kernel, and 3 others are not". `site` is where a program wrote to a byte beside it,
  /// negative where none wrote to that output.
  std::string find_unwritten(std::int64_t &site) const;

private:
  friend class GlobalMemory;
  struct State;
  std::unique_ptr<State> state_;
};

/// One worker's view of it. A fault of an access is reported; the access then yields poison or is left out. Accesses
/// that race are reported and done.
class GlobalMemory {
public:
  explicit GlobalMemory(LaunchMemory &launch);
  ~GlobalMemory();

  /// Begins a program, in which `clocks` order accesses. They are not compared with those of other programs.
  void begin(const WarpClocks &clocks);

  /// Accesses of one lane, of at most 16 bytes. The address must be a multiple of `alignment`. A constant read is of
  /// memory that nobody writes during the launch; what a worker does not see in the first run it sees in the second.
  void read(const WarpStep &step, unsigned lane, std::uint64_t address, void *data, std::uint32_t bytes,
            std::uint32_t alignment, bool is_constant);
  void write(const WarpStep &step, unsigned lane, std::uint64_t address, const void *data, std::uint32_t bytes,
             std::uint32_t alignment);
  /// Checks an atomic update of 2, 4 or 8 bytes and makes it undoable. Where it returns true the caller updates the
  /// memory itself, with the host's atomics.
  bool prepare_update(const WarpStep &step, unsigned lane, std::uint64_t address, std::uint32_t bytes);

private:
  struct State;
  std::unique_ptr<State> state_;
};

} // namespace kiln::runtime::emulator
