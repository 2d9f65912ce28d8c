//===- VectorizeContraction.cpp - linalg contractions on buffers ----------===//

#include "Contraction.h"
#include "VectorLoops.h"
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
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  if (op->getNumOperands() != 3 || iterators.size() != 3 || iterators[0] != utils::IteratorType::parallel ||
      iterators[1] != utils::IteratorType::parallel || iterators[2] != utils::IteratorType::reduction)
    return failure();
  AffineExpr m, n, k;
  bindDims(op.getContext(), m, n, k);
  auto is = [&](AffineMap map, AffineExpr row, AffineExpr column) {
    return map == AffineMap::get(3, 0, {row, column}, op.getContext());
  };
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  bool plain = is(maps[1], k, n), transposed = is(maps[1], n, k);
  if (!is(maps[0], m, k) || !is(maps[2], m, n) || (!plain && !transposed))
    return failure();
  // Anything but a sum of products is not what this emits.
  Operation *sum = op.getBlock()->getTerminator()->getOperand(0).getDefiningOp();
  if (!isa_and_present<arith::AddFOp, arith::AddIOp>(sum) ||
      !isa_and_present<arith::MulFOp, arith::MulIOp>(sum->getOperand(1).getDefiningOp()))
    return failure();
  Value a = op->getOperand(0), c = op->getOperand(2);
  if (cast<MemRefType>(a.getType()).getElementType() != cast<MemRefType>(c.getType()).getElementType())
    return failure();

  BufferRows rows(op.getLoc(), op->getOperand(1));
  SmallVector<int64_t> sizes = op.getStaticLoopRanges();
  OpBuilder builder(op);
  emitContraction(builder, op.getLoc(), {a, rows, c, c, transposed, sizes[0], sizes[1], sizes[2], /*rowsPerStep=*/0},
                  vectorBits);
  op->erase();
  return success();
}
