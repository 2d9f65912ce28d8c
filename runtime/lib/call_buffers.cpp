#include "kiln/runtime/call_buffers.h"

#include "buffer_table.h"

#include <algorithm>

using namespace kiln::runtime;

struct CallBuffers::State {
  std::vector<BufferRecord> records;        // sorted, disjoint
  std::shared_ptr<const BufferTable> known; // what `table` was made for
  std::shared_ptr<const BufferTable> table;
};

namespace {

thread_local CallBuffers::State *current = nullptr;

std::uintptr_t end_of(const BufferRecord &record) { return record.begin + record.bytes; }

/// Overlapping ranges made one.
std::vector<BufferRecord> joined(std::span<const CallBuffer> buffers) {
  std::vector<BufferRecord> sorted, result;
  for (const CallBuffer &b : buffers)
    if (b.address && b.bytes > 0)
      sorted.push_back({reinterpret_cast<std::uintptr_t>(b.address), b.bytes, b.name});
  std::ranges::stable_sort(sorted, {}, &BufferRecord::begin);
  for (BufferRecord &record : sorted) {
    if (result.empty() || end_of(result.back()) <= record.begin) {
      result.push_back(std::move(record));
      continue;
    }
    BufferRecord &last = result.back();
    last.bytes = std::max(end_of(last), end_of(record)) - last.begin;
    last.name += " and " + record.name;
  }
  return result;
}

/// What is known, and the parts of the records that are not.
std::vector<BufferRecord> merged(const std::vector<BufferRecord> &known, const std::vector<BufferRecord> &records) {
  std::vector<BufferRecord> result = known;
  for (const BufferRecord &record : records) {
    std::uintptr_t begin = record.begin;
    const auto add_until = [&](std::uintptr_t end) {
      if (begin < end)
        result.push_back({begin, end - begin, record.name});
    };
    for (const BufferRecord &other : known) {
      if (end_of(other) <= begin || end_of(record) <= other.begin)
        continue;
      add_until(other.begin);
      begin = end_of(other);
    }
    add_until(end_of(record));
  }
  std::ranges::sort(result, {}, &BufferRecord::begin);
  return result;
}

} // namespace

CallBuffers::CallBuffers(std::span<const CallBuffer> buffers) : state_(std::make_unique<State>()), outer_(current) {
  state_->records = joined(buffers);
  current = state_.get();
}

CallBuffers::~CallBuffers() { current = outer_; }

std::shared_ptr<const BufferTable> kiln::runtime::with_call_buffers(std::shared_ptr<const BufferTable> known) {
  if (!current)
    return known;
  if (current->known != known) {
    current->table = std::make_shared<const BufferTable>(merged(known->records(), current->records));
    current->known = std::move(known);
  }
  return current->table;
}
