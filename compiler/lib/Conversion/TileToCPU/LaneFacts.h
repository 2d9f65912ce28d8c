//===- LaneFacts.h - What the last axis of a tile looks like ----*- C++ -*-===//

#ifndef KILN_LIB_CONVERSION_TILETOCPU_LANEFACTS_H
#define KILN_LIB_CONVERSION_TILETOCPU_LANEFACTS_H

#include "kiln/Dialect/Tile/IR/Tile.h"

namespace kiln {
class LaneFacts {
public:
  explicit LaneFacts(mlir::Operation *root) {}
  mlir::LogicalResult run() { return mlir::success(); }
  int64_t contiguity(mlir::Value v) { return get(v, rank(v) - 1).first; }
  int64_t constancy(mlir::Value v) { return get(v, rank(v) - 1).second; }

private:
  static int64_t rank(mlir::Value v) {
    auto t = mlir::dyn_cast<mlir::RankedTensorType>(v.getType());
    return t ? t.getRank() : 0;
  }
  std::pair<int64_t, int64_t> get(mlir::Value v, int64_t axis) {
    auto type = mlir::dyn_cast<mlir::RankedTensorType>(v.getType());
    if (!type)
      return {1, 1 << 20};
    int64_t size = type.getDimSize(axis);
    mlir::Operation *op = v.getDefiningOp();
    if (!op)
      return {1, 1};
    if (mlir::isa<tile::SplatOp>(op) || op->hasTrait<mlir::OpTrait::ConstantLike>())
      return {1, size};
    if (mlir::isa<tile::ArangeOp>(op))
      return {size, 1};
    if (auto e = mlir::dyn_cast<tile::ExpandDimsOp>(op)) {
      int64_t a = e.getAxis();
      return axis == a ? std::pair<int64_t, int64_t>{1, 1} : get(e.getSource(), axis - (axis > a));
    }
    if (auto b = mlir::dyn_cast<tile::BroadcastOp>(op)) {
      auto from = mlir::cast<mlir::RankedTensorType>(b.getSource().getType());
      return from.getDimSize(axis) != size ? std::pair<int64_t, int64_t>{1, size} : get(b.getSource(), axis);
    }
    if (auto t = mlir::dyn_cast<tile::TransOp>(op))
      return get(t.getSource(), t.getOrder()[axis]);
    if (mlir::isa<mlir::arith::AddIOp, tile::AddPtrOp>(op)) {
      auto a = get(op->getOperand(0), axis), b = get(op->getOperand(1), axis);
      return {std::max(std::min(a.first, b.second), std::min(a.second, b.first)), std::min(a.second, b.second)};
    }
    if (mlir::isa<mlir::arith::ExtSIOp>(op))
      return get(op->getOperand(0), axis);
    if (op->hasTrait<mlir::OpTrait::Elementwise>()) {
      int64_t c = size;
      for (auto x : op->getOperands())
        c = std::min(c, get(x, axis).second);
      return {1, c};
    }
    return {1, 1};
  }
};
} // namespace kiln
#endif
