//===- ScanLayout.cpp - The layout in which scans run ---------------------===//

#include "kiln/Dialect/TileGPU/Transforms/ScanLayout.h"

using namespace kiln;

LinearLayout tile_gpu::getScanLayout(llvm::ArrayRef<int64_t> shape, unsigned axis, int64_t numWarps) {
  unsigned rank = shape.size();
  Blocking blocking;
  blocking.elements.assign(rank, 1);
  blocking.lanes.assign(rank, 1);
  blocking.warps.assign(rank, 1);
  blocking.order.push_back(axis);
  for (unsigned dim = rank; dim-- > 0;)
    if (dim != axis)
      blocking.order.push_back(dim);

  int64_t lanes = 32, warps = numWarps;
  for (unsigned dim : blocking.order) {
    blocking.lanes[dim] = std::min(lanes, shape[dim]);
    lanes /= blocking.lanes[dim];
    if (dim == axis)
      continue;
    blocking.warps[dim] = std::min(warps, shape[dim] / blocking.lanes[dim]);
    warps /= blocking.warps[dim];
  }
  int64_t left = shape[axis] / blocking.lanes[axis];
  int64_t along = std::min(warps, left);
  blocking.elements[axis] = left / along;
  // What is left over replicates: behind the last bits of the axis.
  blocking.lanes[axis] *= lanes;
  blocking.warps[axis] = warps;
  return blockedLayout(shape, blocking);
}
