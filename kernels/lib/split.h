// Taking text apart.
#pragma once

#include <string_view>
#include <vector>

namespace kiln::kernels {

/// The parts between separators, of which there is one more than those: "a,,b" is "a", "", "b".
inline std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == text.npos)
      return parts;
    text.remove_prefix(end + 1);
  }
}

} // namespace kiln::kernels
