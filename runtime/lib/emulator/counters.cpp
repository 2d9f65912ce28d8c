#include "counters.h"

#include <algorithm>
#include <array>
#include <bit>

using namespace kiln;
using namespace kiln::runtime::emulator;

namespace {

constexpr std::uint64_t sector_bytes = 32;
constexpr unsigned bank_count = 32;
constexpr unsigned max_lanes = 32;

/// Whether each lane begins where the one before it ends: most accesses do, and need no set of sectors.
bool is_one_run(std::span<const LaneAccess> lanes) {
  for (std::size_t i = 1; i < lanes.size(); ++i)
    if (lanes[i].address != lanes[i - 1].address + lanes[i - 1].bytes)
      return false;
  return true;
}

/// The sectors that an access of a warp touches, with a bit for each byte that is asked for. A lane touches two at
/// most.
class SectorSet {
public:
  void add(std::uint64_t address, std::uint32_t bytes) {
    while (bytes > 0) {
      const std::uint64_t first = address % sector_bytes;
      const auto part = static_cast<std::uint32_t>(std::min<std::uint64_t>(bytes, sector_bytes - first));
      find(address / sector_bytes) |= (~std::uint32_t{0} >> (sector_bytes - part)) << first;
      address += part;
      bytes -= part;
    }
  }
  unsigned count() const { return count_; }
  std::uint64_t bytes_used() const {
    std::uint64_t sum = 0;
    for (unsigned i = 0; i < count_; ++i)
      sum += static_cast<std::uint64_t>(std::popcount(sectors_[i].used));
    return sum;
  }

private:
  struct Sector {
    std::uint64_t index;
    std::uint32_t used;
  };

  std::uint32_t &find(std::uint64_t index) {
    // Lanes mostly stay where the one before was, or at one of the latest rows.
    for (unsigned i = count_; i-- > 0;)
      if (sectors_[i].index == index)
        return sectors_[i].used;
    sectors_[count_] = {index, 0};
    return sectors_[count_++].used;
  }

  std::array<Sector, 2 * max_lanes> sectors_;
  unsigned count_ = 0;
};

/// How often a group of lanes that is served together passes through the banks: as often as the bank of which it wants
/// the most different words.
std::uint64_t passes_of(std::span<const LaneAccess> lanes) {
  // A group wants 32 words at most where each access is aligned, and twice that where none is.
  std::array<std::array<std::uint64_t, 2 * max_lanes>, bank_count> words;
  std::array<std::uint8_t, bank_count> counts{};
  std::uint64_t passes = 0;
  for (const LaneAccess &lane : lanes) {
    if (lane.bytes == 0)
      continue;
    const std::uint64_t last = (lane.address + lane.bytes - 1) / 4;
    for (std::uint64_t word = lane.address / 4; word <= last; ++word) {
      const unsigned bank = word % bank_count;
      auto begin = words[bank].begin(), end = begin + counts[bank];
      if (std::find(begin, end, word) != end)
        continue;
      *end = word;
      passes = std::max<std::uint64_t>(passes, ++counts[bank]);
    }
  }
  return passes;
}

} // namespace

MemoryTraffic &MemoryTraffic::operator+=(const MemoryTraffic &other) {
  sectors += other.sectors;
  sector_bytes_used += other.sector_bytes_used;
  shared_passes += other.shared_passes;
  shared_passes_ideal += other.shared_passes_ideal;
  waits += other.waits;
  bytes_before_wait += other.bytes_before_wait;
  bytes_after_wait += other.bytes_after_wait;
  return *this;
}

SiteCounters &SiteCounters::operator+=(const SiteCounters &other) {
  executions += other.executions;
  lane_executions += other.lane_executions;
  traffic += other.traffic;
  return *this;
}

Counters &Counters::operator+=(const Counters &other) {
  for (std::size_t i = 0; i < sites.size(); ++i)
    sites[i] += other.sites[i];
  for (std::size_t i = 0; i < blocks.size(); ++i)
    blocks[i] += other.blocks[i];
  return *this;
}

void kiln::runtime::emulator::count_global_access(MemoryTraffic &traffic, std::span<const LaneAccess> lanes) {
  if (lanes.empty())
    return;
  if (is_one_run(lanes)) {
    const std::uint64_t begin = lanes.front().address, end = lanes.back().address + lanes.back().bytes;
    if (begin == end)
      return;
    traffic.sectors += (end - 1) / sector_bytes - begin / sector_bytes + 1;
    traffic.sector_bytes_used += end - begin;
    return;
  }
  SectorSet set;
  for (const LaneAccess &lane : lanes)
    set.add(lane.address, lane.bytes);
  traffic.sectors += set.count();
  traffic.sector_bytes_used += set.bytes_used();
}

void kiln::runtime::emulator::count_shared_access(MemoryTraffic &traffic, std::span<const LaneAccess> lanes) {
  std::uint32_t widest = 0;
  for (const LaneAccess &lane : lanes)
    widest = std::max(widest, lane.bytes);
  if (widest == 0)
    return;
  const std::size_t group = widest <= 4 ? max_lanes : widest <= 8 ? max_lanes / 2 : max_lanes / 4;
  for (std::size_t first = 0; first < lanes.size(); first += group) {
    const std::uint64_t passes = passes_of(lanes.subspan(first, std::min(group, lanes.size() - first)));
    traffic.shared_passes += passes;
    traffic.shared_passes_ideal += passes > 0; // lanes that are all off take none
  }
}
