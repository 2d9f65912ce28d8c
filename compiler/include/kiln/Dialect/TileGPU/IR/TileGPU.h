//===- TileGPU.h - The tile_gpu dialect -------------------------*- C++ -*-===//
//
// Tile programs on their way to a GPU: layouts, and the machine operations of a thread. TileGPUOps.td describes it.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_DIALECT_TILEGPU_IR_TILEGPU_H
#define KILN_DIALECT_TILEGPU_IR_TILEGPU_H

#include "kiln/Dialect/Tile/IR/Tile.h"
#include "kiln/Layout/Layouts.h"

#include "kiln/Dialect/TileGPU/IR/TileGPUDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "kiln/Dialect/TileGPU/IR/TileGPUAttrs.h.inc"

#define GET_TYPEDEF_CLASSES
#include "kiln/Dialect/TileGPU/IR/TileGPUTypes.h.inc"

#define GET_OP_CLASSES
#include "kiln/Dialect/TileGPU/IR/TileGPUOps.h.inc"

namespace kiln::tile_gpu {

inline constexpr llvm::StringLiteral kLayoutAttr = "tile_gpu.layout";                // #tile_gpu.layout
inline constexpr llvm::StringLiteral kPipelineAttr = "tile_gpu.pipeline";            // string, on loads
inline constexpr llvm::StringLiteral kPrologueAttr = "tile_gpu.prologue";            // unit, on loads
inline constexpr llvm::StringLiteral kAheadAttr = "tile_gpu.ahead";                  // i64, on accesses of rings
inline constexpr llvm::StringLiteral kSharedOffsetAttr = "tile_gpu.shared_offset";   // i64
inline constexpr llvm::StringLiteral kSharedBytesAttr = "tile_gpu.shared_bytes";     // i64, on the kernel
inline constexpr llvm::StringLiteral kSharedBuffersAttr = "tile_gpu.shared_buffers"; // list, on the kernel

/// The warps of a kernel; 4 where it does not say.
int64_t getNumWarps(mlir::func::FuncOp kernel);

/// The layout of a tensor type, or null.
LayoutAttr getLayout(mlir::Type type);
inline LayoutAttr getLayout(mlir::Value value) { return getLayout(value.getType()); }

/// `type`, a tensor, with a layout.
mlir::RankedTensorType withLayout(mlir::Type type, LayoutAttr layout);

/// The layouts that the operands of `op` need where its result has the layout `result`: null where the operand is a
/// scalar or any layout will do. For operations whose operands and results are tied by shape alone: elementwise, splat,
/// expand_dims, broadcast, reshape, trans.
LayoutAttr getOperandLayout(mlir::OpOperand &operand, LayoutAttr result);

} // namespace kiln::tile_gpu

#endif // KILN_DIALECT_TILEGPU_IR_TILEGPU_H
