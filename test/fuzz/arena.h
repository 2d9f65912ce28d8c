// One piece of memory with the buffers of a program in it, and poison around each.
#pragma once

#include "gpu.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace kiln::fuzz {

class Arena {
public:
  static constexpr unsigned char poison = 0xcd;
  static constexpr std::size_t guard = 4096; // bytes, more than a tile of most programs

  Arena(std::span<const GpuBuffer> buffers, std::uint64_t seed) {
    std::size_t at = guard;
    for (const GpuBuffer &buffer : buffers) {
      // Half of them are aligned as allocations are, half as they are declared to be and no better.
      if (seed++ % 2)
        at += buffer.alignment;
      offsets.push_back(at);
      at = (at + buffer.bytes.size() + guard + 255) / 256 * 256;
    }
    image.assign(at, poison);
    for (std::size_t i = 0; i < buffers.size(); ++i)
      std::copy(buffers[i].bytes.begin(), buffers[i].bytes.end(), image.begin() + std::ptrdiff_t(offsets[i]));
  }

  /// Copies what the run left into the buffers. Empty, or which guard zone was written.
  std::string fetch(std::span<const GpuBuffer> buffers) const {
    std::size_t at = 0;
    std::string broken;
    const auto name = [](std::size_t next) {
      return next == 0 ? std::string("before the buffers") : "after buffer " + std::to_string(next - 1);
    };
    const auto check = [&](std::size_t end, const std::string &where) {
      const auto begin = image.begin() + std::ptrdiff_t(at), last = image.begin() + std::ptrdiff_t(end);
      const auto bad = std::find_if(begin, last, [](unsigned char byte) { return byte != poison; });
      if (bad != last && broken.empty())
        broken = "memory " + where + " was written, at byte " + std::to_string(bad - begin);
    };
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      check(offsets[i], name(i));
      std::memcpy(buffers[i].bytes.data(), image.data() + offsets[i], buffers[i].bytes.size());
      at = offsets[i] + buffers[i].bytes.size();
    }
    check(image.size(), name(buffers.size()));
    return broken;
  }

  std::vector<std::size_t> offsets;
  std::vector<unsigned char> image;
};

} // namespace kiln::fuzz
