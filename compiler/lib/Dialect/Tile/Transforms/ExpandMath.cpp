//===- ExpandMath.cpp - Mathematical functions as arithmetic --------------===//
//
// Each function reduces its argument to a short interval, evaluates a minimax polynomial there by Horner's rule with
// fused multiply-adds, and puts the result together with exact operations. There are no branches and no tables: special
// cases are selects, so a tile of any shape becomes straight vector code. The polynomials minimise the relative error
// of the function over the reduced interval.
//
//===----------------------------------------------------------------------===//

#include "kiln/Dialect/Tile/Transforms/Passes.h"

#include "Emitter.h"

#include "llvm/ADT/TypeSwitch.h"
#include <limits>

namespace kiln::tile {
#define GEN_PASS_DEF_EXPANDMATH
#include "kiln/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace kiln::tile

using namespace mlir;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Adding 1.5 * 2^23 rounds a float of moderate size to an integer and leaves that integer in the low bits of the sum:
// two additions and no conversion.
constexpr float kRoundingShift = 12582912.0f;

// Each constant is the next 24 bits, so that the first products with a small integer are exact under fma.
constexpr float kLn2High = 0x1.62e43p-1f, kLn2Low = -0x1.05c61p-29f;
// Rounded down: all terms of n * pi/2 have one sign, which keeps sin(-0) = -0.
constexpr float kHalfPiHigh = 0x1.921fb4p+0f, kHalfPiMiddle = 0x1.4442dp-24f, kHalfPiLow = 0x1.846988p-48f;

/// The functions, on f32 of one shape.
class MathEmitter : public kiln::tile::Emitter {
public:
  using Emitter::Emitter;

  Value exp2(Value x);
  Value exp(Value x);
  Value log(Value x);
  Value log2(Value x);
  Value sinOrCos(Value x, bool cosine);
  Value tanh(Value x);
  Value erf(Value x);

private:
  /// In this operand order the selects are single minimum and maximum instructions and NaN passes through.
  Value clamp(Value x, float low, float high) {
    x = select(less(x, low), constant(low), x);
    return select(greater(x, high), constant(high), x);
  }

  /// coefficients[0] + coefficients[1] * x + ...
  Value polynomial(Value x, ArrayRef<float> coefficients) {
    Value sum = constant(coefficients.back());
    for (float c : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, x, constant(c));
    return sum;
  }

  /// `magnitude`, which is positive or NaN, with the sign of `x`.
  Value withSign(Value magnitude, Value x) {
    return fromBits(ori(bits(magnitude), andi(bits(x), std::numeric_limits<int32_t>::min())));
  }

