// Element types of tiles, of what pointers point at, and of scalar parameters.
#pragma once

#include "kiln/export.h"
#include "kiln/float_types.h"

#include <cstdint>
#include <type_traits>

namespace kiln {

/// An element type. Integers are signed, except that `i1` is a boolean: it converts to 0 or 1. The two 8-bit
/// floating-point types are storage: they can be loaded, stored, converted, selected and fed to `dot`.
enum class DType : std::uint8_t { i1, i8, i16, i32, i64, f8e4m3, f8e5m2, f16, bf16, f32, f64 };

inline constexpr DType i1 = DType::i1, i8 = DType::i8, i16 = DType::i16, i32 = DType::i32, i64 = DType::i64,
                       f8e4m3 = DType::f8e4m3, f8e5m2 = DType::f8e5m2, f16 = DType::f16, bf16 = DType::bf16,
                       f32 = DType::f32, f64 = DType::f64;

constexpr bool is_float(DType dtype) { return dtype >= DType::f8e4m3; }
constexpr bool is_integer(DType dtype) { return dtype < DType::f8e4m3; } // i1 included
constexpr bool is_float8(DType dtype) { return dtype == DType::f8e4m3 || dtype == DType::f8e5m2; }

/// The size of an element in memory, in bytes. An `i1` takes one.
constexpr int size_of(DType dtype) {
  constexpr std::uint8_t sizes[] = {1, 1, 2, 4, 8, 1, 1, 2, 2, 4, 8};
  return sizes[static_cast<int>(dtype)];
}

/// "i32", "bf16", "f8e4m3", ...
KILN_API const char *name_of(DType dtype);

namespace detail {
template <class T>
constexpr int find_dtype() {
  if constexpr (std::is_same_v<T, bool>)
    return static_cast<int>(DType::i1);
  else if constexpr (std::is_same_v<T, half>)
    return static_cast<int>(DType::f16);
  else if constexpr (std::is_same_v<T, bfloat16>)
    return static_cast<int>(DType::bf16);
  else if constexpr (std::is_same_v<T, float8_e4m3>)
    return static_cast<int>(DType::f8e4m3);
  else if constexpr (std::is_same_v<T, float8_e5m2>)
    return static_cast<int>(DType::f8e5m2);
  else if constexpr (std::is_same_v<T, float>)
    return static_cast<int>(DType::f32);
  else if constexpr (std::is_same_v<T, double>)
    return static_cast<int>(DType::f64);
  else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>)
    return static_cast<int>(sizeof(T) == 1   ? DType::i8
                            : sizeof(T) == 2 ? DType::i16
                            : sizeof(T) == 4 ? DType::i32
                                             : DType::i64);
  else
    return -1;
}
} // namespace detail

/// The element type that a C++ type stores: `dtype_of<half>` is f16. `bool`, signed integers, `half`, `bfloat16`,
/// `float8_e4m3`, `float8_e5m2`, `float` and `double` have one.
template <class T>
inline constexpr DType dtype_of = [] {
  static_assert(detail::find_dtype<T>() >= 0,
                "no element type stores this C++ type: use bool, a signed integer, half, bfloat16, float8_e4m3, "
                "float8_e5m2, float or double");
  return static_cast<DType>(detail::find_dtype<T>());
}();

} // namespace kiln
