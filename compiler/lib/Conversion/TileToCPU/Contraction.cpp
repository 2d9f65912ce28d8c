//===- Contraction.cpp - Dots as register blocks --------------------------===//

#include "Contraction.h"
#include "VectorLoops.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace kiln;

namespace {

constexpr int64_t kAccumulators = 8;
/// Steps along k that are emitted one after the other instead of as a loop: the additions that follow can then overlap
/// with the next rows.
constexpr int64_t kMaxUnrolledSteps = 8;

class Emitter {
public:
  Emitter(Location loc, const Contraction &contraction, int64_t vectorBits) : loc(loc), x(contraction) {
    element = cast<MemRefType>(x.result.getType()).getElementType();
    int64_t lanes = vectorBits / element.getIntOrFloatBitWidth();
    width = std::min(x.bIsTransposed ? x.k : x.n, lanes);
    rows = std::min<int64_t>(x.m, 4);
    columns = std::min(x.bIsTransposed ? x.n : x.n / width, kAccumulators / rows);
  }

  void emit(OpBuilder &builder) { x.bIsTransposed ? emitAlongK(builder) : emitAlongN(builder); }

private:
  Value index(OpBuilder &builder, int64_t value) { return arith::ConstantIndexOp::create(builder, loc, value); }
  Value offset(OpBuilder &builder, Value base, int64_t by) {
    return by == 0 ? base : arith::AddIOp::create(builder, loc, base, index(builder, by)).getResult();
  }

  VectorType runType(int64_t lanes) const { return VectorType::get({lanes}, element); }

  Value loadElement(OpBuilder &builder, Value matrix, Value i, Value j) {
    if (isa<MemRefType>(matrix.getType()))
      return memref::LoadOp::create(builder, loc, matrix, ValueRange{i, j});
    return tensor::ExtractOp::create(builder, loc, matrix, ValueRange{i, j});
  }

  Value loadRun(OpBuilder &builder, Value matrix, Value i, Value j, int64_t lanes) {
    if (isa<MemRefType>(matrix.getType()))
      return vector::LoadOp::create(builder, loc, runType(lanes), matrix, ValueRange{i, j});
    Value padding = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(element));
    auto map = AffineMap::getMinorIdentityMap(2, 1, builder.getContext());
    return vector::TransferReadOp::create(builder, loc, runType(lanes), matrix, ValueRange{i, j}, padding, map,
                                          ArrayRef<bool>{true});
  }

  /// A run of b, as wide as c.
  Value loadRight(OpBuilder &builder, int64_t row, Value column) {
    Value run = x.b.run(builder, row, column, width);
    if (run.getType() == runType(width))
      return run;
    if (isa<FloatType>(element))
      return arith::ExtFOp::create(builder, loc, runType(width), run);
    return arith::ExtSIOp::create(builder, loc, runType(width), run);
  }

  Value add(OpBuilder &builder, Value y, Value z) {
    if (isa<FloatType>(element))
      return arith::AddFOp::create(builder, loc, y, z);
    return arith::AddIOp::create(builder, loc, y, z);
  }

  Value multiplyAdd(OpBuilder &builder, Value y, Value z, Value sum) {
    if (isa<FloatType>(element)) // vector.fma would leave the rounding to the code generator
      return math::FmaOp::create(builder, loc, y, z, sum);
    return arith::AddIOp::create(builder, loc, sum, arith::MulIOp::create(builder, loc, y, z));
  }

  /// A loop of `count` steps that carries accumulators, or its body `count` times where that is few.
  SmallVector<Value> accumulate(OpBuilder &builder, int64_t size, int64_t step, ArrayRef<Value> init,
                                function_ref<SmallVector<Value>(OpBuilder &, Value, ValueRange)> body) {
    if (size / step > kMaxUnrolledSteps)
      return buildCarryingLoop(builder, loc, size, step, init, body);
    SmallVector<Value> sums(init);
    for (int64_t position = 0; position < size; position += step)
      sums = body(builder, index(builder, position), sums);
    return sums;
  }

  void emitAlongN(OpBuilder &builder);
  void emitBlockAlongN(OpBuilder &builder, Value row, Value column, Value firstK, Value source);
  void emitAlongK(OpBuilder &builder);
  void emitBlockAlongK(OpBuilder &builder, Value row, Value column, int64_t firstRight);

  Location loc;
  const Contraction &x;
  Type element;
  int64_t width;         // lanes of one vector
  int64_t rows, columns; // of the block; columns counts vectors along n, or single columns where b lies transposed
};

