//===- AccessLowering.h - One memory operation as loops ---------*- C++ -*-===//

#ifndef KILN_LIB_CONVERSION_TILETOCPU_ACCESSLOWERING_H
#define KILN_LIB_CONVERSION_TILETOCPU_ACCESSLOWERING_H

#include "CheckCalls.h"
#include "ElementEvaluator.h"
#include "kiln/Dialect/Tile/IR/Tile.h"

namespace kiln {

/// Bytes that an element of `type` occupies in memory: an i1 a whole one.
inline int64_t elementBytes(mlir::Type type) {
  return llvm::divideCeil(tile::getElementOrSelf(type).getIntOrFloatBitWidth(), 8);
}

/// A pointer operand: one base, and offsets for each lane (none for a scalar or a uniform address).
struct Address {
  mlir::Value base, offsets;
};

/// How the lanes of one access are walked.
struct AccessPlan {
  enum class Mask { None, Row, Lane };
  int64_t contiguity = 1; // elements of a run of neighbouring addresses along the last axis
  int64_t width = 1;      // elements that move together along the last axis
  Mask mask = Mask::None; // Row: one condition decides about the whole last axis
};

/// Lowers one memory operation at its place.
class AccessLowering {
public:
  /// Emits one atomic at the indices of its lane and the address.
  using EmitAtomic =
      llvm::function_ref<mlir::Value(mlir::OpBuilder &, ElementEvaluator &, mlir::ValueRange, mlir::Value address)>;

  AccessLowering(mlir::Operation *op, Address address, mlir::Value mask, mlir::RankedTensorType shape,
                 mlir::Type element, AccessPlan plan, CheckCalls *checks);

  void lowerLoad(tile::LoadOp load);
  /// The address of the first element of row `row` (an index for each axis but the last), or `whenOff` where its mask
  /// is off.
  mlir::Value rowPointer(mlir::OpBuilder &b, mlir::ValueRange row, mlir::Value whenOff);
  void lowerStore(tile::StoreOp store);
  void lowerAtomic(mlir::Value result, EmitAtomic emit);

private:
  using RowBody = llvm::function_ref<void(mlir::OpBuilder &, mlir::ValueRange row)>;
  using LaneBody = llvm::function_ref<void(mlir::OpBuilder &, mlir::ValueRange indices)>;

  void forEachRow(mlir::OpBuilder &b, RowBody body);
  void forEachChunk(mlir::OpBuilder &b, mlir::ValueRange row, int64_t width, LaneBody body);
  void forEachLane(mlir::OpBuilder &b, mlir::ValueRange indices, int64_t width, LaneBody body);

  mlir::Value index(mlir::OpBuilder &b, int64_t value) { return mlir::arith::ConstantIndexOp::create(b, loc, value); }
  void loadRow(mlir::OpBuilder &b, tile::LoadOp load, mlir::ValueRange row, mlir::Value buffer);
  mlir::Value rowMask(mlir::OpBuilder &b, mlir::ValueRange row);
  mlir::Value pointerTo(mlir::OpBuilder &b, ElementEvaluator &evaluator, mlir::ValueRange indices);
  mlir::Value checkedPointerTo(mlir::OpBuilder &b, ElementEvaluator &evaluator, mlir::ValueRange indices,
                               llvm::StringRef access);
  unsigned alignment() const { return elementBytes(element); }
  Lanes lanes(int64_t width) const { return {shape ? shape.getRank() - 1 : -1, width}; }
  mlir::Value otherElement(mlir::OpBuilder &b, tile::LoadOp load, ElementEvaluator &evaluator, mlir::ValueRange indices,
                           Lanes lanes);

  mlir::OpBuilder builder;
  mlir::Location loc;
  mlir::Operation *op;
  Address address;
  mlir::Value base, mask;
  mlir::RankedTensorType shape; // null for a scalar access
  mlir::Type element;
  AccessPlan plan;
  CheckCalls *checks; // null unless bounds are checked
};

/// A dot whose right operand `load` reads only for it: multiplies rows as they come from memory, with the rows after
/// them on their way into the cache. Returns false, and does nothing, where that does not apply. Erases both operations
/// otherwise.
bool lowerStreamedDot(tile::LoadOp load, AccessLowering &access, const AccessPlan &plan, int64_t vectorBits);

} // namespace kiln

#endif // KILN_LIB_CONVERSION_TILETOCPU_ACCESSLOWERING_H
