#include "shared_memory.h"

#include "warp_step.h"

#include <algorithm>
#include <cstring>
#include <string>

using namespace kiln::runtime::emulator;

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

void WarpClocks::begin(unsigned warps) {
  std::uint64_t latest = start_;
  for (std::uint64_t time : clocks_)
    latest = std::max(latest, time);
  start_ = latest + 1;
  warps_ = warps;
  clocks_.assign(std::size_t{warps} * warps, start_ - 1);
  for (unsigned warp = 0; warp < warps; ++warp)
    at(warp, warp) = start_;
}

void WarpClocks::synchronize_lanes(unsigned warp) { ++at(warp, warp); }

std::vector<std::uint64_t> WarpClocks::release(unsigned warp) {
  auto first = clocks_.begin() + std::ptrdiff_t(warp) * warps_;
  std::vector<std::uint64_t> released(first, first + warps_);
  ++at(warp, warp);
  return released;
}

void WarpClocks::acquire(unsigned warp, const std::vector<std::uint64_t> &released) {
  for (unsigned other = 0; other < warps_; ++other)
    if (other != warp)
      at(warp, other) = std::max(at(warp, other), released[other]);
}

//===----------------------------------------------------------------------===//
// Accesses
//===----------------------------------------------------------------------===//

void SharedMemory::begin(std::size_t bytes, WarpClocks &clocks, std::uint64_t poison) {
  clocks_ = &clocks;
  contents_.resize(bytes);
  for (std::size_t i = 0; i < bytes; ++i)
    contents_[i] = static_cast<unsigned char>(poison >> (i % 8 * 8));
  // Times only rise, so what earlier programs left is older than this one.
  if (bytes_.size() != bytes || reads_.size() != bytes * clocks.warps()) {
    bytes_.assign(bytes, Byte());
    reads_.assign(bytes * clocks.warps(), 0);
  }
}

void SharedMemory::cancel_copy(std::uint64_t address, std::uint32_t bytes) {
  for (std::size_t i = address - shared_base; i < address - shared_base + bytes; ++i)
    bytes_[i].pending_site = 0;
}

bool SharedMemory::check(const WarpStep &step, unsigned lane, std::uint64_t address, std::uint32_t bytes,
                         std::uint32_t alignment, const char *what) {
  const std::string text = what;
  if (address < shared_base || address - shared_base + bytes > contents_.size()) {
    const auto offset = static_cast<std::int64_t>(address) - shared_base;
    step.report(1U << lane, text + " of " + std::to_string(bytes) + " bytes at byte " + std::to_string(offset) +
                                " of shared memory, of which the program has " + std::to_string(contents_.size()));
    return false;
  }
  if (address % alignment != 0) {
    step.report(1U << lane, text + " of shared memory at byte " + std::to_string(address - shared_base) +
                                ", which is not a multiple of " + std::to_string(alignment));
    return false;
  }
  return true;
}

bool SharedMemory::is_ordered(const WarpStep &step, unsigned lane, unsigned warp, unsigned other_lane,
                              std::uint64_t time) const {
  if (warp != step.warp())
    return clocks_->seen(step.warp(), warp) >= time;
  return other_lane == lane || time < clocks_->now(warp);
}

void SharedMemory::report_race(const WarpStep &step, unsigned lane, const char *what, const char *other,
                               std::size_t index, std::uint32_t other_site, unsigned other_warp,
                               unsigned other_lane) const {
  std::string who = "by warp " + std::to_string(other_warp);
  if (other_lane != many_lanes)
    who += ", lane " + std::to_string(other_lane);
  step.report(1U << lane,
              std::string(what) + " of shared memory races with " + other + " of byte " + std::to_string(index),
              std::string("the ") + other + " " + who + ", with no barrier in between", step.place_of(other_site));
}

