//===- VectorizeContraction.cpp - linalg contractions on buffers ----------===//

#include "Contraction.h"
#include "VectorLoops.h"
#include "kiln/Conversion/TileToCPU/Passes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace kiln;

namespace {

/// Rows of a matrix in a buffer.
class BufferRows : public RightRows {
public:
  BufferRows(Location loc, Value buffer) : loc(loc), buffer(buffer) {}
  void enter(OpBuilder &, Value row, int64_t) override { first = row; }
  Value run(OpBuilder &builder, int64_t row, Value column, int64_t width) override {
    Value at = first;
    if (row != 0)
      at = arith::AddIOp::create(builder, loc, first, arith::ConstantIndexOp::create(builder, loc, row));
    auto type = VectorType::get({width}, cast<MemRefType>(buffer.getType()).getElementType());
    return vector::LoadOp::create(builder, loc, type, buffer, ValueRange{at, column});
  }

private:
  Location loc;
  Value buffer, first;
};

} // namespace

LogicalResult kiln::vectorizeContraction(linalg::LinalgOp op, int64_t vectorBits) {
  // A dot may have lost an operand: a constant moves into the body.
  if (!op->hasAttr(kDotAttr) || op->getNumOperands() != 3)
    return failure();
  AffineExpr m, n, k;
  bindDims(op.getContext(), m, n, k);
  bool transposed = op.getIndexingMapsArray()[1] == AffineMap::get(3, 0, {n, k}, op.getContext());
  Value a = op->getOperand(0), c = op->getOperand(2);

  BufferRows rows(op.getLoc(), op->getOperand(1));
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  OpBuilder builder(op);
  emitContraction(builder, op.getLoc(), {a, rows, c, c, transposed, sizes[0], sizes[1], sizes[2], /*rowsPerStep=*/0},
                  vectorBits);
  op->erase();
  return success();
}
