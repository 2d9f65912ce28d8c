// What an emulated launch did, to be read.
#pragma once

#include "kiln/emulator.h"
#include "kiln/export.h"

#include <span>
#include <string>
#include <vector>

namespace kiln {

struct ProfileReportOptions {
  /// Where the kernels' source files are looked for, by the names under which they were compiled: in these directories,
  /// the first that has one. Of a file that is nowhere, or cannot be read, the numbers are shown without the text.
  std::vector<std::string> source_directories = {"."};
  /// Of text: how long lines may be, at least 80, and whether to mark with ANSI colours what deserves a look.
  unsigned columns = 120;
  bool colours = false;
};

/// As tables for a terminal: the lines of the source that did something, with the instructions of warps by class, and
/// with what they moved through global and shared memory; then a list of what stands out.
KILN_API std::string profile_text(const LaunchProfile &launch, const ProfileReportOptions &options = {});

/// As one HTML page, which needs nothing else: the whole source beside the numbers, for each launch.
KILN_API std::string profile_html(std::span<const LaunchProfile> launches, const ProfileReportOptions &options = {});

} // namespace kiln
