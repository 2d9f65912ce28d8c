//===- MachineOps.h - The table of machine operations -----------*- C++ -*-===//
//
// Everything that a thread of a GPU can do beyond arithmetic is one row of this table: special registers, barriers,
// exchanges between lanes, tensor cores, accesses to global and shared memory, atomics. A row says how the operation is
// typed, what it does to memory, and what it becomes.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_DIALECT_TILEGPU_IR_MACHINEOPS_H
#define KILN_DIALECT_TILEGPU_IR_MACHINEOPS_H

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringRef.h"

namespace kiln::tile_gpu {

/// Builds a machine operation with its results typed by the table.
mlir::ValueRange createMachineOp(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name,
                                 mlir::ValueRange operands);

} // namespace kiln::tile_gpu

#endif // KILN_DIALECT_TILEGPU_IR_MACHINEOPS_H
