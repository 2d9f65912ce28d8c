//===- ElementEvaluator.h - Elements of a tile on demand --------*- C++ -*-===//
//
// Offsets and masks are tiles of integers as large as the data they address; storing them would cost more memory
// traffic than the data. But nearly all of them are arithmetic over aranges and a few small tiles. The evaluator
// computes one element, or a run of elements along one axis, by cloning that arithmetic for the indices at hand.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LIB_CONVERSION_TILETOCPU_ELEMENTEVALUATOR_H
#define KILN_LIB_CONVERSION_TILETOCPU_ELEMENTEVALUATOR_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <map>
#include <tuple>

namespace kiln {

/// A run of lanes along one axis of a tile; `width` 0 stands for a single element and a scalar result.
struct Lanes {
  int64_t axis = -1;
  int64_t width = 0;
  bool isScalar() const { return width == 0; }
};

class ElementEvaluator {
public:
  /// Builds at the insertion point of `builder`. `inlines(op)` says whether an elementwise operation is evaluated
  /// rather than read from its tile.
  ElementEvaluator(
      mlir::OpBuilder &builder, mlir::Location loc,
      llvm::function_ref<bool(mlir::Operation *)> inlines = [](mlir::Operation *) { return true; })
      : builder(builder), loc(loc), inlines(inlines) {}

  /// Element `indices` (of type index, one for each dimension) of `tile`; of a scalar the value itself.
  mlir::Value element(mlir::Value tile, mlir::ValueRange indices) { return evaluate(tile, indices, Lanes{}); }

  /// Elements indices[axis] .. + width - 1 along `lanes.axis`, as a vector.
  mlir::Value run(mlir::Value tile, mlir::ValueRange indices, Lanes lanes) { return evaluate(tile, indices, lanes); }

private:
  mlir::Value evaluate(mlir::Value tile, mlir::ValueRange indices, Lanes lanes);
  mlir::Value compute(mlir::Value tile, mlir::ValueRange indices, Lanes lanes);
  mlir::Value computeElementwise(mlir::Operation *op, mlir::ValueRange indices, Lanes lanes);
  mlir::Value readTile(mlir::Value tile, mlir::ValueRange indices, Lanes lanes);
  mlir::Value broadcastToRun(mlir::Value scalar, Lanes lanes);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  llvm::function_ref<bool(mlir::Operation *)> inlines;

  // What was computed already. Valid because all of it is built at one insertion point.
  using Key = std::tuple<void *, std::vector<void *>, int64_t, int64_t>;
  std::map<Key, mlir::Value> known;
};

} // namespace kiln

#endif // KILN_LIB_CONVERSION_TILETOCPU_ELEMENTEVALUATOR_H
