// The shared memory of a program, and who may touch it when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
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
  std::uint64_t &at(unsigned warp, unsigned other) { return clocks_[warp * warps_ + other]; }

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
  /// Begins a program: contents are poison.
  void begin(std::size_t bytes, WarpClocks &clocks, std::uint64_t poison);

  /// Accesses of one lane. The address must be a multiple of `alignment`.
  void read(const WarpStep &step, unsigned lane, std::uint64_t address, void *data, std::uint32_t bytes,
            std::uint32_t alignment);
  void write(const WarpStep &step, unsigned lane, std::uint64_t address, const void *data, std::uint32_t bytes,
             std::uint32_t alignment);

  /// An async copy of that lane to shared memory begins: until finish_copy() the bytes are nobody's. False where the
  /// copy is faulty; then nothing has begun.
  bool begin_copy(const WarpStep &step, unsigned lane, std::uint64_t address, std::uint32_t bytes,
                  std::uint32_t alignment);
  /// It is done; the bytes are written by that lane now. `site` is of the copy.
  void finish_copy(unsigned thread, std::uint32_t site, std::uint64_t address, const void *data, std::uint32_t bytes);

  /// The program has ended without waiting for it.
  void cancel_copy(std::uint64_t address, std::uint32_t bytes);

  /// Sites of reads that met bytes that nobody had written, of all programs since the object was made.
  const std::set<std::uint32_t> &uninitialized_reads() const { return uninitialized_; }

private:
  /// Who touched a byte last. Times are of the warp of the thread; those before the program's start are of nobody.
  struct Byte {
    std::uint64_t write_time = 0;
    std::uint32_t write_site = 0;
    std::uint16_t writer = 0;       // thread
    std::uint32_t pending_site = 0; // of an async copy under way, plus 1
    std::uint32_t reader_site = 0;  // the last one, for messages
  };
  /// The last read of a byte by a warp: time << 8 | lane, or many_lanes.
  using Read = std::uint64_t;
  static constexpr std::uint64_t many_lanes = 0xff;

  bool check(const WarpStep &step, unsigned lane, std::uint64_t address, std::uint32_t bytes, std::uint32_t alignment,
             const char *what);
  /// Whether the thread that writes now is ordered after all earlier accesses of the byte; reports where it is not.
  bool order_write(const WarpStep &step, unsigned lane, std::size_t index, const char *what);
  bool order_read(const WarpStep &step, unsigned lane, std::size_t index);
  bool is_ordered(const WarpStep &step, unsigned lane, unsigned warp, unsigned other_lane, std::uint64_t time) const;
  void report_race(const WarpStep &step, unsigned lane, const char *what, const char *other, std::size_t index,
                   std::uint32_t other_site, unsigned other_warp, unsigned other_lane) const;
  Read &read_of(unsigned warp, std::size_t index) { return reads_[warp * bytes_.size() + index]; }

  WarpClocks *clocks_ = nullptr;
  std::vector<unsigned char> contents_;
  std::vector<Byte> bytes_;
  std::vector<Read> reads_; // by warp and byte
  std::set<std::uint32_t> uninitialized_;
};

} // namespace kiln::runtime::emulator
