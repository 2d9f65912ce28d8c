//===- Integers.cpp - Integer arithmetic, conversions and constants -------===//

#include "Machine.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/UB/IR/UBOps.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::interp;

namespace {

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

constexpr const char *kDivisionByZero = "integer division by zero without a guard";
constexpr const char *kDivisionOverflow = "overflowing integer division without a guard";

/// An operation on two integers of one type, given as a function of (format, a, b, fault).
template <typename Op, typename Function>
void addBinary(Handlers &handlers, Function) {
  handlers.addElementwise<Op>([](Operation *op) -> ElementFunction {
    Format format = getFormat(op->getResult(0).getType());
    if (!format.bits)
      return {};
    return [format](const uint64_t *x, const char *&fault) {
      return truncate(format, Function()(format, x[0], x[1], fault));
    };
  });
}

/// Checks the operands of a signed division.
bool canDivide(Format format, uint64_t a, uint64_t b, const char *&fault) {
  if (b == 0)
    fault = kDivisionByZero;
  else if (a == format.signBit() && toSigned(format, b) == -1)
    fault = kDivisionOverflow;
  return !fault;
}

template <typename Op, typename Function>
void addSignedDivision(Handlers &handlers, Function) {
  addBinary<Op>(handlers, [](Format format, uint64_t a, uint64_t b, const char *&fault) {
    if (!canDivide(format, a, b, fault))
      return uint64_t(0);
    return uint64_t(Function()(toSigned(format, a), toSigned(format, b)));
  });
}

template <typename Op, typename Function>
void addUnsignedDivision(Handlers &handlers, Function) {
  addBinary<Op>(handlers, [](Format, uint64_t a, uint64_t b, const char *&fault) {
    if (b == 0)
      fault = kDivisionByZero;
    return b == 0 ? uint64_t(0) : Function()(a, b);
  });
}

/// A shift: by the width or more it has no defined result.
template <typename Op, typename Function>
void addShift(Handlers &handlers, Function) {
  addBinary<Op>(handlers, [](Format format, uint64_t a, uint64_t b, const char *&) {
    return b >= format.bits ? poison(format) : Function()(format, a, b);
  });
}

void registerArithmetic(Handlers &handlers) {
  using Bits = uint64_t;
  using Fault = const char *&;
  addBinary<arith::AddIOp>(handlers, [](Format, Bits a, Bits b, Fault) { return a + b; });
  addBinary<arith::SubIOp>(handlers, [](Format, Bits a, Bits b, Fault) { return a - b; });
  addBinary<arith::MulIOp>(handlers, [](Format, Bits a, Bits b, Fault) { return a * b; });
  addBinary<arith::AndIOp>(handlers, [](Format, Bits a, Bits b, Fault) { return a & b; });
  addBinary<arith::OrIOp>(handlers, [](Format, Bits a, Bits b, Fault) { return a | b; });
  addBinary<arith::XOrIOp>(handlers, [](Format, Bits a, Bits b, Fault) { return a ^ b; });
  addBinary<arith::MaxSIOp>(handlers,
                            [](Format f, Bits a, Bits b, Fault) { return toSigned(f, a) > toSigned(f, b) ? a : b; });
  addBinary<arith::MinSIOp>(handlers,
                            [](Format f, Bits a, Bits b, Fault) { return toSigned(f, a) < toSigned(f, b) ? a : b; });
  addBinary<arith::MaxUIOp>(handlers, [](Format, Bits a, Bits b, Fault) { return std::max(a, b); });
  addBinary<arith::MinUIOp>(handlers, [](Format, Bits a, Bits b, Fault) { return std::min(a, b); });

  addSignedDivision<arith::DivSIOp>(handlers, [](int64_t a, int64_t b) { return a / b; });
  addSignedDivision<arith::RemSIOp>(handlers, [](int64_t a, int64_t b) { return a % b; });
  addSignedDivision<arith::FloorDivSIOp>(
      handlers, [](int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); });
  addSignedDivision<arith::CeilDivSIOp>(
      handlers, [](int64_t a, int64_t b) { return a / b + (a % b != 0 && (a < 0) == (b < 0)); });
  addUnsignedDivision<arith::DivUIOp>(handlers, [](Bits a, Bits b) { return a / b; });
  addUnsignedDivision<arith::RemUIOp>(handlers, [](Bits a, Bits b) { return a % b; });
  addUnsignedDivision<arith::CeilDivUIOp>(handlers, [](Bits a, Bits b) { return a / b + (a % b != 0); });

  addShift<arith::ShLIOp>(handlers, [](Format, Bits a, Bits b) { return a << b; });
  addShift<arith::ShRUIOp>(handlers, [](Format, Bits a, Bits b) { return a >> b; });
  addShift<arith::ShRSIOp>(handlers, [](Format f, Bits a, Bits b) { return Bits(toSigned(f, a) >> b); });

