//===- ScanLowering.cpp - Prefixes along an axis --------------------------===//
//
// In the layout of getScanLayout a thread holds neighbouring elements, the next lane the next ones, then the next warp.
// Each thread scans its own elements; then lanes, and after them warps, find out what all elements before the thread's
// combine to, and the thread combines this with each of its own. A reverse scan is the same from the other end.
//
//===----------------------------------------------------------------------===//

#include "Lowerings.h"
#include "PartialsTable.h"

#include "kiln/Dialect/TileGPU/Transforms/AxisBits.h"
#include "kiln/Dialect/TileGPU/Transforms/ScanLayout.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

class Scan {
public:
  Scan(ThreadLowering &lowering, tile::ScanOp op)
      : lowering(lowering), op(op), layout(getLayout(op.getSources()[0]).getLinear()), axis(layout, op.getAxis()),
        values(getTuples(lowering, op)) {}

  LogicalResult run();

private:
  /// What comes before this thread's elements of one row, and whether there is anything.
  struct Prefix {
    Tuple values;
    Value exists; // i1; null where nothing comes before
  };

  SmallVector<SmallVector<unsigned>> getRows();
  Value getField(Value number, uint64_t mask);
  Value isAfter(Value field, int64_t distance, int64_t size);
  Tuple scanLanes(const Tuple &total, Prefix &prefix);
  void prependWarps(PartialsTable &table, unsigned row, Prefix &prefix);
  Tuple combine(const Tuple &first, const Tuple &second) {
    return tile_gpu::combine(lowering, op.getCombiner(), first, second);
  }

  ThreadLowering &lowering;
  tile::ScanOp op;
  LinearLayout layout;
  AxisBits axis;
  SmallVector<Tuple> values; // by register
};

/// The registers of each row of the axis, in the order of the scan.
SmallVector<SmallVector<unsigned>> Scan::getRows() {
  SmallVector<SmallVector<unsigned>> rows;
  for (unsigned i = 0; i < values.size(); ++i) {
    if (i & axis.registers)
      continue;
    SmallVector<unsigned> &row = rows.emplace_back();
    for (unsigned j = 0; j < values.size(); ++j)
      if ((j & ~axis.registers) == i)
        row.push_back(j);
    if (op.getReverse())
      std::reverse(row.begin(), row.end());
  }
  return rows;
}

/// The bits `mask`, which are neighbours, of a lane or warp number, moved to the bottom.
Value Scan::getField(Value number, uint64_t mask) {
  OpBuilder &b = lowering.builder;
  Value field = arith::AndIOp::create(b, lowering.loc, number, lowering.i32(mask));
  unsigned shift = llvm::countr_zero(mask);
  return shift == 0 ? field : arith::ShRUIOp::create(b, lowering.loc, field, lowering.i32(shift)).getResult();
}

/// Whether there are `distance` others before the one with number `field` of `size`, in the order of the scan.
Value Scan::isAfter(Value field, int64_t distance, int64_t size) {
  return op.getReverse() ? arith::CmpIOp::create(lowering.builder, lowering.loc, arith::CmpIPredicate::ult, field,
                                                 lowering.i32(size - distance))
                         : arith::CmpIOp::create(lowering.builder, lowering.loc, arith::CmpIPredicate::uge, field,
                                                 lowering.i32(distance));
}

/// From each lane's `total`, what comes before the lane, and the total of all lanes up to and with it.
Tuple Scan::scanLanes(const Tuple &total, Prefix &prefix) {
  if (!axis.lanes)
    return total;
  OpBuilder &b = lowering.builder;
  int64_t size = int64_t(1) << llvm::popcount(axis.lanes);
  int64_t step = int64_t(1) << llvm::countr_zero(axis.lanes);
  Value lane = lowering.getLane(), field = getField(lane, axis.lanes);
  auto before = [&](int64_t distance) -> Value {
    Value offset = lowering.i32(distance * step);
    if (op.getReverse())
      return arith::AddIOp::create(b, lowering.loc, lane, offset);
    return arith::SubIOp::create(b, lowering.loc, lane, offset);
  };
  Tuple sum = total;
  for (int64_t distance = 1; distance < size; distance *= 2) {
    Tuple other = shuffle(lowering, sum, before(distance));
    Value after = isAfter(field, distance, size);
    sum = select(lowering, after, combine(other, sum), sum);
  }
  prefix.exists = isAfter(field, 1, size);
  prefix.values = shuffle(lowering, sum, before(1));
  return sum;
}

