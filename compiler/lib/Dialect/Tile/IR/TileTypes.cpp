//===- TileTypes.cpp - The pointer type and rules about shapes -------------------------------------------===//

#include "kiln/Dialect/Tile/IR/ReadOnly.h"
#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/DialectImplementation.h"
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

/// Pushes what the end of a region hands on as number `index`. Verifiers look here before anyone has verified the
/// operations around them, so nothing is taken for granted.
static bool pushHandedOn(Region &region, unsigned index, SmallVectorImpl<Value> &worklist) {
  if (region.empty() || region.front().empty())
    return false;
  Operation &end = region.front().back();
  if (isa<scf::ConditionOp>(end))
    ++index; // behind the condition
  else if (!isa<scf::YieldOp>(end))
    return false;
  if (index >= end.getNumOperands())
    return false;
  worklist.push_back(end.getOperand(index));
  return true;
}

static bool pushOperand(Operation *op, unsigned index, SmallVectorImpl<Value> &worklist) {
  if (index >= op->getNumOperands())
    return false;
  worklist.push_back(op->getOperand(index));
  return true;
}

/// The values that a loop carries stand behind its bounds and step, and behind the induction variable.
constexpr unsigned kForBounds = 3;

/// Pushes what an argument of a loop's body is at its entry and in later iterations.
static bool pushCarried(BlockArgument argument, SmallVectorImpl<Value> &worklist) {
  Operation *parent = argument.getOwner()->getParentOp();
  unsigned index = argument.getArgNumber();
  if (isa_and_nonnull<scf::ForOp>(parent)) {
    if (index == 0)
      return false;
    bool entry = pushOperand(parent, kForBounds + index - 1, worklist);
    return pushHandedOn(parent->getRegion(0), index - 1, worklist) && entry;
  }
  if (!isa_and_nonnull<scf::WhileOp>(parent))
    return false;
  if (argument.getOwner()->getParent() != &parent->getRegion(0)) // the body, which the condition is in front of
    return pushHandedOn(parent->getRegion(0), index, worklist);
  bool entry = pushOperand(parent, index, worklist);
  return pushHandedOn(parent->getRegion(1), index, worklist) && entry;
}

/// Pushes what the pointer `value`, not an argument of a function, is made of. False where not all of it is known.
static bool pushOrigins(Value value, SmallVectorImpl<Value> &worklist) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return pushCarried(argument, worklist);
  Operation *op = value.getDefiningOp();
  unsigned index = cast<OpResult>(value).getResultNumber();
  if (isa<AddPtrOp, SplatOp, ExpandDimsOp, BroadcastOp, ReshapeOp, TransOp, BitcastOp, AssumeOp>(op))
    return pushOperand(op, 0, worklist);
  if (isa<arith::SelectOp>(op)) {
    bool first = pushOperand(op, 1, worklist);
    return pushOperand(op, 2, worklist) && first;
  }
  if (isa<scf::IfOp>(op)) {
    bool then = pushHandedOn(op->getRegion(0), index, worklist);
    return pushHandedOn(op->getRegion(1), index, worklist) && then;
  }
  if (isa<scf::ForOp>(op)) {
    bool entry = pushOperand(op, kForBounds + index, worklist);
    return pushHandedOn(op->getRegion(0), index, worklist) && entry;
  }
  return isa<scf::WhileOp>(op) && pushHandedOn(op->getRegion(0), index, worklist);
}

/// The arguments of functions that `pointer` may be made of, with a null one where that is not all.
static SmallVector<BlockArgument> getOrigins(Value pointer) {
  SmallVector<BlockArgument> origins;
  SmallVector<Value> worklist{pointer};
  llvm::SmallPtrSet<Value, 8> visited;
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    if (!visited.insert(value).second)
      continue;
    auto argument = dyn_cast<BlockArgument>(value);
    if (argument && isa_and_nonnull<func::FuncOp>(argument.getOwner()->getParentOp()))
      origins.push_back(argument);
    else if (!pushOrigins(value, worklist))
      origins.push_back(nullptr);
  }
  return origins;
}

bool kiln::tile::isReadOnlyMemory(Value pointer) {
  return llvm::all_of(getOrigins(pointer), [](BlockArgument origin) { return origin && isReadOnlyArgument(origin); });
}

BlockArgument kiln::tile::findReadOnlyArgument(Value pointer) {
  for (BlockArgument origin : getOrigins(pointer))
    if (origin && isReadOnlyArgument(origin))
      return origin;
  return nullptr;
}

bool kiln::tile::isConstantMemory(Value pointer) {
  Region *region = pointer.getParentRegion();
  auto function = region ? region->getParentOfType<func::FuncOp>() : func::FuncOp();
  return !(function && function->hasAttr(kOverlapsAttr)) && isReadOnlyMemory(pointer);
}
