//===- AccelerateDot.cpp - tile-gpu-accelerate-dot ------------------------===//
//
// mma.sync sums in f32 as docs/semantics.md asks: products are exact, and what the additions cut off is less than a
// rounding of f32 for each product. That holds for f16, bf16 and TF32 operands, but not for fp8, where the hardware may
// keep 14 bits of a sum; fp8 operands have become f16, which holds all of their values, before this pass.
//
//===----------------------------------------------------------------------===//

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Dialect/TileGPU/Transforms/Passes.h"
#include "kiln/Layout/MmaTiling.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/MathExtras.h"

namespace kiln::tile_gpu {
#define GEN_PASS_DEF_ACCELERATEDOT
#include "kiln/Dialect/TileGPU/Transforms/Passes.h.inc"
} // namespace kiln::tile_gpu

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

RankedTensorType getTensor(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Whether mma.sync computes this product as exactly as the operation asks.
bool hasMma(tile::DotOp dot) {
  RankedTensorType a = getTensor(dot.getA());
  Type element = a.getElementType();
  bool isExact = element.isF16() || element.isBF16() || element.isInteger(8);
  if (!isExact && !(element.isF32() && dot.getPrecision() == tile::DotPrecision::TF32))
    return false;
  return a.getDimSize(1) >= MmaTiling::getMinimumK(element.getIntOrFloatBitWidth());
}

/// The warps along rows and columns of an m x n result: first of all none that only repeats the work of others, then
/// as few operand elements for each warp as possible. With `keepRows` a warp gets whole rows where it can.
std::array<int64_t, 2> chooseWarps(int64_t m, int64_t n, int64_t numWarps, bool keepRows) {
  std::array<int64_t, 2> best;
  std::pair<int64_t, int64_t> bestCost = {INT64_MAX, 0};
  for (int64_t along = numWarps; along >= 1; along /= 2) {
    int64_t rows = std::max<int64_t>(m / along, 16), columns = std::max<int64_t>(n / (numWarps / along), 8);
    std::pair<int64_t, int64_t> cost = {rows * columns, keepRows ? 0 : rows + columns};
    if (cost < bestCost) {
      bestCost = cost;
      best = {along, numWarps / along};
    }
  }
  return best;
}

/// The result of a product that threads compute by themselves. Each of them has tm x tn elements, tm about tn, so that
/// it reads few operands for each multiplication: neighbours along the rows for vector reads, and otherwise elements
/// far apart, so that the lanes of a warp read neighbouring vectors.
LinearLayout chooseBlocked(ArrayRef<int64_t> shape, int64_t numWarps, unsigned bits) {
  int64_t m = shape[0], n = shape[1];
  int64_t each = std::max<int64_t>(m * n / (32 * numWarps), 1);
  int64_t vector = std::min({int64_t(128) / bits, each, n});
  int64_t columns = std::min(std::max(vector, int64_t(1) << llvm::divideCeil(llvm::Log2_64(each), 2)), n);
  int64_t rows = std::min(each / columns, m);
  columns = std::min(each / rows, n); // what few rows leave
  int64_t threadsM = m / rows, threadsN = n / columns;
  int64_t lanesN = std::min<int64_t>(threadsN, 8);
  int64_t lanesM = std::min<int64_t>(threadsM, 32 / lanesN);
  lanesN = 32 / lanesM;
  int64_t warpsN = std::min(numWarps, std::max<int64_t>(threadsN / lanesN, 1));
  Blocking blocking;
  blocking.elements = {1, vector};
  blocking.lanes = {lanesM, lanesN};
  blocking.warps = {numWarps / warpsN, warpsN};
  blocking.order = {1, 0};
  return blockedLayout(shape, blocking);
}

/// The products whose result becomes the first operand of another: the rows of both should be in the same warp.
DenseSet<Operation *> collectChained(func::FuncOp kernel) {
  DenseSet<Operation *> chained;
  kernel.walk([&](tile::DotOp dot) {
    BackwardSliceOptions options;
    options.omitBlockArguments = true;
    SetVector<Operation *> slice;
    (void)getBackwardSlice(dot.getA(), &slice, options);
    for (Operation *op : slice)
      if (isa<tile::DotOp>(op))
        chained.insert(op);
  });
  return chained;
}

struct AccelerateDotPass : tile_gpu::impl::AccelerateDotBase<AccelerateDotPass> {
  void runOnOperation() override {
    getOperation()->walk([](func::FuncOp kernel) {
      int64_t numWarps = getNumWarps(kernel);
      DenseSet<Operation *> chained = collectChained(kernel);
      SmallVector<tile::DotOp> dots;
      kernel.walk([&](tile::DotOp dot) { dots.push_back(dot); });
      for (tile::DotOp dot : dots) {
        RankedTensorType type = getTensor(dot.getResult());
        if (!hasMma(dot)) {
          LinearLayout layout = chooseBlocked(type.getShape(), numWarps, type.getElementTypeBitWidth());
          dot->setAttr(kLayoutAttr, LayoutAttr::get(dot.getContext(), layout));
          continue;
        }
        OpBuilder builder(dot);
        std::array<int64_t, 2> warps =
            chooseWarps(type.getDimSize(0), type.getDimSize(1), numWarps, chained.contains(dot));
        auto mma =
            MmaOp::create(builder, dot.getLoc(), type, dot.getA(), dot.getB(), dot.getC(), ArrayRef<int64_t>(warps));
        dot.getResult().replaceAllUsesWith(mma.getResult());
        dot.erase();
      }
    });
  }
};

} // namespace