/// Puts what earlier warps hold of the row in front of `prefix`.
void Scan::prependWarps(PartialsTable &table, unsigned row, Prefix &prefix) {
  int64_t size = int64_t(1) << llvm::popcount(axis.warps);
  unsigned shift = llvm::countr_zero(axis.warps);
  Value field = getField(lowering.getWarp(), axis.warps);
  // Of the first n warps together, for each n; the warp with number n takes the one that ends before it.
  Tuple sum, mine;
  for (int64_t n = 1; n < size; ++n) {
    int64_t warp = op.getReverse() ? size - n : n - 1;
    Tuple partial = table.read(row, axis.warps, uint64_t(warp) << shift);
    sum = n == 1 ? partial : combine(sum, partial);
    mine = n == 1 ? sum : select(lowering, isAfter(field, n, size), sum, mine);
  }
  Value exists = isAfter(field, 1, size);
  if (!prefix.exists) {
    prefix = {mine, exists};
    return;
  }
  Tuple both = combine(mine, prefix.values);
  Tuple alone = select(lowering, exists, mine, prefix.values);
  Value hasBoth = arith::AndIOp::create(lowering.builder, lowering.loc, exists, prefix.exists);
  prefix.values = select(lowering, hasBoth, both, alone);
  prefix.exists = arith::OrIOp::create(lowering.builder, lowering.loc, exists, prefix.exists);
}

LogicalResult Scan::run() {
  auto type = cast<RankedTensorType>(op.getSources()[0].getType());
  LinearLayout expected = getScanLayout(type.getShape(), op.getAxis(), lowering.getNumWarps());
  for (Value source : op.getSources())
    if (getLayout(source).getLinear() != expected)
      return op.emitOpError() << "scans a tile in the layout " << getLayout(source).getLinear().str() << ", but needs "
                              << expected.str();

  SmallVector<SmallVector<unsigned>> rows = getRows();
  SmallVector<Prefix> prefixes(rows.size());
  SmallVector<Tuple> totals;
  for (auto [row, prefix] : llvm::zip_equal(rows, prefixes)) {
    for (unsigned k = 1; k < row.size(); ++k)
      values[row[k]] = combine(values[row[k - 1]], values[row[k]]);
    totals.push_back(scanLanes(values[row.back()], prefix));
  }
  if (axis.warps) {
    PartialsTable table(lowering, op, op.getAxis());
    // The last lane knows what its warp combines to.
    if (axis.lanes) {
      uint64_t last = op.getReverse() ? 0 : axis.lanes;
      OpBuilder &b = lowering.builder;
      Value from = arith::AndIOp::create(b, lowering.loc, lowering.getLane(), lowering.i32(31 & ~axis.lanes));
      from = arith::OrIOp::create(b, lowering.loc, from, lowering.i32(last));
      for (Tuple &total : totals)
        total = shuffle(lowering, total, from);
    }
    for (auto [row, total] : llvm::enumerate(totals))
      table.write(row, total);
    lowering.barrier();
    for (unsigned row = 0; row < rows.size(); ++row)
      prependWarps(table, row, prefixes[row]);
  }
  for (auto [row, prefix] : llvm::zip_equal(rows, prefixes))
    if (prefix.exists)
      for (unsigned i : row)
        values[i] = select(lowering, prefix.exists, combine(prefix.values, values[i]), values[i]);

  for (auto [operand, result] : llvm::enumerate(op.getResults()))
    lowering.setRegisters(result, llvm::map_to_vector(values, [&](const Tuple &tuple) { return tuple[operand]; }));
  return success();
}

} // namespace

LogicalResult tile_gpu::lowerScan(ThreadLowering &lowering, tile::ScanOp op) { return Scan(lowering, op).run(); }
