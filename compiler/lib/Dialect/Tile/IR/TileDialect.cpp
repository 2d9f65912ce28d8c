//===- TileDialect.cpp - Registration and the dialect's attributes ---------------------------------------===//

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Transforms/InliningUtils.h"

using namespace mlir;
using namespace kiln::tile;

#include "kiln/Dialect/Tile/IR/TileDialect.cpp.inc"
#include "kiln/Dialect/Tile/IR/TileEnums.cpp.inc"

namespace {

/// Tile operations may be inlined anywhere: a helper function of a kernel is inlined into it.
struct TileInliner : DialectInlinerInterface {
  using DialectInlinerInterface::DialectInlinerInterface;
  bool isLegalToInline(Operation *, Region *, bool, IRMapping &) const final { return true; }
};

} // namespace

void TileDialect::initialize() {
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "kiln/Dialect/Tile/IR/TileOps.cpp.inc"
      >();
  addInterfaces<TileInliner>();
}

Operation *TileDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  return arith::ConstantOp::materialize(builder, value, type, loc);
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

/// Verifies the positive i32 attribute that `tile.num_warps` and `tile.num_stages` are.
static LogicalResult verifyPositiveI32(Operation *op, NamedAttribute attribute) {
  auto value = dyn_cast<IntegerAttr>(attribute.getValue());
  if (!value || !value.getType().isSignlessInteger(32) || value.getInt() <= 0)
    return op->emitOpError() << "attribute '" << attribute.getName().getValue() << "' must be a positive i32, but is "
                             << attribute.getValue();
  return success();
}

static LogicalResult verifyKernel(Operation *op, Attribute value) {
  auto function = dyn_cast<func::FuncOp>(op);
  if (!function)
    return op->emitOpError() << "has attribute '" << kKernelAttr << "', which only a func.func may carry";
  if (!isa<UnitAttr>(value))
    return op->emitOpError() << "attribute '" << kKernelAttr << "' must be a unit attribute, but is " << value;
  if (function.isExternal())
    return op->emitOpError("is a kernel, so it must have a body");
  if (function.getNumResults() != 0)
    return op->emitOpError() << "is a kernel, so it must not return anything, but it returns "
                             << function.getNumResults() << " value(s)";
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes()))
    if (!isNumberType(type) && !isa<PtrType>(type))
      return op->emitOpError() << "is a kernel, so its arguments must be numbers or pointers, but argument " << index
                               << " is " << type;
  return success();
}

LogicalResult TileDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  StringRef name = attribute.getName();
  if (name == kKernelAttr)
    return verifyKernel(op, attribute.getValue());
  if (name == kNumWarpsAttr) {
    if (!isKernel(op))
      return op->emitOpError() << "has attribute '" << name << "', which only a kernel may carry";
    return verifyPositiveI32(op, attribute);
  }
  if (name == kNumStagesAttr) {
    if (!isa<LoopLikeOpInterface>(op))
      return op->emitOpError() << "has attribute '" << name << "', which only a loop may carry";
    return verifyPositiveI32(op, attribute);
  }
  if (name == kOverlapsAttr) {
    if (!isKernel(op))
      return op->emitOpError() << "has attribute '" << name << "', which only a kernel may carry";
    if (!isa<UnitAttr>(attribute.getValue()))
      return op->emitOpError() << "attribute '" << name << "' must be a unit attribute, but is "
                               << attribute.getValue();
    return success();
  }
  if (name == kDigestAttr) {
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function || !function.isExternal())
      return op->emitOpError() << "has attribute '" << name << "', which only a func.func without a body may carry";
    if (!isa<StringAttr>(attribute.getValue()))
      return op->emitOpError() << "attribute '" << name << "' must be a string, but is " << attribute.getValue();
    return success();
  }
  if (name == kReadOnlyAttr || name == kDivisibilityAttr)
    return op->emitOpError() << "has attribute '" << name << "', which belongs on an argument of a kernel";
  return op->emitOpError() << "has the unknown attribute '" << name << "'";
}

LogicalResult TileDialect::verifyRegionArgAttribute(Operation *op, unsigned regionIndex, unsigned argIndex,
                                                    NamedAttribute attribute) {
  StringRef name = attribute.getName();
  auto function = dyn_cast<func::FuncOp>(op);
  if (!function || !isKernel(op))
    return op->emitOpError() << "has attribute '" << name << "' on argument " << argIndex
                             << ", which only an argument of a kernel may carry";
  Type type = function.getArgumentTypes()[argIndex];
  if (name == kReadOnlyAttr) {
    if (!isa<UnitAttr>(attribute.getValue()))
      return op->emitOpError() << "attribute '" << name << "' of argument " << argIndex
                               << " must be a unit attribute, but is " << attribute.getValue();
    if (!isa<PtrType>(type))
      return op->emitOpError() << "attribute '" << name << "' belongs on pointers, but argument " << argIndex << " is "
                               << type;
    return success();
  }
  if (name == kDivisibilityAttr) {
    auto value = dyn_cast<IntegerAttr>(attribute.getValue());
    if (!value || !value.getType().isSignlessInteger(64) || value.getInt() <= 0)
      return op->emitOpError() << "attribute '" << name << "' of argument " << argIndex
                               << " must be a positive i64, but is " << attribute.getValue();
    if (!isa<PtrType, IntegerType>(type))
      return op->emitOpError() << "attribute '" << name << "' belongs on pointers and integers, but argument "
                               << argIndex << " is " << type;
    return success();
  }
  return op->emitOpError() << "has the unknown attribute '" << name << "' on argument " << argIndex;
}
