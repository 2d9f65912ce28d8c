//===- Steps.h - The steps of this directory's passes -----------*- C++ -*-===//

#ifndef KILN_LIB_CONVERSION_TILEGPUTOLLVM_STEPS_H
#define KILN_LIB_CONVERSION_TILEGPUTOLLVM_STEPS_H

#include "kiln/Dialect/TileGPU/IR/MachineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace kiln {

/// Reports every operation that the backend could not select, for a target of compute capability `capability` (10 *
/// major + minor).
mlir::LogicalResult checkLegality(mlir::ModuleOp module, unsigned capability, bool libdevice);

/// The function of libdevice that computes `op`, or nothing.
llvm::StringRef libdeviceFunction(mlir::Operation *op);

/// Turns selections that bound a float into arith.maximumf and arith.minimumf.
void combineClamps(mlir::ModuleOp module);

/// Replaces arith.remf by calls of exact functions, which are added to the module.
void expandRemainders(mlir::ModuleOp module);

/// Replaces tile_gpu.machine by operations of the LLVM dialect. Returns the PTX version that these need.
unsigned lowerMachineOps(mlir::ModuleOp module);

/// Removes the attributes of the tile dialects from a function and its parameters.
void dropTileAttributes(mlir::func::FuncOp function);

/// What a thread executes each time it enters a block of `kernel`, as kBlocksAttr says it.
mlir::ArrayAttr countOperations(mlir::func::FuncOp kernel);

/// Replaces arithmetic that a host does not do as a GPU does.
void expandHostArithmetic(mlir::ModuleOp module);

/// Makes the device functions that threads call into calls of their host implementations.
void callHostFunctions(mlir::ModuleOp module);

/// Replaces tile_gpu.machine by calls of kExecuteSymbol, gives the kernels the parameters that this takes, and lets
/// them count their blocks. The kernels get kSitesAttr.
mlir::LogicalResult callMachineOps(mlir::ModuleOp module);

} // namespace kiln

#endif // KILN_LIB_CONVERSION_TILEGPUTOLLVM_STEPS_H
