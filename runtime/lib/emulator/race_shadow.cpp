#include "race_shadow.h"

#include "warp_step.h"

#include <algorithm>

using namespace kiln::runtime::emulator;

const char *kiln::runtime::emulator::name_of(AccessKind kind) {
  switch (kind) {
  case AccessKind::read:
    return "load";
  case AccessKind::write:
    return "store";
  case AccessKind::atomic:
    return "atomic";
  }
  return "access";
}

void RaceShadow::begin() {
  if (++epoch_ == 0) { // after 2^32 programs
    std::fill(slots_.begin(), slots_.end(), Slot());
    epoch_ = 1;
  }
  lines_ = 0;
  last_ = nullptr;
  overflow_.assign(1, Entry());
}

std::size_t RaceShadow::slot_of(std::uint64_t line) const {
  // The upper bits of the product depend on all bits of the line.
  std::size_t slot = (line * 0x9e3779b97f4a7c15u) >> 32 & (slots_.size() - 1);
  while (slots_[slot].epoch == epoch_ && slots_[slot].line != line)
    slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

void RaceShadow::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot &slot : old)
    if (slot.epoch == epoch_)
      slots_[slot_of(slot.line)] = slot;
}

RaceShadow::Line &RaceShadow::find(std::uint64_t line) {
  if (last_ && last_line_ == line)
    return *last_;
  last_line_ = line;
  return *(last_ = &find_slow(line));
}

RaceShadow::Line &RaceShadow::find_slow(std::uint64_t line) {
  std::size_t slot = slot_of(line);
  if (slots_[slot].epoch != epoch_) {
    if (2 * (lines_ + 1) > slots_.size()) {
      grow();
      slot = slot_of(line);
    }
    if (lines_ / lines_in_chunk == chunks_.size())
      chunks_.push_back(std::make_unique<Line[]>(lines_in_chunk));
    slots_[slot] = {line, epoch_, lines_};
    chunks_[lines_ / lines_in_chunk][lines_ % lines_in_chunk] = {};
    ++lines_;
  }
  const std::uint32_t index = slots_[slot].index;
  return chunks_[index / lines_in_chunk][index % lines_in_chunk];
}

const RaceShadow::Earlier *RaceShadow::note(const WarpClocks &clocks, const WarpStep &step, unsigned lane,
                                            std::uint64_t address, std::uint32_t bytes, AccessKind kind) {
  found_ = false;
  Entry access;
  access.time = static_cast<std::uint32_t>(clocks.now(step.warp()) - clocks.start());
  access.lanes = 1U << lane;
  access.site = step.site();
  access.warp = step.warp();
  access.kind = static_cast<unsigned>(kind);
  const std::uint64_t end = address + bytes;
  for (std::uint64_t granule = address / granule_bytes * granule_bytes; granule < end; granule += granule_bytes) {
    const std::uint64_t from = std::max(address, granule) - granule, to = std::min(end - granule, granule_bytes);
    access.mask = (0xfU << from & 0xfU >> (granule_bytes - to)) & 0xfU;
    Entry &head = find(granule / line_bytes)[granule % line_bytes / granule_bytes];
    if (head.lanes == 0 && head.next == 0)
      head = access;
    else if (kind == AccessKind::read && head.next == 0 && head.time == access.time && head.warp == access.warp &&
             head.mask == access.mask && head.kind == access.kind)
      head.lanes |= access.lanes; // nobody else has touched it: the most frequent case
    else
      note_granule(clocks, step, lane, granule, head, access);
  }
  return found_ ? &earlier_ : nullptr;
}

void RaceShadow::note_granule(const WarpClocks &clocks, const WarpStep &step, unsigned lane, std::uint64_t address,
                              Entry &head, Entry access) {
  const auto kind = static_cast<AccessKind>(access.kind);
  Entry *same = nullptr, *free = nullptr;
  for (Entry *entry = &head;; entry = &overflow_[entry->next]) {
    if (entry->lanes != 0) {
      const auto other = static_cast<AccessKind>(entry->kind);
      const bool is_own_warp = entry->warp == access.warp;
      std::uint32_t unordered = entry->lanes; // lanes that the access is not ordered after
      if (!is_own_warp && clocks.start() + entry->time <= clocks.seen(access.warp, entry->warp))
        unordered = 0;
      else if (is_own_warp)
        unordered = entry->time < access.time ? 0 : entry->lanes & ~(1U << lane);

      const bool can_conflict = (entry->mask & access.mask) != 0 &&
                                !(kind == other && kind != AccessKind::write); // reads may meet, and so may atomics
      if (unordered && can_conflict && !found_) {
        const bool is_one_place =
            kind == AccessKind::write && other == AccessKind::write &&
            (entry->site == access.site ||
             (!step.place_of(access.site).empty() && step.place_of(entry->site) == step.place_of(access.site)));
        if (!is_one_place) {
          found_ = true;
          earlier_ = {address, entry->site, unordered, entry->warp, other};
        }
      }
      const bool is_covered = (entry->mask & ~access.mask) == 0 && (kind == AccessKind::write || kind == other);
      if (is_own_warp && entry->time == access.time && kind == other && entry->mask == access.mask &&
          (kind == AccessKind::read || entry->site == access.site))
        same = entry;
      else if (!unordered && is_covered)
        entry->lanes = 0;
    }
    if (entry->lanes == 0 && !free)
      free = entry;
    if (entry->next == 0)
      break;
  }
  if (same) {
    same->lanes |= access.lanes;
    return;
  }
  access.next = free ? free->next : head.next;
  if (free) {
    *free = access;
    return;
  }
  head.next = static_cast<std::uint32_t>(overflow_.size()) & 0x3ffffff;
  overflow_.push_back(access);
}
