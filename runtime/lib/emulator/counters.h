// What a launch counts for each place of a machine operation.
#pragma once

#include "kiln/emulator.h"

#include <cstdint>
#include <span>
#include <vector>

namespace kiln::runtime::emulator {

/// Of one site.
struct SiteCounters {
  std::uint64_t executions = 0;      ///< by warps; none of operations within one thread's registers
  std::uint64_t lane_executions = 0; ///< by threads
  MemoryTraffic traffic = {};

  SiteCounters &operator+=(const SiteCounters &other);
};

/// One lane's part of an access of a warp.
struct LaneAccess {
  std::uint64_t address;
  std::uint32_t bytes;
};

/// Adds what one access of global memory by a warp moves: the sectors of 32 bytes that the lanes touch together, and
/// the different bytes in them.
void count_global_access(MemoryTraffic &traffic, std::span<const LaneAccess> lanes);

/// Adds how often an access of shared memory by a warp passes through the 32 banks of 4 bytes. Accesses of 8 bytes are
/// done half a warp at a time, of 16 bytes a quarter (with all lanes on); lanes that want the same word share it.
/// `lanes` are in the order of their numbers; a lane that is off has 0 bytes.
void count_shared_access(MemoryTraffic &traffic, std::span<const LaneAccess> lanes);

/// The counters of one worker: by site, and executions by block of the code and thread.
struct Counters {
  Counters(std::size_t sites, std::size_t blocks) : sites(sites), blocks(blocks) {}
  std::vector<SiteCounters> sites;
  std::vector<std::uint64_t> blocks; ///< executions by threads

  Counters &operator+=(const Counters &other);
};

} // namespace kiln::runtime::emulator
