#include "profile.h"

#include "warp_step.h"

#include <charconv>
#include <map>
#include <utility>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::emulator;

namespace {

using Line = std::pair<std::string, unsigned>;

/// Splits "file:line:column"; the file's name may hold colons. No file and line 0 where it is nothing of the kind.
Line parse_place(std::string_view place) {
  const std::size_t column = place.rfind(':');
  if (column == place.npos || column == 0)
    return {};
  const std::size_t line = place.rfind(':', column - 1);
  if (line == place.npos || line == 0)
    return {};
  unsigned number = 0;
  const char *const end = place.data() + column;
  const auto [read, error] = std::from_chars(place.data() + line + 1, end, number);
  if (error != std::errc() || read != end)
    return {};
  return {std::string(place.substr(0, line)), number};
}

/// Sums by line.
class Lines {
public:
  LineProfile &at(std::string_view place) { return entry(place).profile; }
  /// Operations of threads, which count for warps once all are known.
  void add_threads(std::string_view place, InstructionClass kind, std::uint64_t executions) {
    entry(place).by_threads[static_cast<std::size_t>(kind)] += executions;
  }

  std::vector<LineProfile> take() {
    std::vector<LineProfile> result;
    for (auto &[line, entry] : entries_) {
      LineProfile &profile = result.emplace_back(std::move(entry.profile));
      profile.file = line.first;
      profile.line = line.second;
      for (std::size_t i = 0; i < instruction_class_count; ++i)
        profile.instructions[i] += (entry.by_threads[i] + warp_size - 1) / warp_size;
    }
    return result;
  }

private:
  struct Entry {
    LineProfile profile;
    std::array<std::uint64_t, instruction_class_count> by_threads{};
  };
  Entry &entry(std::string_view place) { return entries_[parse_place(place)]; }

  std::map<Line, Entry> entries_;
};

thread_local EmulatorProfiler *current_profiler = nullptr;

} // namespace

LaunchProfile emulator::make_profile(const EmulatedKernel::Code &code, const Counters &counters,
                                     std::array<unsigned, 3> grid, const Semantics *(*semantics)(std::string_view)) {
  Lines lines;
  for (std::size_t i = 0; i < code.sites.size(); ++i) {
    const SiteCounters &site = counters.sites[i];
    if (site.lane_executions == 0)
      continue;
    const Semantics &meaning = *semantics(code.sites[i].operation); // nothing without a meaning is executed
    if (meaning.is_check)
      continue;
    if (meaning.compute) {
      lines.add_threads(code.sites[i].place, meaning.kind, site.lane_executions);
      continue;
    }
    LineProfile &line = lines.at(code.sites[i].place);
    line.instructions[static_cast<std::size_t>(meaning.kind)] += site.executions;
    line += site.traffic;
  }
  for (std::size_t i = 0; i < code.blocks.size(); ++i)
    if (counters.blocks[i] != 0)
      for (const EmulatedCount &count : code.blocks[i])
        lines.add_threads(count.place, count.kind, counters.blocks[i] * count.count);

  return {.kernel = code.name,
          .arch = code.arch,
          .note = code.note,
          .grid = grid,
          .num_warps = code.num_warps,
          .shared_bytes = code.shared_bytes,
          .lines = lines.take()};
}

std::string_view kiln::name_of(InstructionClass kind) {
  switch (kind) {
  case InstructionClass::integer:
    return "integer";
  case InstructionClass::floating:
    return "floating";
  case InstructionClass::conversion:
    return "conversion";
  case InstructionClass::control:
    return "control";
  case InstructionClass::special:
    return "special";
  case InstructionClass::tensor_core:
    return "tensor core";
  case InstructionClass::warp:
    return "warp";
  case InstructionClass::barrier:
    return "barrier";
  case InstructionClass::global_load:
    return "global load";
  case InstructionClass::global_store:
    return "global store";
  case InstructionClass::global_atomic:
    return "global atomic";
  case InstructionClass::shared_load:
    return "shared load";
  case InstructionClass::shared_store:
    return "shared store";
  case InstructionClass::shared_atomic:
    return "shared atomic";
  case InstructionClass::async_copy:
    return "async copy";
  case InstructionClass::call:
    return "call";
  }
  return "unknown";
}

EmulatorProfiler::EmulatorProfiler() : outer_(std::exchange(current_profiler, this)) {}
EmulatorProfiler::~EmulatorProfiler() { current_profiler = outer_; }
EmulatorProfiler *EmulatorProfiler::current() { return current_profiler; }
