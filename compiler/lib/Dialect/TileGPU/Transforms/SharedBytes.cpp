//===- SharedBytes.cpp - How much shared memory an operation needs --------===//

#include "kiln/Dialect/TileGPU/Transforms/SharedBytes.h"

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Dialect/TileGPU/Transforms/DotStaging.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

/// A scalar atomic is done by one thread, which tells the others the old value.
template <typename Atomic>
static int64_t getAtomicBytes(Atomic op) {
  bool isScalar = !isa<RankedTensorType>(op.getResult().getType());
  return isScalar && !op.getResult().use_empty() ? 8 : 0;
}

int64_t tile_gpu::getSharedBytes(Operation *op) {
  return TypeSwitch<Operation *, int64_t>(op)
      .Case<tile::AtomicRMWOp, tile::AtomicCASOp>([](auto atomic) { return getAtomicBytes(atomic); })
      .Case<tile::DotOp>([](auto dot) { return DotStaging(dot).bytes; })
      .Default([](Operation *) { return 0; });
}
