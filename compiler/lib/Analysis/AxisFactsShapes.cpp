//===- AxisFactsShapes.cpp - Facts under other widths and shapes -----------------------------------------===//

#include "kiln/Analysis/AxisFacts.h"

#include "llvm/ADT/STLExtras.h"

using namespace kiln::tile;

//===----------------------------------------------------------------------===//
// Widths
//===----------------------------------------------------------------------===//

static llvm::SmallVector<int64_t> shapeOf(const AxisFacts &facts) {
  llvm::SmallVector<int64_t> shape;
  for (unsigned axis = 0; axis < facts.getNumAxes(); ++axis)
    shape.push_back(facts.getAxis(axis).size);
  return shape;
}

AxisFacts facts::extend(const AxisFacts &source, unsigned width, bool isSigned) {
  AxisFacts result(shapeOf(source), width);
  for (unsigned axis = 0; axis < result.getNumAxes(); ++axis) {
    int64_t run = source.getWidth() == 1 ? 1 : source.getContiguityWithoutWrap(axis, isSigned);
    result.setAxis(axis, run, source.getDivisibilityAt(axis, run), source.getConstancy(axis));
  }
  // A true i1 extends to 1 or to -1.
  if (source.getWidth() == 1)
    return isSigned ? result.setRange(-source.getMax(), -source.getMin())
                    : result.setRange(source.getMin(), source.getMax());
  if (isSigned || source.isNonNegative())
    return result.setRange(source.getMin(), source.getMax());
  return source.getWidth() < 64 ? result.setRange(0, static_cast<int64_t>(llvm::maxUIntN(source.getWidth()))) : result;
}

AxisFacts facts::truncate(const AxisFacts &source, unsigned width) {
  AxisFacts result(shapeOf(source), width);
  bool fits = source.getMin() >= result.getMin() && source.getMax() <= result.getMax();
  for (unsigned axis = 0; axis < result.getNumAxes(); ++axis) {
    // Modulo 2^width a run stays a run; the bit that is left in i1 alternates.
    int64_t run = width == 1 ? 1 : source.getContiguity(axis);
    result.setAxis(axis, run, source.getDivisibilityAt(axis, run), source.getConstancy(axis));
  }
  return fits ? result.setRange(source.getMin(), source.getMax()) : result;
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

/// A value of `shape` with the elements of `source` and no fact but their range and what divides them all.
static AxisFacts sameElements(const AxisFacts &source, llvm::ArrayRef<int64_t> shape) {
  AxisFacts result(shape, source.getWidth(), source.getUnit());
  result.setDivisibilityOfAll(source.getDivisibilityOfAll());
  return result.setRange(source.getMin(), source.getMax());
}

AxisFacts facts::splat(const AxisFacts &source, llvm::ArrayRef<int64_t> shape) {
  AxisFacts result = sameElements(source, shape);
  for (unsigned axis = 0; axis < result.getNumAxes(); ++axis)
    result.setAxis(axis, 1, result.getDivisibility(axis), result.getAxis(axis).size);
  return result;
}

AxisFacts facts::expandDims(const AxisFacts &source, unsigned axis) {
  llvm::SmallVector<int64_t> shape = shapeOf(source);
  shape.insert(shape.begin() + axis, 1);
  AxisFacts result = sameElements(source, shape);
  for (unsigned from = 0; from < source.getNumAxes(); ++from) {
    const AxisFacts::Axis &known = source.getAxis(from);
    result.setAxis(from < axis ? from : from + 1, known.contiguity, known.divisibility, known.constancy);
  }
  return result;
}

AxisFacts facts::broadcast(const AxisFacts &source, llvm::ArrayRef<int64_t> shape) {
  AxisFacts result = sameElements(source, shape);
  for (unsigned axis = 0; axis < result.getNumAxes(); ++axis) {
    const AxisFacts::Axis &known = source.getAxis(axis);
    bool repeated = known.size != shape[axis];
    result.setAxis(axis, known.contiguity, known.divisibility, repeated ? shape[axis] : known.constancy);
  }
  return result;
}

AxisFacts facts::trans(const AxisFacts &source, llvm::ArrayRef<int32_t> order) {
  llvm::SmallVector<int64_t> shape;
  for (int32_t axis : order)
    shape.push_back(source.getAxis(axis).size);
  AxisFacts result = sameElements(source, shape);
  for (auto [axis, from] : llvm::enumerate(order)) {
    const AxisFacts::Axis &known = source.getAxis(from);
    result.setAxis(axis, known.contiguity, known.divisibility, known.constancy);
  }
  return result;
}

/// Facts about the axes [first, last) of `source`, merged into one of `size` elements.
static AxisFacts::Axis mergeAxes(const AxisFacts &source, unsigned first, unsigned last, int64_t size) {
  AxisFacts::Axis merged{size, 1, source.getDivisibilityOfAll(), 1};
  bool whole = true; // the axes behind this one are constant over their whole size
  int64_t inner = 1;
  for (unsigned axis = last; axis-- > first;) {
    const AxisFacts::Axis &known = source.getAxis(axis);
    if (known.size == 1)
      continue;
    if (inner == 1) {
      merged.contiguity = known.contiguity;
      merged.divisibility = known.divisibility;
    }
    if (whole)
      merged.constancy = inner * known.constancy;
    whole = whole && known.constancy == known.size;
    inner *= known.size;
  }
  return merged;
}

AxisFacts facts::reshape(const AxisFacts &source, llvm::ArrayRef<int64_t> shape) {
  AxisFacts result = sameElements(source, shape);
  // Axes of source and result fall into groups of the same number of elements: merged into one, then split.
  unsigned from = 0, to = 0;
  while (from < source.getNumAxes() || to < shape.size()) {
    unsigned firstFrom = from, firstTo = to;
    int64_t sizeFrom = from < source.getNumAxes() ? source.getAxis(from++).size : 1;
    int64_t sizeTo = to < shape.size() ? shape[to++] : 1;
    while (sizeFrom != sizeTo) {
      if (sizeFrom < sizeTo)
        sizeFrom *= source.getAxis(from++).size;
      else
        sizeTo *= shape[to++];
    }
    AxisFacts::Axis merged = mergeAxes(source, firstFrom, from, sizeFrom);
    AxisFacts group(sizeFrom, source.getWidth(), source.getUnit());
    group.setAxis(0, merged.contiguity, merged.divisibility, merged.constancy);
    int64_t inner = 1; // elements of the group between neighbours along the axis
    for (unsigned axis = to; axis-- > firstTo;) {
      int64_t run = inner == 1 ? std::min(merged.contiguity, shape[axis]) : 1;
      result.setAxis(axis, run, inner == 1 ? group.getDivisibilityAt(0, run) : source.getDivisibilityOfAll(),
                     std::max<int64_t>(merged.constancy / inner, 1));
      inner *= shape[axis];
    }
  }
  return result;
}
