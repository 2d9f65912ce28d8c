//===- Element.h - The bits of one element ----------------------*- C++ -*-===//
//
// An element of any type is kept in the low bits of a uint64_t, the rest zero.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LIB_INTERPRETER_ELEMENT_H
#define KILN_LIB_INTERPRETER_ELEMENT_H

#include "mlir/IR/BuiltinTypes.h"
#include <cstdint>

namespace kiln::interp {

/// How the bits of an element are read. For floats, `exponentBits` and `mantissaBits` are those of an IEEE 754 layout
/// with a sign in front.
struct Format {
  enum Class : uint8_t { Integer, Float, Pointer } kind = Integer;
  uint8_t bits = 0;
  uint8_t exponentBits = 0, mantissaBits = 0;
  /// f8E4M3FN: the largest exponent holds numbers too; all ones is NaN and there is no infinity.
  bool finiteOnly = false;

  bool isFloat() const { return kind == Float; }
  bool isF32() const { return mantissaBits == 23; }
  bool isF64() const { return mantissaBits == 52; }
  /// The size in memory; i1 takes a byte.
  unsigned bytes() const { return (bits + 7) / 8; }
  uint64_t mask() const { return bits == 64 ? ~uint64_t(0) : (uint64_t(1) << bits) - 1; }
  uint64_t signBit() const { return uint64_t(1) << (bits - 1); }
  int bias() const { return (1 << (exponentBits - 1)) - 1; }
};

/// The format of a number, pointer or index, or of the elements of a tensor. An unknown type has 0 bits.
Format getFormat(mlir::Type type);

int64_t toSigned(Format format, uint64_t bits);
inline uint64_t truncate(Format format, uint64_t value) { return value & format.mask(); }

/// What stands for a result that the arith dialect leaves undefined.
inline uint64_t poison(Format format) { return truncate(format, 0xa5a5a5a5a5a5a5a5); }

/// The value of a float; exact, because every format fits into f64.
double toDouble(Format format, uint64_t bits);
/// `value` rounded to nearest even. What rounds beyond the largest number becomes infinity, or NaN in a format without
/// infinities.
uint64_t fromDouble(Format format, double value);
/// An integer of `width` bits rounded once to a float format.
uint64_t fromInteger(Format format, uint64_t value, unsigned width, bool isSigned);

} // namespace kiln::interp

#endif // KILN_LIB_INTERPRETER_ELEMENT_H
