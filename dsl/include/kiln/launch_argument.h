// What Kernel::launch takes for scalar<T>: no number that would arrive as another.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace kiln::detail {

// Every value of U is one of T. C++ says so of all but two cases: where the digits of a floating-point type hold an
// integer type, and counts, because objects in memory are fewer than 2^63.
template <class U, class T>
concept LosslessFor =
    requires(void (*take)(T), U value) { take({value}); } ||
    (std::integral<U> && std::floating_point<T> && std::numeric_limits<U>::digits <= std::numeric_limits<T>::digits) ||
    (std::same_as<T, std::int64_t> && std::unsigned_integral<U>);

// Some values of U are some of T: constants may be.
template <class U, class T>
concept ConstantFor =
    !LosslessFor<U, T> && (std::is_arithmetic_v<U> || std::is_enum_v<U>) && std::is_arithmetic_v<T> &&
    std::convertible_to<U, T> && !std::same_as<T, bool> && (std::floating_point<T> || !std::floating_point<U>);

// Not constexpr, so that a constant which comes here is refused, with this name.
void this_constant_does_not_fit_the_scalar_of_the_kernel();

// The name is what compilers show where a value is neither: "'LosslessOrConstant<int>(n)': 'n' is not a constant".
template <class T>
struct LosslessOrConstant {
  T value; // the only member: launch takes the address of this object for its

  template <LosslessFor<T> U>
  constexpr LosslessOrConstant(U argument) : value(static_cast<T>(argument)) {}

  // Both by reference: g++ shows the name of this class where a reference binds to no constant.
  template <ConstantFor<T> U>
  consteval LosslessOrConstant(const U &constant) : value(static_cast<T>(constant)) {
    // 0.1 is meant for a float, where 1e300 is not. Of integers all digits count.
    const bool exact = static_cast<U>(value) == constant && (value < T(0)) == (constant < U(0));
    if (!exact &&
        (!std::floating_point<U> || value > std::numeric_limits<T>::max() || value < std::numeric_limits<T>::lowest()))
      this_constant_does_not_fit_the_scalar_of_the_kernel();
  }

  template <class U>
    requires(!LosslessFor<U, T> && !ConstantFor<U, T>)
  constexpr LosslessOrConstant(const U &) : value() {
    static_assert(std::convertible_to<U, T>,
                  "launch: this argument does not convert to the type of the kernel's scalar<T>");
    static_assert(!std::convertible_to<U, T>,
                  "launch: scalar<bool> takes a bool, and a scalar of integers no floating-point number; convert the "
                  "argument with a cast");
  }
};

} // namespace kiln::detail
