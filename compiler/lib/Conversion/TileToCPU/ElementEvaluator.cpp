//===- ElementEvaluator.cpp - Elements of a tile on demand ----------------===//

#include "ElementEvaluator.h"
#include "kiln/Dialect/Tile/IR/Tile.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile;

/// The type of what is evaluated: an element, or a vector of them.
static Type runType(Type element, Lanes lanes) {
  return lanes.isScalar() ? element : VectorType::get({lanes.width}, element);
}

/// Whether an element of `tile` takes a multiplication of 64 bits or a division to compute.
static bool isCostly(Value tile, int depth = 8) {
  Operation *op = tile.getDefiningOp();
  if (!op || depth == 0 || !op->hasTrait<OpTrait::Elementwise>())
    return false;
  bool isWide = getElementOrSelf(tile.getType()).isInteger(64);
  if (isa<arith::DivSIOp, arith::RemSIOp, arith::DivUIOp, arith::RemUIOp>(op) || (isWide && isa<arith::MulIOp>(op)))
    return true;
  return llvm::any_of(op->getOperands(), [&](Value operand) { return isCostly(operand, depth - 1); });
}

Value ElementEvaluator::broadcastToRun(Value scalar, Lanes lanes) {
  if (lanes.isScalar())
    return scalar;
  return vector::BroadcastOp::create(builder, loc, runType(scalar.getType(), lanes), scalar);
}

Value ElementEvaluator::evaluate(Value tile, ValueRange indices, Lanes lanes) {
  if (!isa<RankedTensorType>(tile.getType()))
    return broadcastToRun(tile, lanes);
  std::vector<void *> indexKey;
  for (Value index : indices)
    indexKey.push_back(index.getAsOpaquePointer());
  Key key{tile.getAsOpaquePointer(), std::move(indexKey), lanes.axis, lanes.width};
  if (auto it = known.find(key); it != known.end())
    return it->second;
  return known[std::move(key)] = compute(tile, indices, lanes);
}

Value ElementEvaluator::compute(Value tile, ValueRange indices, Lanes lanes) {
  Operation *op = tile.getDefiningOp();
  if (!op)
    return readTile(tile, indices, lanes);

  if (auto splat = dyn_cast<SplatOp>(op))
    return broadcastToRun(splat.getSource(), lanes);

  if (auto arange = dyn_cast<ArangeOp>(op)) {
    Type element = getElementOrSelf(arange.getType());
    Value first = arith::IndexCastOp::create(builder, loc, element, indices[0]);
    if (arange.getStart() != 0) {
      Value start = arith::ConstantIntOp::create(builder, loc, element, arange.getStart());
      first = arith::AddIOp::create(builder, loc, first, start);
    }
    if (lanes.isScalar())
      return first;
    auto type = cast<VectorType>(runType(element, lanes));
    SmallVector<APInt> steps;
    for (int64_t lane = 0; lane < lanes.width; ++lane)
      steps.push_back(APInt(element.getIntOrFloatBitWidth(), lane));
    Value step = arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, steps));
    return arith::AddIOp::create(builder, loc, vector::BroadcastOp::create(builder, loc, type, first), step);
  }

  if (auto expand = dyn_cast<ExpandDimsOp>(op)) {
    // A row of a larger tile is addressed for every chunk of it and for prefetching too: what is costly is kept for all
    // of them.
    if (lanes.isScalar() && isCostly(expand.getSource())) {
      SmallVector<Value> source(indices);
      source.erase(source.begin() + expand.getAxis());
      return readTile(expand.getSource(), source, {});
    }
    SmallVector<Value> source(indices);
    int64_t axis = expand.getAxis();
    source.erase(source.begin() + axis);
    if (lanes.axis == axis) // the new dimension has one element
      return broadcastToRun(evaluate(expand.getSource(), source, {}), lanes);
    Lanes inner = lanes;
    inner.axis -= lanes.axis > axis;
    return evaluate(expand.getSource(), source, inner);
  }

  if (auto broadcast = dyn_cast<BroadcastOp>(op)) {
    SmallVector<Value> source(indices);
    auto from = cast<RankedTensorType>(broadcast.getSource().getType());
    auto to = cast<RankedTensorType>(broadcast.getType());
    for (int64_t axis = 0; axis < from.getRank(); ++axis)
      if (from.getDimSize(axis) != to.getDimSize(axis))
        source[axis] = arith::ConstantIndexOp::create(builder, loc, 0);
    if (!lanes.isScalar() && from.getDimSize(lanes.axis) != to.getDimSize(lanes.axis))
      return broadcastToRun(evaluate(broadcast.getSource(), source, {}), lanes);
    return evaluate(broadcast.getSource(), source, lanes);
  }

  if (auto trans = dyn_cast<TransOp>(op)) {
    SmallVector<Value> source(indices.size());
    Lanes inner = lanes;
    for (auto [axis, from] : llvm::enumerate(trans.getOrder())) {
      source[from] = indices[axis];
      if (lanes.axis == static_cast<int64_t>(axis))
        inner.axis = from;
    }
    return evaluate(trans.getSource(), source, inner);
  }

  if (auto assume = dyn_cast<AssumeOp>(op))
    return evaluate(assume.getSource(), indices, lanes);

  DenseElementsAttr constant;
  if (matchPattern(tile, m_Constant(&constant)) && constant.isSplat()) {
    Value scalar = arith::ConstantOp::create(builder, loc, cast<TypedAttr>(constant.getSplatValue<Attribute>()));
    return broadcastToRun(scalar, lanes);
  }

  if (op->getNumResults() == 1 && op->hasTrait<OpTrait::Elementwise>() && inlines(op))
    return computeElementwise(op, indices, lanes);
  return readTile(tile, indices, lanes);
}

Value ElementEvaluator::computeElementwise(Operation *op, ValueRange indices, Lanes lanes) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    // A select may choose whole tiles by one scalar condition; it stays scalar.
    bool isTile = isa<RankedTensorType>(operand.getType());
    operands.push_back(isTile ? evaluate(operand, indices, lanes) : operand);
  }
  OperationState state(loc, op->getName());
  state.addOperands(operands);
  state.addAttributes(op->getAttrs());
  state.addTypes(runType(getElementOrSelf(op->getResult(0).getType()), lanes));
  return builder.create(state)->getResult(0);
}

Value ElementEvaluator::readTile(Value tile, ValueRange indices, Lanes lanes) {
  auto type = cast<RankedTensorType>(tile.getType());
  if (lanes.isScalar())
    return tensor::ExtractOp::create(builder, loc, tile, indices);
  bool innermost = lanes.axis == type.getRank() - 1;
  // A vector of i1 is packed in memory, one element is a byte: such tiles are read one by one.
  if (innermost && !type.getElementType().isInteger(1)) {
    Value padding = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type.getElementType()));
    auto map = AffineMap::getMinorIdentityMap(type.getRank(), 1, builder.getContext());
    return vector::TransferReadOp::create(builder, loc, cast<VectorType>(runType(type.getElementType(), lanes)), tile,
                                          indices, padding, map, ArrayRef<bool>{true});
  }
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < lanes.width; ++lane) {
    SmallVector<Value> at(indices);
    if (lane > 0)
      at[lanes.axis] =
          arith::AddIOp::create(builder, loc, at[lanes.axis], arith::ConstantIndexOp::create(builder, loc, lane));
    elements.push_back(tensor::ExtractOp::create(builder, loc, tile, at));
  }
  return vector::FromElementsOp::create(builder, loc, cast<VectorType>(runType(type.getElementType(), lanes)),
                                        elements);
}
