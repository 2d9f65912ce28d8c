// Where threads of a program wait for each other.
#pragma once

#include "semantics.h"

#include <array>
#include <cstdint>
#include <vector>

namespace kiln::runtime::emulator {

/// The 16 hardware barriers of a program.
class Barriers {
public:
  /// Begins a program: nobody has arrived anywhere.
  void begin() { barriers_ = {}; }

  /// The lanes of a warp arrive at a barrier that opens when `threads` have. Those that wait are let go then, and have
  /// seen what all who arrived did before.
  Progress arrive(const WarpStep &step, std::uint64_t id, std::uint64_t threads, bool waits);

private:
  struct Barrier {
    std::uint64_t arrived = 0; // threads; 0: nobody
    std::uint64_t expected = 0;
    std::uint32_t site = 0;              // of the first to arrive
    std::vector<std::uint64_t> released; // of all who arrived
    struct Waiting {
      unsigned warp;
      std::uint32_t lanes;
    };
    std::vector<Waiting> waiting;
  };
  std::array<Barrier, 16> barriers_;
};

} // namespace kiln::runtime::emulator
