// Who touched global memory during a program.
#pragma once

#include "shared_memory.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace kiln::runtime::emulator {

enum class AccessKind : std::uint8_t { read, write, atomic };

/// "load", "store", "atomic".
const char *name_of(AccessKind kind);

/// Finds accesses of one program's threads to the same bytes, one of them a write, that nothing orders.
///
/// It keeps, for each 4 bytes that were touched, the accesses that a later one may still race with. An access that is
/// ordered before a later write of the same bytes need not be kept: who races with the older one races with the newer.
/// So memory that each thread has for itself costs one entry, and so does memory that many lanes of a warp read.
class RaceShadow {
public:
  struct Earlier {
    std::uint64_t address; ///< of 4 bytes that both touch
    std::uint32_t site, lanes;
    unsigned warp;
    AccessKind kind;
  };

  /// Begins a program; nothing has been touched.
  void begin();

  /// Notes an access. Returns an earlier one that races with it; null where there is none. Atomics may meet, and so may
  /// writes of one place of the source, which may name an address twice.
  const Earlier *note(const WarpClocks &clocks, const WarpStep &step, unsigned lane, std::uint64_t address,
                      std::uint32_t bytes, AccessKind kind);

private:
  static constexpr std::uint64_t line_bytes = 64, granule_bytes = 4;
  static constexpr std::size_t lines_in_chunk = 256;

  /// Accesses of one kind to some of 4 bytes by lanes of a warp at one time of it; none where `lanes` is 0.
  struct Entry {
    std::uint32_t time = 0; // since the program began
    std::uint32_t lanes = 0;
    std::uint32_t site : 24 = 0, warp : 8 = 0;
    std::uint32_t next : 26 = 0, mask : 4 = 0, kind : 2 = 0; // next: in overflow_, or 0
  };
  using Line = std::array<Entry, line_bytes / granule_bytes>;
  struct Slot {
    std::uint64_t line = 0;
    std::uint32_t epoch = 0; // of the program that the line belongs to
    std::uint32_t index = 0;
  };

  Line &find(std::uint64_t line);
  Line &find_slow(std::uint64_t line);
  std::size_t slot_of(std::uint64_t line) const;
  void grow();
  /// Compares the access with the entries of a granule, and adds it to them.
  void note_granule(const WarpClocks &clocks, const WarpStep &step, unsigned lane, std::uint64_t address, Entry &head,
                    Entry access);

  std::uint32_t epoch_ = 0;
  std::vector<Slot> slots_ = std::vector<Slot>(1024); // open addressing, a power of two
  std::vector<std::unique_ptr<Line[]>> chunks_;
  std::uint32_t lines_ = 0; // in use by this program
  std::uint64_t last_line_ = 0;
  Line *last_ = nullptr;
  std::vector<Entry> overflow_; // entry 0 is nobody's
  Earlier earlier_{};
  bool found_ = false;
};

} // namespace kiln::runtime::emulator
