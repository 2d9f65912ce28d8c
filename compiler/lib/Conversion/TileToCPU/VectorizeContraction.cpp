//===- VectorizeContraction.cpp - Dots as register blocks -----------------===//
//
// c[m, n] += sum over k of a[m, k] * b[k, n], with a row-major and as wide as c, and b either row-major ([k, n]) or as
// it lies when the dot is by a transposed tile ([n, k]), as wide as c or narrower.
//
//   b[k, n]:  accumulators c[m0..m0+R, n0..n0+C] are vectors along n. Each step of k loads C/V vectors of b, widens
//   each once, and multiplies them with
//             R broadcast elements of a.
//   b[n, k]:  accumulators are vectors of partial sums along k. Each step of V elements loads R vectors of a and C of
//   b. They are added up at the end.
//
// R * C/V (or R * C) accumulators are 8: enough independent multiply-adds to cover a latency of 4 cycles at two a
// cycle, and with the operands they fit the 16 registers of AVX2.
//
//===----------------------------------------------------------------------===//

#include "VectorLoops.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace kiln;

namespace {

constexpr int64_t kAccumulators = 8;

class ContractionEmitter {
public:
  ContractionEmitter(linalg::LinalgOp op, bool bIsTransposed, int64_t vectorBits)
      : loc(op.getLoc()), a(op->getOperand(0)), b(op->getOperand(1)), c(op->getOperand(2)),
        bIsTransposed(bIsTransposed) {
    element = cast<MemRefType>(c.getType()).getElementType();
    SmallVector<int64_t> sizes = op.getStaticLoopRanges();
    m = sizes[0], n = sizes[1], k = sizes[2];
    int64_t lanes = vectorBits / element.getIntOrFloatBitWidth();
    width = std::min(bIsTransposed ? k : n, lanes);
    rows = std::min<int64_t>(m, 4);
    int64_t available = bIsTransposed ? n : n / width;
    columns = std::min(available, kAccumulators / rows);
  }

  void emit(OpBuilder &builder) {
    int64_t columnStep = bIsTransposed ? columns : columns * width;
    buildLoop(builder, loc, m, rows, [&](OpBuilder &outer, Value row) {
      buildLoop(outer, loc, n, columnStep, [&](OpBuilder &inner, Value column) {
        bIsTransposed ? emitAlongK(inner, row, column) : emitAlongN(inner, row, column);
      });
    });
  }

private:
  Value offset(OpBuilder &builder, Value base, int64_t by) {
    return by == 0 ? base
                   : arith::AddIOp::create(builder, loc, base, arith::ConstantIndexOp::create(builder, loc, by))
                         .getResult();
  }

  VectorType runType(Type of) const { return VectorType::get({width}, of); }

  Value loadRun(OpBuilder &builder, Value buffer, Value i, Value j) {
    Type of = cast<MemRefType>(buffer.getType()).getElementType();
    Value run = vector::LoadOp::create(builder, loc, runType(of), buffer, ValueRange{i, j});
    if (of == element)
      return run;
    if (isa<FloatType>(element))
      return arith::ExtFOp::create(builder, loc, runType(element), run);
    return arith::ExtSIOp::create(builder, loc, runType(element), run);
  }

  Value add(OpBuilder &builder, Value x, Value y) {
    if (isa<FloatType>(element))
      return arith::AddFOp::create(builder, loc, x, y);
    return arith::AddIOp::create(builder, loc, x, y);
  }

  Value multiplyAdd(OpBuilder &builder, Value x, Value y, Value sum) {
    if (isa<FloatType>(element))
      return math::FmaOp::create(builder, loc, x, y, sum); // vector.fma would leave the rounding to the code generator
    return arith::AddIOp::create(builder, loc, sum, arith::MulIOp::create(builder, loc, x, y));
  }

  void emitAlongN(OpBuilder &builder, Value row, Value column) {
    SmallVector<Value> init;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        init.push_back(loadRun(builder, c, offset(builder, row, i), offset(builder, column, j * width)));
    SmallVector<Value> sums =
        buildCarryingLoop(builder, loc, k, 1, init, [&](OpBuilder &inner, Value at, ValueRange sofar) {
          SmallVector<Value> right, next;
          for (int64_t j = 0; j < columns; ++j)
            right.push_back(loadRun(inner, b, at, offset(inner, column, j * width)));
          for (int64_t i = 0; i < rows; ++i) {
            Value left = memref::LoadOp::create(inner, loc, a, ValueRange{offset(inner, row, i), at});
            Value spread = vector::BroadcastOp::create(inner, loc, runType(element), left);
            for (int64_t j = 0; j < columns; ++j)
              next.push_back(multiplyAdd(inner, spread, right[j], sofar[i * columns + j]));
          }
          return next;
        });
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        vector::StoreOp::create(builder, loc, sums[i * columns + j], c,
                                ValueRange{offset(builder, row, i), offset(builder, column, j * width)});
  }

  void emitAlongK(OpBuilder &builder, Value row, Value column) {
    Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(runType(element)));
    SmallVector<Value> init(rows * columns, zero);
    SmallVector<Value> sums =
        buildCarryingLoop(builder, loc, k, width, init, [&](OpBuilder &inner, Value at, ValueRange sofar) {
          SmallVector<Value> right, next;
          for (int64_t j = 0; j < columns; ++j)
            right.push_back(loadRun(inner, b, offset(inner, column, j), at));
          for (int64_t i = 0; i < rows; ++i) {
            Value left = loadRun(inner, a, offset(inner, row, i), at);
            for (int64_t j = 0; j < columns; ++j)
              next.push_back(multiplyAdd(inner, left, right[j], sofar[i * columns + j]));
          }
          return next;
        });
    // The sums of `group` accumulators at a time, side by side: accumulator i * columns + j belongs to c[row + i,
    // column + j].
    int64_t group = std::min<int64_t>(width, sums.size()), piece = std::min(group, columns);
    auto pieceType = VectorType::get({piece}, element);
    for (int64_t first = 0; first < rows * columns; first += group) {
      Value totals = addLanesOfEach(builder, loc, SmallVector<Value>(ArrayRef(sums).slice(first, group)));
      for (int64_t inner = 0; inner < group; inner += piece) {
        int64_t number = first + inner;
        SmallVector<Value> position{offset(builder, row, number / columns), offset(builder, column, number % columns)};
        Value part = group == piece ? totals : sliceLanes(builder, loc, totals, inner, piece);
        Value before = vector::LoadOp::create(builder, loc, pieceType, c, position);
        vector::StoreOp::create(builder, loc, add(builder, before, part), c, position);
      }
    }
  }

  Location loc;
  Value a, b, c;
  bool bIsTransposed;
  Type element;
  int64_t m, n, k;
  int64_t width;         // lanes of one vector
  int64_t rows, columns; // of the block; columns counts vectors along n, or single columns where b lies transposed
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
  if (cast<MemRefType>(op->getOperand(0).getType()).getElementType() !=
      cast<MemRefType>(op->getOperand(2).getType()).getElementType())
    return failure();
  OpBuilder builder(op);
  ContractionEmitter(op, transposed, vectorBits).emit(builder);
  op->erase();
  return success();
}
