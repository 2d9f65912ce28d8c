//===- CheckMode.cpp - Checks that are too slow to be always on -----------===//
//
// An address in bounds can be wrong all the same: where a product of row and stride wraps in 32 bits it may well land
// in the same buffer. So in check mode each address is computed a second time, in 64 bits from the first integer
// arithmetic on, and compared where it is used and the lane is on:
//
//   %o = arith.muli %row, %stride : i32              %o = arith.muli %row, %stride : i32
//   %q = tile.addptr %p, %o                   ==>    %q = tile.addptr %p, %o
//   %x = tile.load %q                                %exact = arith.muli (extsi %row), (extsi %stride) : i64
//                                                    tile.assert (%exact == extsi %o), "..."
//                                                    %x = tile.load %q
//
// What loops carry, branches yield, memory holds or a sum over elements gives is taken as it is: exact() has the list
// of what is followed.
//
// A loop whose induction variable steps past the largest number never ends: each is checked in front of it.
//
//===----------------------------------------------------------------------===//

#include "kiln/Dialect/Tile/IR/Tile.h"
#include "kiln/Dialect/Tile/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

namespace kiln::tile {
#define GEN_PASS_DEF_CHECKMODE
#include "kiln/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace kiln::tile

using namespace mlir;
using namespace kiln;
using namespace kiln::tile;

namespace {

/// The checks in front of one access.
class AccessChecks {
public:
  AccessChecks(Operation *access, Value pointer, Value mask) : builder(access), pointer(pointer), mask(mask) {}

  void insert() {
    for (auto [holds, loc] : checksOf(pointer)) {
      if (mask) {
        Value all = constantLike(loc, mask, 1);
        holds = arith::OrIOp::create(builder, loc, holds, arith::XOrIOp::create(builder, loc, mask, all));
      }
      AssertOp::create(builder, loc, holds,
                       "the offset of this address wraps in 32 bits: compute it in 64, with .to(kiln::i64)");
    }
  }

private:
  struct Check {
    Value holds;
    Location loc;
  };

  Type withElement(Type type, Type element) {
    auto tile = dyn_cast<RankedTensorType>(type);
    return tile ? Type(tile.clone(element)) : element;
  }
  Value constantLike(Location loc, Value value, int64_t number) {
    auto attribute = builder.getIntegerAttr(getElementTypeOrSelf(value.getType()), number);
    if (auto tile = dyn_cast<RankedTensorType>(value.getType()))
      return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(tile, attribute.getValue()));
    return arith::ConstantOp::create(builder, loc, attribute);
  }
  Value widened(Value value) {
    if (getElementTypeOrSelf(value.getType()).isInteger(64))
      return value;
    return arith::ExtSIOp::create(builder, value.getLoc(), withElement(value.getType(), builder.getI64Type()), value);
  }
  /// The same operation on other operands, with a result of another element type.
  Value again(Operation *op, ValueRange operands, Type element) {
    OperationState state(op->getLoc(), op->getName(), operands, withElement(op->getResult(0).getType(), element));
    for (NamedAttribute attribute : op->getDiscardableAttrs())
      state.addAttribute(attribute.getName(), attribute.getValue());
    state.propertiesAttr = op->getPropertiesAsAttribute();
    return builder.create(state)->getResult(0);
  }

  /// The value in 64 bits, without any wrapping in 32 on the way; null where nothing can have wrapped.
  Value exact(Value value);
  /// The same, or the value itself where nothing can have wrapped.
  Value exactOrWidened(Value value) {
    Value result = exact(value);
    return result ? result : widened(value);
  }
  /// A quotient or remainder of exact operands.
  Value exactDivision(Operation *op);
  /// What has to hold of an address, element by element.
  SmallVector<Check> checksOf(Value address);

