// mma: products of matrices over the registers of a warp.
//
// All shapes are D = A * B + C with 16 rows and 8 columns; K differs. Lane l is number l % 4 of group l / 4, and a
// register holds 32 bits of neighbours along K (PTX ISA, the figures of mma's fragments):
//   A: register r holds row `group` + 8 * (r % 2), from column (number + 4 * (r / 2)) * elements of a register
//   B: register r holds column `group`, from row (number + 4 * r) * elements of a register
//   C: register r holds row `group` + 8 * (r / 2), column 2 * number + r % 2
// So one register of all lanes, in their order, is eight rows of A (or columns of B) that lie one after another.
//
// Products are exact in double; their sum is taken in double and rounded once. Tensor cores cut the summands to a
// common exponent instead and do not all round alike, so f32 results agree up to their last bits only. Sums of s8 are
// exact, and wrap.
#include "semantics.h"
#include "warp_step.h"

#include "kiln/float_types.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

using namespace kiln;
using namespace kiln::runtime::emulator;

namespace {

constexpr unsigned groups = 8, group_size = 4, columns = 8, rows = 16, longest = 32; // the longest K
constexpr std::uint32_t f32_nan = 0x7fffffff;                                        // the only one that mma makes

/// The lanes' words of one register.
using Words = std::uint32_t[warp_size];

// Vectors of the compiler: these loops are the emulator's hottest, also where the compiler is asked for little
// optimisation.
using Halves = std::uint16_t __attribute__((vector_size(16)));
using Bits = std::uint32_t __attribute__((vector_size(32)));
using Floats = float __attribute__((vector_size(32)));
using Doubles = double __attribute__((vector_size(64)));

template <class Vector, class T>
Vector load(const T *from) {
  Vector vector;
  std::memcpy(&vector, from, sizeof(vector));
  return vector;
}

template <class T, class Vector>
void store(T *to, const Vector &vector) {
  std::memcpy(to, &vector, sizeof(vector));
}

// Each decoder turns the elements of one register of all lanes into doubles.

struct Half {
  static constexpr unsigned bits = 16;
  static void decode(const Words &words, double *out) {
    for (unsigned i = 0; i < warp_size; i += 4, out += 8) {
      const Bits code = __builtin_convertvector(load<Halves>(words + i), Bits);
      const Bits magnitude = (code & 0x7fffu) << 13, exponent = magnitude & 0x0f800000u;
      const Bits is_special = Bits(exponent == 0x0f800000u), is_small = Bits(exponent == 0u);
      // The exponent's bias grows by 112; infinity and NaN have the largest exponent here too. Below the normal numbers
      // there is no leading one: it is put there and subtracted.
      const Bits shifted = magnitude + (112u << 23) + (is_special & (112u << 23)) + (is_small & (1u << 23));
      const Bits one = is_small & (113u << 23);
      const Floats value = __builtin_bit_cast(Floats, shifted) - __builtin_bit_cast(Floats, one);
      const Bits with_sign = __builtin_bit_cast(Bits, value) | (code & 0x8000u) << 16;
      store(out, __builtin_convertvector(__builtin_bit_cast(Floats, with_sign), Doubles));
    }
  }
};

struct BFloat16 {
  static constexpr unsigned bits = 16;
  static void decode(const Words &words, double *out) {
    for (unsigned i = 0; i < warp_size; i += 4, out += 8) {
      const Bits code = __builtin_convertvector(load<Halves>(words + i), Bits) << 16;
      store(out, __builtin_convertvector(__builtin_bit_cast(Floats, code), Doubles));
    }
  }
};

/// The 13 low bits of a register are not looked at.
struct TensorFloat32 {
  static constexpr unsigned bits = 32;
  static void decode(const Words &words, double *out) {
    for (unsigned i = 0; i < warp_size; i += 8, out += 8) {
      const Bits code = load<Bits>(words + i) & 0xffffe000u;
      store(out, __builtin_convertvector(__builtin_bit_cast(Floats, code), Doubles));
    }
  }
};

struct SignedByte {
  static constexpr unsigned bits = 8;
  static void decode(const Words &words, double *out) {
    std::int8_t bytes[sizeof(words)];
    std::memcpy(bytes, words, sizeof(words));
    for (std::int8_t byte : bytes)
      *out++ = byte;
  }
};

template <class Format>
struct Float8 {
  static constexpr unsigned bits = 8;
  static void decode(const Words &words, double *out) {
    static const std::array<double, 256> table = [] {
      std::array<double, 256> values;
      for (unsigned code = 0; code < 256; ++code)
        values[code] = static_cast<float>(Format::from_bits(static_cast<std::uint8_t>(code)));
      return values;
    }();
    std::uint8_t codes[sizeof(words)];
    std::memcpy(codes, words, sizeof(words));
    for (std::uint8_t code : codes)
      *out++ = table[code];
  }
};

/// What lanes hold that take no part is undefined.
void gather(const WarpStep &step, unsigned operand, Words &words) {
  if (step.lanes() == 0xffffffffu) {
    for (unsigned lane = 0; lane < warp_size; ++lane)
      words[lane] = static_cast<std::uint32_t>(step.operand(lane, operand));
    return;
  }
  for (unsigned lane = 0; lane < warp_size; ++lane)
    words[lane] = static_cast<std::uint32_t>(step.has(lane) ? step.operand(lane, operand) : step.poison());
}

/// K elements of each of A's rows, and of B's columns.
template <class A, class B>
Progress multiply(WarpStep &step, unsigned a_registers, unsigned b_registers) {
  constexpr unsigned per = 32 / A::bits, piece = group_size * per; // of a row, in one register of a group
  static_assert(A::bits == B::bits);
  constexpr bool is_integer = std::is_same_v<A, SignedByte>;
  const unsigned k = b_registers * piece;

  Words words;
  double decoded[warp_size * per];
  alignas(64) double a[rows][longest], b[longest][columns], c[rows][columns];
  for (unsigned r = 0; r < a_registers; ++r) {
    gather(step, r, words);
    A::decode(words, decoded);
    for (unsigned group = 0; group < groups; ++group)
      std::memcpy(&a[group + r % 2 * 8][r / 2 * piece], &decoded[group * piece], piece * sizeof(double));
  }
  for (unsigned r = 0; r < b_registers; ++r) {
    gather(step, a_registers + r, words);
    B::decode(words, decoded);
    for (unsigned group = 0; group < groups; ++group)
      for (unsigned i = 0; i < piece; ++i)
        b[r * piece + i][group] = decoded[group * piece + i];
  }
  for (unsigned r = 0; r < 4; ++r) {
    gather(step, a_registers + b_registers + r, words);
    for (unsigned lane = 0; lane < warp_size; ++lane)
      c[lane / 4 + r / 2 * 8][lane % 4 * 2 + r % 2] =
          is_integer ? static_cast<double>(static_cast<std::int32_t>(words[lane])) : std::bit_cast<float>(words[lane]);
  }

  for (unsigned row = 0; row < rows; row += 2) {
    Doubles sum = load<Doubles>(c[row]), next = load<Doubles>(c[row + 1]);
    for (unsigned i = 0; i < k; ++i) {
      const Doubles right = load<Doubles>(b[i]);
      sum += a[row][i] * right;
      next += a[row + 1][i] * right;
    }
    store(c[row], sum);
    store(c[row + 1], next);
  }

  step.for_each_lane([&](unsigned lane) {
    for (unsigned r = 0; r < 4; ++r) {
      const double sum = c[lane / 4 + r / 2 * 8][lane % 4 * 2 + r % 2];
      std::uint32_t bits;
      if constexpr (is_integer)
        bits = static_cast<std::uint32_t>(static_cast<std::int64_t>(sum));
      else
        bits = std::isnan(sum) ? f32_nan : std::bit_cast<std::uint32_t>(static_cast<float>(sum));
      step.set_result(lane, r, bits);
    }
  });
  return Progress::done;
}

/// A has twice the registers of B.
template <class A, class B = A>
void add(SemanticsList &list, const char *name, unsigned b_registers) {
  const unsigned a_registers = 2 * b_registers;
  list.push_back({.name = name,
                  .kind = InstructionClass::tensor_core,
                  .operands = a_registers + b_registers + 4,
                  .results = 4,
                  .step = [=](WarpStep &step) { return multiply<A, B>(step, a_registers, b_registers); },
                  .convergence = Convergence::warp});
}

} // namespace

void kiln::runtime::emulator::add_tensor_cores(SemanticsList &list) {
  using E4M3 = Float8<float8_e4m3>;
  using E5M2 = Float8<float8_e5m2>;
  add<Half>(list, "mma.m16n8k16.f32.f16", 2);
  add<Half>(list, "mma.m16n8k8.f32.f16", 1);
  add<BFloat16>(list, "mma.m16n8k16.f32.bf16", 2);
  add<BFloat16>(list, "mma.m16n8k8.f32.bf16", 1);
  add<TensorFloat32>(list, "mma.m16n8k8.f32.tf32", 2);
  add<TensorFloat32>(list, "mma.m16n8k4.f32.tf32", 1);
  add<SignedByte>(list, "mma.m16n8k32.s32.s8", 2);
  add<SignedByte>(list, "mma.m16n8k16.s32.s8", 1);
  add<E4M3>(list, "mma.m16n8k32.f32.e4m3.e4m3", 2);
  add<E4M3, E5M2>(list, "mma.m16n8k32.f32.e4m3.e5m2", 2);
  add<E5M2, E4M3>(list, "mma.m16n8k32.f32.e5m2.e4m3", 2);
  add<E5M2>(list, "mma.m16n8k32.f32.e5m2.e5m2", 2);
}
