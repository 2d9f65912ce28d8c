// cvt, pack, unpack, prmt, xor, ex2.
#include "semantics.h"

#include "kiln/float_types.h"

#include <bit>
#include <cmath>

using namespace kiln;
using namespace kiln::runtime::emulator;

namespace {

// What the conversions of a GPU make of every NaN, whatever its sign.
constexpr std::uint32_t f32_nan = 0x7fffffff;
constexpr std::uint32_t f16_nan = 0x7fff;
constexpr std::uint32_t f8_nan = 0x7f;

float to_float(std::uint64_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits)); }

template <class Half>
std::uint64_t narrow(float value) {
  return std::isnan(value) ? f16_nan : Half(value).bits;
}

/// Rounds and saturates. float_types.h does both already.
template <class Float8>
std::uint64_t narrow_saturating(float value) {
  return std::isnan(value) ? f8_nan : Float8(value).bits;
}

float half_to_float(std::uint64_t bits) {
  return static_cast<float>(half::from_bits(static_cast<std::uint16_t>(bits)));
}

/// Every code is a half: none is rounded.
template <class Float8>
std::uint64_t widen(std::uint64_t code) {
  return narrow<half>(static_cast<float>(Float8::from_bits(static_cast<std::uint8_t>(code))));
}

/// To 10 bits of mantissa, ties away from zero; what lies below them is 0. Of infinities and NaNs they are cut off, as
/// an H100 does: a NaN that has no other bits becomes infinite.
std::uint64_t round_to_tf32(std::uint64_t bits) {
  const bool finite = (bits & 0x7f800000u) != 0x7f800000u;
  return (finite ? bits + 0x1000u : bits) & 0xffffe000u;
}

/// Subnormal operands and results are zeros. Otherwise correctly rounded, or nearly so; the instruction's own error is
/// at most 2^-22.5 of the result.
std::uint64_t exp2_flushed(std::uint64_t bits) {
  float x = to_float(bits);
  if (std::isnan(x))
    return f32_nan;
  if (std::fpclassify(x) == FP_SUBNORMAL)
    x = 0.0f;
  const float result = static_cast<float>(std::exp2(static_cast<double>(x)));
  return std::fpclassify(result) == FP_SUBNORMAL ? 0 : std::bit_cast<std::uint32_t>(result);
}

/// Four bits of the selector for each byte of the result: one of the eight bytes of b:a, or, with the highest bit, its
/// sign eight times.
std::uint64_t permute_bytes(std::uint64_t a, std::uint64_t b, std::uint64_t selector) {
  const std::uint64_t bytes = a | b << 32;
  std::uint64_t result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const std::uint64_t choice = selector >> (4 * i) & 0xf;
    std::uint64_t byte = bytes >> (8 * (choice & 7)) & 0xff;
    if (choice & 8)
      byte = byte & 0x80 ? 0xff : 0;
    result |= byte << (8 * i);
  }
  return result;
}

/// f(operands) is the only result.
template <class F>
void add(SemanticsList &list, std::string name, InstructionClass kind, unsigned operands, F f) {
  list.push_back({.name = std::move(name),
                  .kind = kind,
                  .operands = operands,
                  .results = 1,
                  .compute = [f](const std::uint64_t *in, std::uint64_t *out) { out[0] = f(in); }});
}

/// `count` registers of `bits` as one, the first lowest, and back.
void add_packing(SemanticsList &list, const std::string &name, unsigned bits, unsigned count) {
  add(list, "pack." + name, InstructionClass::conversion, count, [=](const std::uint64_t *in) {
    std::uint64_t all = 0;
    for (unsigned i = 0; i < count; ++i)
      all |= in[i] << (i * bits);
    return all;
  });
  list.push_back({.name = "unpack." + name,
                  .kind = InstructionClass::conversion,
                  .operands = 1,
                  .results = count,
                  .compute = [=](const std::uint64_t *in, std::uint64_t *out) {
                    for (unsigned i = 0; i < count; ++i)
                      out[i] = in[0] >> (i * bits) & ((std::uint64_t(1) << bits) - 1);
                  }});
}

template <class Float8>
void add_float8(SemanticsList &list, const std::string &type) {
  constexpr auto kind = InstructionClass::conversion;
  // (high, low)
  add(list, "cvt.rn.satfinite." + type + ".f32", kind, 2, [](const std::uint64_t *in) {
    return narrow_saturating<Float8>(to_float(in[0])) << 8 | narrow_saturating<Float8>(to_float(in[1]));
  });
  add(list, "cvt.rn.satfinite." + type + ".f16x2", kind, 1, [](const std::uint64_t *in) {
    return narrow_saturating<Float8>(half_to_float(in[0] >> 16)) << 8 | narrow_saturating<Float8>(half_to_float(in[0]));
  });
  add(list, "cvt.rn.f16x2." + type, kind, 1,
      [](const std::uint64_t *in) { return widen<Float8>(in[0] >> 8) << 16 | widen<Float8>(in[0]); });
}

} // namespace

void kiln::runtime::emulator::add_conversions(SemanticsList &list) {
  constexpr auto kind = InstructionClass::conversion;
  add(list, "cvt.rna.tf32.f32", kind, 1, [](const std::uint64_t *in) { return round_to_tf32(in[0]); });
  // (high, low)
  add(list, "cvt.rn.f16x2.f32", kind, 2,
      [](const std::uint64_t *in) { return narrow<half>(to_float(in[0])) << 16 | narrow<half>(to_float(in[1])); });
  add(list, "cvt.rn.bf16x2.f32", kind, 2, [](const std::uint64_t *in) {
    return narrow<bfloat16>(to_float(in[0])) << 16 | narrow<bfloat16>(to_float(in[1]));
  });
  add_float8<float8_e4m3>(list, "e4m3x2");
  add_float8<float8_e5m2>(list, "e5m2x2");
  add(list, "ex2.approx.ftz.f32", InstructionClass::special, 1,
      [](const std::uint64_t *in) { return exp2_flushed(in[0]); });
  add(list, "prmt.b32", InstructionClass::integer, 3,
      [](const std::uint64_t *in) { return permute_bytes(in[0], in[1], in[2]); });
  add(list, "xor.b32", InstructionClass::integer, 2, [](const std::uint64_t *in) { return in[0] ^ in[1]; });
  add_packing(list, "b16x2", 16, 2);
  add_packing(list, "b8x4", 8, 4);
  add_packing(list, "b8x2", 8, 2);
  add_packing(list, "b32x2", 32, 2);
}
