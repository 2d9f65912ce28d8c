#include "profile/figures.h"

#include "profile/sources.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <tuple>

using namespace kiln;

namespace {

template <class... Values>
std::string formatted(const char *format, Values... values) {
  char text[64];
  std::snprintf(text, sizeof(text), format, values...);
  return text;
}

std::string counted(std::uint64_t count, const char *noun) {
  return profile::count_text(count) + " " + noun + (count == 1 ? "" : "s");
}

/// Sectors that what was asked for would fill.
std::uint64_t sectors_needed(const LineProfile &line) { return (line.sector_bytes_used + 31) / 32; }

} // namespace

const char *profile::short_name(InstructionClass kind) {
  static constexpr const char *names[] = {"int",     "float",   "conv",   "ctrl",    "special", "mma",
                                          "warp",    "barrier", "g.load", "g.store", "g.atom",  "s.load",
                                          "s.store", "s.atom",  "async",  "call"};
  static_assert(std::size(names) == instruction_class_count);
  return names[static_cast<std::size_t>(kind)];
}

std::vector<InstructionClass> profile::classes_of(const LaunchProfile &launch) {
  const LineProfile total = total_of(launch);
  std::vector<InstructionClass> classes;
  for (std::size_t i = 0; i < instruction_class_count; ++i)
    if (total.instructions[i] != 0)
      classes.push_back(static_cast<InstructionClass>(i));
  return classes;
}

std::uint64_t profile::instructions_of(const LineProfile &line) {
  std::uint64_t sum = 0;
  for (std::uint64_t count : line.instructions)
    sum += count;
  return sum;
}

LineProfile profile::total_of(const LaunchProfile &launch) {
  LineProfile total;
  for (const LineProfile &line : launch.lines) {
    for (std::size_t i = 0; i < instruction_class_count; ++i)
      total.instructions[i] += line.instructions[i];
    total += line; // what it did to memory
  }
  return total;
}

std::string profile::place_of(const LineProfile &line) {
  return line.file.empty() ? "(no place)" : shown_name(line.file) + ":" + std::to_string(line.line);
}

std::string profile::title_of(const LaunchProfile &launch) {
  // The note has the config: "note: while running 'name' with {...}".
  const std::size_t config = launch.note.rfind(" with {");
  return launch.kernel + (config == launch.note.npos ? "" : launch.note.substr(config)) + " on " + launch.arch + ": " +
         std::to_string(launch.grid[0]) + " x " + std::to_string(launch.grid[1]) + " x " +
         std::to_string(launch.grid[2]) + " programs of " + counted(launch.num_warps, "warp") + ", " +
         counted(launch.shared_bytes, "byte") + " of shared memory";
}

std::string profile::count_text(std::uint64_t count) {
  if (count < 10'000'000)
    return std::to_string(count);
  const double value = static_cast<double>(count);
  return value < 1e9 ? formatted("%.2fM", value * 1e-6) : formatted("%.2fG", value * 1e-9);
}

std::string profile::share_text(double part, double whole) {
  return whole > 0 ? formatted("%.1f %%", 100 * part / whole) : "-";
}

std::string profile::average_text(std::uint64_t sum, std::uint64_t count) {
  if (count == 0)
    return "-";
  return sum % count == 0 ? count_text(sum / count)
                          : formatted("%.2f", static_cast<double>(sum) / static_cast<double>(count));
}

std::vector<profile::Highlight> profile::highlights_of(const LaunchProfile &launch) {
  const LineProfile total = total_of(launch);
  std::vector<const LineProfile *> wasteful, conflicting;
  for (const LineProfile &line : launch.lines) {
    if (line.global_efficiency() < low_efficiency)
      wasteful.push_back(&line);
    if (conflicts_of(line) > 0)
      conflicting.push_back(&line);
  }
  // The most wasteful first, else in the order of the source.
  const auto sort = [](std::vector<const LineProfile *> &lines, auto &&waste) {
    std::ranges::sort(lines, {}, [&](const LineProfile *line) {
      return std::tuple(~waste(*line), std::string_view(line->file), line->line);
    });
  };
  sort(wasteful, [](const LineProfile &line) { return line.sectors - sectors_needed(line); });
  sort(conflicting, conflicts_of);

  std::vector<Highlight> result;
  for (const LineProfile *line : wasteful)
    result.push_back({line, share_text(line->global_efficiency(), 1) + " of what its " +
                                counted(line->sectors, "sector") + " of global memory hold is used (" +
                                share_text(double(line->sectors), double(total.sectors)) + " of all sectors)"});
  for (const LineProfile *line : conflicting)
    result.push_back({line, "bank conflicts: " + count_text(line->shared_passes) +
                                " passes through shared memory, without conflicts " +
                                count_text(line->shared_passes_ideal)});
  return result;
}
