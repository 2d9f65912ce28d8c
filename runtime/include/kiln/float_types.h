// The element types that C++20 lacks, as storage: their bits, and explicit conversions from and to float. Arithmetic on
// the host is done in float.
#pragma once

#include <bit>
#include <cstdint>

namespace kiln {
namespace detail {

/// A binary format of one sign bit, `exponent_bits` and `mantissa_bits`.
struct FloatFormat {
  int exponent_bits, mantissa_bits;
  std::uint32_t max_finite; // the code of the largest finite magnitude
  std::uint32_t overflow;   // what larger magnitudes and infinity become
  std::uint32_t nan;        // the quiet NaN that every NaN becomes

  constexpr int bias() const { return (1 << (exponent_bits - 1)) - 1; }
};

inline constexpr FloatFormat half_format{5, 10, 0x7bff, 0x7c00, 0x7e00};
inline constexpr FloatFormat e4m3_format{4, 3, 0x7e, 0x7e, 0x7f}; // e4m3fn: no infinity, one NaN
inline constexpr FloatFormat e5m2_format{5, 2, 0x7b, 0x7b, 0x7f};

/// Rounds to the nearest code, ties to even. For formats of at most 5 exponent bits.
constexpr std::uint32_t encode_float(float value, FloatFormat format) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 31) << (format.exponent_bits + format.mantissa_bits);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u)
    return sign | format.nan;
  if (magnitude == 0x7f800000u)
    return sign | format.overflow;
  // The value is significand * 2^(exponent - 23). Subnormal floats are far below half an ulp of these formats.
  const int exponent = static_cast<int>(magnitude >> 23) - 127;
  const std::uint32_t significand = (magnitude & 0x7fffffu) | 0x800000u;
  const int lowest = 1 - format.bias();
  const int shift = 23 - format.mantissa_bits + (exponent < lowest ? lowest - exponent : 0);
  if (shift > 25)
    return sign;
  const std::uint32_t rest = significand & ((1u << shift) - 1), tie = 1u << (shift - 1);
  std::uint32_t code = significand >> shift;
  code += rest > tie || (rest == tie && (code & 1u));
  if (exponent >= lowest) // `code` still holds the implicit bit, which counts one in the exponent field
    code += static_cast<std::uint32_t>(exponent - lowest) << format.mantissa_bits;
  return sign | (code > format.max_finite ? format.overflow : code);
}

/// The exact value of a code.
constexpr float decode_float(std::uint32_t code, FloatFormat format) {
  const std::uint32_t sign = (code >> (format.exponent_bits + format.mantissa_bits)) << 31;
  const std::uint32_t magnitude = code & ((1u << (format.exponent_bits + format.mantissa_bits)) - 1);
  if (magnitude > format.max_finite) {
    const bool infinite = magnitude == format.overflow;
    return std::bit_cast<float>(sign | (infinite ? 0x7f800000u : 0x7fc00000u));
  }
  const std::uint32_t exponent = magnitude >> format.mantissa_bits;
  const std::uint32_t mantissa = magnitude & ((1u << format.mantissa_bits) - 1);
  if (exponent == 0) {
    const int scale = 1 - format.bias() - format.mantissa_bits;
    const float unit = std::bit_cast<float>(static_cast<std::uint32_t>(127 + scale) << 23);
    const float value = static_cast<float>(mantissa) * unit;
    return sign ? -value : value;
  }
  return std::bit_cast<float>(sign | (exponent + 127 - format.bias()) << 23 | mantissa << (23 - format.mantissa_bits));
}

} // namespace detail

/// IEEE binary16. Conversion rounds to nearest even; magnitudes from 65520 become infinite.
struct half {
  std::uint16_t bits;

  half() = default;
  constexpr explicit half(float value)
      : bits(static_cast<std::uint16_t>(detail::encode_float(value, detail::half_format))) {}
  constexpr explicit operator float() const { return detail::decode_float(bits, detail::half_format); }
  static constexpr half from_bits(std::uint16_t bits) {
    half result{0.0f};
    result.bits = bits;
    return result;
  }
};

/// The upper half of an IEEE binary32. Conversion rounds to nearest even.
struct bfloat16 {
  std::uint16_t bits;

  bfloat16() = default;
  constexpr explicit bfloat16(float value) : bits(round(value)) {}
  constexpr explicit operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
  static constexpr bfloat16 from_bits(std::uint16_t bits) {
    bfloat16 result{0.0f};
    result.bits = bits;
    return result;
  }

private:
  static constexpr std::uint16_t round(float value) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
      return static_cast<std::uint16_t>((bits >> 16 & 0x8000u) | 0x7fc0u);
    return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
  }
};

/// 4 exponent and 3 mantissa bits, no infinity (e4m3fn). Conversion rounds to nearest even and saturates at 448.
struct float8_e4m3 {
  std::uint8_t bits;

  float8_e4m3() = default;
  constexpr explicit float8_e4m3(float value)
      : bits(static_cast<std::uint8_t>(detail::encode_float(value, detail::e4m3_format))) {}
  constexpr explicit operator float() const { return detail::decode_float(bits, detail::e4m3_format); }
  static constexpr float8_e4m3 from_bits(std::uint8_t bits) {
    float8_e4m3 result{0.0f};
    result.bits = bits;
    return result;
  }
};

/// 5 exponent and 2 mantissa bits. Conversion rounds to nearest even and saturates at 57344.
struct float8_e5m2 {
  std::uint8_t bits;

  float8_e5m2() = default;
  constexpr explicit float8_e5m2(float value)
      : bits(static_cast<std::uint8_t>(detail::encode_float(value, detail::e5m2_format))) {}
  constexpr explicit operator float() const {
    if ((bits & 0x7fu) == 0x7cu) // infinity exists in the format, though no conversion makes it
      return std::bit_cast<float>(static_cast<std::uint32_t>(bits >> 7) << 31 | 0x7f800000u);
    return detail::decode_float(bits, detail::e5m2_format);
  }
  static constexpr float8_e5m2 from_bits(std::uint8_t bits) {
    float8_e5m2 result{0.0f};
    result.bits = bits;
    return result;
  }
};

} // namespace kiln
