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

/// The warps along rows and columns of a result, and what that costs: rows times columns that a warp computes, whether
/// the tile has them or not, and then how many operand elements it needs.
struct Sharing {
  std::array<int64_t, 2> warps;
  std::pair<int64_t, int64_t> cost = {INT64_MAX, 0};
};

/// The cheapest one for an m x n result. With `keepRows` a warp gets whole rows where it can.
Sharing chooseWarps(int64_t m, int64_t n, int64_t numWarps, bool keepRows) {
  Sharing best;
  for (int64_t along = numWarps; along >= 1; along /= 2) {
    int64_t rows = std::max<int64_t>(m / along, 16), columns = std::max<int64_t>(n / (numWarps / along), 8);
    std::pair<int64_t, int64_t> cost = {rows * columns, keepRows ? 0 : rows + columns};
    if (cost < best.cost)
      best = {{along, numWarps / along}, cost};
  }
  return best;
}

/// [a, b] -> [b, a]; of a transposed tile, the tile.
Value transpose(OpBuilder &builder, Location loc, Value value) {
  if (auto before = value.getDefiningOp<tile::TransOp>(); before && before.getOrder()[0] == 1)
    return before.getSource();
  auto type = cast<RankedTensorType>(value.getType());
  auto transposed = RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)}, type.getElementType());
  return tile::TransOp::create(builder, loc, transposed, value, ArrayRef<int32_t>{1, 0});
}

/// The product on tensor cores.
Value multiply(tile::DotOp dot, int64_t numWarps, bool isChained) {
  OpBuilder builder(dot);
  Location loc = dot.getLoc();
  RankedTensorType type = getTensor(dot.getResult());
  int64_t m = type.getDimSize(0), n = type.getDimSize(1);
  Sharing sharing = chooseWarps(m, n, numWarps, isChained), swapped = chooseWarps(n, m, numWarps, false);
  // The instruction has 16 rows and 8 columns. A few rows, the query heads of a K/V head, are better its columns: half
  // of the multiplications, and no registers for rows that are not there.
  if (swapped.cost.first >= sharing.cost.first)
    return MmaOp::create(builder, loc, type, dot.getA(), dot.getB(), dot.getC(), ArrayRef<int64_t>(sharing.warps));
  Value c = transpose(builder, loc, dot.getC());
  Value result = MmaOp::create(builder, loc, c.getType(), transpose(builder, loc, dot.getB()),
                               transpose(builder, loc, dot.getA()), c, ArrayRef<int64_t>(swapped.warps));
  return tile::TransOp::create(builder, loc, type, result, ArrayRef<int32_t>{1, 0});
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
        dot.getResult().replaceAllUsesWith(multiply(dot, numWarps, chained.contains(dot)));
        dot.erase();
      }
    });
  }
};

} // namespace
