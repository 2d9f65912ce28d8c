//===- Layouts.cpp - The layouts that hardware and memory ask for ---------===//

#include "kiln/Layout/Layouts.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace kiln;
using llvm::ArrayRef;
using llvm::SmallVector;

namespace {

/// Hands out the bits of a tile's coordinates to registers, lanes and warps, from the lowest bit of each dimension up.
class Distribution {
public:
  explicit Distribution(ArrayRef<int64_t> shape) : space(Space::ofShape(shape)), used(shape.size(), 0) {}

  /// Gives the next `count` bits of `dim` to `axis`; where the tile has no more bits, the axis gets zeros.
  void take(Axis axis, unsigned dim, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      bool has = used[dim] < space.getBits(Axis::dim(dim));
      give(axis, has ? uint64_t(1) << (space.getShift(Axis::dim(dim)) + used[dim]++) : 0);
    }
  }
  void takeSize(Axis axis, unsigned dim, int64_t size) { take(axis, dim, llvm::Log2_64(size)); }

  /// Bits of `axis` that make no difference.
  void replicate(Axis axis, int64_t size) {
    for (unsigned i = 0, e = llvm::Log2_64(size); i < e; ++i)
      give(axis, 0);
  }

  /// Gives what is left of all dimensions to the registers, in `order`.
  LinearLayout finish(ArrayRef<unsigned> order) {
    for (unsigned dim : order)
      take(Axis::registers(), dim, space.getBits(Axis::dim(dim)) - used[dim]);
    SmallVector<uint64_t> bases(registers);
    llvm::append_range(bases, lanes);
    llvm::append_range(bases, warps);
    Space input({{Axis::registers(), unsigned(registers.size())},
                 {Axis::lane(), unsigned(lanes.size())},
                 {Axis::warp(), unsigned(warps.size())}});
    return LinearLayout(input, space, bases).withoutZeroBases(Axis::registers());
  }

private:
  void give(Axis axis, uint64_t basis) {
    (axis == Axis::registers() ? registers : axis == Axis::lane() ? lanes : warps).push_back(basis);
  }

  Space space;
  SmallVector<unsigned> used; // bits of each dimension
  SmallVector<uint64_t> registers, lanes, warps;
};

} // namespace

LinearLayout kiln::blockedLayout(ArrayRef<int64_t> shape, const Blocking &blocking) {
  Distribution distribution(shape);
  for (unsigned dim : blocking.order)
    distribution.takeSize(Axis::registers(), dim, blocking.elements[dim]);
  for (unsigned dim : blocking.order)
    distribution.takeSize(Axis::lane(), dim, blocking.lanes[dim]);
  for (unsigned dim : blocking.order)
    distribution.takeSize(Axis::warp(), dim, blocking.warps[dim]);
  return distribution.finish(blocking.order);
}

LinearLayout kiln::mmaResultLayout(ArrayRef<int64_t> shape, ArrayRef<int64_t> warps) {
  Distribution distribution(shape);
  distribution.takeSize(Axis::registers(), 1, 2);
  distribution.takeSize(Axis::lane(), 1, 4);
  distribution.takeSize(Axis::lane(), 0, 8);
  distribution.takeSize(Axis::registers(), 0, 2);
  distribution.takeSize(Axis::warp(), 0, warps[0]);
  distribution.takeSize(Axis::warp(), 1, warps[1]);
  return distribution.finish({1, 0});
}

LinearLayout kiln::mmaOperandLayout(unsigned operand, ArrayRef<int64_t> shape, ArrayRef<int64_t> warps, unsigned bits) {
  Distribution distribution(shape);
  unsigned k = operand == 0 ? 1 : 0, other = 1 - k;
  distribution.takeSize(Axis::registers(), k, 32 / bits);
  distribution.takeSize(Axis::lane(), k, 4);
  distribution.takeSize(Axis::lane(), other, 8);
  if (operand == 0)
    distribution.takeSize(Axis::registers(), other, 2);
  distribution.takeSize(Axis::registers(), k, 2);
  // The warps that differ along the dimension which this operand lacks read the same elements.
  if (operand == 0)
    distribution.takeSize(Axis::warp(), other, warps[0]);
  else
    distribution.replicate(Axis::warp(), warps[0]);
  if (operand == 0)
    distribution.replicate(Axis::warp(), warps[1]);
  else
    distribution.takeSize(Axis::warp(), other, warps[1]);
  return distribution.finish({k, other});
}

LinearLayout kiln::sharedLayout(ArrayRef<int64_t> shape, ArrayRef<unsigned> order, int64_t vector, int64_t rowsPerPhase,
                                int64_t phases) {
  Space space = Space::ofShape(shape);
  unsigned rowDim = order[0], rowShift = space.getShift(Axis::dim(rowDim));
  uint64_t pieces = shape[rowDim] / vector;
  assert((phases == 1 || uint64_t(phases) <= pieces) && "more phases than pieces in a row");
  SmallVector<uint64_t> bases;
  uint64_t row = 1; // the number of the row whose bit comes next
  for (unsigned dim : order) {
    for (unsigned i = 0, e = space.getBits(Axis::dim(dim)); i < e; ++i) {
      uint64_t basis = uint64_t(1) << (space.getShift(Axis::dim(dim)) + i);
      if (dim != rowDim) {
        uint64_t phase = (row / rowsPerPhase) % phases;
        basis ^= (phase * vector) << rowShift;
        row *= 2;
      }
      bases.push_back(basis);
    }
  }
  return LinearLayout(Space({{Axis::offset(), space.getBits()}}), space, bases);
}

SmallVector<int64_t> kiln::getShape(const LinearLayout &layout) {
  SmallVector<int64_t> shape;
  for (const Space::Part &part : llvm::reverse(layout.getOutput().getParts()))
    shape.push_back(int64_t(1) << part.bits);
  return shape;
}

LinearLayout kiln::sliceLayout(const LinearLayout &layout, unsigned axis) {
  SmallVector<int64_t> shape = getShape(layout);
  SmallVector<Axis> kept;
  for (unsigned i = 0; i < shape.size(); ++i)
    if (i != axis)
      kept.push_back(Axis::dim(i));
  shape.erase(shape.begin() + axis);
  return layout.project(kept).withOutput(Space::ofShape(shape)).withoutZeroBases(Axis::registers());
}

LinearLayout kiln::broadcastSourceLayout(const LinearLayout &layout, ArrayRef<int64_t> shape) {
  SmallVector<Axis> kept;
  for (unsigned i = 0; i < shape.size(); ++i)
    if (shape[i] != 1)
      kept.push_back(Axis::dim(i));
  return layout.project(kept).withOutput(Space::ofShape(shape)).withoutZeroBases(Axis::registers());
}

LinearLayout kiln::transposeLayout(const LinearLayout &layout, ArrayRef<int32_t> order) {
  SmallVector<int64_t> from = getShape(layout), shape;
  for (int32_t dim : order)
    shape.push_back(from[dim]);
  Space space = Space::ofShape(shape);
  SmallVector<uint64_t> bases;
  for (uint64_t basis : layout.getBases()) {
    uint64_t image = 0;
    for (auto [i, dim] : llvm::enumerate(order))
      image |= layout.getOutput().getCoordinate(basis, Axis::dim(dim)) << space.getShift(Axis::dim(i));
    bases.push_back(image);
  }
  return LinearLayout(layout.getInput(), space, bases);
}

LinearLayout kiln::reshapeLayout(const LinearLayout &layout, ArrayRef<int64_t> shape) {
  return layout.withOutput(Space::ofShape(shape));
}
