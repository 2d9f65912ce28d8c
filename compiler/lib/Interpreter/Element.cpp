//===- Element.cpp - The bits of one element ------------------------------===//

#include "Element.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"
#include <cmath>

using namespace mlir;
using namespace kiln::interp;

Format kiln::interp::getFormat(Type type) {
  type = tile::getElementOrSelf(type);
  auto makeFloat = [](unsigned exponentBits, unsigned mantissaBits, bool finiteOnly = false) {
    return Format{Format::Float, uint8_t(1 + exponentBits + mantissaBits), uint8_t(exponentBits), uint8_t(mantissaBits),
                  finiteOnly};
  };
  if (auto integer = dyn_cast<IntegerType>(type))
    return {Format::Integer, uint8_t(integer.getWidth() <= 64 ? integer.getWidth() : 0)};
  if (type.isIndex())
    return {Format::Integer, 64};
  if (isa<tile::PtrType>(type))
    return {Format::Pointer, 64};
  if (isa<Float8E4M3FNType>(type))
    return makeFloat(4, 3, /*finiteOnly=*/true);
  if (isa<Float8E5M2Type>(type))
    return makeFloat(5, 2);
  if (type.isF16())
    return makeFloat(5, 10);
  if (type.isBF16())
    return makeFloat(8, 7);
  if (type.isF32())
    return makeFloat(8, 23);
  if (type.isF64())
    return makeFloat(11, 52);
  return {};
}

int64_t kiln::interp::toSigned(Format format, uint64_t bits) {
  unsigned unused = 64 - format.bits;
  return int64_t(bits << unused) >> unused;
}

double kiln::interp::toDouble(Format format, uint64_t bits) {
  if (format.isF64())
    return llvm::bit_cast<double>(bits);
  if (format.isF32())
    return llvm::bit_cast<float>(uint32_t(bits));
  uint64_t mantissaMask = (uint64_t(1) << format.mantissaBits) - 1, exponentMask = (1 << format.exponentBits) - 1;
  uint64_t mantissa = bits & mantissaMask, exponent = (bits >> format.mantissaBits) & exponentMask;
  double sign = bits & format.signBit() ? -1.0 : 1.0;
  bool special = exponent == exponentMask && (!format.finiteOnly || mantissa == mantissaMask);
  if (special)
    return std::copysign(format.finiteOnly || mantissa ? std::nan("") : HUGE_VAL, sign);
  int scale = -format.bias() - format.mantissaBits;
  if (exponent == 0)
    return sign * std::ldexp(double(mantissa), 1 + scale);
  return sign * std::ldexp(double(mantissa + mantissaMask + 1), int(exponent) + scale);
}

uint64_t kiln::interp::fromDouble(Format format, double value) {
  if (format.isF64())
    return llvm::bit_cast<uint64_t>(value);
  if (format.isF32())
    return llvm::bit_cast<uint32_t>(float(value));
  uint64_t hiddenBit = uint64_t(1) << format.mantissaBits, exponentMask = (1 << format.exponentBits) - 1;
  uint64_t sign = std::signbit(value) ? format.signBit() : 0;
  uint64_t infinity = exponentMask << format.mantissaBits;
  uint64_t nan = format.finiteOnly ? infinity | (hiddenBit - 1) : infinity | hiddenBit >> 1;
  if (std::isnan(value))
    return nan;
  uint64_t overflow = sign | (format.finiteOnly ? nan : infinity);
  if (std::isinf(value))
    return overflow;
  if (value == 0)
    return sign;
  // Count in units of the last place, of which the subnormals share one; the host rounds to nearest even.
  int exponent = std::max(std::ilogb(value), 1 - format.bias());
  double units = std::nearbyint(std::ldexp(std::fabs(value), format.mantissaBits - exponent));
  // A number of 2 * hiddenBit units carries into the exponent field, one below hiddenBit is subnormal: the sum below is
  // right for both.
  uint64_t bits = (uint64_t(exponent + format.bias() - 1) << format.mantissaBits) + uint64_t(units);
  uint64_t largest = format.finiteOnly ? nan - 1 : infinity - 1;
  return bits > largest ? overflow : sign | bits;
}

static const llvm::fltSemantics &getSemantics(Format format) {
  switch (format.mantissaBits) {
  case 2:
    return llvm::APFloat::Float8E5M2();
  case 3:
    return llvm::APFloat::Float8E4M3FN();
  case 7:
    return llvm::APFloat::BFloat();
  case 10:
    return llvm::APFloat::IEEEhalf();
  case 23:
    return llvm::APFloat::IEEEsingle();
  default:
    return llvm::APFloat::IEEEdouble();
  }
}

uint64_t kiln::interp::fromInteger(Format format, uint64_t value, unsigned width, bool isSigned) {
  llvm::APFloat result(getSemantics(format));
  result.convertFromAPInt(llvm::APInt(width, value), isSigned, llvm::APFloat::rmNearestTiesToEven);
  return result.bitcastToAPInt().getZExtValue();
}
