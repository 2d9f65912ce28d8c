// What a launch did, line by line of the kernel's source.
#pragma once

#include "counters.h"
#include "semantics.h"

#include "kiln/runtime/emulator.h"

#include <array>
#include <string_view>

namespace kiln::runtime::emulator {

/// Sums the counts of a launch, of all its workers, by file and line. What the lanes of a warp executed together counts
/// as that; what a thread did by itself is counted by threads, of which 32 are a warp here.
LaunchProfile make_profile(const EmulatedKernel::Code &code, const Counters &counters, std::array<unsigned, 3> grid,
                           const Semantics *(*semantics)(std::string_view operation) = find_semantics);

} // namespace kiln::runtime::emulator
