//===- AccessPlan.h - How each access to memory will be done ----*- C++ -*-===//
//
// What is known of pointers and masks is known of tiles; once they have become scalars it is lost. So the accesses of a
// kernel are planned before any of it is lowered.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_DIALECT_TILEGPU_TRANSFORMS_ACCESSPLAN_H
#define KILN_DIALECT_TILEGPU_TRANSFORMS_ACCESSPLAN_H

#include "kiln/Analysis/AccessWidth.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace kiln::tile_gpu {

struct AccessPlan {
  /// The dimension along which elements are neighbours, and how many of them move at once.
  unsigned axis = 0;
  tile::VectorLimit vector;
  /// Along each dimension, the length of the runs of elements that are accessed at the same place, under the same mask
  /// and with the same substitute.
  llvm::SmallVector<int64_t, 4> sameRuns;
  /// There is a mask, and it is not known to be true throughout.
  bool isMasked = false;
  /// A load from memory that nobody writes while the kernel runs.
  bool isConstant = false;
};

/// Plans of the loads, copies and stores of a kernel whose types have layouts.
class AccessPlans {
public:
  explicit AccessPlans(mlir::func::FuncOp kernel);

  const AccessPlan &get(mlir::Operation *op) const { return plans.at(op); }

private:
  llvm::DenseMap<mlir::Operation *, AccessPlan> plans;
};

} // namespace kiln::tile_gpu

#endif // KILN_DIALECT_TILEGPU_TRANSFORMS_ACCESSPLAN_H
