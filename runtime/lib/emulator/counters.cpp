#include "counters.h"

using namespace kiln::runtime::emulator;

SiteCounters &SiteCounters::operator+=(const SiteCounters &other) {
  executions += other.executions;
  lane_executions += other.lane_executions;
  sectors += other.sectors;
  sector_bytes_used += other.sector_bytes_used;
  shared_passes += other.shared_passes;
  shared_passes_ideal += other.shared_passes_ideal;
  waits += other.waits;
  bytes_before_wait += other.bytes_before_wait;
  bytes_after_wait += other.bytes_after_wait;
  return *this;
}

Counters &Counters::operator+=(const Counters &other) {
  for (std::size_t i = 0; i < sites.size(); ++i)
    sites[i] += other.sites[i];
  for (std::size_t i = 0; i < blocks.size(); ++i)
    blocks[i] += other.blocks[i];
  return *this;
}

void kiln::runtime::emulator::count_global_access(SiteCounters &, std::span<const LaneAccess>) {}
void kiln::runtime::emulator::count_shared_access(SiteCounters &, std::span<const LaneAccess>) {}
