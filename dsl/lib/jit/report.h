// CompileReport as it is kept on disk, and the occupancy in it.
#pragma once

#include "kiln/compile_report.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace kiln::jit {

/// The report that CompileReport::json() gave; nothing where it is none.
std::optional<CompileReport> report_from_json(std::string_view text);

/// What a multiprocessor of an architecture holds.
struct MultiprocessorLimits {
  unsigned threads, programs, registers;
  std::size_t shared_bytes;
};

/// Fills in programs_per_multiprocessor, occupancy and occupancy_limit from threads, registers and shared_bytes.
void fill_occupancy(CompileReport &report, const MultiprocessorLimits &limits);

} // namespace kiln::jit
