// What fuzz targets share. A target is a file with one LLVMFuzzerTestOneInput: libFuzzer drives it (KILN_FUZZERS), and
// replay.cpp runs it over its corpus in every build.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// \returns 0
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace kiln::fuzz {

using Bytes = std::vector<std::uint8_t>;

/// Ends the process where something that must hold does not, which is a finding.
inline void expect(bool holds, const char *what) {
  if (holds)
    return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

inline std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

/// The lines of the input, the last one without its end.
inline std::vector<std::string> lines_of(std::span<const std::uint8_t> bytes) {
  std::vector<std::string> lines(1);
  for (std::uint8_t byte : bytes)
    if (byte == '\n')
      lines.emplace_back();
    else
      lines.back() += static_cast<char>(byte);
  return lines;
}

} // namespace kiln::fuzz
