//===- SharedBytes.cpp - How much shared memory an operation needs --------===//

#include "kiln/Dialect/TileGPU/Transforms/SharedBytes.h"

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Dialect/TileGPU/Transforms/AxisBits.h"
#include "kiln/Dialect/TileGPU/Transforms/ConversionPlan.h"
#include "kiln/Dialect/TileGPU/Transforms/DotStaging.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

/// Bytes of an element where it lies in memory.
static unsigned getElementBytes(Value tile) {
  Type element = tile::getElementOrSelf(tile.getType());
  return isa<tile::PtrType>(element) ? 8 : llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

static int64_t getConversionBytes(ConvertLayoutOp op) {
  LayoutAttr from = getLayout(op.getSource()), to = getLayout(op.getResult());
  return planConversion(from.getLinear(), to.getLinear(), getElementBytes(op.getSource())).sharedBytes;
}

/// What one thread does for each element, an atomic or a call with effects, others may want to know the result of: of a
/// scalar all do, of a tile those that its layout gives copies.
static int64_t getOwnedBytes(Value result) {
  if (result.use_empty())
    return 0;
  auto type = dyn_cast<RankedTensorType>(result.getType());
  if (!type)
    return 8;
  LinearLayout layout = getLayout(type).getLinear();
  bool hasCopies = layout.getDependentBits(Axis::lane()) || layout.getDependentBits(Axis::warp());
  return hasCopies ? type.getNumElements() * getElementBytes(result) : 0;
}

SmallVector<int64_t> tile_gpu::getCallOffsets(tile::ExternCallOp op, int64_t &bytes) {
  SmallVector<int64_t> offsets;
  bytes = 0;
  for (Value result : op.getResults()) {
    int64_t own = op.getPure() ? 0 : getOwnedBytes(result);
    offsets.push_back(own ? bytes : -1);
    bytes += llvm::alignTo(own, 8);
  }
  return offsets;
}

template <typename Op>
static int64_t getAxisBytes(Op op) {
  SmallVector<int64_t> offsets;
  return getPartialsTable(op, op.getAxis(), offsets);
}

int64_t tile_gpu::getSharedBytes(Operation *op) {
  auto lacksLayout = [](Type type) { return isa<RankedTensorType>(type) && !getLayout(type); };
  if (llvm::any_of(op->getOperandTypes(), lacksLayout) || llvm::any_of(op->getResultTypes(), lacksLayout))
    return 0; // tile-gpu-lower-to-threads reports it
  return TypeSwitch<Operation *, int64_t>(op)
      .Case<tile::AtomicRMWOp, tile::AtomicCASOp>([](auto atomic) { return getOwnedBytes(atomic.getResult()); })
      .Case<tile::ExternCallOp>([](tile::ExternCallOp call) {
        int64_t bytes;
        getCallOffsets(call, bytes);
        return bytes;
      })
      .Case<tile::DotOp>([](auto dot) { return DotStaging(dot).bytes; })
      .Case<tile::ReduceOp, tile::ScanOp>([](auto op) { return getAxisBytes(op); })
      .Case<ConvertLayoutOp>(getConversionBytes)
      .Default([](Operation *) { return 0; });
}
