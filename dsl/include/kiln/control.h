// Loops and branches that run on the device. A C++ `for` or `if` runs while tracing.
#pragma once

#include "kiln/detail/function_ref.h"
#include "kiln/tile.h"

namespace kiln {

struct RangeOptions {
  int num_stages = 1; // how many iterations a software pipeline may have in flight
};

/// `for (Tile k : range(lo, hi, step))`: the body is traced once and becomes a loop. See `range`.
class KILN_API Range {
public:
  Range(const Operand &lower, const Operand &upper, const Operand &step, RangeOptions options, Loc loc);
  ~Range();
  Range(const Range &) = delete;
  Range &operator=(const Range &) = delete;

  struct Sentinel {};
  class KILN_API Iterator {
  public:
    explicit Iterator(Range *range) : range_(range) {}
    Tile operator*() const;
    Iterator &operator++();
    bool operator!=(Sentinel) const;

  private:
    Range *range_;
  };
  Iterator begin();
  Sentinel end() const { return {}; }

private:
  enum class State : unsigned char { made, open, closed };

  void *lower_, *upper_, *step_;
  RangeOptions options_;
  Loc loc_;
  std::uint64_t frame_ = 0; // identifies the open region
  int exceptions_ = 0;      // in flight when the loop was opened
  State state_ = State::made;
};

/// Iterates k = lo, lo + step, ... while k < hi. The bounds are integer scalars of i32 or i64; k has their type. The
/// step is positive: a run-time step below 1 counts as 1. The body may not be left with `break` or `return`.
[[nodiscard]] inline Range range(Operand hi, RangeOptions options = {}, Loc loc = Loc::current()) {
  return {Operand(0, loc), hi, Operand(1, loc), options, loc};
}
[[nodiscard]] inline Range range(Operand lo, Operand hi, RangeOptions options = {}, Loc loc = Loc::current()) {
  return {lo, hi, Operand(1, loc), options, loc};
}
[[nodiscard]] inline Range range(Operand lo, Operand hi, Operand step, RangeOptions options = {},
                                 Loc loc = Loc::current()) {
  return {lo, hi, step, options, loc};
}

/// Traces both branches; on the device, the one that the scalar i1 `condition` names runs. A variable that a branch
/// assigns has the value of the branch taken afterwards, or its old value where that branch does not assign it.
KILN_API void if_(const Operand &condition, detail::function_ref<void()> then,
                  detail::function_ref<void()> otherwise = {}, Loc loc = Loc::current());

/// Repeats `body` while `condition`, a function that returns a scalar i1, holds. Each is traced once.
KILN_API void while_(detail::function_ref<Tile()> condition, detail::function_ref<void()> body,
                     Loc loc = Loc::current());

} // namespace kiln
