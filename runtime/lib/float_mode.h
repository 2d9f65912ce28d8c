#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace kiln::runtime {

/// The rounding and denormal modes of the host program are its own business: every program runs under the defaults, on
/// every thread, or results would depend on which thread ran it.
class DefaultFloatMode {
#if defined(__x86_64__)
public:
  DefaultFloatMode() : saved_(_mm_getcsr()) {
    if ((saved_ & ~sticky_flags) != defaults)
      _mm_setcsr(defaults);
  }
  ~DefaultFloatMode() {
    if ((saved_ & ~sticky_flags) != defaults)
      _mm_setcsr(saved_);
  }

private:
  static constexpr unsigned sticky_flags = 0x3f;
  static constexpr unsigned defaults = 0x1f80; // round to nearest even, denormals kept, no traps
  unsigned saved_;
#endif
};

} // namespace kiln::runtime
