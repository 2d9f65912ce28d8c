//===- VectorLoops.h - Emitting loops over vectors --------------*- C++ -*-===//
//
// Shared by the vectorisation of elementwise operations, reductions and contractions.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LIB_CONVERSION_TILETOCPU_VECTORLOOPS_H
#define KILN_LIB_CONVERSION_TILETOCPU_VECTORLOOPS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"

namespace kiln {

/// The widest element that the body of `op` computes with, in bits; what the number of lanes follows from.
int64_t widestElementBits(mlir::linalg::LinalgOp op);

/// Emits the body of a linalg operation for a run of `width` consecutive positions along the dimension `laneDim` of its
/// domain (width 1 means scalars). Values that do not depend on the lane stay scalar.
class LaneBody {
public:
  LaneBody(mlir::OpBuilder &builder, mlir::linalg::LinalgOp op, mlir::ArrayRef<mlir::Value> buffers,
           mlir::ArrayRef<mlir::AffineMap> maps, mlir::ValueRange position, int64_t laneDim, int64_t width)
      : builder(builder), loc(op.getLoc()), op(op), buffers(buffers), maps(maps), position(position), laneDim(laneDim),
        width(width) {}

  /// Value of operand `number` at the run: an element if it does not depend on the lane, else a vector.
  mlir::Value loadOperand(unsigned number);
  /// Writes a run to the buffer of operand `number`.
  void storeOperand(unsigned number, mlir::Value value);
  /// Emits the body up to its terminator, or without `except`, whose operands then are what it would have combined.
  /// Operands are loaded where used; `presets` gives block arguments that must not be loaded.
  mlir::Value emit(mlir::Value wanted);
  /// `value` as a vector of the run's width (or itself where the width is 1).
  mlir::Value widen(mlir::Value value);

private:
  mlir::Value emitOp(mlir::Operation *inner);
  mlir::SmallVector<mlir::Value> indicesOf(unsigned number);
  bool dependsOnLane(unsigned number) { return width > 1 && maps[number].isFunctionOfDim(laneDim); }
  bool isContiguous(unsigned number);
  mlir::Value lanePosition(mlir::Value base, int64_t lane);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  mlir::linalg::LinalgOp op;
  mlir::ArrayRef<mlir::Value> buffers;
  mlir::ArrayRef<mlir::AffineMap> maps;
  mlir::ValueRange position;
  int64_t laneDim, width;
  mlir::DenseMap<mlir::Value, mlir::Value> values;
};

/// Replaces an all-parallel operation; fails where its maps are not projections.
mlir::LogicalResult vectorizeElementwise(mlir::linalg::LinalgOp op, int64_t vectorBits);
/// Replaces an operation with one reduction dimension whose body ends in one combining operation.
mlir::LogicalResult vectorizeReduction(mlir::linalg::LinalgOp op, int64_t vectorBits);
/// Replaces `c[m, n] += a[m, k] * b[k, n]`, where b may lie transposed.
mlir::LogicalResult vectorizeContraction(mlir::linalg::LinalgOp op, int64_t vectorBits);

/// Lanes first .. first + count - 1.
mlir::Value sliceLanes(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value lanes, int64_t first, int64_t count);

/// Combines the lanes of `lanes` into one value: halves with halves, in vectors to the end. (vector.reduction of a
/// maximum that propagates NaN becomes a chain of scalar comparisons and branches.)
mlir::Value combineLanes(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value lanes,
                         llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine);

/// The sums of the lanes of each of `vectors`, a power of two of them and not more than lanes, as one vector.
mlir::Value addLanesOfEach(mlir::OpBuilder &builder, mlir::Location loc, llvm::SmallVector<mlir::Value> vectors);

/// for (position = 0; position < size; position += step) body(position); no loop where one step is all.
void buildLoop(mlir::OpBuilder &builder, mlir::Location loc, int64_t size, int64_t step,
               llvm::function_ref<void(mlir::OpBuilder &, mlir::Value)> body);
/// The same with carried values.
mlir::SmallVector<mlir::Value> buildCarryingLoop(
    mlir::OpBuilder &builder, mlir::Location loc, int64_t size, int64_t step, mlir::ValueRange init,
    llvm::function_ref<mlir::SmallVector<mlir::Value>(mlir::OpBuilder &, mlir::Value, mlir::ValueRange)> body);

} // namespace kiln

#endif // KILN_LIB_CONVERSION_TILETOCPU_VECTORLOOPS_H
