//===- AccessWidth.cpp - How wide an access to memory may be --------------===//

#include "kiln/Analysis/AccessWidth.h"

#include "llvm/ADT/STLExtras.h"

using namespace kiln::tile;

VectorLimit kiln::tile::getVectorLimit(const AxisFacts &pointer, const AxisFacts *mask, unsigned axis, int64_t bytes) {
  VectorLimit result{kMaxAccessBytes / bytes, AccessLimit::None};
  auto lower = [&](int64_t elements, AccessLimit limit) {
    if (elements < result.elements)
      result = {elements, limit};
  };
  lower(pointer.getAxis(axis).size, AccessLimit::Shape);
  lower(pointer.getContiguity(axis), AccessLimit::Contiguity);
  // Shorter vectors start at more places, but need less alignment.
  while (result.elements > 1 && pointer.getDivisibilityAt(axis, result.elements) < result.elements * bytes)
    lower(result.elements / 2, AccessLimit::Alignment);
  if (mask)
    lower(mask->getConstancy(axis), AccessLimit::Mask);
  return result;
}

llvm::SmallVector<unsigned, 4> kiln::tile::getAccessOrder(const AxisFacts &pointer) {
  llvm::SmallVector<unsigned, 4> order;
  for (unsigned axis = pointer.getNumAxes(); axis-- > 0;)
    order.push_back(axis);
  llvm::stable_sort(order, [&](unsigned a, unsigned b) { return pointer.getContiguity(a) > pointer.getContiguity(b); });
  return order;
}
