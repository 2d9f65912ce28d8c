#include "kiln/debug.h"

#include "buffer_table.h"
#include "kiln/error.h"
#include "kiln/runtime/environment.h"
#include "worker_pool.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>
#include <mutex>

using namespace kiln;
using namespace kiln::runtime;

namespace {

std::string hex(std::uintptr_t value) {
  char text[32];
  std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string count_bytes(std::size_t bytes) { return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes"); }

using Records = std::map<std::uintptr_t, BufferRecord>;

struct Registry {
  std::mutex mutex;
  Records records;
  Records allocations;                      // of devices
  std::shared_ptr<const BufferTable> table; // null when it must be made again
};

// Never destroyed: kernels may run, and objects with registrations may die, after static destructors have begun.
Registry &registry() {
  static Registry *const instance = new Registry;
  return *instance;
}

/// A record that shares bytes with the range; null where there is none.
const BufferRecord *find_overlap(const Records &records, std::uintptr_t begin, std::size_t bytes) {
  auto next = records.lower_bound(begin);
  if (next != records.end() && next->second.begin < begin + bytes)
    return &next->second;
  if (next != records.begin() && begin - std::prev(next)->second.begin < std::prev(next)->second.bytes)
    return &std::prev(next)->second;
  return nullptr;
}

void add_record(const char *function, const char *kind, BufferRecord record) {
  if (record.bytes == 0)
    return;
  const std::string what = std::string(function) + ": " + kind + " '" + record.name + "'";
  if (record.begin == 0)
    throw InvalidArgument(what + " has a null address");
  if (record.begin + record.bytes < record.begin)
    throw InvalidArgument(what + " of " + count_bytes(record.bytes) + " at " + hex(record.begin) +
                          " does not fit into the address space");
  Registry &r = registry();
  std::lock_guard lock(r.mutex);
  if (const BufferRecord *other = find_overlap(r.records, record.begin, record.bytes))
    throw InvalidArgument(what + " at " + hex(record.begin) + " overlaps " + describe_buffer(*other) + " at " +
                          hex(other->begin));
  const std::uintptr_t begin = record.begin;
  r.records.emplace(begin, std::move(record));
  r.table = nullptr;
}

std::atomic<bool> &checks_flag() {
  static std::atomic<bool> flag{environment_flag("KILN_CHECK")};
  return flag;
}

std::atomic<bool> &asserts_flag() {
  static std::atomic<bool> flag{environment_flag("KILN_ASSERT")};
  return flag;
}

std::atomic<bool> &line_info_flag() {
  static std::atomic<bool> flag{environment_flag("KILN_LINE_INFO")};
  return flag;
}

struct Printer {
  std::recursive_mutex mutex; // a handler may print, and may be replaced by itself
  debug::PrintHandler handler = nullptr;
  void *user = nullptr;
};

Printer &printer() {
  static Printer *const instance = new Printer;
  return *instance;
}

} // namespace

std::string kiln::runtime::describe_buffer(const BufferRecord &record) {
  const bool is_output = record.writer != std::thread::id();
  return (is_output ? "output '" : "buffer '") + record.name + "' (" + count_bytes(record.bytes) + ")";
}

std::size_t BufferTable::after(std::uintptr_t address) const {
  auto it = std::upper_bound(records_.begin(), records_.end(), address,
                             [](std::uintptr_t a, const BufferRecord &r) { return a < r.begin; });
  return static_cast<std::size_t>(it - records_.begin());
}

const BufferRecord *BufferTable::find(const void *address, std::size_t bytes) const {
  auto begin = reinterpret_cast<std::uintptr_t>(address);
  std::size_t next = after(begin);
  return next > 0 && records_[next - 1].contains(begin, bytes) ? &records_[next - 1] : nullptr;
}

std::string BufferTable::describe(const void *address, std::size_t bytes, std::string_view what) const {
  if (bytes == 0 || contains(address, bytes))
    return {};
  auto begin = reinterpret_cast<std::uintptr_t>(address);
  std::string text = std::string(what) + " of " + count_bytes(bytes) + " at " + hex(begin) + ", ";
  if (records_.empty())
    return text + "and no buffer is registered (debug::register_buffer)";

  std::size_t next = after(begin);
  const BufferRecord *below = next > 0 ? &records_[next - 1] : nullptr;
  const BufferRecord *above = next < records_.size() ? &records_[next] : nullptr;
  if (below && begin - below->begin < below->bytes)
    return text + "which runs past the end of " + describe_buffer(*below) + " at byte " +
           std::to_string(begin - below->begin);
  std::size_t past = below ? begin - below->begin - below->bytes : 0;
  if (below && (!above || past <= above->begin - begin))
    return text + count_bytes(past) + " past the end of " + describe_buffer(*below);
  return text + count_bytes(above->begin - begin) + " before " + describe_buffer(*above);
}

std::shared_ptr<const BufferTable> kiln::runtime::current_buffers() {
  Registry &r = registry();
  std::unique_lock lock(r.mutex);
  if (!r.table) {
    std::vector<BufferRecord> sorted;
    sorted.reserve(r.records.size() + r.allocations.size());
    for (const auto &[begin, record] : r.records)
      sorted.push_back(record);
    for (const auto &[begin, record] : r.allocations)
      if (!find_overlap(r.records, begin, record.bytes))
        sorted.push_back(record);
    std::sort(sorted.begin(), sorted.end(),
              [](const BufferRecord &a, const BufferRecord &b) { return a.begin < b.begin; });
    r.table = std::make_shared<const BufferTable>(std::move(sorted));
  }
  std::shared_ptr<const BufferTable> registered = r.table;
  lock.unlock();
  return with_call_buffers(std::move(registered));
}

void debug::set_checks(bool on) { checks_flag().store(on, std::memory_order_relaxed); }
bool debug::checks() { return checks_flag().load(std::memory_order_relaxed); }
void debug::set_asserts(bool on) { asserts_flag().store(on, std::memory_order_relaxed); }
bool debug::asserts() { return asserts_flag().load(std::memory_order_relaxed) || checks(); }
void debug::set_line_info(bool on) { line_info_flag().store(on, std::memory_order_relaxed); }
bool debug::line_info() { return line_info_flag().load(std::memory_order_relaxed); }

void debug::register_buffer(const void *address, std::size_t bytes, const char *name) {
  add_record("debug::register_buffer", "buffer", {reinterpret_cast<std::uintptr_t>(address), bytes, name ? name : ""});
}

void debug::register_output(void *address, std::size_t bytes, const char *name) {
  add_record("debug::register_output", "output",
             {reinterpret_cast<std::uintptr_t>(address), bytes, name ? name : "", std::this_thread::get_id()});
}

void kiln::runtime::register_allocation(const void *address, std::size_t bytes, const char *name) {
  Registry &r = registry();
  std::lock_guard lock(r.mutex);
  auto begin = reinterpret_cast<std::uintptr_t>(address);
  r.allocations.insert_or_assign(begin, BufferRecord{begin, bytes, name});
  r.table = nullptr;
}

void kiln::runtime::unregister_allocation(const void *address) {
  Registry &r = registry();
  std::lock_guard lock(r.mutex);
  r.allocations.erase(reinterpret_cast<std::uintptr_t>(address));
  r.table = nullptr;
}

void debug::unregister_buffer(const void *address) {
  Registry &r = registry();
  std::lock_guard lock(r.mutex);
  if (r.records.erase(reinterpret_cast<std::uintptr_t>(address)))
    r.table = nullptr;
}

std::string debug::describe_access(const void *address, std::size_t bytes, std::string_view access) {
  return current_buffers()->describe(address, bytes, access);
}

void debug::set_print_handler(PrintHandler handler, void *user) {
  Printer &p = printer();
  std::lock_guard lock(p.mutex);
  p.handler = handler;
  p.user = user;
}

void debug::print_line(const std::string &line) {
  std::string text = line + "\n";
  Printer &p = printer();
  std::lock_guard lock(p.mutex);
  if (p.handler) {
    const WorkAlone alone;
    p.handler(p.user, text.data(), text.size());
  } else {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }
}
