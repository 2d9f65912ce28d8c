//===- Vectors.cpp - Registers that one instruction can move --------------===//

#include "kiln/Layout/Vectors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace kiln;
using llvm::ArrayRef;
using llvm::SmallVector;

/// The image of the bit with number `bit` of the coordinate along `dim`.
static uint64_t unitOf(const LinearLayout &layout, unsigned dim, unsigned bit) {
  return uint64_t(1) << (layout.getOutput().getShift(Axis::dim(dim)) + bit);
}

int64_t kiln::getVectorLength(const LinearLayout &layout, unsigned dim) {
  ArrayRef<uint64_t> registers = layout.getBases(Axis::registers());
  unsigned length = 0;
  SmallVector<unsigned> counting; // the register bits that count along the dimension
  for (unsigned bits = layout.getOutput().getBits(Axis::dim(dim)); length < bits; ++length) {
    const uint64_t *found = llvm::find(registers, unitOf(layout, dim, length));
    if (found == registers.end())
      break;
    counting.push_back(found - registers.begin());
  }
  // Whatever else moves the coordinate does so by multiples of the length. (Registers are the first input axis.)
  for (auto [index, basis] : llvm::enumerate(layout.getBases()))
    if (uint64_t coordinate = layout.getOutput().getCoordinate(basis, Axis::dim(dim)))
      if (!llvm::is_contained(counting, index))
        length = std::min<unsigned>(length, llvm::countr_zero(coordinate));
  return int64_t(1) << length;
}

SmallVector<SmallVector<unsigned, 16>> kiln::getVectors(const LinearLayout &layout, unsigned dim, int64_t length) {
  assert(length <= getVectorLength(layout, dim) && "threads do not hold so many neighbours");
  ArrayRef<uint64_t> registers = layout.getBases(Axis::registers());
  SmallVector<unsigned> steps; // the register bits that count the elements of a run
  unsigned inRun = 0;
  for (unsigned bit = 0; int64_t(1) << bit < length; ++bit) {
    unsigned position = llvm::find(registers, unitOf(layout, dim, bit)) - registers.begin();
    steps.push_back(1u << position);
    inRun |= steps.back();
  }
  SmallVector<SmallVector<unsigned, 16>> vectors;
  for (unsigned first = 0, e = layout.getSize(Axis::registers()); first < e; ++first) {
    if (first & inRun)
      continue;
    SmallVector<unsigned, 16> &vector = vectors.emplace_back(1, first);
    for (unsigned step : steps)
      for (unsigned i = 0, size = vector.size(); i < size; ++i)
        vector.push_back(vector[i] | step);
  }
  return vectors;
}
