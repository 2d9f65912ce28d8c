#include "jit/report.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

using namespace kiln;
using namespace kiln::jit;
using llvm::formatv;

namespace {

/// Calls `f(name, member)` for every member that is a number or a text, in the order in which they are printed.
template <class Report, class F>
void for_each_member(Report &r, F &&f) {
  f("target", r.target);
  f("trace_ms", r.trace_ms);
  f("compile_ms", r.compile_ms);
  f("lower_ms", r.lower_ms);
  f("assemble_ms", r.assemble_ms);
  f("assembler", r.assembler);
  f("cached", r.cached);
  f("from_disk", r.from_disk);
  f("scratch_bytes", r.scratch_bytes);
  f("threads", r.threads);
  f("registers", r.registers);
  f("spill_store_bytes", r.spill_store_bytes);
  f("spill_load_bytes", r.spill_load_bytes);
  f("shared_bytes", r.shared_bytes);
  f("programs_per_multiprocessor", r.programs_per_multiprocessor);
  f("occupancy", r.occupancy);
  f("occupancy_limit", r.occupancy_limit);
}

template <class T>
llvm::json::Value json_value(const T &value) {
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string> || std::is_floating_point_v<T>)
    return value;
  else
    return static_cast<std::int64_t>(value);
}

void read(const llvm::json::Object &object, llvm::StringRef name, std::string &value) {
  if (auto found = object.getString(name))
    value = found->str();
}
void read(const llvm::json::Object &object, llvm::StringRef name, bool &value) {
  value = object.getBoolean(name).value_or(value);
}
void read(const llvm::json::Object &object, llvm::StringRef name, double &value) {
  // JSON can spell more than a double holds, and not the infinity that it becomes.
  if (auto found = object.getNumber(name); found && std::isfinite(*found))
    value = *found;
}
template <std::unsigned_integral T>
void read(const llvm::json::Object &object, llvm::StringRef name, T &value) {
  value = static_cast<T>(object.getInteger(name).value_or(static_cast<std::int64_t>(value)));
}

} // namespace

std::string CompileReport::json() const {
  std::string result;
  llvm::raw_string_ostream stream(result);
  llvm::json::OStream json(stream, 2);
  json.object([&] {
    for_each_member(*this, [&](const char *name, const auto &value) { json.attribute(name, json_value(value)); });
    json.attributeArray("shared_buffers", [&] {
      for (const SharedBuffer &buffer : shared_buffers)
        json.object([&] {
          json.attribute("use", buffer.use);
          json.attribute("place", buffer.place);
          json.attribute("offset", json_value(buffer.offset));
          json.attribute("bytes", json_value(buffer.bytes));
        });
    });
    json.attributeArray("accesses", [&] {
      for (const MemoryAccess &access : accesses)
        json.object([&] {
          json.attribute("place", access.place);
          json.attribute("operation", access.operation);
          json.attribute("type", access.type);
          json.attribute("vector_bits", json_value(access.vector_bits));
          json.attribute("count", json_value(access.count));
          json.attribute("predicated", access.predicated);
          json.attribute("read_only", access.read_only);
          json.attribute("reason", access.reason);
          json.attribute("pipeline", access.pipeline);
          json.attribute("evict_first", access.evict_first);
        });
    });
  });
  stream << '\n';
  return result;
}

std::optional<CompileReport> jit::report_from_json(std::string_view text) {
  llvm::Expected<llvm::json::Value> parsed = llvm::json::parse(llvm::StringRef(text));
  if (!parsed) {
    llvm::consumeError(parsed.takeError());
    return std::nullopt;
  }
  const llvm::json::Object *object = parsed->getAsObject();
  if (!object)
    return std::nullopt;
  CompileReport report;
  for_each_member(report, [&](const char *name, auto &value) { read(*object, name, value); });
  if (const llvm::json::Array *buffers = object->getArray("shared_buffers"))
    for (const llvm::json::Value &element : *buffers)
      if (const llvm::json::Object *o = element.getAsObject()) {
        SharedBuffer &buffer = report.shared_buffers.emplace_back();
        read(*o, "use", buffer.use);
        read(*o, "place", buffer.place);
        read(*o, "offset", buffer.offset);
        read(*o, "bytes", buffer.bytes);
      }
  if (const llvm::json::Array *accesses = object->getArray("accesses"))
    for (const llvm::json::Value &element : *accesses)
      if (const llvm::json::Object *o = element.getAsObject()) {
        MemoryAccess &access = report.accesses.emplace_back();
        read(*o, "place", access.place);
        read(*o, "operation", access.operation);
        read(*o, "type", access.type);
        read(*o, "vector_bits", access.vector_bits);
        read(*o, "count", access.count);
        read(*o, "predicated", access.predicated);
        read(*o, "read_only", access.read_only);
        read(*o, "reason", access.reason);
        read(*o, "pipeline", access.pipeline);
        read(*o, "evict_first", access.evict_first);
      }
  return report;
}

