// The shared memory of a program, and who may touch it when.
#pragma once

#include "kiln/runtime/emulator.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace kiln::runtime::emulator {

class WarpStep;

/// The order between the accesses of a program's warps: a vector clock for each. Warp w has seen of warp v everything
/// up to `seen(w, v)`; its own time rises with each synchronisation. Within a warp only synchronisation of the warp
/// orders lanes.
class WarpClocks {
public:
  /// Begins a program: everything earlier is ordered before it.
  void begin(unsigned warps);
  /// When the program began; anything earlier belongs to another program.
  std::uint64_t start() const { return start_; }
  std::uint64_t now(unsigned warp) const { return clocks_[warp * warps_ + warp]; }
  std::uint64_t seen(unsigned warp, unsigned other) const { return clocks_[warp * warps_ + other]; }
  unsigned warps() const { return warps_; }

  /// All lanes of the warp have met.
  void synchronize_lanes(unsigned warp);
  /// What `warp` did so far, for somebody else to acquire. Its later accesses are not part of it.
  std::vector<std::uint64_t> release(unsigned warp);
  /// `warp` has now seen that.
  void acquire(unsigned warp, const std::vector<std::uint64_t> &released);

private:
  unsigned warps_ = 0;
  std::uint64_t start_ = 1;
  std::vector<std::uint64_t> clocks_;
};

/// An address below it or beyond the end is a fault; it is not 0, so that a forgotten base shows.
inline constexpr std::uint32_t shared_base = 1024;

/// Addresses are as kernels see them, from `shared_base`. A fault of an access is reported; the access then yields
/// poison or is left out.
class SharedMemory {
public:
  SharedMemory();
  ~SharedMemory();

  /// Begins a program: contents are poison.
  void begin(std::size_t bytes, WarpClocks &clocks, std::uint64_t poison);

  /// Accesses of one lane. `alignment` is what the operation demands of the address.
  void read(const WarpStep &step, unsigned lane, std::uint64_t address, void *data, std::uint32_t bytes,
            std::uint32_t alignment);
  void write(const WarpStep &step, unsigned lane, std::uint64_t address, const void *data, std::uint32_t bytes,
             std::uint32_t alignment);
  /// An atomic reads and writes, and may meet other atomics. `update(old)` is given and yields `bytes` bytes.
  template <class F>
  void update(const WarpStep &step, unsigned lane, std::uint64_t address, std::uint32_t bytes, F &&update) {
    std::uint64_t old = 0;
    if (!begin_update(step, lane, address, &old, bytes))
      return;
    std::uint64_t next = update(old);
    end_update(address, &next, bytes);
  }

  /// An async copy into shared memory begins: until finish_copy() nobody may touch the bytes. `owner` tells copies
  /// apart.
  bool begin_copy(const WarpStep &step, unsigned lane, std::uint64_t address, std::uint32_t bytes, std::uint32_t owner);
  /// It is done, as a write of that lane now.
  void finish_copy(const WarpStep &step, unsigned lane, std::uint64_t address, const void *data, std::uint32_t bytes);

  /// Where reads met bytes that nobody had written, as sites; emptied by begin_launch of the program's owner.
  const std::vector<std::uint32_t> &uninitialized_reads() const { return uninitialized_; }

private:
  struct Shadow;
  bool check(const WarpStep &step, unsigned lane, std::uint64_t address, std::uint32_t bytes, std::uint32_t alignment,
             const char *what);
  bool begin_update(const WarpStep &step, unsigned lane, std::uint64_t address, void *old, std::uint32_t bytes);
  void end_update(std::uint64_t address, const void *next, std::uint32_t bytes);

  std::unique_ptr<Shadow> shadow_;
  std::vector<std::uint32_t> uninitialized_;
};

} // namespace kiln::runtime::emulator
