// What a launch is tested for before it gets the specialised variant of a kernel, rather than the generic one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace kiln::runtime {

/// Parameter `param`, a pointer or integer of `bytes` bytes, is a multiple of `divisor`.
struct Fact {
  std::uint16_t param;
  std::uint8_t bytes;
  std::int64_t divisor;

  friend bool operator==(const Fact &, const Fact &) = default;

  /// Whether it holds of the parameter's value.
  bool holds(const void *value) const {
    const std::int64_t number = bytes == 8   ? read<std::int64_t>(value)
                                : bytes == 4 ? read<std::int32_t>(value)
                                : bytes == 2 ? read<std::int16_t>(value)
                                             : read<std::int8_t>(value);
    // A division takes longer than the rest of the look-up; nearly every divisor is a power of two.
    if ((divisor & (divisor - 1)) == 0)
      return (number & (divisor - 1)) == 0;
    return number % divisor == 0;
  }

private:
  template <class T>
  static std::int64_t read(const void *value) {
    T result;
    std::memcpy(&result, value, sizeof result);
    return result;
  }
};

/// The facts of one config, which are one predicate.
class Facts {
public:
  /// Whether all of them hold for these arguments. args[i] points at the value of parameter i.
  bool hold(const void *const *args) const {
    for (const Fact &fact : facts_)
      if (!fact.holds(args[fact.param]))
        return false;
    return true;
  }
  bool empty() const { return facts_.empty(); }
  std::size_t size() const { return facts_.size(); }
  auto begin() const { return facts_.begin(); }
  auto end() const { return facts_.end(); }
  void add(const Fact &fact) { facts_.push_back(fact); }
  friend bool operator==(const Facts &, const Facts &) = default;

private:
  std::vector<Fact> facts_;
};

} // namespace kiln::runtime
