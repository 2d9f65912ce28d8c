//===- TileTypes.cpp - The pointer type and rules about shapes -------------------------------------------===//

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace kiln::tile;

#define GET_TYPEDEF_CLASSES
#include "kiln/Dialect/Tile/IR/TileTypes.cpp.inc"

void TileDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "kiln/Dialect/Tile/IR/TileTypes.cpp.inc"
      >();
}

bool kiln::tile::isNumberType(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return integer.isSignless() && llvm::is_contained({1u, 8u, 16u, 32u, 64u}, integer.getWidth());
  return isa<Float8E4M3FNType, Float8E5M2Type, Float16Type, BFloat16Type, Float32Type, Float64Type>(type);
}

LogicalResult PtrType::verify(function_ref<InFlightDiagnostic()> emitError, Type pointeeType) {
  if (!isNumberType(pointeeType))
    return emitError()
           << "a pointer points to i1, i8, i16, i32, i64, f8E4M3FN, f8E5M2, f16, bf16, f32 or f64, but not to "
           << pointeeType;
  return success();
}

/// Verifies one tensor type; `what` and `index` name it ("operand 0").
static LogicalResult verifyTileShape(Operation *op, Type type, StringRef what, unsigned index) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return success();
  if (tensor.getRank() == 0)
    return op->emitOpError() << what << " " << index << " has type " << type
                             << ", but a tile without dimensions is written as a scalar";
  for (auto [dimension, size] : llvm::enumerate(tensor.getShape()))
    if (!llvm::isPowerOf2_64(size))
      return op->emitOpError() << what << " " << index << " has type " << type << ": dimension " << dimension << " is "
                               << size << ", but tile dimensions must be powers of two";
  return success();
}

LogicalResult kiln::tile::detail::verifyTileShapes(Operation *op) {
  for (auto [index, type] : llvm::enumerate(op->getOperandTypes()))
    if (failed(verifyTileShape(op, type, "operand", index)))
      return failure();
  for (auto [index, type] : llvm::enumerate(op->getResultTypes()))
    if (failed(verifyTileShape(op, type, "result", index)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Read-only memory
//===----------------------------------------------------------------------===//

bool kiln::tile::isReadOnlyArgument(BlockArgument argument) {
  auto function = dyn_cast_or_null<func::FuncOp>(argument.getOwner()->getParentOp());
  return function && isKernel(function) && argument.getOwner()->isEntryBlock() &&
         function.getArgAttr(argument.getArgNumber(), kReadOnlyAttr);
}

/// Pushes what the pointer `value` is made of. Fails where its origin is unknown or writable.
static bool pushOrigins(Value value, SmallVectorImpl<Value> &worklist) {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    Operation *parent = argument.getOwner()->getParentOp();
    if (isa<func::FuncOp>(parent))
      return isReadOnlyArgument(argument);
    auto loop = dyn_cast<LoopLikeOpInterface>(parent);
    OpOperand *init = loop ? loop.getTiedLoopInit(argument) : nullptr;
    OpOperand *yielded = loop ? loop.getTiedLoopYieldedValue(argument) : nullptr;
    if (!init || !yielded)
      return false;
    worklist.append({init->get(), yielded->get()});
    return true;
  }
  Operation *op = value.getDefiningOp();
  if (isa<AddPtrOp, SplatOp, ExpandDimsOp, BroadcastOp, ReshapeOp, TransOp, BitcastOp, AssumeOp>(op)) {
    worklist.push_back(op->getOperand(0));
    return true;
  }
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    worklist.append({select.getTrueValue(), select.getFalseValue()});
    return true;
  }
  if (auto loop = dyn_cast<LoopLikeOpInterface>(op)) {
    auto result = cast<OpResult>(value);
    OpOperand *init = loop.getTiedLoopInit(result);
    BlockArgument argument = loop.getTiedLoopRegionIterArg(result);
    if (!init || !argument)
      return false;
    worklist.append({init->get(), argument});
    return true;
  }
  return false;
}

bool kiln::tile::isReadOnlyMemory(Value pointer) {
  SmallVector<Value> worklist{pointer};
  llvm::SmallPtrSet<Value, 8> visited;
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    if (visited.insert(value).second && !pushOrigins(value, worklist))
      return false;
  }
  return true;
}

bool kiln::tile::isConstantMemory(Value pointer) {
  Region *region = pointer.getParentRegion();
  auto function = region ? region->getParentOfType<func::FuncOp>() : func::FuncOp();
  return !(function && function->hasAttr(kOverlapsAttr)) && isReadOnlyMemory(pointer);
}