void Emitter::emitAlongN(OpBuilder &builder) {
  auto blocks = [&](OpBuilder &b, Value firstK, Value source) {
    buildLoop(b, loc, x.m, rows, [&](OpBuilder &outer, Value row) {
      buildLoop(outer, loc, x.n, columns * width,
                [&](OpBuilder &inner, Value column) { emitBlockAlongN(inner, row, column, firstK, source); });
    });
  };
  if (x.rowsPerStep == 0)
    return blocks(builder, nullptr, x.c);
  assert(x.c == x.result && "sums are kept in the result between steps");
  buildLoop(builder, loc, x.k, x.rowsPerStep, [&](OpBuilder &b, Value firstK) {
    x.b.enter(b, firstK, x.rowsPerStep);
    blocks(b, firstK, x.result);
  });
}

/// One block over all of k, or over one step of it from `firstK` on.
void Emitter::emitBlockAlongN(OpBuilder &builder, Value row, Value column, Value firstK, Value source) {
  SmallVector<Value> sums;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      sums.push_back(loadRun(builder, source, offset(builder, row, i), offset(builder, column, j * width), width));

  auto multiply = [&](OpBuilder &b, Value k, int64_t rightRow, ValueRange sofar) {
    SmallVector<Value> right, next;
    for (int64_t j = 0; j < columns; ++j)
      right.push_back(loadRight(b, rightRow, offset(b, column, j * width)));
    for (int64_t i = 0; i < rows; ++i) {
      Value left = loadElement(b, x.a, offset(b, row, i), k);
      Value spread = vector::BroadcastOp::create(b, loc, runType(width), left);
      for (int64_t j = 0; j < columns; ++j)
        next.push_back(multiplyAdd(b, spread, right[j], sofar[i * columns + j]));
    }
    return next;
  };
  if (firstK) {
    x.b.prefetch(builder, /*row=*/-1, column);
    for (int64_t k = 0; k < x.rowsPerStep; ++k)
      sums = multiply(builder, offset(builder, firstK, k), k, sums);
  } else {
    sums = buildCarryingLoop(builder, loc, x.k, 1, sums, [&](OpBuilder &b, Value k, ValueRange sofar) {
      x.b.enter(b, k, 1);
      return multiply(b, k, 0, sofar);
    });
  }
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      vector::StoreOp::create(builder, loc, sums[i * columns + j], x.result,
                              ValueRange{offset(builder, row, i), offset(builder, column, j * width)});
}

void Emitter::emitAlongK(OpBuilder &builder) {
  int64_t step = std::max(x.rowsPerStep, columns);
  buildLoop(builder, loc, x.n, step, [&](OpBuilder &b, Value column) {
    x.b.enter(b, column, step);
    buildLoop(b, loc, x.m, rows, [&](OpBuilder &inner, Value row) {
      for (int64_t first = 0; first < step; first += columns)
        emitBlockAlongK(inner, row, offset(inner, column, first), first);
    });
  });
}

void Emitter::emitBlockAlongK(OpBuilder &builder, Value row, Value column, int64_t firstRight) {
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(runType(width)));
  SmallVector<Value> init(rows * columns, zero);
  for (int64_t j = 0; j < columns; ++j)
    x.b.prefetch(builder, firstRight + j, /*column=*/nullptr);
  SmallVector<Value> sums = accumulate(builder, x.k, width, init, [&](OpBuilder &b, Value k, ValueRange sofar) {
    SmallVector<Value> right, next;
    for (int64_t j = 0; j < columns; ++j)
      right.push_back(loadRight(b, firstRight + j, k));
    for (int64_t i = 0; i < rows; ++i) {
      Value left = loadRun(b, x.a, offset(b, row, i), k, width);
      for (int64_t j = 0; j < columns; ++j)
        next.push_back(multiplyAdd(b, left, right[j], sofar[i * columns + j]));
    }
    return next;
  });
  // The sums of `group` accumulators at a time, side by side: accumulator i * columns + j belongs to c[row + i, column
  // + j].
  int64_t group = std::min<int64_t>(width, sums.size()), piece = std::min(group, columns);
  for (int64_t first = 0; first < rows * columns; first += group) {
    Value totals = addLanesOfEach(builder, loc, SmallVector<Value>(ArrayRef(sums).slice(first, group)));
    for (int64_t inner = 0; inner < group; inner += piece) {
      int64_t number = first + inner;
      Value i = offset(builder, row, number / columns), j = offset(builder, column, number % columns);
      Value part = group == piece ? totals : sliceLanes(builder, loc, totals, inner, piece);
      Value before = loadRun(builder, x.c, i, j, piece);
      vector::StoreOp::create(builder, loc, add(builder, before, part), x.result, ValueRange{i, j});
    }
  }
}

} // namespace

void kiln::emitContraction(OpBuilder &builder, Location loc, const Contraction &contraction, int64_t vectorBits) {
  Emitter(loc, contraction, vectorBits).emit(builder);
}
