// How a kernel is launched, besides its arguments.
#pragma once

#include "kiln/device.h"
#include "kiln/error.h"

#include <concepts>
#include <cstdint>
#include <limits>
#include <utility>

namespace kiln {

/// How many programs a launch runs along each axis: at most 2^31 - 1 along x and 65535 along y and z, on every
/// device; a launch refuses more.
struct Grid {
  std::uint32_t x = 1, y = 1, z = 1;

  constexpr Grid() = default;
  template <std::integral X, std::integral Y = int, std::integral Z = int>
  constexpr Grid(X x, Y y = 1, Z z = 1) : x(checked(x)), y(checked(y)), z(checked(z)) {}

private:
  template <std::integral T>
  static constexpr std::uint32_t checked(T size) {
    if (std::cmp_less(size, 0) || std::cmp_greater(size, std::numeric_limits<std::int32_t>::max()))
      throw InvalidArgument("error: a grid dimension must be between 0 and 2147483647");
    return static_cast<std::uint32_t>(size);
  }
};

struct LaunchOptions {
  Grid grid = {};
  Device device = {};     // none: the current CUDA context's device
  void *stream = nullptr; // a CUstream; unused by the CPU, whose launches are synchronous
  /// Start while the launches before it in the stream still run, as far as these allow it (kiln::launch_dependents).
  /// The kernel must call kiln::wait_for_launches() before it touches what they write; one that never does is refused.
  /// Has an effect on GPUs of compute capability 9.0 or more.
  bool programmatic = false;
};

} // namespace kiln
