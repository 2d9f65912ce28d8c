//===- AxisFacts.cpp - Facts about one value -------------------------------------------------------------===//

#include "kiln/Analysis/AxisFacts.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace kiln::tile;

int64_t AxisFacts::getPowerOfTwoIn(int64_t value) {
  return value == 0 ? kMaxDivisibility : int64_t(1) << std::min(llvm::countr_zero(static_cast<uint64_t>(value)), 62);
}

static int64_t smallest(unsigned width) {
  if (width == 1)
    return 0;
  return width == 0 ? INT64_MIN : llvm::minIntN(width);
}

static int64_t largest(unsigned width) {
  if (width == 1)
    return 1;
  return width == 0 ? INT64_MAX : llvm::maxIntN(width);
}

AxisFacts::AxisFacts(ArrayRef<int64_t> shape, unsigned width, int64_t unit)
    : width(width), unit(unit), min(smallest(width)), max(largest(width)) {
  for (int64_t size : shape)
    axes.push_back(Axis{size});
  if (axes.empty())
    axes.push_back(Axis{});
}

AxisFacts AxisFacts::unknown(Type type) {
  ArrayRef<int64_t> shape;
  if (auto tensor = dyn_cast<RankedTensorType>(type); tensor && tensor.hasStaticShape())
    shape = tensor.getShape();
  Type element = getElementOrSelf(type);
  if (auto pointer = dyn_cast<PtrType>(element))
    return AxisFacts(shape, 0, pointer.getElementBytes());
  unsigned width = 0;
  if (element.isIndex())
    width = 64;
  else if (element.isInteger() && element.getIntOrFloatBitWidth() <= 64)
    width = element.getIntOrFloatBitWidth();
  return AxisFacts(shape, width);
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

int64_t AxisFacts::getDivisibilityAt(unsigned axis, int64_t length) const {
  const Axis &a = axes[axis];
  // Runs of `length` start at multiples of `length` steps from where the longer runs start. All quantities are powers
  // of two.
  return length < a.contiguity ? std::min(a.divisibility, length * unit) : a.divisibility;
}

int64_t AxisFacts::getDivisibilityOfAll() const {
  int64_t all = 1;
  for (unsigned axis = 0; axis < axes.size(); ++axis)
    all = std::max(all, getDivisibilityAt(axis, 1));
  return all;
}

std::optional<int64_t> AxisFacts::getConstant() const {
  if (width != 0 && min == max)
    return min;
  return std::nullopt;
}

int64_t AxisFacts::getAlignedContiguity(unsigned axis) const {
  // Aligned runs of at most half of all integers lie between multiples of their length, and integers wrap at such
  // multiples.
  int64_t half = int64_t(1) << std::min(width - 1, 62u);
  return std::min({axes[axis].contiguity, axes[axis].divisibility, half});
}

int64_t AxisFacts::getContiguityWithoutWrap(unsigned axis, bool isSigned) const {
  // A run wraps by stepping from the largest integer to the smallest (unsigned: from -1 to 0). It does not where the
  // range leaves one of the two out.
  bool canWrap = isSigned ? min == smallest(width) && max == largest(width) : min < 0 && max >= 0;
  return canWrap ? getAlignedContiguity(axis) : axes[axis].contiguity;
}

//===----------------------------------------------------------------------===//
// Setting and joining
//===----------------------------------------------------------------------===//

AxisFacts &AxisFacts::setAxis(unsigned axis, int64_t contiguity, int64_t divisibility, int64_t constancy) {
  Axis &a = axes[axis];
  a.contiguity = std::min(contiguity, a.size);
  a.divisibility = std::min(divisibility, kMaxDivisibility);
  a.constancy = std::min(constancy, a.size);
  conclude();
  return *this;
}

AxisFacts &AxisFacts::setRange(int64_t newMin, int64_t newMax) {
  min = std::max(newMin, smallest(width));
  max = std::min(newMax, largest(width));
  conclude();
  return *this;
}

AxisFacts &AxisFacts::setDivisibilityOfAll(int64_t divisor) {
  int64_t power = getPowerOfTwoIn(divisor);
  for (Axis &a : axes)
    a.divisibility = std::max(a.divisibility, power);
  // Consecutive numbers are not all multiples of more than one step.
  if (power > unit)
    for (Axis &a : axes)
      a.contiguity = 1;
  conclude();
  return *this;
}

void AxisFacts::conclude() {
  int64_t all = getDivisibilityOfAll();
  if (width > 1) {
    // The range ends in multiples of what divides all elements, unless there are none in it: then a promise was broken.
    int64_t mask = all - 1;
    int64_t newMax = max & ~mask;
    int64_t newMin = min > INT64_MAX - mask ? min : (min + mask) & ~mask;
    if (newMin <= newMax) {
      min = newMin;
      max = newMax;
    }
  }
  if (std::optional<int64_t> value = getConstant()) {
    for (Axis &a : axes)
      a = Axis{a.size, 1, getPowerOfTwoIn(*value), a.size};
    return;
  }
  for (Axis &a : axes) {
    a.divisibility = std::max(a.divisibility, all);
    // Consecutive integers are not all multiples of more than one; and an i1 has no successor.
    if (all > unit || width == 1)
      a.contiguity = 1;
  }
}

AxisFacts AxisFacts::join(const AxisFacts &lhs, const AxisFacts &rhs) {
  if (lhs.isUninitialized())
    return rhs;
  if (rhs.isUninitialized())
    return lhs;
  AxisFacts result = lhs;
  for (auto [index, axis] : llvm::enumerate(result.axes)) {
    axis.contiguity = std::min(lhs.axes[index].contiguity, rhs.axes[index].contiguity);
    axis.constancy = std::min(lhs.axes[index].constancy, rhs.axes[index].constancy);
    axis.divisibility =
        std::min(lhs.getDivisibilityAt(index, axis.contiguity), rhs.getDivisibilityAt(index, axis.contiguity));
  }
  if (rhs.min < lhs.min)
    result.min = rhs.min >= 0 ? 0 : smallest(lhs.width);
  if (rhs.max > lhs.max)
    result.max = largest(lhs.width);
  result.conclude();
  return result;
}

void AxisFacts::print(raw_ostream &os) const {
  if (isUninitialized()) {
    os << "unreached";
    return;
  }
  auto list = [&](StringRef name, auto get) {
    os << name << " = [";
    llvm::interleaveComma(axes, os, [&](const Axis &axis) { os << get(axis); });
    os << "]";
  };
  list("contiguity", [](const Axis &axis) { return axis.contiguity; });
  list(", divisibility", [](const Axis &axis) { return axis.divisibility; });
  list(", constancy", [](const Axis &axis) { return axis.constancy; });
  if (std::optional<int64_t> value = getConstant())
    os << ", constant = " << *value;
  else if (width > 1 && (min != smallest(width) || max != largest(width)))
    os << ", range = [" << min << ", " << max << "]";
}