  handlers.addElementwise<math::AbsIOp>([](Operation *op) -> ElementFunction {
    Format format = getFormat(op->getResult(0).getType());
    return
        [format](const uint64_t *x, const char *&) { return x[0] & format.signBit() ? truncate(format, -x[0]) : x[0]; };
  });
}

//===----------------------------------------------------------------------===//
// Comparison and selection
//===----------------------------------------------------------------------===//

bool compare(arith::CmpIPredicate predicate, Format format, uint64_t a, uint64_t b) {
  int64_t x = toSigned(format, a), y = toSigned(format, b);
  switch (predicate) {
  case arith::CmpIPredicate::eq:
    return a == b;
  case arith::CmpIPredicate::ne:
    return a != b;
  case arith::CmpIPredicate::slt:
    return x < y;
  case arith::CmpIPredicate::sle:
    return x <= y;
  case arith::CmpIPredicate::sgt:
    return x > y;
  case arith::CmpIPredicate::sge:
    return x >= y;
  case arith::CmpIPredicate::ult:
    return a < b;
  case arith::CmpIPredicate::ule:
    return a <= b;
  case arith::CmpIPredicate::ugt:
    return a > b;
  case arith::CmpIPredicate::uge:
    return a >= b;
  }
  llvm_unreachable("not a predicate");
}

ElementFunction makeCompare(Operation *op) {
  auto predicate = cast<arith::CmpIOp>(op).getPredicate();
  Format format = getFormat(op->getOperand(0).getType());
  return [=](const uint64_t *x, const char *&) { return uint64_t(compare(predicate, format, x[0], x[1])); };
}

ElementFunction makeSelect(Operation *) {
  return [](const uint64_t *x, const char *&) { return x[0] ? x[1] : x[2]; };
}

//===----------------------------------------------------------------------===//
// Conversions between integers
//===----------------------------------------------------------------------===//

ElementFunction makeSignExtend(Operation *op) {
  Format from = getFormat(op->getOperand(0).getType()), to = getFormat(op->getResult(0).getType());
  return [=](const uint64_t *x, const char *&) { return truncate(to, toSigned(from, x[0])); };
}

ElementFunction makeZeroExtendOrTruncate(Operation *op) {
  Format to = getFormat(op->getResult(0).getType());
  return [=](const uint64_t *x, const char *&) { return truncate(to, x[0]); };
}

/// The same bits; the verifiers have compared the widths.
ElementFunction makeBitcast(Operation *) {
  return [](const uint64_t *x, const char *&) { return x[0]; };
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

uint64_t getBits(const APInt &value) { return value.getZExtValue(); }

llvm::Error runConstant(Machine &machine, Operation *op) {
  Attribute value = cast<arith::ConstantOp>(op).getValue();
  Elements elements;
  if (auto integer = dyn_cast<IntegerAttr>(value)) {
    elements = {getBits(integer.getValue())};
  } else if (auto number = dyn_cast<FloatAttr>(value)) {
    elements = {getBits(number.getValue().bitcastToAPInt())};
  } else if (auto dense = dyn_cast<DenseIntElementsAttr>(value)) {
    for (const APInt &element : dense.getValues<APInt>())
      elements.push_back(getBits(element));
  } else if (auto dense = dyn_cast<DenseFPElementsAttr>(value)) {
    for (const APFloat &element : dense.getValues<APFloat>())
      elements.push_back(getBits(element.bitcastToAPInt()));
  } else {
    return machine.error(op, "the interpreter does not know this kind of constant");
  }
  machine.set(op->getResult(0), std::move(elements));
  return llvm::Error::success();
}

llvm::Error runPoison(Machine &machine, Operation *op) {
  Value result = op->getResult(0);
  machine.set(result, Elements(countElements(result.getType()), poison(getFormat(result.getType()))));
  return llvm::Error::success();
}

} // namespace

void interp::registerIntegerHandlers(Handlers &handlers) {
  registerArithmetic(handlers);
  handlers.addElementwise<arith::CmpIOp>(makeCompare);
  handlers.addElementwise<arith::SelectOp>(makeSelect);
  handlers.addElementwise<arith::ExtSIOp>(makeSignExtend);
  handlers.addElementwise<arith::ExtUIOp>(makeZeroExtendOrTruncate);
  handlers.addElementwise<arith::TruncIOp>(makeZeroExtendOrTruncate);
  handlers.addElementwise<arith::IndexCastOp>(makeSignExtend);
  handlers.addElementwise<arith::BitcastOp>(makeBitcast);
  handlers.addElementwise<tile::BitcastOp>(makeBitcast);
  handlers.add<arith::ConstantOp>(runConstant);
  handlers.add<ub::PoisonOp>(runPoison);
}
