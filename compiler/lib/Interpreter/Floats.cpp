//===- Floats.cpp - Floating-point arithmetic, mathematics and conversions ===//
//
// Operations on formats narrower than f64 are carried out in f64 and rounded: for + - * / and sqrt of f32 and narrower
// formats that equals rounding once, because f64 has more than twice their precision. f64 itself is left to the host.
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/bit.h"
#include <cmath>

using namespace mlir;
using namespace kiln::interp;

namespace {

//===----------------------------------------------------------------------===//
// Functions of doubles, rounded to the format
//===----------------------------------------------------------------------===//

template <typename Op, double (*function)(double)>
void addUnary(Handlers &handlers) {
  handlers.addElementwise<Op>([](Operation *op) -> ElementFunction {
    Format format = getFormat(op->getResult(0).getType());
    return [format](const uint64_t *x, const char *&) { return fromDouble(format, function(toDouble(format, x[0]))); };
  });
}

template <typename Op, double (*function)(double, double)>
void addBinary(Handlers &handlers) {
  handlers.addElementwise<Op>([](Operation *op) -> ElementFunction {
    Format format = getFormat(op->getResult(0).getType());
    return [format](const uint64_t *x, const char *&) {
      return fromDouble(format, function(toDouble(format, x[0]), toDouble(format, x[1])));
    };
  });
}

double add(double a, double b) { return a + b; }
double subtract(double a, double b) { return a - b; }
double multiply(double a, double b) { return a * b; }
double divide(double a, double b) { return a / b; }
double reciprocalRoot(double x) { return 1.0 / std::sqrt(x); }

bool less(double a, double b) { return a < b || (a == b && std::signbit(a) && !std::signbit(b)); }
double maximum(double a, double b) { return std::isnan(a) || (!std::isnan(b) && less(b, a)) ? a : b; }
double minimum(double a, double b) { return std::isnan(a) || (!std::isnan(b) && less(a, b)) ? a : b; }
double maximumNumber(double a, double b) { return std::isnan(a) ? b : std::isnan(b) ? a : maximum(a, b); }
double minimumNumber(double a, double b) { return std::isnan(a) ? b : std::isnan(b) ? a : minimum(a, b); }

//===----------------------------------------------------------------------===//
// Operations on the bits
//===----------------------------------------------------------------------===//

ElementFunction makeNegate(Operation *op) {
  Format format = getFormat(op->getResult(0).getType());
  return [format](const uint64_t *x, const char *&) { return x[0] ^ format.signBit(); };
}

ElementFunction makeAbs(Operation *op) {
  Format format = getFormat(op->getResult(0).getType());
  return [format](const uint64_t *x, const char *&) { return x[0] & ~format.signBit(); };
}

/// a * b + c, rounded once.
ElementFunction makeFma(Operation *op) {
  Format format = getFormat(op->getResult(0).getType());
  if (format.isF64())
    return [format](const uint64_t *x, const char *&) {
      return fromDouble(format, std::fma(toDouble(format, x[0]), toDouble(format, x[1]), toDouble(format, x[2])));
    };
  if (format.isF32())
    return [](const uint64_t *x, const char *&) {
      auto number = [&](int i) { return llvm::bit_cast<float>(uint32_t(x[i])); };
      return uint64_t(llvm::bit_cast<uint32_t>(std::fma(number(0), number(1), number(2))));
    };
  if (!isa<FloatType>(getElementTypeOrSelf(op->getResult(0))))
    return {};
  auto &semantics = cast<FloatType>(getElementTypeOrSelf(op->getResult(0))).getFloatSemantics();
  return [format, &semantics](const uint64_t *x, const char *&) {
    auto number = [&](int i) { return APFloat(semantics, APInt(format.bits, x[i])); };
    APFloat result = number(0);
    result.fusedMultiplyAdd(number(1), number(2), APFloat::rmNearestTiesToEven);
    return result.bitcastToAPInt().getZExtValue();
  };
}

//===----------------------------------------------------------------------===//
// Comparison
//===----------------------------------------------------------------------===//

bool compare(arith::CmpFPredicate predicate, double a, double b) {
  bool unordered = std::isnan(a) || std::isnan(b);
  switch (predicate) {
  case arith::CmpFPredicate::AlwaysFalse:
    return false;
  case arith::CmpFPredicate::OEQ:
    return a == b;
  case arith::CmpFPredicate::OGT:
    return a > b;
  case arith::CmpFPredicate::OGE:
    return a >= b;
  case arith::CmpFPredicate::OLT:
    return a < b;
  case arith::CmpFPredicate::OLE:
    return a <= b;
  case arith::CmpFPredicate::ONE:
    return !unordered && a != b;
  case arith::CmpFPredicate::ORD:
    return !unordered;
  case arith::CmpFPredicate::UEQ:
    return unordered || a == b;
  case arith::CmpFPredicate::UGT:
    return unordered || a > b;
  case arith::CmpFPredicate::UGE:
    return unordered || a >= b;
  case arith::CmpFPredicate::ULT:
    return unordered || a < b;
  case arith::CmpFPredicate::ULE:
    return unordered || a <= b;
  case arith::CmpFPredicate::UNE:
    return unordered || a != b;
  case arith::CmpFPredicate::UNO:
    return unordered;
  case arith::CmpFPredicate::AlwaysTrue:
    return true;
  }
  llvm_unreachable("not a predicate");
}

ElementFunction makeCompare(Operation *op) {
  auto predicate = cast<arith::CmpFOp>(op).getPredicate();
  Format format = getFormat(op->getOperand(0).getType());
  return [=](const uint64_t *x, const char *&) {
    return uint64_t(compare(predicate, toDouble(format, x[0]), toDouble(format, x[1])));
  };
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

/// Widening is exact, narrowing rounds to nearest even.
ElementFunction makeConvert(Operation *op) {
  if (auto truncf = dyn_cast<arith::TruncFOp>(op);
      truncf &&
      truncf.getRoundingmode().value_or(arith::RoundingMode::to_nearest_even) != arith::RoundingMode::to_nearest_even)
    return {};
  Format from = getFormat(op->getOperand(0).getType()), to = getFormat(op->getResult(0).getType());
  return [=](const uint64_t *x, const char *&) { return fromDouble(to, toDouble(from, x[0])); };
}

template <bool isSigned>
ElementFunction makeFromInteger(Operation *op) {
  Format from = getFormat(op->getOperand(0).getType()), to = getFormat(op->getResult(0).getType());
  return [=](const uint64_t *x, const char *&) { return fromInteger(to, x[0], from.bits, isSigned); };
}

/// Truncates towards zero; what does not fit has no defined result.
template <bool isSigned>
ElementFunction makeToInteger(Operation *op) {
  Format from = getFormat(op->getOperand(0).getType()), to = getFormat(op->getResult(0).getType());
  return [=](const uint64_t *x, const char *&) -> uint64_t {
    double value = std::trunc(toDouble(from, x[0]));
    double low = isSigned ? -std::ldexp(1.0, to.bits - 1) : 0.0;
    double high = std::ldexp(1.0, isSigned ? to.bits - 1 : to.bits);
    if (!(value >= low && value < high))
      return poison(to);
    return truncate(to, isSigned ? uint64_t(int64_t(value)) : uint64_t(value));
  };
}

} // namespace

void kiln::interp::registerFloatHandlers(Handlers &handlers) {
  addBinary<arith::AddFOp, add>(handlers);
  addBinary<arith::SubFOp, subtract>(handlers);
  addBinary<arith::MulFOp, multiply>(handlers);
  addBinary<arith::DivFOp, divide>(handlers);
  addBinary<arith::RemFOp, std::fmod>(handlers);
  addBinary<arith::MaximumFOp, maximum>(handlers);
  addBinary<arith::MinimumFOp, minimum>(handlers);
  addBinary<arith::MaxNumFOp, maximumNumber>(handlers);
  addBinary<arith::MinNumFOp, minimumNumber>(handlers);
  addUnary<math::ExpOp, std::exp>(handlers);
  addUnary<math::Exp2Op, std::exp2>(handlers);
  addUnary<math::LogOp, std::log>(handlers);
  addUnary<math::Log2Op, std::log2>(handlers);
  addUnary<math::SinOp, std::sin>(handlers);
  addUnary<math::CosOp, std::cos>(handlers);
  addUnary<math::TanhOp, std::tanh>(handlers);
  addUnary<math::ErfOp, std::erf>(handlers);
  addUnary<math::SqrtOp, std::sqrt>(handlers);
  addUnary<math::RsqrtOp, reciprocalRoot>(handlers);
  addUnary<math::FloorOp, std::floor>(handlers);
  addUnary<math::CeilOp, std::ceil>(handlers);
  addUnary<math::TruncOp, std::trunc>(handlers);
  addUnary<math::RoundEvenOp, std::nearbyint>(handlers); // the host rounds to nearest even
  handlers.addElementwise<arith::NegFOp>(makeNegate);
  handlers.addElementwise<math::AbsFOp>(makeAbs);
  handlers.addElementwise<math::FmaOp>(makeFma);
  handlers.addElementwise<arith::CmpFOp>(makeCompare);
  handlers.addElementwise<arith::ExtFOp>(makeConvert);
  handlers.addElementwise<arith::TruncFOp>(makeConvert);
  handlers.addElementwise<arith::SIToFPOp>(makeFromInteger<true>);
  handlers.addElementwise<arith::UIToFPOp>(makeFromInteger<false>);
  handlers.addElementwise<arith::FPToSIOp>(makeToInteger<true>);
  handlers.addElementwise<arith::FPToUIOp>(makeToInteger<false>);
}
