// Visiting the members of a kernel's config: a plain aggregate of numbers, set with designated initialisers.
#pragma once

#include "kiln/export.h"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#define KILN_CONFIG_MEMBERS                                                                                            \
  "the members of a kernel config are numbers, booleans and enums, each by itself: no arrays, structs, strings or "    \
  "pointers"

namespace kiln {

/// A config has at most this many members.
inline constexpr std::size_t max_config_fields = 16;

namespace detail {

template <class T>
concept ConfigField = std::is_arithmetic_v<T> || std::is_enum_v<T>;

struct AnyField {
  template <ConfigField T>
  operator T() const;
};

template <class T, std::size_t... I>
constexpr bool takes_fields(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), AnyField{})...}; };
}

// Whether the members are more than the fields in front: there is one behind them that is no number.
template <class T, std::size_t... I>
constexpr bool takes_more(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), AnyField{})..., {}}; };
}

template <class T>
struct AnyBaseOf {
  template <class Base>
    requires(std::is_base_of_v<Base, T> && !std::is_same_v<Base, T>)
  operator Base() const;
};

// Whether the first initialiser is that of a base class.
template <class T>
concept HasBase = requires { T{AnyBaseOf<T>{}}; };

// Whether the initialiser behind the fields in front may be a list of two: the member there is an array or a struct.
template <class T, std::size_t... I>
constexpr bool takes_list(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), AnyField{})..., {AnyField{}, AnyField{}}}; };
}

template <class T, std::size_t N>
constexpr bool has_list() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return (takes_list<T>(std::make_index_sequence<I>{}) || ...);
  }(std::make_index_sequence<N>{});
}

template <class T, std::size_t N = max_config_fields + 1>
constexpr std::size_t count_fields() {
  if constexpr (N == 0 || takes_fields<T>(std::make_index_sequence<N>{}))
    return N;
  else
    return count_fields<T, N - 1>();
}

template <class T, class F>
constexpr auto visit_fields(const T &config, F &&f) {
  constexpr bool has_base = HasBase<T>;
  static_assert(std::is_aggregate_v<T> && !has_base,
                "a kernel config is a plain struct: no constructors, bases or private members");
  constexpr std::size_t n = count_fields<T>();
  constexpr bool is_short = n <= max_config_fields;
  constexpr bool plain = has_base || (!has_list<T, n>() && !(is_short && takes_more<T>(std::make_index_sequence<n>{})));
  static_assert(plain, KILN_CONFIG_MEMBERS);
  static_assert(!plain || is_short, "a kernel config has at most 16 members");
  // clang-format off
  if constexpr (!plain || has_base) {}
  else if constexpr (n == 1) { auto &[a] = config; return f(a); }
  else if constexpr (n == 2) { auto &[a, b] = config; return f(a, b); }
  else if constexpr (n == 3) { auto &[a, b, c] = config; return f(a, b, c); }
  else if constexpr (n == 4) { auto &[a, b, c, d] = config; return f(a, b, c, d); }
  else if constexpr (n == 5) { auto &[a, b, c, d, e] = config; return f(a, b, c, d, e); }
  else if constexpr (n == 6) { auto &[a, b, c, d, e, g] = config; return f(a, b, c, d, e, g); }
  else if constexpr (n == 7) { auto &[a, b, c, d, e, g, h] = config; return f(a, b, c, d, e, g, h); }
  else if constexpr (n == 8) { auto &[a, b, c, d, e, g, h, i] = config; return f(a, b, c, d, e, g, h, i); }
  else if constexpr (n == 9) { auto &[a, b, c, d, e, g, h, i, j] = config; return f(a, b, c, d, e, g, h, i, j); }
  else if constexpr (n == 10) { auto &[a, b, c, d, e, g, h, i, j, k] = config; return f(a, b, c, d, e, g, h, i, j, k); }
  else if constexpr (n == 11) { auto &[a, b, c, d, e, g, h, i, j, k, l] = config; return f(a, b, c, d, e, g, h, i, j, k, l); }
  else if constexpr (n == 12) { auto &[a, b, c, d, e, g, h, i, j, k, l, m] = config; return f(a, b, c, d, e, g, h, i, j, k, l, m); }
  else if constexpr (n == 13) { auto &[a, b, c, d, e, g, h, i, j, k, l, m, o] = config; return f(a, b, c, d, e, g, h, i, j, k, l, m, o); }
  else if constexpr (n == 14) { auto &[a, b, c, d, e, g, h, i, j, k, l, m, o, p] = config; return f(a, b, c, d, e, g, h, i, j, k, l, m, o, p); }
  else if constexpr (n == 15) { auto &[a, b, c, d, e, g, h, i, j, k, l, m, o, p, q] = config; return f(a, b, c, d, e, g, h, i, j, k, l, m, o, p, q); }
  else if constexpr (n == 16) { auto &[a, b, c, d, e, g, h, i, j, k, l, m, o, p, q, r] = config; return f(a, b, c, d, e, g, h, i, j, k, l, m, o, p, q, r); }
  // clang-format on
}

// One word per member, distinct for distinct values.
template <ConfigField T>
constexpr std::uint64_t to_word(T value) {
  if constexpr (std::is_enum_v<T>)
    return static_cast<std::uint64_t>(static_cast<std::underlying_type_t<T>>(value));
  else if constexpr (std::is_floating_point_v<T>)
    return __builtin_bit_cast(std::uint64_t, static_cast<double>(value));
  else
    return static_cast<std::uint64_t>(value);
}

KILN_API void append_number(std::string &text, std::int64_t value);
KILN_API void append_number(std::string &text, std::uint64_t value);
KILN_API void append_number(std::string &text, double value); // the shortest text that reads back the same

template <ConfigField T>
void append_field(std::string &text, T value) {
  if constexpr (std::is_same_v<T, bool>)
    text += value ? "true" : "false";
  else if constexpr (std::is_enum_v<T>)
    append_field(text, static_cast<std::underlying_type_t<T>>(value));
  else if constexpr (std::is_floating_point_v<T>)
    append_number(text, static_cast<double>(value));
  else if constexpr (std::is_signed_v<T>)
    append_number(text, static_cast<std::int64_t>(value));
  else
    append_number(text, static_cast<std::uint64_t>(value));
}

} // namespace detail

/// Calls `f(value)` for each member of a config, in order.
template <class Config, class F>
constexpr void for_each_field(const Config &config, F &&f) {
  detail::visit_fields(config, [&](const auto &...value) {
    static_assert((detail::ConfigField<std::remove_cvref_t<decltype(value)>> && ...), KILN_CONFIG_MEMBERS);
    // A wider one would be told from others by a part of its value.
    static_assert(((sizeof(value) <= sizeof(std::uint64_t)) && ...),
                  "the members of a kernel config have at most 8 bytes each: no long double or __int128");
    (f(value), ...);
  });
}

/// The values of a config as text: "{128, 16, true}".
template <class Config>
std::string config_text(const Config &config) {
  std::string text = "{";
  for_each_field(config, [&](const auto &value) {
    if (text.size() > 1)
      text += ", ";
    detail::append_field(text, value);
  });
  return text += "}";
}

} // namespace kiln

#undef KILN_CONFIG_MEMBERS
