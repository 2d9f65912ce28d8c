//===- AxisBits.cpp - Where the positions along an axis are ---------------===//

#include "kiln/Dialect/TileGPU/Transforms/AxisBits.h"

#include "kiln/Dialect/TileGPU/Transforms/SharedBytes.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

AxisBits::AxisBits(const LinearLayout &layout, unsigned axis) {
  Axis dim = Axis::dim(axis);
  unsigned count = layout.getOutput().getBits(dim);
  SmallVector<std::optional<Bit>> found(count);
  for (Axis place : {Axis::registers(), Axis::lane(), Axis::warp()}) {
    for (auto [index, basis] : llvm::enumerate(layout.getBases(place))) {
      if (basis == 0)
        continue;
      uint64_t position = layout.getOutput().getCoordinate(basis, dim);
      if (!llvm::isPowerOf2_64(basis)) {
        isPlain = false;
      } else if (position != 0) {
        std::optional<Bit> &bit = found[llvm::Log2_64(position)];
        isPlain &= !bit;
        bit = Bit{place, unsigned(index)};
        (place == Axis::registers() ? registers : place == Axis::lane() ? lanes : warps) |= uint64_t(1) << index;
      }
    }
  }
  for (std::optional<Bit> &bit : found) {
    isPlain &= bit.has_value();
    if (bit)
      bits.push_back(*bit);
  }
}

int64_t AxisBits::getRows(const LinearLayout &layout, bool ordered) const {
  int64_t rows = layout.getSize(Axis::registers());
  for (const Bit &bit : bits) {
    if (ordered && bit.place == Axis::warp())
      break;
    rows >>= bit.place == Axis::registers();
  }
  return rows;
}

bool tile_gpu::isCommutative(Region &combiner) {
  Block &body = combiner.front();
  Operation *yield = body.getTerminator();
  unsigned count = yield->getNumOperands();
  for (auto [i, value] : llvm::enumerate(yield->getOperands())) {
    Operation *op = value.getDefiningOp();
    if (!op || !op->hasTrait<OpTrait::IsCommutative>() || op->getNumOperands() != 2)
      return false;
    Value a = body.getArgument(i), b = body.getArgument(i + count);
    if (!(op->getOperand(0) == a && op->getOperand(1) == b) && !(op->getOperand(0) == b && op->getOperand(1) == a))
      return false;
  }
  return true;
}

int64_t tile_gpu::getPartialsTable(Operation *op, unsigned axis, SmallVectorImpl<int64_t> &offsets) {
  LinearLayout layout = getLayout(op->getOperand(0)).getLinear();
  AxisBits bits(layout, axis);
  auto reduce = dyn_cast<tile::ReduceOp>(op);
  int64_t rows = bits.getRows(layout, reduce && !isCommutative(reduce.getCombiner()));
  int64_t bytes = 0;
  for (Value source : op->getOperands()) {
    offsets.push_back(bytes);
    int64_t element = llvm::divideCeil(cast<RankedTensorType>(source.getType()).getElementTypeBitWidth(), 8);
    int64_t threads = layout.getSize(Axis::lane()) * layout.getSize(Axis::warp());
    bytes = llvm::alignTo(bytes + rows * threads * element, kSharedAlignment);
  }
  return bits.warps ? bytes : 0;
}
