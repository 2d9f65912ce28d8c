//===- PipelineAnalysis.h - What of a loop can run ahead --------*- C++ -*-===//
//
// Which loads of a loop with `tile.num_stages` are copied into shared memory ahead of their iteration, which are loaded
// into registers ahead of it, and which stay where they are, and why.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LIB_DIALECT_TILEGPU_TRANSFORMS_PIPELINEANALYSIS_H
#define KILN_LIB_DIALECT_TILEGPU_TRANSFORMS_PIPELINEANALYSIS_H

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Dialect/TileGPU/Transforms/AccessPlan.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/SetVector.h"

#include <string>

namespace kiln::tile_gpu {

/// A layout conversion of what a load yields, perhaps transposed on the way.
struct RingReader {
  ConvertLayoutOp conversion;
  llvm::SmallVector<tile::TransOp, 1> transpositions; ///< the one nearest to the load in front
  LayoutAttr layout;                                  ///< the conversion's result, seen before the transpositions
};

/// The readers of a load.
llvm::SmallVector<RingReader, 1> findRingReaders(tile::LoadOp load);

struct PipelinePlan {
  /// Slots of each ring; 0 if nothing is copied.
  int64_t slots = 0;
  /// Loads of which the body reads a copy in shared memory, and the rings for them (without their slots).
  struct Copy {
    tile::LoadOp load;
    SharedLayoutAttr layout;
  };
  llvm::SmallVector<Copy, 4> copies;
  /// Loads of which the body gets the result from the iteration before.
  llvm::SmallVector<tile::LoadOp, 4> fetches;
  /// What the report says of loads that stay.
  llvm::SmallVector<std::pair<tile::LoadOp, std::string>, 4> rest;
  /// More than the slots were asked for, but shared memory has no room.
  bool isShort = false;
};

/// `sharedBytes`: the most that a program may have.
PipelinePlan planPipeline(mlir::scf::ForOp loop, const AccessPlans &accesses, int64_t sharedBytes);

/// By what `value` grows from each iteration to the next, if it is an argument of the loop's body to which every
/// iteration adds the same: integers, to an integer or to pointers. Null otherwise.
mlir::Value getDistance(mlir::scf::ForOp loop, mlir::Value value);

/// Whether `value` is computed in the body of `loop`, or is one of its arguments.
bool isOfIteration(mlir::scf::ForOp loop, mlir::Value value);

} // namespace kiln::tile_gpu

#endif // KILN_LIB_DIALECT_TILEGPU_TRANSFORMS_PIPELINEANALYSIS_H