std::string CompileReport::text() const {
  std::string result;
  llvm::raw_string_ostream out(result);
  auto line = [&](llvm::StringRef name, const std::string &value) { out << formatv("{0,-16}{1}\n", name, value); };
  const bool emulated = llvm::StringRef(target).starts_with("emulated:"); // nothing is assembled
  line("target", target);
  line("trace", formatv("{0:F1} ms", trace_ms));
  line("compile",
       formatv("{0:F1} ms{1}", compile_ms,
               from_disk              ? std::string(", found in the cache on disk")
               : threads && !emulated ? formatv(": lowering {0:F1}, assembling {1:F1}", lower_ms, assemble_ms).str()
                                      : ""));
  if (threads == 0) { // the CPU and the interpreter
    line("scratch", formatv("{0} bytes", scratch_bytes));
    return result;
  }
  if (!emulated)
    line("assembler", assembler.empty() ? "none found: there is no cubin" : assembler);
  line("threads", formatv("{0}", threads));
  if (!assembler.empty()) {
    line("registers", formatv("{0} a thread", registers));
    line("spills", formatv("{0} bytes stored, {1} bytes loaded", spill_store_bytes, spill_load_bytes));
  }
  line("shared memory", formatv("{0} bytes", shared_bytes));
  for (const SharedBuffer &buffer : shared_buffers)
    out << formatv("  {0,8} bytes at {1,6}  {2}{3}{4}\n", buffer.bytes, buffer.offset, buffer.use,
                   buffer.place.empty() ? "" : ", ", buffer.place);
  if (programs_per_multiprocessor)
    line("occupancy", formatv("{0:P0}: {1} programs a multiprocessor, bounded by {2}", occupancy,
                              programs_per_multiprocessor, occupancy_limit));
  if (!accesses.empty()) {
    out << "accesses\n";
    for (const MemoryAccess &access : accesses) {
      out << "  " << access.place << (access.place.empty() ? "" : ": ");
      out << formatv("{0} of {1}: {2} x {3} bits", access.operation, access.type, access.count, access.vector_bits);
      out << (access.predicated ? ", predicated" : "") << (access.read_only ? ", read-only" : "")
          << (access.evict_first ? ", evicted first" : "");
      for (const std::string &remark : {access.reason, access.pipeline})
        out << (remark.empty() ? "" : ", ") << remark;
      out << '\n';
    }
  }
  return result;
}

void jit::fill_occupancy(CompileReport &report, const MultiprocessorLimits &limits) {
  // Registers are handed out to warps, 256 at a time; shared memory in pieces of 1 KiB, and the system takes one piece
  // of each program.
  const unsigned warps = (report.threads + 31) / 32;
  const unsigned warp_registers = (report.registers * 32 + 255) / 256 * 256;
  const std::size_t shared = (report.shared_bytes + 1024 + 1023) / 1024 * 1024;
  if (warps == 0)
    return;
  std::pair<unsigned, const char *> bounds[] = {
      {limits.programs, "programs"},
      {limits.threads / (warps * 32), "threads"},
      {warp_registers ? limits.registers / warp_registers / warps : limits.programs, "registers"},
      {static_cast<unsigned>(limits.shared_bytes / shared), "shared memory"},
  };
  const auto least = std::ranges::min_element(bounds, {}, &std::pair<unsigned, const char *>::first);
  report.programs_per_multiprocessor = least->first;
  report.occupancy_limit = least->second;
  report.occupancy = double(least->first) * warps * 32 / limits.threads;
}