bool SharedMemory::order_write(const WarpStep &step, unsigned lane, std::size_t index, const char *what) {
  Byte &byte = bytes_[index];
  if (byte.pending_site) {
    step.report(1U << lane, std::string(what) + " of shared memory that an async copy is writing, before its wait",
                "the copy", step.place_of(byte.pending_site - 1));
    return false;
  }
  const std::uint64_t start = clocks_->start();
  if (byte.write_time >= start &&
      !is_ordered(step, lane, byte.writer / warp_size, byte.writer % warp_size, byte.write_time)) {
    report_race(step, lane, what, "write", index, byte.write_site, byte.writer / warp_size, byte.writer % warp_size);
    return false;
  }
  for (unsigned warp = 0; warp < clocks_->warps(); ++warp) {
    const Read read = read_of(warp, index);
    const auto other_lane = static_cast<unsigned>(read & many_lanes);
    if ((read >> 8) >= start && !is_ordered(step, lane, warp, other_lane, read >> 8)) {
      report_race(step, lane, what, "read", index, byte.reader_site, warp, other_lane);
      return false;
    }
  }
  return true;
}

bool SharedMemory::order_read(const WarpStep &step, unsigned lane, std::size_t index) {
  Byte &byte = bytes_[index];
  if (byte.pending_site) {
    step.report(1U << lane, "read of shared memory that an async copy is writing, before its wait", "the copy",
                step.place_of(byte.pending_site - 1));
    return false;
  }
  if (byte.write_time < clocks_->start()) {
    uninitialized_.insert(step.site());
  } else if (!is_ordered(step, lane, byte.writer / warp_size, byte.writer % warp_size, byte.write_time)) {
    report_race(step, lane, "read", "write", index, byte.write_site, byte.writer / warp_size, byte.writer % warp_size);
    return false;
  }
  Read &read = read_of(step.warp(), index);
  const std::uint64_t now = clocks_->now(step.warp()) << 8;
  const bool others_too = (read & ~many_lanes) == now && read != (now | lane);
  read = now | (others_too ? many_lanes : lane);
  byte.reader_site = step.site();
  return true;
}

void SharedMemory::read(const WarpStep &step, unsigned lane, std::uint64_t address, void *data, std::uint32_t bytes,
                        std::uint32_t alignment) {
  const std::uint64_t poison = step.poison();
  for (std::uint32_t i = 0; i < bytes; ++i)
    static_cast<unsigned char *>(data)[i] = static_cast<unsigned char>(poison >> (i % 8 * 8));
  if (!check(step, lane, address, bytes, alignment, "read"))
    return;
  const std::size_t first = address - shared_base;
  for (std::size_t i = first; i < first + bytes; ++i)
    if (!order_read(step, lane, i))
      return;
  std::memcpy(data, &contents_[first], bytes);
}

void SharedMemory::write(const WarpStep &step, unsigned lane, std::uint64_t address, const void *data,
                         std::uint32_t bytes, std::uint32_t alignment) {
  if (!check(step, lane, address, bytes, alignment, "write"))
    return;
  const std::size_t first = address - shared_base;
  for (std::size_t i = first; i < first + bytes; ++i) {
    if (!order_write(step, lane, i, "write"))
      return;
    bytes_[i].write_time = clocks_->now(step.warp());
    bytes_[i].write_site = step.site();
    bytes_[i].writer = static_cast<std::uint16_t>(step.thread(lane));
  }
  std::memcpy(&contents_[first], data, bytes);
}

bool SharedMemory::begin_copy(const WarpStep &step, unsigned lane, std::uint64_t address, std::uint32_t bytes,
                              std::uint32_t alignment) {
  if (!check(step, lane, address, bytes, alignment, "async copy"))
    return false;
  const std::size_t first = address - shared_base;
  for (std::size_t i = first; i < first + bytes; ++i)
    if (!order_write(step, lane, i, "async copy"))
      return false;
  for (std::size_t i = first; i < first + bytes; ++i)
    bytes_[i].pending_site = step.site() + 1;
  return true;
}

void SharedMemory::finish_copy(unsigned thread, std::uint32_t site, std::uint64_t address, const void *data,
                               std::uint32_t bytes) {
  const std::size_t first = address - shared_base;
  for (std::size_t i = first; i < first + bytes; ++i) {
    bytes_[i].pending_site = 0;
    bytes_[i].write_time = clocks_->now(thread / warp_size);
    bytes_[i].write_site = site;
    bytes_[i].writer = static_cast<std::uint16_t>(thread);
  }
  std::memcpy(&contents_[first], data, bytes);
}
