// How compiled code calls a function that the user has written for the host.
#pragma once

#include "kiln/dtype.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

namespace kiln::detail {

template <class Signature, class Arguments>
class DeviceFunctionBase;

/// Calls `callable` for `count` elements: reads arguments[i][e], writes results[i][e].
using HostCall = void (*)(const void *callable, std::int64_t count, const void *const *arguments, void *const *results);

template <class Parameter>
using ScalarOf = std::remove_cv_t<std::remove_pointer_t<std::remove_reference_t<Parameter>>>;

/// Whether a parameter is a result: a pointer, or a reference to what is not const.
template <class Parameter>
inline constexpr bool is_result =
    (std::is_pointer_v<Parameter> && !std::is_const_v<std::remove_pointer_t<Parameter>>) ||
    (std::is_lvalue_reference_v<Parameter> && !std::is_const_v<std::remove_reference_t<Parameter>>);

template <class T>
inline constexpr bool is_device_scalar = find_dtype<T>() >= 0 && find_dtype<T>() != static_cast<int>(DType::f8e4m3) &&
                                         find_dtype<T>() != static_cast<int>(DType::f8e5m2);

template <class Signature>
struct HostCaller;

template <class R, class... P>
struct HostCaller<R(P...)> {
  static_assert((is_device_scalar<ScalarOf<P>> && ... && (std::is_void_v<R> || is_device_scalar<R>)),
                "a device function takes and returns bool, signed integers, half, bfloat16, float and double");
  static_assert(((!std::is_pointer_v<P> || is_result<P>) && ...),
                "a pointer parameter of a device function is a result, so it points at what is not const");

  static constexpr std::size_t results = (std::size_t(is_result<P>) + ... + (std::is_void_v<R> ? 0u : 1u));
  static constexpr std::size_t arguments = (std::size_t(!is_result<P>) + ... + 0u);

  template <class F>
  static void call(const void *callable, std::int64_t count, const void *const *arguments, void *const *results) {
    const F &f = *static_cast<const F *>(callable);
    for (std::int64_t e = 0; e < count; ++e)
      call_one(f, e, arguments, results, std::index_sequence_for<P...>());
  }

private:
  /// The place of parameter I among the arguments or the results.
  template <std::size_t I>
  static constexpr std::size_t place() {
    constexpr bool wanted[] = {is_result<P>..., false};
    std::size_t n = wanted[I] && !std::is_void_v<R> ? 1 : 0;
    for (std::size_t i = 0; i < I; ++i)
      n += wanted[i] == wanted[I];
    return n;
  }

  template <std::size_t I>
  static decltype(auto) parameter(std::int64_t e, const void *const *arguments, void *const *results) {
    using Parameter = std::tuple_element_t<I, std::tuple<P...>>;
    using Scalar = ScalarOf<Parameter>;
    if constexpr (!is_result<Parameter>) {
      return Scalar(static_cast<const Scalar *>(arguments[place<I>()])[e]);
    } else {
      Scalar *at = static_cast<Scalar *>(results[place<I>()]) + e;
      *at = Scalar(); // a function need not write it
      if constexpr (std::is_pointer_v<Parameter>)
        return static_cast<Scalar *>(at);
      else
        return static_cast<Scalar &>(*at);
    }
  }

  template <class F, std::size_t... I>
  static void call_one(const F &f, std::int64_t e, const void *const *arguments, void *const *results,
                       std::index_sequence<I...>) {
    if constexpr (std::is_void_v<R>)
      f(parameter<I>(e, arguments, results)...);
    else
      static_cast<R *>(results[0])[e] = f(parameter<I>(e, arguments, results)...);
  }
};

} // namespace kiln::detail
