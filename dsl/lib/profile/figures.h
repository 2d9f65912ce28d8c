// The figures that reports of a launch show.
#pragma once

#include "kiln/emulator.h"

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::profile {

/// A few letters that stand above a column.
const char *short_name(InstructionClass kind);

/// The classes that the launch executed any of.
std::vector<InstructionClass> classes_of(const LaunchProfile &launch);

/// Of all classes.
std::uint64_t instructions_of(const LineProfile &line);

/// All lines together.
LineProfile total_of(const LaunchProfile &launch);

/// Passes through shared memory that bank conflicts cost.
inline std::uint64_t conflicts_of(const LineProfile &line) { return line.shared_passes - line.shared_passes_ideal; }

/// "kernel.h:12", or "(no place)".
std::string place_of(const LineProfile &line);

/// "softmax_f16 with {1024, false, 4} on sm_90a: 8 x 1 x 1 programs of 4 warps, 128 bytes of shared memory".
std::string title_of(const LaunchProfile &launch);

/// Exact up to seven digits, then as "12.35M".
std::string count_text(std::uint64_t count);
/// "12.5 %" of part in whole.
std::string share_text(double part, double whole);
/// An average: "512", "0.25", "-" of nothing.
std::string average_text(std::uint64_t sum, std::uint64_t count);

/// A line that wastes transactions.
struct Highlight {
  const LineProfile *line;
  std::string text;
};

/// Lines whose accesses of global memory use less than half of the sectors that they touch, and lines with bank
/// conflicts; of each kind the most wasteful first.
std::vector<Highlight> highlights_of(const LaunchProfile &launch);

/// Below this global_efficiency() stands out.
inline constexpr double low_efficiency = 0.5;

} // namespace kiln::profile