  OpBuilder builder;
  Value pointer, mask;
  llvm::DenseMap<Value, Value> exactOf;
};

bool keepsElements(Operation *op) { return isa<SplatOp, ExpandDimsOp, BroadcastOp, ReshapeOp, TransOp>(op); }

Value AccessChecks::exact(Value value) {
  if (auto known = exactOf.find(value); known != exactOf.end())
    return known->second;
  Operation *op = value.getDefiningOp();
  Type i64 = builder.getI64Type();
  Value result;
  if (op && keepsElements(op)) {
    if (Value source = exact(op->getOperand(0)))
      result = again(op, source, i64);
  } else if (auto assume = dyn_cast_or_null<AssumeOp>(op)) {
    result = exact(assume.getSource());
  } else if (auto extension = dyn_cast_or_null<arith::ExtSIOp>(op)) {
    if (getElementTypeOrSelf(extension.getIn().getType()).isInteger(32))
      result = exact(extension.getIn());
  } else if (isa_and_nonnull<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::ShLIOp>(op)) {
    // These wrap themselves. A shift is by less than 32: what guards it stands around it.
    Value a = exact(op->getOperand(0)), b = exact(op->getOperand(1));
    if (a || b || getElementTypeOrSelf(value.getType()).isInteger(32))
      result = again(
          op, {a ? a : widened(op->getOperand(0)), b && !isa<arith::ShLIOp>(op) ? b : widened(op->getOperand(1))}, i64);
  } else if (isa_and_nonnull<arith::MaxSIOp, arith::MinSIOp, arith::AndIOp, arith::OrIOp, arith::XOrIOp>(op)) {
    if (exact(op->getOperand(0)) || exact(op->getOperand(1)))
      result = again(op, {exactOrWidened(op->getOperand(0)), exactOrWidened(op->getOperand(1))}, i64);
  } else if (isa_and_nonnull<arith::ShRSIOp>(op)) {
    if (Value a = exact(op->getOperand(0)))
      result = again(op, {a, widened(op->getOperand(1))}, i64);
  } else if (isa_and_nonnull<arith::DivSIOp, arith::RemSIOp>(op)) {
    if (exact(op->getOperand(0)) || exact(op->getOperand(1)))
      result = exactDivision(op);
  } else if (auto select = dyn_cast_or_null<arith::SelectOp>(op)) {
    if (exact(select.getTrueValue()) || exact(select.getFalseValue()))
      result = again(
          op, {select.getCondition(), exactOrWidened(select.getTrueValue()), exactOrWidened(select.getFalseValue())},
          i64);
  }
  return exactOf[value] = result;
}

Value AccessChecks::exactDivision(Operation *op) {
  Type i64 = builder.getI64Type();
  Value dividend = exactOrWidened(op->getOperand(0)), divisor = exactOrWidened(op->getOperand(1));
  APInt constant;
  if (matchPattern(op->getOperand(1), m_ConstantInt(&constant)) && constant.sgt(0))
    return again(op, {dividend, divisor}, i64);
  // The program sees to it that it does not divide by what has no result. The exact divisor may be another number.
  auto is = [&](int64_t number) -> Value {
    return arith::CmpIOp::create(builder, op->getLoc(), arith::CmpIPredicate::eq, divisor,
                                 constantLike(op->getLoc(), divisor, number));
  };
  auto select = [&](Value condition, Value a, Value b) -> Value {
    return arith::SelectOp::create(builder, op->getLoc(), condition, a, b);
  };
  Value zero = constantLike(op->getLoc(), divisor, 0), isZero = is(0), isMinusOne = is(-1);
  Value unsafe = arith::OrIOp::create(builder, op->getLoc(), isZero, isMinusOne);
  Value result = again(op, {dividend, select(unsafe, constantLike(op->getLoc(), divisor, 1), divisor)}, i64);
  if (isa<arith::RemSIOp>(op)) // x % 1 is x % -1, and x % 0 is x
    return select(isZero, dividend, result);
  Value negative = arith::SubIOp::create(builder, op->getLoc(), zero, dividend);
  return select(isZero, zero, select(isMinusOne, negative, result));
}

SmallVector<AccessChecks::Check> AccessChecks::checksOf(Value address) {
  Operation *op = address.getDefiningOp();
  if (!op)
    return {};
  if (auto add = dyn_cast<AddPtrOp>(op)) {
    SmallVector<Check> checks = checksOf(add.getBase());
    if (Value wide = exact(add.getOffset()))
      checks.push_back(
          {arith::CmpIOp::create(builder, add.getLoc(), arith::CmpIPredicate::eq, wide, widened(add.getOffset())),
           add.getLoc()});
    return checks;
  }
  if (auto assume = dyn_cast<AssumeOp>(op))
    return checksOf(assume.getSource());
  if (!keepsElements(op))
    return {};
  SmallVector<Check> checks = checksOf(op->getOperand(0));
  for (Check &check : checks)
    check.holds = again(op, check.holds, builder.getI1Type());
  return checks;
}

/// In front of a loop: that its induction variable does not step past the largest number of its type, from where it
/// would go on at the smallest and never end. The last number that it takes is upper - 1 - (upper - 1 - lower) % step.
void checkEnd(scf::ForOp loop) {
  APInt lower, upper, step;
  const bool knowsStep = matchPattern(loop.getStep(), m_ConstantInt(&step));
  if (loop.getUnsignedCmp() || !loop.getInductionVar().getType().isSignlessInteger() || (knowsStep && step.isOne()))
    return; // one more than what is below a bound is a number
  if (knowsStep && matchPattern(loop.getUpperBound(), m_ConstantInt(&upper))) {
    bool overflows = false;
    (void)upper.sadd_ov(step, overflows);
    if (!overflows)
      return;
  }
  OpBuilder builder(loop);
  Location loc = loop.getLoc();
  Type type = loop.getInductionVar().getType();
  auto number = [&](const APInt &value) -> Value {
    return arith::ConstantOp::create(builder, loc, builder.getIntegerAttr(type, value));
  };
  const unsigned width = type.getIntOrFloatBitWidth();
  Value largest = number(APInt::getSignedMaxValue(width)), one = number(APInt(width, 1));
  Value empty =
      arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sge, loop.getLowerBound(), loop.getUpperBound());
  Value end = arith::SubIOp::create(builder, loc, loop.getUpperBound(), one);
  Value distance = arith::SubIOp::create(builder, loc, end, loop.getLowerBound()); // unsigned: up to all of the type
  Value rest = arith::RemUIOp::create(builder, loc, distance, loop.getStep());
  Value last = arith::SubIOp::create(builder, loc, end, rest);
  Value room = arith::SubIOp::create(builder, loc, largest, loop.getStep());
  Value fits = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sle, last, room);
  AssertOp::create(builder, loc, arith::OrIOp::create(builder, loc, empty, fits),
                   "this range steps past the largest number of its type, so that it would not end");
}

struct CheckModePass : tile::impl::CheckModeBase<CheckModePass> {
  using CheckModeBase::CheckModeBase;

  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation()->walk([&](Operation *op) {
      if (isa<AssertOp, LoadOp, StoreOp, AtomicRMWOp, AtomicCASOp, scf::ForOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      if (auto check = dyn_cast<AssertOp>(op)) {
        if (check.getCheckMode() && !enable)
          check.erase();
        else
          check.setCheckMode(false);
      } else if (!enable) {
        continue;
      } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
        checkEnd(loop);
      } else if (auto load = dyn_cast<LoadOp>(op)) {
        AccessChecks(op, load.getPointer(), load.getMask()).insert();
      } else if (auto store = dyn_cast<StoreOp>(op)) {
        AccessChecks(op, store.getPointer(), store.getMask()).insert();
      } else if (auto rmw = dyn_cast<AtomicRMWOp>(op)) {
        AccessChecks(op, rmw.getPointer(), rmw.getMask()).insert();
      } else {
        AccessChecks(op, cast<AtomicCASOp>(op).getPointer(), {}).insert();
      }
    }
  }
};

} // namespace