  Value scaleByPowerOfTwo(Value twiceP, Value shifted);
  std::pair<Value, Value> splitExponent(Value x);
  Value logSpecialCases(Value x, Value result);
};

//===----------------------------------------------------------------------===//
// Exponentials: 2^n * p(f) with n an integer and |f| at most half a step
//===----------------------------------------------------------------------===//

// With this shift the low bits of the sum hold n - 1 + 127, the exponent field of 2^(n-1).
constexpr float kExponentShift = kRoundingShift + 126.0f;

/// `twiceP` * 2^(n-1) for n in [-151, 128], where `shifted` = n + kExponentShift. The result is twice p and one power
/// less because 2^128 is no float but results up to it are. Below 2^-126 the power is split in two; the first product
/// is exact then, so the second rounds to a subnormal only once.
Value MathEmitter::scaleByPowerOfTwo(Value twiceP, Value shifted) {
  constexpr int32_t one = 127 << 23, smallestNormal = 1 << 23;
  Value exponent = shiftLeft(bits(shifted), 23);
  Value first = maxSigned(exponent, smallestNormal);
  Value second = minUnsigned(addi(exponent, one - smallestNormal), one);
  return mul(mul(twiceP, fromBits(first)), fromBits(second));
}

Value MathEmitter::exp2(Value x) {
  x = clamp(x, -151.0f, 128.0f);
  Value shifted = add(x, kExponentShift);
  Value f = sub(x, add(shifted, -kExponentShift));
  Value twiceP = polynomial(f, {2.0f, 2 * 6.931471825e-01f, 2 * 2.402264774e-01f, 2 * 5.550332367e-02f,
                                2 * 9.618437849e-03f, 2 * 1.339888317e-03f, 2 * 1.535333577e-04f});
  return scaleByPowerOfTwo(twiceP, shifted);
}

Value MathEmitter::exp(Value x) {
  x = clamp(x, -104.0f, 89.0f);
  Value shifted = fma(x, 1.44269504f, constant(kExponentShift));
  Value n = add(shifted, -kExponentShift);
  Value f = fma(n, -kLn2Low, fma(n, -kLn2High, x));
  Value twiceP = polynomial(f, {2.0f, 2.0f, 2 * 4.999999404e-01f, 2 * 1.666643173e-01f, 2 * 4.166800156e-02f,
                                2 * 8.374160156e-03f, 2 * 1.384363044e-03f});
  return scaleByPowerOfTwo(twiceP, shifted);
}

//===----------------------------------------------------------------------===//
// Logarithms: x = 2^e * (1 + f) with 1 + f in [sqrt(1/2), sqrt(2))
//===----------------------------------------------------------------------===//

/// e as a float, and f, for positive finite x.
std::pair<Value, Value> MathEmitter::splitExponent(Value x) {
  constexpr int32_t sqrtHalf = 0x3f3504f3;
  Value tiny = less(x, std::numeric_limits<float>::min());
  x = select(tiny, mul(x, 0x1p32f), x);
  Value shifted = addi(bits(x), -sqrtHalf);
  Value e = add(convert<arith::SIToFPOp>(builder.getF32Type(), shiftRight(shifted, 23)),
                select(tiny, constant(-32.0f), constant(0.0f)));
  Value m = fromBits(addi(andi(shifted, 0x7fffff), sqrtHalf));
  return {e, add(m, -1.0f)};
}

Value MathEmitter::logSpecialCases(Value x, Value result) {
  result = select(less(x, kInfinity), result, x); // infinity and NaN are their own logarithm
  Value notPositive = select(equal(x, 0.0f), constant(-kInfinity), constant(kNaN));
  return select(compare(arith::CmpFPredicate::OLE, x, constant(0.0f)), notPositive, result);
}

Value MathEmitter::log(Value x) {
  auto [e, f] = splitExponent(x);
  Value p = polynomial(f, {-4.999998808e-01f, 3.333332539e-01f, -2.500158250e-01f, 2.000197321e-01f, -1.660908610e-01f,
                           1.418182701e-01f, -1.324296445e-01f, 1.290442050e-01f, -7.621816546e-02f});
  Value small = fma(mul(f, f), p, mul(e, kLn2Low));
  return logSpecialCases(x, fma(e, kLn2High, add(f, small)));
}

Value MathEmitter::log2(Value x) {
  auto [e, f] = splitExponent(x);
  // log2(1 + f) = f * (1/ln 2 + p(f)); the constant is kept apart because it is most of the result.
  Value p =
      polynomial(f, {1.920071035e-08f, -7.213473320e-01f, 4.808982313e-01f, -3.606966436e-01f, 2.885674238e-01f,
                     -2.396174222e-01f, 2.046005875e-01f, -1.910625845e-01f, 1.861750931e-01f, -1.099501103e-01f});
  return logSpecialCases(x, add(e, fma(f, 1.44269502f, mul(f, p))));
}

//===----------------------------------------------------------------------===//
// Sine and cosine: x = n * pi/2 + r with |r| <= 0.9
//===----------------------------------------------------------------------===//

/// The three-part constant holds 72 bits of pi/2, enough for |x| <= 2^20. Beyond it r is meaningless, and the clamp
/// keeps the result in [-1, 1].
Value MathEmitter::sinOrCos(Value x, bool cosine) {
  Value shifted = fma(x, 0.636619747f, constant(kRoundingShift));
  Value n = add(shifted, -kRoundingShift);
  Value quadrant = bits(shifted);
  if (cosine)
    quadrant = addi(quadrant, 1);
  Value r = fma(n, -kHalfPiLow, fma(n, -kHalfPiMiddle, fma(n, -kHalfPiHigh, x)));
  r = clamp(r, -0.9f, 0.9f);
  Value r2 = mul(r, r);
  Value sine = mul(r, polynomial(r2, {1.0f, -1.666664481e-01f, 8.331566118e-03f, -1.944141113e-04f}));
  Value cosineOfR = polynomial(r2, {1.0f, -0.5f, 4.166657850e-02f, -1.388554112e-03f, 2.428733205e-05f});
  Value isEven = equal(andi(quadrant, 1), 0);
  Value result = select(isEven, sine, cosineOfR);
  Value sign = shiftLeft(andi(quadrant, 2), 30);
  return fromBits(xori(bits(result), sign));
}

//===----------------------------------------------------------------------===//
// Sigmoids: an odd polynomial near zero, 1 minus something small elsewhere
//===----------------------------------------------------------------------===//

Value MathEmitter::tanh(Value x) {
  Value magnitude = abs(x);
  Value near = mul(x, polynomial(mul(x, x), {1.0f, -3.333328068e-01f, 1.333144158e-01f, -5.373971537e-02f,
                                             2.063909173e-02f, -5.704991054e-03f}));
  Value e = exp(add(magnitude, magnitude));
  Value far = sub(constant(1.0f), div(constant(2.0f), add(e, 1.0f)));
  return select(less(magnitude, 0.625f), near, withSign(far, x));
}

Value MathEmitter::erf(Value x) {
  Value magnitude = abs(x);
  Value near = mul(x, polynomial(mul(x, x), {1.128379107e+00f, -3.761262596e-01f, 1.128358543e-01f, -2.685381100e-02f,
                                             5.188327748e-03f, -8.010193123e-04f, 7.853861462e-05f}));
  // The logarithm of erfc; from 4 on erf rounds to 1.
  Value clamped = select(greater(magnitude, 4.0f), constant(4.0f), magnitude);
  Value logErfc = polynomial(clamped, {-3.415383399e-04f, -1.127089143e+00f, -6.381449103e-01f, -1.031066626e-01f,
                                       2.183802053e-02f, -2.947647590e-03f, 1.863781072e-04f});
  Value far = sub(constant(1.0f), exp(logErfc));
  return select(less(magnitude, 1.0f), near, withSign(far, x));
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

/// What `op` computes as arithmetic, or null if it stays.
Value expand(OpBuilder &builder, Operation *op) {
  if (auto rsqrt = dyn_cast<math::RsqrtOp>(op)) {
    MathEmitter emit(builder, op->getLoc(), rsqrt.getType());
    Value one = emit.splat(builder.getFloatAttr(getElementTypeOrSelf(rsqrt.getType()), 1.0));
    return emit.div(one, math::SqrtOp::create(builder, op->getLoc(), rsqrt.getOperand()));
  }
  if (op->getNumOperands() != 1 || op->getNumResults() != 1 || !getElementTypeOrSelf(op->getResult(0)).isF32())
    return {};
  Value x = op->getOperand(0);
  MathEmitter emit(builder, op->getLoc(), x.getType());
  return TypeSwitch<Operation *, Value>(op)
      .Case<math::Exp2Op>([&](auto) { return emit.exp2(x); })
      .Case<math::ExpOp>([&](auto) { return emit.exp(x); })
      .Case<math::Log2Op>([&](auto) { return emit.log2(x); })
      .Case<math::LogOp>([&](auto) { return emit.log(x); })
      .Case<math::SinOp>([&](auto) { return emit.sinOrCos(x, /*cosine=*/false); })
      .Case<math::CosOp>([&](auto) { return emit.sinOrCos(x, /*cosine=*/true); })
      .Case<math::TanhOp>([&](auto) { return emit.tanh(x); })
      .Case<math::ErfOp>([&](auto) { return emit.erf(x); })
      .Default(Value());
}

struct ExpandMath : kiln::tile::impl::ExpandMathBase<ExpandMath> {
  void runOnOperation() override {
    getOperation()->walk([](Operation *op) {
      OpBuilder builder(op);
      if (Value expansion = expand(builder, op)) {
        op->getResult(0).replaceAllUsesWith(expansion);
        op->erase();
      }
    });
  }
};

} // namespace
