// Tiles have dimensions that are powers of two; heads do not.
#pragma once

#include <bit>
#include <vector>

namespace kiln::kernels {

/// The elements [begin, begin + width) of a head.
struct HeadDimPart {
  int begin, width;
  int end() const { return begin + width; }
};

/// A head as the powers of two that it is the sum of, largest first: 80 = 64 + 16. So nothing past the end of a head is
/// read, and nothing is computed for padding.
inline std::vector<HeadDimPart> split_head_dim(int head_dim) {
  std::vector<HeadDimPart> parts;
  for (int begin = 0; begin < head_dim;) {
    const int width = int(std::bit_floor(unsigned(head_dim - begin)));
    parts.push_back({begin, width});
    begin += width;
  }
  return parts;
}

} // namespace kiln::kernels
