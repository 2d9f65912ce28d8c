#include "global_memory.h"

#include "findings.h"
#include "launch_memory.h"
#include "race_shadow.h"
#include "warp_step.h"

#include <array>
#include <bitset>
#include <cstring>

using namespace kiln::runtime;
using namespace kiln::runtime::emulator;

namespace {

/// Calls `piece<T>(offset)` for each piece of an access. Programs on other workers may touch the same bytes, by atomics
/// rightly. So accesses are atomic in pieces of up to 8 bytes, as they are on a GPU, and no race of the host's.
template <class Piece>
void for_each_piece(std::uint32_t bytes, Piece piece) {
  switch (bytes) {
  case 1:
    return piece.template operator()<std::uint8_t>(0);
  case 2:
    return piece.template operator()<std::uint16_t>(0);
  case 4:
    return piece.template operator()<std::uint32_t>(0);
  case 8:
    return piece.template operator()<std::uint64_t>(0);
  case 16:
    piece.template operator()<std::uint64_t>(0);
    return piece.template operator()<std::uint64_t>(8);
  default: // what an async copy reads may end anywhere
    for (std::uint32_t i = 0; i < bytes; ++i)
      piece.template operator()<std::uint8_t>(i);
  }
}

void load(void *data, std::uint64_t address, std::uint32_t bytes) {
  for_each_piece(bytes, [&]<class T>(std::uint32_t offset) {
    const T value = __atomic_load_n(reinterpret_cast<const T *>(address + offset), __ATOMIC_RELAXED);
    std::memcpy(static_cast<char *>(data) + offset, &value, sizeof(T));
  });
}

void store(std::uint64_t address, const void *data, std::uint32_t bytes) {
  for_each_piece(bytes, [&]<class T>(std::uint32_t offset) {
    T value;
    std::memcpy(&value, static_cast<const char *>(data) + offset, sizeof(T));
    __atomic_store_n(reinterpret_cast<T *>(address + offset), value, __ATOMIC_RELAXED);
  });
}

std::string count_bytes(std::uint64_t bytes) { return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes"); }

} // namespace

struct GlobalMemory::State {
  // The pages that a worker is writing to at a time, by their lowest bits.
  static constexpr std::size_t cached_pages = 256;
  struct CachedPage {
    std::uint64_t page = ~std::uint64_t{0};
    PageWrites *writes = nullptr;
  };

  explicit State(LaunchMemory::State &launch) : launch(launch) {}

  /// Whether the access may be made; reports where it may not. An access that may be made but races is reported too.
  bool check(const WarpStep &step, unsigned lane, std::uint64_t address, std::uint32_t bytes, std::uint32_t alignment,
             AccessKind kind, bool is_constant);
  bool is_registered(std::uint64_t address, std::uint32_t bytes);
  void report_race(const WarpStep &step, unsigned lane, std::uint64_t address, std::uint32_t bytes, AccessKind kind,
                   const RaceShadow::Earlier &earlier) const;
  std::string describe(std::uint64_t address, std::uint32_t bytes, AccessKind kind) const;

  /// Reports a constant read of bytes that this worker has written in this run, or anybody in the run before.
  void check_constant(const WarpStep &step, unsigned lane, std::uint64_t address, std::uint32_t bytes) const;

  /// Makes a write of at most 16 bytes undoable, before it is done.
  void log_write(std::uint64_t address, std::uint32_t bytes, std::uint32_t site);
  PageWrites &find_page(std::uint64_t page);

