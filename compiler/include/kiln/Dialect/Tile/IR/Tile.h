//===- Tile.h - The tile dialect --------------------------------*- C++ -*-===//
//
// Block-level tile programs: what a kernel is traced into. The operations are described in TileOps.td, their meaning in
// docs/semantics.md.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_DIALECT_TILE_IR_TILE_H
#define KILN_DIALECT_TILE_IR_TILE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferIntRangeInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace kiln::tile {
namespace detail {
llvm::LogicalResult verifyTileShapes(mlir::Operation *op);
} // namespace detail

/// Verifies that the tensors among operands and results have at least one dimension, and powers of two as dimensions.
template <typename ConcreteType>
class TileShapes : public mlir::OpTrait::TraitBase<ConcreteType, TileShapes> {
public:
  static llvm::LogicalResult verifyTrait(mlir::Operation *op) { return detail::verifyTileShapes(op); }
};
} // namespace kiln::tile

#include "kiln/Dialect/Tile/IR/TileDialect.h.inc"
#include "kiln/Dialect/Tile/IR/TileEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "kiln/Dialect/Tile/IR/TileTypes.h.inc"

#define GET_OP_CLASSES
#include "kiln/Dialect/Tile/IR/TileOps.h.inc"

namespace kiln::tile {

/// Names of the attributes that kernels, their arguments and loops carry.
inline constexpr llvm::StringLiteral kKernelAttr = "tile.kernel";     // unit, on func.func
inline constexpr llvm::StringLiteral kOverlapsAttr = "tile.overlaps"; // unit, on func.func
inline constexpr llvm::StringLiteral kDigestAttr = "tile.digest";     // string, on the declaration of a device function
inline constexpr llvm::StringLiteral kReadOnlyAttr = "tile.readonly"; // unit, on a pointer argument
inline constexpr llvm::StringLiteral kDivisibilityAttr =
    "tile.divisibility";                                               // i64, on a pointer (bytes) or integer argument
inline constexpr llvm::StringLiteral kNumWarpsAttr = "tile.num_warps"; // i32, on func.func
inline constexpr llvm::StringLiteral kNumStagesAttr = "tile.num_stages"; // i32, on scf.for

/// Whether `op` is a kernel: a func.func with the attribute `tile.kernel`.
inline bool isKernel(mlir::Operation *op) { return llvm::isa<mlir::func::FuncOp>(op) && op->hasAttr(kKernelAttr); }

/// The element type of a tensor, or the type itself.
inline mlir::Type getElementOrSelf(mlir::Type type) {
  auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(type);
  return tensor ? tensor.getElementType() : type;
}

/// `element` in the shape of `like`: a tensor of that shape, or `element` itself where `like` is a scalar.
inline mlir::Type withElementType(mlir::Type like, mlir::Type element) {
  auto tensor = llvm::dyn_cast<mlir::RankedTensorType>(like);
  return tensor ? tensor.clone(element) : element;
}

/// Whether `type` can be an element of a tile or a scalar: i1, i8, i16, i32, i64, f8E4M3FN, f8E5M2, f16, bf16, f32 or
/// f64.
bool isNumberType(mlir::Type type);

/// Whether `argument` is an argument of a kernel that is marked `tile.readonly`.
bool isReadOnlyArgument(mlir::BlockArgument argument);

/// Whether no program of the launch writes the memory that `pointer` (a pointer or a tensor of them) reaches: it is
/// derived from arguments marked `tile.readonly` alone.
bool isReadOnlyMemory(mlir::Value pointer);

/// Whether that memory holds one value while the kernel runs: it is read-only, and the kernel does not overlap with
/// launches that may still write it.
bool isConstantMemory(mlir::Value pointer);

/// Whether an operation may stand in the combiner of a reduction or scan, if its values are scalars: it computes and
/// has no effects.
bool mayStandInCombiner(mlir::Operation *op);

/// Whether the launch may end in or below an operation: in an assertion, or in a call that is not pure.
bool mayEndLaunch(mlir::Operation *op);

} // namespace kiln::tile

#endif // KILN_DIALECT_TILE_IR_TILE_H
