//===- AxisFactsAlgebra.cpp - Facts about results from facts about operands ------------------------------===//

#include "kiln/Analysis/AxisFacts.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace kiln::tile;

/// The shape that `facts` was made for, a scalar's being {1}.
static llvm::SmallVector<int64_t> shapeOf(const AxisFacts &facts) {
  llvm::SmallVector<int64_t> shape;
  for (unsigned axis = 0; axis < facts.getNumAxes(); ++axis)
    shape.push_back(facts.getAxis(axis).size);
  return shape;
}

/// Nothing known about a value like `facts`.
static AxisFacts unknownLike(const AxisFacts &facts) {
  return AxisFacts(shapeOf(facts), facts.getWidth(), facts.getUnit());
}

/// The product of two powers of two, at most the largest divisibility.
static int64_t multiply(int64_t lhs, int64_t rhs) {
  int64_t product;
  return llvm::MulOverflow(lhs, rhs, product) ? AxisFacts::kMaxDivisibility
                                              : std::min(product, AxisFacts::kMaxDivisibility);
}

/// `low` to `high` as the range of `facts`; any value if the type does not hold them, because then the results wrap.
static AxisFacts withRange(AxisFacts facts, __int128 low, __int128 high) {
  AxisFacts whole = unknownLike(facts);
  if (low >= whole.getMin() && high <= whole.getMax())
    facts.setRange(static_cast<int64_t>(low), static_cast<int64_t>(high));
  return facts;
}