  LaunchMemory::State &launch;
  unsigned run = 0; // that `log` belongs to
  WriteLog *log = nullptr;
  std::array<CachedPage, cached_pages> pages;
  /// By the lowest bits of page numbers: whether check_constant() has to look at such a page.
  std::bitset<4096> written_pages;
  const BufferRecord *last_buffer = nullptr;
  const WarpClocks *clocks = nullptr;
  RaceShadow shadow;
};

std::string GlobalMemory::State::describe(std::uint64_t address, std::uint32_t bytes, AccessKind kind) const {
  return std::string(name_of(kind)) + " of " + count_bytes(bytes) + " at " + launch.describe_byte(address);
}

bool GlobalMemory::State::is_registered(std::uint64_t address, std::uint32_t bytes) {
  if (last_buffer && last_buffer->contains(address, bytes))
    return true;
  if (launch.buffers->records().empty())
    return true;
  const BufferRecord *buffer = launch.buffers->find(reinterpret_cast<const void *>(address), bytes);
  if (buffer)
    last_buffer = buffer;
  return buffer != nullptr;
}

bool GlobalMemory::State::check(const WarpStep &step, unsigned lane, std::uint64_t address, std::uint32_t bytes,
                                std::uint32_t alignment, AccessKind kind, bool is_constant) {
  if (!is_registered(address, bytes)) {
    step.report(1U << lane, launch.buffers->describe(reinterpret_cast<const void *>(address), bytes, name_of(kind)));
    return false;
  }
  if (address & (alignment - 1)) {
    step.report(1U << lane,
                describe(address, bytes, kind) + ", an address that is not a multiple of " + std::to_string(alignment));
    return false;
  }
  if (is_constant)
    check_constant(step, lane, address, bytes);
  else if (const RaceShadow::Earlier *earlier = shadow.note(*clocks, step, lane, address, bytes, kind))
    report_race(step, lane, address, bytes, kind, *earlier);
  return true;
}

void GlobalMemory::State::report_race(const WarpStep &step, unsigned lane, std::uint64_t address, std::uint32_t bytes,
                                      AccessKind kind, const RaceShadow::Earlier &earlier) const {
  const std::string other = name_of(earlier.kind);
  step.report(1U << lane, describe(address, bytes, kind) + " races with " + (other[0] == 'a' ? "an " : "a ") + other,
              "the " + other + " by warp " + std::to_string(earlier.warp) + ", " + describe_lanes(earlier.lanes) +
                  ", with no barrier in between",
              step.place_of(earlier.site));
}

void GlobalMemory::State::check_constant(const WarpStep &step, unsigned lane, std::uint64_t address,
                                         std::uint32_t bytes) const {
  const std::uint64_t page = address / page_bytes;
  if (!written_pages[page % written_pages.size()])
    return;
  auto check_log = [&](const WriteLog &log) {
    auto found = log.find(page);
    if (found == log.end())
      return false;
    for (std::size_t i = address % page_bytes; i < address % page_bytes + bytes; ++i)
      if (found->second->written.has(i)) {
        step.report(1U << lane,
                    describe(address, bytes, AccessKind::read) +
                        ", which is declared constant and written by this launch",
                    "the write", step.place_of(found->second->sites[i / 4]));
        return true;
      }
    return false;
  };
  if (check_log(*log) || run < 2)
    return;
  for (const auto &of_worker : launch.logs[0]) // which is complete
    if (check_log(*of_worker))
      return;
}

PageWrites &GlobalMemory::State::find_page(std::uint64_t page) {
  CachedPage &cached = pages[page % cached_pages];
  if (cached.page == page)
    return *cached.writes;
  std::unique_ptr<PageWrites> &writes = (*log)[page];
  if (!writes) {
    launch.saved.save(page);
    writes = std::make_unique<PageWrites>();
    written_pages.set(page % written_pages.size());
  }
  cached = {page, writes.get()};
  return *writes;
}

void GlobalMemory::State::log_write(std::uint64_t address, std::uint32_t bytes, std::uint32_t site) {
  // It is aligned, so it stays within a page and within 64 bytes.
  PageWrites &writes = find_page(address / page_bytes);
  const std::size_t offset = address % page_bytes;
  writes.written.add(offset, bytes);
  for (std::size_t i = offset / 4; i <= (offset + bytes - 1) / 4; ++i)
    writes.sites[i] = site;
}

GlobalMemory::GlobalMemory(LaunchMemory &launch) : state_(std::make_unique<State>(*launch.state_)) {}
GlobalMemory::~GlobalMemory() = default;

void GlobalMemory::begin(const WarpClocks &clocks) {
  state_->clocks = &clocks;
  state_->shadow.begin();
  if (state_->run == state_->launch.runs)
    return;
  state_->run = state_->launch.runs;
  state_->log = &state_->launch.make_log();
  state_->pages = {};
  for (const auto &[page, first] : state_->launch.first)
    state_->written_pages.set(page % state_->written_pages.size());
}

void GlobalMemory::read(const WarpStep &step, unsigned lane, std::uint64_t address, void *data, std::uint32_t bytes,
                        std::uint32_t alignment, bool is_constant) {
  if (state_->check(step, lane, address, bytes, alignment, AccessKind::read, is_constant))
    return load(data, address, bytes);
  const std::uint64_t poison = step.poison();
  for (std::uint32_t i = 0; i < bytes; ++i)
    static_cast<unsigned char *>(data)[i] = static_cast<unsigned char>(poison >> i % 8 * 8);
}

void GlobalMemory::write(const WarpStep &step, unsigned lane, std::uint64_t address, const void *data,
                         std::uint32_t bytes, std::uint32_t alignment) {
  if (!state_->check(step, lane, address, bytes, alignment, AccessKind::write, /*is_constant=*/false))
    return;
  state_->log_write(address, bytes, step.site());
  store(address, data, bytes);
}

bool GlobalMemory::prepare_update(const WarpStep &step, unsigned lane, std::uint64_t address, std::uint32_t bytes) {
  if (!state_->check(step, lane, address, bytes, bytes, AccessKind::atomic, /*is_constant=*/false))
    return false;
  state_->log_write(address, bytes, step.site());
  return true;
}
