//===- PartialsTable.h - Exchange of partial results ------------*- C++ -*-===//
//
// What reductions and scans share: tuples of values, one for each operand, that move between lanes and, through a table
// in shared memory, between warps.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LIB_CONVERSION_TILEGPUTOTHREADS_PARTIALSTABLE_H
#define KILN_LIB_CONVERSION_TILEGPUTOTHREADS_PARTIALSTABLE_H

#include "ThreadLowering.h"

namespace kiln::tile_gpu {

/// One value of each operand.
using Tuple = mlir::SmallVector<mlir::Value, 2>;

/// The tuple that lane `from`, i32, has.
Tuple shuffle(ThreadLowering &lowering, const Tuple &values, mlir::Value from);
/// The tuple of the lane whose number differs in `mask`.
Tuple shuffleXor(ThreadLowering &lowering, const Tuple &values, uint64_t mask);

/// `condition ? a : b`, value by value.
Tuple select(ThreadLowering &lowering, mlir::Value condition, const Tuple &a, const Tuple &b);

/// Combines two tuples; `first` is what comes first along the axis.
Tuple combine(ThreadLowering &lowering, mlir::Region &combiner, const Tuple &first, const Tuple &second);

/// What this thread holds of the operands of `op`, by register.
mlir::SmallVector<Tuple> getTuples(ThreadLowering &lowering, mlir::Operation *op);

/// A place for each row and thread. Every thread writes its own rows, waits with all others, and reads those of the
/// same lane in any warp.
class PartialsTable {
public:
  PartialsTable(ThreadLowering &lowering, mlir::Operation *op, unsigned axis);

  void write(unsigned row, const Tuple &values);
  /// From the warp with the number of this thread's, where the bits `mask` are replaced by those of `warp` and, if it
  /// is given, of `selected`, i32.
  Tuple read(unsigned row, uint64_t mask, uint64_t warp, mlir::Value selected = {});

private:
  mlir::Value getAddress(mlir::Value place, unsigned operand, unsigned row, uint64_t warp);

  ThreadLowering &lowering;
  mlir::Operation *op;
  mlir::SmallVector<int64_t> offsets;
  int64_t threads;
  mlir::Value base;
};

} // namespace kiln::tile_gpu

#endif // KILN_LIB_CONVERSION_TILEGPUTOTHREADS_PARTIALSTABLE_H
