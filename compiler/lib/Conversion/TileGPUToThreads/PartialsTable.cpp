//===- PartialsTable.cpp - Exchange of partial results --------------------===//

#include "PartialsTable.h"

#include "kiln/Dialect/TileGPU/Transforms/AxisBits.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

//===----------------------------------------------------------------------===//
// Between lanes
//===----------------------------------------------------------------------===//

/// Applies `exchange`, which moves 32 bits between lanes, to a value of any width.
static Value exchangeBits(ThreadLowering &lowering, Value value, function_ref<Value(Value)> exchange) {
  OpBuilder &b = lowering.builder;
  Location loc = lowering.loc;
  Type type = value.getType(), i32 = b.getI32Type();
  Value bits = lowering.toBits(value);
  unsigned width = bits.getType().getIntOrFloatBitWidth();
  if (width == 64) {
    Value half = lowering.i64(32);
    Value low = exchange(arith::TruncIOp::create(b, loc, i32, bits));
    Value high = exchange(arith::TruncIOp::create(b, loc, i32, arith::ShRUIOp::create(b, loc, bits, half)));
    Value wide = arith::ShLIOp::create(b, loc, arith::ExtUIOp::create(b, loc, b.getI64Type(), high), half);
    bits = arith::OrIOp::create(b, loc, wide, arith::ExtUIOp::create(b, loc, b.getI64Type(), low));
  } else if (width == 32) {
    bits = exchange(bits);
  } else {
    Value word = exchange(arith::ExtUIOp::create(b, loc, i32, bits));
    bits = arith::TruncIOp::create(b, loc, bits.getType(), word);
  }
  return lowering.fromBits(bits, type);
}

Tuple tile_gpu::shuffle(ThreadLowering &lowering, const Tuple &values, Value from) {
  return llvm::map_to_vector<2>(values, [&](Value value) {
    return exchangeBits(lowering, value, [&](Value word) {
      return lowering.machine("shfl.sync.idx.b32", {lowering.i32(-1), word, from, lowering.i32(31)});
    });
  });
}

Tuple tile_gpu::shuffleXor(ThreadLowering &lowering, const Tuple &values, uint64_t mask) {
  return llvm::map_to_vector<2>(values, [&](Value value) {
    return exchangeBits(lowering, value, [&](Value word) {
      return lowering.machine("shfl.sync.bfly.b32", {lowering.i32(-1), word, lowering.i32(mask), lowering.i32(31)});
    });
  });
}

Tuple tile_gpu::select(ThreadLowering &lowering, Value condition, const Tuple &a, const Tuple &b) {
  Tuple chosen;
  for (auto [x, y] : llvm::zip_equal(a, b))
    chosen.push_back(arith::SelectOp::create(lowering.builder, lowering.loc, condition, x, y));
  return chosen;
}

Tuple tile_gpu::combine(ThreadLowering &lowering, Region &combiner, const Tuple &first, const Tuple &second) {
  return Tuple(lowering.inlineCombiner(combiner, first, second));
}

SmallVector<Tuple> tile_gpu::getTuples(ThreadLowering &lowering, Operation *op) {
  SmallVector<Tuple> tuples(getLayout(op->getOperand(0)).getNumRegisters());
  for (Value source : op->getOperands())
    for (auto [tuple, value] : llvm::zip_equal(tuples, lowering.getRegisters(source)))
      tuple.push_back(value);
  return tuples;
}

//===----------------------------------------------------------------------===//
// Between warps
//===----------------------------------------------------------------------===//

PartialsTable::PartialsTable(ThreadLowering &lowering, Operation *op, unsigned axis)
    : lowering(lowering), op(op), threads(32 * lowering.getNumWarps()) {
  getPartialsTable(op, axis, offsets);
  base = lowering.getSharedAddress(op);
}

/// The place of the thread `place`, i32, with `warp`, a constant, added to its warp.
Value PartialsTable::getAddress(Value place, unsigned operand, unsigned row, uint64_t warp) {
  OpBuilder &b = lowering.builder;
  int64_t bytes = getBytes(cast<RankedTensorType>(op->getOperand(operand).getType()).getElementType());
  Value offset = arith::MulIOp::create(b, lowering.loc, place, lowering.i32(bytes));
  Value start = lowering.add(base, lowering.i32(offsets[operand] + (row * threads + warp * 32) * bytes));
  return lowering.add(start, offset);
}

void PartialsTable::write(unsigned row, const Tuple &values) {
  for (auto [operand, value] : llvm::enumerate(values)) {
    Value bits = lowering.toBits(value);
    std::string name = "st.shared.b" + std::to_string(bits.getType().getIntOrFloatBitWidth());
    lowering.machine(name, {getAddress(lowering.getThread(), operand, row, 0), bits});
  }
}

Tuple PartialsTable::read(unsigned row, uint64_t mask, uint64_t warp, Value selected) {
  // Threads are numbered warp by warp.
  OpBuilder &b = lowering.builder;
  Value place =
      arith::AndIOp::create(b, lowering.loc, lowering.getThread(), lowering.i32((threads - 1) & ~(mask * 32)));
  if (selected)
    place = lowering.add(place, arith::MulIOp::create(b, lowering.loc, selected, lowering.i32(32)));
  Tuple values;
  for (auto [operand, source] : llvm::enumerate(op->getOperands())) {
    Type type = cast<RankedTensorType>(source.getType()).getElementType();
    std::string name = "ld.shared.b" + std::to_string(8 * getBytes(type));
    values.push_back(lowering.fromBits(lowering.machine(name, {getAddress(place, operand, row, warp)}), type));
  }
  return values;
}
