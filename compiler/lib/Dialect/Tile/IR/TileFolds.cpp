//===- TileFolds.cpp - Folding of shape operations, pointers and facts -----------------------------------===//

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace kiln::tile;

/// The constant `source` under `type`, a type of the same elements in the same order; or, for a constant of one value,
/// of any shape.
static OpFoldResult foldToShape(Attribute source, Type type) {
  auto elements = dyn_cast_or_null<DenseElementsAttr>(source);
  if (!elements)
    return {};
  auto shaped = cast<ShapedType>(type);
  if (elements.isSplat())
    return elements.resizeSplat(shaped);
  return elements.getNumElements() == shaped.getNumElements() ? OpFoldResult(elements.reshape(shaped)) : OpFoldResult();
}

OpFoldResult ArangeOp::fold(FoldAdaptor) {
  auto type = cast<RankedTensorType>(getResult().getType());
  if (type.getNumElements() != 1)
    return {};
  return DenseElementsAttr::get(type, APInt(type.getElementTypeBitWidth(), getStart(), /*isSigned=*/true));
}

OpFoldResult SplatOp::fold(FoldAdaptor adaptor) {
  if (!isa_and_nonnull<IntegerAttr, FloatAttr>(adaptor.getSource()))
    return {};
  return DenseElementsAttr::get(cast<ShapedType>(getResult().getType()), adaptor.getSource());
}

OpFoldResult ExpandDimsOp::fold(FoldAdaptor adaptor) { return foldToShape(adaptor.getSource(), getResult().getType()); }

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  if (getSource().getType() == getResult().getType())
    return getSource();
  auto elements = dyn_cast_or_null<SplatElementsAttr>(adaptor.getSource());
  return elements ? foldToShape(elements, getResult().getType()) : OpFoldResult();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getSource().getType() == getResult().getType())
    return getSource();
  // A chain of reshapes is one, and inserting a dimension is a reshape.
  if (auto inner = getSource().getDefiningOp(); isa_and_nonnull<ReshapeOp, ExpandDimsOp>(inner)) {
    getSourceMutable().assign(inner->getOperand(0));
    return getResult();
  }
  return foldToShape(adaptor.getSource(), getResult().getType());
}

OpFoldResult TransOp::fold(FoldAdaptor adaptor) {
  if (llvm::equal(getOrder(), llvm::seq<int32_t>(0, getOrder().size())))
    return getSource();
  if (auto inner = getSource().getDefiningOp<TransOp>()) {
    SmallVector<int32_t> order;
    for (int32_t dimension : getOrder())
      order.push_back(inner.getOrder()[dimension]);
    setOrder(order);
    getSourceMutable().assign(inner.getSource());
    return getResult();
  }
  auto elements = dyn_cast_or_null<SplatElementsAttr>(adaptor.getSource());
  return elements ? foldToShape(elements, getResult().getType()) : OpFoldResult();
}

//===----------------------------------------------------------------------===//
// bitcast
//===----------------------------------------------------------------------===//

/// The bits of the number `source` as `type`.
static Attribute bitcastNumber(Attribute source, Type type) {
  APInt bits = isa<FloatAttr>(source) ? cast<FloatAttr>(source).getValue().bitcastToAPInt()
                                      : cast<IntegerAttr>(source).getValue();
  if (auto floatType = dyn_cast<FloatType>(type))
    return FloatAttr::get(type, APFloat(floatType.getFloatSemantics(), bits));
  return IntegerAttr::get(type, bits);
}

OpFoldResult BitcastOp::fold(FoldAdaptor adaptor) {
  if (getSource().getType() == getResult().getType())
    return getSource();
  if (auto inner = getSource().getDefiningOp<BitcastOp>()) {
    getSourceMutable().assign(inner.getSource());
    return getResult();
  }
  Type element = getElementOrSelf(getResult().getType());
  if (auto elements = dyn_cast_or_null<DenseElementsAttr>(adaptor.getSource()))
    return elements.bitcast(element);
  if (isa_and_nonnull<IntegerAttr, FloatAttr>(adaptor.getSource()))
    return bitcastNumber(adaptor.getSource(), element);
  return {};
}

//===----------------------------------------------------------------------===//
// addptr and assume
//===----------------------------------------------------------------------===//

OpFoldResult AddPtrOp::fold(FoldAdaptor adaptor) {
  if (matchPattern(adaptor.getOffset(), m_Zero()))
    return getBase();
  return {};
}

OpFoldResult AssumeOp::fold(FoldAdaptor adaptor) {
  // A constant speaks for itself, and everything is a multiple of 1.
  if (adaptor.getSource() || getDivisor() == 1)
    return getSource();
  auto inner = getSource().getDefiningOp<AssumeOp>();
  return inner && inner.getDivisor() % getDivisor() == 0 ? OpFoldResult(getSource()) : OpFoldResult();
}
