//===- TileGPUDialect.cpp - Registration and layouts of operands ----------===//

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

#include "kiln/Dialect/TileGPU/IR/TileGPUDialect.cpp.inc"

namespace {
/// Layouts are long: they print as #layout, #layout1, ...
struct LayoutAlias : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;
  AliasResult getAlias(Attribute attribute, raw_ostream &os) const override {
    if (!isa<LayoutAttr, SharedLayoutAttr>(attribute))
      return AliasResult::NoAlias;
    os << (isa<LayoutAttr>(attribute) ? "layout" : "shared");
    return AliasResult::OverridableAlias;
  }
};
} // namespace

void TileGPUDialect::initialize() {
  registerAttributes();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "kiln/Dialect/TileGPU/IR/TileGPUOps.cpp.inc"
      >();
  addInterfaces<LayoutAlias>();
}

LogicalResult TileGPUDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  StringRef name = attribute.getName();
  if (name == kLayoutAttr) {
    if (!isa<LayoutAttr>(attribute.getValue()))
      return op->emitOpError() << "attribute '" << name << "' must be a layout, but is " << attribute.getValue();
    return success();
  }
  if (name == kPipelineAttr && !isa<StringAttr>(attribute.getValue()))
    return op->emitOpError() << "attribute '" << name << "' must be a string, but is " << attribute.getValue();
  if (name == kSharedOffsetAttr || name == kSharedBytesAttr) {
    auto value = dyn_cast<IntegerAttr>(attribute.getValue());
    if (!value || !value.getType().isSignlessInteger(64) || value.getInt() < 0)
      return op->emitOpError() << "attribute '" << name << "' must be an i64 that is not negative, but is "
                               << attribute.getValue();
    return success();
  }
  return success();
}

int64_t tile_gpu::getNumWarps(func::FuncOp kernel) {
  auto attribute = kernel->getAttrOfType<IntegerAttr>(tile::kNumWarpsAttr);
  return attribute ? attribute.getInt() : 4;
}

LayoutAttr tile_gpu::getLayout(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? dyn_cast_or_null<LayoutAttr>(tensor.getEncoding()) : LayoutAttr();
}

RankedTensorType tile_gpu::withLayout(Type type, LayoutAttr layout) {
  return cast<RankedTensorType>(type).cloneWithEncoding(layout);
}

LayoutAttr tile_gpu::getOperandLayout(OpOperand &operand, LayoutAttr result) {
  auto type = dyn_cast<RankedTensorType>(operand.get().getType());
  if (!type)
    return {};
  Operation *op = operand.getOwner();
  MLIRContext *context = op->getContext();
  if (auto trans = dyn_cast<tile::TransOp>(op)) {
    SmallVector<int32_t> inverse(trans.getOrder().size());
    for (auto [i, dim] : llvm::enumerate(trans.getOrder()))
      inverse[dim] = i;
    return LayoutAttr::get(context, transposeLayout(result.getLinear(), inverse));
  }
  if (isa<tile::BroadcastOp>(op))
    return LayoutAttr::get(context, broadcastSourceLayout(result.getLinear(), type.getShape()));
  if (isa<tile::ReshapeOp, tile::ExpandDimsOp>(op))
    return LayoutAttr::get(context, reshapeLayout(result.getLinear(), type.getShape()));
  return result;
}
