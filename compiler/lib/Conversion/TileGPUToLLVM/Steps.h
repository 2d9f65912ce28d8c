//===- Steps.h - The steps of tile-gpu-to-llvm ------------------*- C++ -*-===//

#ifndef KILN_LIB_CONVERSION_TILEGPUTOLLVM_STEPS_H
#define KILN_LIB_CONVERSION_TILEGPUTOLLVM_STEPS_H

#include "kiln/Dialect/TileGPU/IR/MachineOps.h"
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

} // namespace kiln

#endif // KILN_LIB_CONVERSION_TILEGPUTOLLVM_STEPS_H