/// The largest length up to which runs of `x` are contiguous, start at multiples of it, and fit between multiples of
/// each element of `c`. Along `axis`, x / c is constant and x % c contiguous in such runs. `c` must be constant in
/// them.
static int64_t getAlignedRun(const AxisFacts &x, const AxisFacts &c, unsigned axis) {
  return std::min({x.getAlignedContiguity(axis), c.getConstancy(axis), c.getDivisibilityOfAll()});
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

AxisFacts facts::constant(llvm::ArrayRef<int64_t> shape, unsigned width, int64_t value) {
  return AxisFacts(shape, width).setRange(value, value);
}

AxisFacts facts::arange(int64_t size, unsigned width, int64_t start) {
  AxisFacts result({size}, width);
  result.setAxis(0, size, AxisFacts::getPowerOfTwoIn(start), 1);
  return withRange(result, start, static_cast<__int128>(start) + size - 1);
}

AxisFacts facts::elements(llvm::ArrayRef<int64_t> shape, unsigned width, llvm::ArrayRef<int64_t> values) {
  AxisFacts result(shape, width);
  int64_t stride = values.size();
  for (unsigned axis = 0; axis < result.getNumAxes(); ++axis) {
    int64_t size = result.getAxis(axis).size;
    stride /= size;
    // An element at position p along the axis breaks runs that are longer than the largest power of two in p.
    int64_t contiguity = size, constancy = size;
    for (auto [index, value] : llvm::enumerate(values)) {
      int64_t position = static_cast<int64_t>(index) / stride % size;
      if (position == 0)
        continue;
      int64_t aligned = position & -position, previous = values[index - stride];
      if (value != previous)
        constancy = std::min(constancy, aligned);
      if (value - 1 != previous)
        contiguity = std::min(contiguity, aligned);
    }
    int64_t divisibility = AxisFacts::kMaxDivisibility;
    for (auto [index, value] : llvm::enumerate(values))
      if (static_cast<int64_t>(index) / stride % size % contiguity == 0)
        divisibility = std::min(divisibility, AxisFacts::getPowerOfTwoIn(value));
    result.setAxis(axis, contiguity, divisibility, constancy);
  }
  auto [low, high] = std::minmax_element(values.begin(), values.end());
  return result.setRange(*low, *high);
}

//===----------------------------------------------------------------------===//
// Sums and products
//===----------------------------------------------------------------------===//

/// Sets the facts that any operation has whose results depend on one element of each operand only.
AxisFacts facts::elementwise(AxisFacts result, llvm::ArrayRef<AxisFacts> operands) {
  for (unsigned axis = 0; axis < result.getNumAxes(); ++axis) {
    int64_t constancy = result.getAxis(axis).size;
    for (const AxisFacts &operand : operands)
      if (operand.getNumAxes() == result.getNumAxes() && operand.getAxis(axis).size == result.getAxis(axis).size)
        constancy = std::min(constancy, operand.getConstancy(axis));
    const AxisFacts::Axis &old = result.getAxis(axis);
    result.setAxis(axis, old.contiguity, old.divisibility, std::max(old.constancy, constancy));
  }
  return result;
}

/// lhs + rhs, where lhs and rhs have steps of the same unit and rhs is a multiple of `rhsDivisibility(axis, run)`.
template <typename Divisibility>
static void addAxes(AxisFacts &result, const AxisFacts &lhs, const AxisFacts &rhs, Divisibility rhsDivisibility) {
  for (unsigned axis = 0; axis < result.getNumAxes(); ++axis) {
    // A run plus a constant is a run.
    int64_t contiguity = std::max(std::min(lhs.getContiguity(axis), rhs.getConstancy(axis)),
                                  std::min(lhs.getConstancy(axis), rhs.getContiguity(axis)));
    int64_t divisibility = std::min(lhs.getDivisibilityAt(axis, contiguity), rhsDivisibility(axis, contiguity));
    result.setAxis(axis, contiguity, divisibility, std::min(lhs.getConstancy(axis), rhs.getConstancy(axis)));
  }
}

AxisFacts facts::add(const AxisFacts &lhs, const AxisFacts &rhs) {
  AxisFacts result = unknownLike(lhs);
  addAxes(result, lhs, rhs, [&](unsigned axis, int64_t run) { return rhs.getDivisibilityAt(axis, run); });
  return withRange(result, static_cast<__int128>(lhs.getMin()) + rhs.getMin(),
                   static_cast<__int128>(lhs.getMax()) + rhs.getMax());
}

AxisFacts facts::addPointer(const AxisFacts &base, const AxisFacts &offset) {
  AxisFacts result = unknownLike(base);
  addAxes(result, base, offset,
          [&](unsigned axis, int64_t run) { return multiply(offset.getDivisibilityAt(axis, run), base.getUnit()); });
  return result;
}

AxisFacts facts::sub(const AxisFacts &lhs, const AxisFacts &rhs) {
  AxisFacts result = unknownLike(lhs);
  for (unsigned axis = 0; axis < result.getNumAxes(); ++axis) {
    int64_t contiguity = std::min(lhs.getContiguity(axis), rhs.getConstancy(axis));
    // The difference of two runs is constant.
    int64_t parallel = std::min(lhs.getContiguity(axis), rhs.getContiguity(axis));
    int64_t constancy = std::max(std::min(lhs.getConstancy(axis), rhs.getConstancy(axis)), parallel);
    int64_t run = std::max(contiguity, contiguity == 1 ? parallel : 1);
    int64_t divisibility = std::min(lhs.getDivisibilityAt(axis, run), rhs.getDivisibilityAt(axis, run));
    result.setAxis(axis, contiguity, divisibility, constancy);
  }
  return withRange(result, static_cast<__int128>(lhs.getMin()) - rhs.getMax(),
                   static_cast<__int128>(lhs.getMax()) - rhs.getMin());
}

AxisFacts facts::mul(const AxisFacts &lhs, const AxisFacts &rhs) {
  if (lhs.getConstant() == 1)
    return rhs;
  if (rhs.getConstant() == 1)
    return lhs;
  AxisFacts result = elementwise(unknownLike(lhs), {lhs, rhs});
  result.setDivisibilityOfAll(multiply(lhs.getDivisibilityOfAll(), rhs.getDivisibilityOfAll()));
  __int128 low = 0, high = 0;
  bool first = true;
  for (__int128 x : {lhs.getMin(), lhs.getMax()})
    for (__int128 y : {rhs.getMin(), rhs.getMax()}) {
      low = first ? x * y : std::min(low, x * y);
      high = first ? x * y : std::max(high, x * y);
      first = false;
    }
  return withRange(result, low, high);
}

AxisFacts facts::shiftLeft(const AxisFacts &lhs, const AxisFacts &rhs) {
  std::optional<int64_t> amount = rhs.getConstant();
  AxisFacts result = elementwise(unknownLike(lhs), {lhs, rhs});
  if (!amount || *amount < 0 || *amount >= lhs.getWidth())
    return result;
  __int128 power = static_cast<__int128>(1) << *amount;
  result.setDivisibilityOfAll(multiply(lhs.getDivisibilityOfAll(),
                                       static_cast<int64_t>(std::min<__int128>(power, AxisFacts::kMaxDivisibility))));
  return withRange(result, lhs.getMin() * power, lhs.getMax() * power);
}

//===----------------------------------------------------------------------===//
// Quotients and remainders
//===----------------------------------------------------------------------===//

/// x / c along all axes. `floors`: runs that lie between two multiples of c have one quotient.
static AxisFacts divide(const AxisFacts &x, const AxisFacts &c, bool floors) {
  AxisFacts result = facts::elementwise(unknownLike(x), {x, c});
  std::optional<int64_t> divisor = c.getConstant();
  for (unsigned axis = 0; axis < result.getNumAxes(); ++axis) {
    int64_t constancy = result.getConstancy(axis), divisibility = 1;
    int64_t run = floors ? getAlignedRun(x, c, axis) : 1;
    // The quotient of a multiple of c is exact, and all elements of its run share it.
    if (divisor && *divisor > 0 && llvm::isPowerOf2_64(*divisor) && run >= x.getContiguity(axis) &&
        x.getDivisibility(axis) >= *divisor)
      divisibility = x.getDivisibility(axis) / *divisor;
    result.setAxis(axis, 1, divisibility, std::max(constancy, run));
  }
  return result;
}

AxisFacts facts::div(const AxisFacts &lhs, const AxisFacts &rhs, bool isSigned) {
  if (rhs.getConstant() == 1)
    return lhs;
  // Truncation rounds negative quotients up, so that -1 / 16 and -16 / 16 differ.
  AxisFacts result = divide(lhs, rhs, /*floors=*/!isSigned || (lhs.isNonNegative() && rhs.isNonNegative()));
  if (!lhs.isNonNegative() || !rhs.isNonNegative())
    return result;
  return withRange(result, lhs.getMin() / std::max<int64_t>(rhs.getMax(), 1),
                   lhs.getMax() / std::max<int64_t>(rhs.getMin(), 1));
}

AxisFacts facts::shiftRight(const AxisFacts &lhs, const AxisFacts &rhs, bool isSigned) {
  std::optional<int64_t> amount = rhs.getConstant();
  if (!amount || *amount < 0 || *amount >= std::min<int64_t>(lhs.getWidth(), 62))
    return elementwise(unknownLike(lhs), {lhs, rhs});
  AxisFacts result = divide(lhs, constant(shapeOf(lhs), 64, int64_t(1) << *amount), /*floors=*/true);
  if (!isSigned && !lhs.isNonNegative())
    return result;
  return withRange(result, lhs.getMin() >> *amount, lhs.getMax() >> *amount);
}

AxisFacts facts::rem(const AxisFacts &lhs, const AxisFacts &rhs, bool isSigned) {
  bool nonNegative = lhs.isNonNegative() && rhs.isNonNegative();
  if (nonNegative && lhs.getMax() < rhs.getMin())
    return lhs;
  AxisFacts result = elementwise(unknownLike(lhs), {lhs, rhs});
  for (unsigned axis = 0; axis < result.getNumAxes(); ++axis) {
    int64_t run = !isSigned || nonNegative ? getAlignedRun(lhs, rhs, axis) : 1;
    int64_t divisibility = std::min(lhs.getDivisibilityAt(axis, run), rhs.getDivisibilityOfAll());
    result.setAxis(axis, run, divisibility, result.getConstancy(axis));
  }
  if (nonNegative && rhs.getMax() > 0)
    return withRange(result, 0, std::min(lhs.getMax(), rhs.getMax() - 1));
  return result;
}

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

AxisFacts facts::bitAnd(const AxisFacts &lhs, const AxisFacts &rhs) {
  AxisFacts result = elementwise(unknownLike(lhs), {lhs, rhs});
  result.setDivisibilityOfAll(std::max(lhs.getDivisibilityOfAll(), rhs.getDivisibilityOfAll()));
  for (auto [x, mask] : {std::pair(&lhs, &rhs), std::pair(&rhs, &lhs)}) {
    std::optional<int64_t> bits = mask->getConstant();
    if (!bits || lhs.getWidth() <= 1)
      continue;
    for (unsigned axis = 0; axis < result.getNumAxes(); ++axis) {
      AxisFacts::Axis known = result.getAxis(axis);
      int64_t aligned = x->getAlignedContiguity(axis);
      // x & 00..0111 is x % 8: contiguous in runs between multiples of 8. x & 11..1000 keeps such runs constant.
      if (*bits > 0 && llvm::isMask_64(*bits)) {
        int64_t run = std::min(aligned, *bits == INT64_MAX ? AxisFacts::kMaxDivisibility : *bits + 1);
        result.setAxis(axis, run, std::max(result.getDivisibilityAt(axis, run), x->getDivisibilityAt(axis, run)),
                       known.constancy);
      } else if (*bits < 0 && *bits != INT64_MIN && llvm::isMask_64(~*bits)) {
        result.setAxis(axis, known.contiguity, known.divisibility,
                       std::max(known.constancy, std::min(aligned, -*bits)));
      }
    }
  }
  if (lhs.isNonNegative() || rhs.isNonNegative())
    return withRange(
        result, 0,
        std::min(lhs.isNonNegative() ? lhs.getMax() : INT64_MAX, rhs.isNonNegative() ? rhs.getMax() : INT64_MAX));
  return result;
}

AxisFacts facts::bitOr(const AxisFacts &lhs, const AxisFacts &rhs) {
  AxisFacts result = elementwise(unknownLike(lhs), {lhs, rhs});
  result.setDivisibilityOfAll(std::min(lhs.getDivisibilityOfAll(), rhs.getDivisibilityOfAll()));
  if (lhs.isNonNegative() && rhs.isNonNegative())
    return withRange(result, std::max(lhs.getMin(), rhs.getMin()),
                     static_cast<__int128>(llvm::NextPowerOf2(std::max(lhs.getMax(), rhs.getMax()))) - 1);
  return result;
}

//===----------------------------------------------------------------------===//
// Comparison and selection
//===----------------------------------------------------------------------===//

/// What minimum and maximum have in common.
static AxisFacts either(const AxisFacts &lhs, const AxisFacts &rhs) {
  AxisFacts result = facts::elementwise(unknownLike(lhs), {lhs, rhs});
  return result.setDivisibilityOfAll(std::min(lhs.getDivisibilityOfAll(), rhs.getDivisibilityOfAll()));
}

AxisFacts facts::minimum(const AxisFacts &lhs, const AxisFacts &rhs) {
  return either(lhs, rhs).setRange(std::min(lhs.getMin(), rhs.getMin()), std::min(lhs.getMax(), rhs.getMax()));
}

AxisFacts facts::maximum(const AxisFacts &lhs, const AxisFacts &rhs) {
  return either(lhs, rhs).setRange(std::max(lhs.getMin(), rhs.getMin()), std::max(lhs.getMax(), rhs.getMax()));
}

/// A truth value about each pair of elements, the same within runs of `run(axis)`.
template <typename Run>
static AxisFacts compare(const AxisFacts &lhs, const AxisFacts &rhs, Run run) {
  AxisFacts result = facts::elementwise(AxisFacts(shapeOf(lhs), 1), {lhs, rhs});
  for (unsigned axis = 0; axis < result.getNumAxes(); ++axis)
    result.setAxis(axis, 1, 1, std::max(result.getConstancy(axis), run(axis)));
  return result;
}

AxisFacts facts::less(const AxisFacts &lhs, const AxisFacts &rhs, bool isSigned) {
  // A run that starts at a multiple of its length lies on one side of any multiple of its length: x < n is the same for
  // x in [16, 32) if 16 divides n.
  AxisFacts result = compare(lhs, rhs, [&](unsigned axis) { return getAlignedRun(lhs, rhs, axis); });
  // A true i1 is -1 as a signed integer, and 1 in a range.
  if (isSigned ? lhs.getWidth() == 1 : !(lhs.isNonNegative() && rhs.isNonNegative()))
    return result;
  if (lhs.getMax() < rhs.getMin())
    return result.setRange(1, 1);
  return lhs.getMin() >= rhs.getMax() ? result.setRange(0, 0) : result;
}

AxisFacts facts::lessOrEqual(const AxisFacts &lhs, const AxisFacts &rhs, bool isSigned) {
  // lhs <= rhs is not (rhs < lhs).
  AxisFacts result = less(rhs, lhs, isSigned);
  if (std::optional<int64_t> value = result.getConstant())
    return constant(shapeOf(lhs), 1, 1 - *value);
  return result;
}

AxisFacts facts::equal(const AxisFacts &lhs, const AxisFacts &rhs) {
  // Two runs keep their distance.
  AxisFacts result =
      compare(lhs, rhs, [&](unsigned axis) { return std::min(lhs.getContiguity(axis), rhs.getContiguity(axis)); });
  if (lhs.getMax() < rhs.getMin() || rhs.getMax() < lhs.getMin())
    return result.setRange(0, 0);
  if (lhs.getConstant() && lhs.getConstant() == rhs.getConstant())
    return result.setRange(1, 1);
  return result;
}

AxisFacts facts::select(const AxisFacts &condition, const AxisFacts &ifTrue, const AxisFacts &ifFalse) {
  if (std::optional<int64_t> value = condition.getConstant())
    return *value ? ifTrue : ifFalse;
  bool scalar = condition.getNumAxes() != ifTrue.getNumAxes() || condition.getAxis(0).size != ifTrue.getAxis(0).size;
  AxisFacts result = unknownLike(ifTrue);
  for (unsigned axis = 0; axis < result.getNumAxes(); ++axis) {
    int64_t whole = scalar ? result.getAxis(axis).size : condition.getConstancy(axis);
    int64_t contiguity = std::min({whole, ifTrue.getContiguity(axis), ifFalse.getContiguity(axis)});
    result.setAxis(axis, contiguity,
                   std::min(ifTrue.getDivisibilityAt(axis, contiguity), ifFalse.getDivisibilityAt(axis, contiguity)),
                   std::min({whole, ifTrue.getConstancy(axis), ifFalse.getConstancy(axis)}));
  }
  return result.setRange(std::min(ifTrue.getMin(), ifFalse.getMin()), std::max(ifTrue.getMax(), ifFalse.getMax()));
}
