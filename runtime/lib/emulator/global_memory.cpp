#include "global_memory.h"

#include "warp_step.h"

#include <cstring>

using namespace kiln::runtime::emulator;

struct LaunchMemory::State {};
LaunchMemory::LaunchMemory() = default;
LaunchMemory::~LaunchMemory() = default;
void LaunchMemory::begin_run(std::uint64_t) {}
void LaunchMemory::rewind() {}
std::string LaunchMemory::compare(std::int64_t &) { return {}; }

struct GlobalMemory::State {};
GlobalMemory::GlobalMemory(LaunchMemory &) {}
GlobalMemory::~GlobalMemory() = default;
void GlobalMemory::begin(const WarpClocks &) {}
void GlobalMemory::read(const WarpStep &, unsigned, std::uint64_t address, void *data, std::uint32_t bytes,
                        std::uint32_t, bool) {
  std::memcpy(data, reinterpret_cast<const void *>(address), bytes);
}
void GlobalMemory::write(const WarpStep &, unsigned, std::uint64_t address, const void *data, std::uint32_t bytes,
                         std::uint32_t) {
  std::memcpy(reinterpret_cast<void *>(address), data, bytes);
}
bool GlobalMemory::prepare_update(const WarpStep &, unsigned, std::uint64_t, std::uint32_t) { return true; }
