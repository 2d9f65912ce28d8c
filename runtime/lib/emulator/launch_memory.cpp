#include "launch_memory.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>

using namespace kiln::runtime;
using namespace kiln::runtime::emulator;

namespace {

std::string hex(std::uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

unsigned char *address_of(std::uint64_t page) { return reinterpret_cast<unsigned char *>(page * page_bytes); }

/// Copies a page whatever is in it: the memory of others who may be writing to it, and what a sanitizer forbids.
__attribute__((no_sanitize("address", "thread"))) void copy_page(PageContents &to, std::uint64_t page) {
  const auto *from = reinterpret_cast<const volatile std::uint64_t *>(address_of(page));
  for (std::size_t i = 0; i < page_bytes / 8; ++i) {
    const std::uint64_t word = from[i];
    std::memcpy(&to[8 * i], &word, 8);
  }
}

/// Copies the bytes that are in the mask.
void copy_written(unsigned char *to, const unsigned char *from, const PageMask &written) {
  for (std::size_t offset = 0; offset < page_bytes; offset += 64) {
    std::uint64_t bytes = written.word(offset);
    if (bytes == ~std::uint64_t{0}) {
      std::memcpy(to + offset, from + offset, 64);
      continue;
    }
    for (; bytes; bytes &= bytes - 1) {
      const auto i = offset + static_cast<std::size_t>(std::countr_zero(bytes));
      to[i] = from[i];
    }
  }
}

} // namespace

//===----------------------------------------------------------------------===//
// Pages
//===----------------------------------------------------------------------===//

void SavedPages::save(std::uint64_t page) {
  Stripe &stripe = stripes_[page % stripe_count];
  // Whoever finds the page saved may write to it at once, so the copy is made under the lock.
  std::lock_guard lock(stripe.mutex);
  std::unique_ptr<PageContents> &contents = stripe.pages[page];
  if (contents)
    return;
  auto copy = std::make_unique<PageContents>();
  copy_page(*copy, page);
  contents = std::move(copy);
}

const PageContents &SavedPages::operator[](std::uint64_t page) const {
  const Stripe &stripe = stripes_[page % stripe_count];
  std::lock_guard lock(stripe.mutex);
  return *stripe.pages.at(page);
}

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

WriteLog &LaunchMemory::State::make_log() {
  std::lock_guard lock(mutex);
  return *logs[runs - 1].emplace_back(std::make_unique<WriteLog>());
}

std::map<std::uint64_t, PageMask> LaunchMemory::State::pages_of(unsigned run) const {
  std::map<std::uint64_t, PageMask> pages;
  for (const auto &log : logs[run])
    for (const auto &[page, writes] : *log)
      pages[page] |= writes->written;
  return pages;
}

std::int64_t LaunchMemory::State::find_site(std::uint64_t address) const {
  for (unsigned run = max_runs; run-- > 0;)
    for (const auto &log : logs[run]) {
      auto found = log->find(address / page_bytes);
      if (found != log->end() && found->second->written.has(address % page_bytes))
        return found->second->sites[address % page_bytes / 4];
    }
  return -1;
}

std::int64_t LaunchMemory::State::find_first_site(const std::map<std::uint64_t, PageMask> &pages, std::uint64_t begin,
                                                  std::uint64_t end) const {
  for (auto page = pages.lower_bound(begin / page_bytes); page != pages.end(); ++page) {
    const std::uint64_t first = page->first * page_bytes, last = std::min(end, first + page_bytes);
    for (std::uint64_t address = std::max(begin, first); address < last; ++address)
      if (page->second.has(address - first))
        return find_site(address);
  }
  return -1;
}

std::string LaunchMemory::State::describe_byte(std::uint64_t address) const {
  const BufferRecord *record = buffers->find(reinterpret_cast<const void *>(address), 1);
  if (!record)
    return "the byte at " + hex(address);
  return "byte " + std::to_string(address - record->begin) + " of " + describe_buffer(*record);
}

bool LaunchMemory::State::is_output(std::uint64_t address) const {
  return std::any_of(outputs.begin(), outputs.end(),
                     [address](const BufferRecord &output) { return output.contains(address, 1); });
}

//===----------------------------------------------------------------------===//
// Runs
//===----------------------------------------------------------------------===//

LaunchMemory::LaunchMemory() : state_(std::make_unique<State>()) {
  for (const BufferRecord &record : state_->buffers->records())
    if (record.writer == std::this_thread::get_id())
      state_->outputs.push_back(record);
}

LaunchMemory::~LaunchMemory() = default;

void LaunchMemory::begin_run(std::uint64_t poison) {
  ++state_->runs;
  for (const BufferRecord &output : state_->outputs) {
    auto *bytes = reinterpret_cast<unsigned char *>(output.begin);
    for (std::size_t i = 0; i < output.bytes; ++i)
      bytes[i] = static_cast<unsigned char>(poison >> i % 8 * 8);
  }
}

void LaunchMemory::rewind() {
  for (const auto &[page, written] : state_->pages_of(0)) {
    State::PageOfRun &first = state_->first[page];
    first.written = written;
    copy_written(first.contents.data(), address_of(page), written);
    copy_written(address_of(page), state_->saved[page].data(), written);
  }
}

std::string LaunchMemory::compare(std::int64_t &site) const {
  site = -1;
  std::string text;
  std::uint64_t others = 0;
  auto note = [&](std::uint64_t address, unsigned a, unsigned b) {
    if (!text.empty()) {
      ++others;
      return;
    }
    site = state_->find_site(address);
    text = state_->describe_byte(address) + " is " + hex(a) + " in one run and " + hex(b) + " in another";
  };
  std::map<std::uint64_t, PageMask> second = state_->pages_of(1);
  for (const auto &[page, first] : state_->first)
    second[page]; // pages of either run
  const State::PageOfRun nothing{};
  for (const auto &[page, in_second] : second) {
    auto found = state_->first.find(page);
    const State::PageOfRun &first = found == state_->first.end() ? nothing : found->second;
    const PageContents &before = state_->saved[page];
    const unsigned char *after = address_of(page);
    for (std::size_t offset = 0; offset < page_bytes; offset += 64) {
      // Mostly both runs wrote the same to all of 64 bytes, or neither wrote to them.
      const std::uint64_t by_first = first.written.word(offset), by_second = in_second.word(offset);
      if ((by_first & by_second) == ~std::uint64_t{0} && std::memcmp(&first.contents[offset], after + offset, 64) == 0)
        continue;
      for (std::uint64_t rest = by_first | by_second; rest; rest &= rest - 1) {
        const auto i = offset + static_cast<std::size_t>(std::countr_zero(rest));
        const unsigned a = first.written.has(i) ? first.contents[i] : before[i], b = after[i];
        // What one run alone wrote to an output is missing in the other, which find_unwritten() tells better.
        if (a != b && (first.written.has(i) == in_second.has(i) || !state_->is_output(page * page_bytes + i)))
          note(page * page_bytes + i, a, b);
      }
    }
  }
  if (others > 0)
    text += ", and " + std::to_string(others) + (others == 1 ? " other byte differs" : " other bytes differ");
  return text;
}

std::string LaunchMemory::find_unwritten(std::int64_t &site) const {
  site = -1;
  std::string text;
  std::uint64_t others = 0;
  for (unsigned run = 0; run < state_->runs && text.empty(); ++run) {
    if (state_->outputs.empty())
      break;
    const std::map<std::uint64_t, PageMask> pages = state_->pages_of(run);
    for (const BufferRecord &output : state_->outputs) {
      const std::uint64_t end = output.begin + output.bytes;
      for (std::uint64_t address = output.begin; address < end;) {
        auto page = pages.find(address / page_bytes);
        const std::uint64_t page_end = std::min(end, (address / page_bytes + 1) * page_bytes);
        for (; address < page_end; ++address) {
          if (page != pages.end() && page->second.has(address % page_bytes))
            continue;
          if (!text.empty()) {
            ++others;
            continue;
          }
          text = state_->describe_byte(address) + " is not written by the kernel";
          // What is in front of the first one is written; or look for what is behind it.
          site = address > output.begin ? state_->find_site(address - 1) : state_->find_first_site(pages, address, end);
        }
      }
    }
  }
  if (others > 0)
    text += ", and " + std::to_string(others) + (others == 1 ? " other is not" : " others are not");
  return text;
}
