// What the fuzzer generates: the text of a kernel, and what its parameters are.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace kiln::fuzz {

enum class Type { i1, i8, i16, i32, i64, f8E4M3FN, f8E5M2, f16, bf16, f32, f64 };

struct TypeInfo {
  const char *name;
  int bits;      // i1 takes a byte in memory
  int precision; // of floats: bits of the significand
  double tiny;   // of floats: the smallest subnormal
};
const TypeInfo &info(Type type);
inline bool is_float(Type type) { return type >= Type::f8E4M3FN; }
inline bool is_fp8(Type type) { return type == Type::f8E4M3FN || type == Type::f8E5M2; }
inline int bytes(Type type) { return type == Type::i1 ? 1 : info(type).bits / 8; }

/// What the elements of an input buffer are.
enum class Contents { zeros, any_bits, tame, small_integers, page_numbers /* 0 to 7 */ };

/// A pointer parameter and the memory behind it.
struct Buffer {
  std::string name;
  Type type;
  std::int64_t elements;
  Contents contents;
  bool is_input;
  /// Its address is declared to be a multiple of 16, as those of allocations are; otherwise it is one of its elements'
  /// size alone.
  bool is_aligned;
  /// The name of the f64 buffer, of the program with bounds alone, that says how far each element may be off; empty:
  /// not at all.
  std::string bound;
};

/// Parameters are the buffers, in order, then the i32 scalars.
struct Program {
  std::string text;
  std::vector<Buffer> buffers;
  std::vector<std::int32_t> scalars;
  std::array<std::uint32_t, 3> grid{1, 1, 1};
  int statements = 0;
};

/// The program of a seed. With `bounds` it also computes, beside each value that executors may round differently, how
/// far its own result and a correct one can lie apart; that program is for the reference interpreter. The statements in
/// `off` are replaced by constants.
Program generate(std::uint64_t seed, bool bounds, const std::set<int> &off = {});

} // namespace kiln::fuzz
