//===- VectorLoops.cpp - Emitting loops over vectors ----------------------===//

#include "VectorLoops.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace kiln;

int64_t kiln::widestElementBits(linalg::LinalgOp op) {
  int64_t widest = 1;
  auto note = [&](Type type) {
    if (type.isIntOrFloat())
      widest = std::max<int64_t>(widest, type.getIntOrFloatBitWidth());
    else if (type.isIndex())
      widest = std::max<int64_t>(widest, 64);
  };
  for (Type type : op.getBlock()->getArgumentTypes())
    note(type);
  for (Operation &inner : op.getBlock()->without_terminator())
    for (Type type : inner.getResultTypes())
      note(type);
  return widest;
}

SmallVector<Value> LaneBody::indicesOf(unsigned number) {
  SmallVector<Value> indices;
  for (AffineExpr expr : maps[number].getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      indices.push_back(position[dim.getPosition()]);
    else
      indices.push_back(arith::ConstantIndexOp::create(builder, loc, cast<AffineConstantExpr>(expr).getValue()));
  }
  return indices;
}

bool LaneBody::isContiguous(unsigned number) {
  AffineMap map = maps[number];
  auto last = dyn_cast<AffineDimExpr>(map.getResult(map.getNumResults() - 1));
  auto type = cast<MemRefType>(buffers[number].getType());
  // A vector of i1 is packed in memory while one element is a byte, so these go one by one.
  return last && last.getPosition() == laneDim && type.getLayout().isIdentity() && !type.getElementType().isInteger(1);
}

Value LaneBody::lanePosition(Value base, int64_t lane) {
  return lane == 0 ? base
                   : arith::AddIOp::create(builder, loc, base, arith::ConstantIndexOp::create(builder, loc, lane))
                         .getResult();
}

Value LaneBody::loadOperand(unsigned number) {
  Value buffer = buffers[number];
  auto type = dyn_cast<MemRefType>(buffer.getType());
  if (!type)
    return buffer;
  SmallVector<Value> indices = indicesOf(number);
  if (!dependsOnLane(number))
    return memref::LoadOp::create(builder, loc, buffer, indices);
  auto vectorType = VectorType::get({width}, type.getElementType());
  if (isContiguous(number))
    return vector::LoadOp::create(builder, loc, vectorType, buffer, indices);
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < width; ++lane) {
    SmallVector<Value> at(indices);
    for (auto [axis, expr] : llvm::enumerate(maps[number].getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr); dim && dim.getPosition() == laneDim)
        at[axis] = lanePosition(at[axis], lane);
    elements.push_back(memref::LoadOp::create(builder, loc, buffer, at));
  }
  return vector::FromElementsOp::create(builder, loc, vectorType, elements);
}

void LaneBody::storeOperand(unsigned number, Value value) {
  SmallVector<Value> indices = indicesOf(number);
  if (!dependsOnLane(number)) {
    memref::StoreOp::create(builder, loc, value, buffers[number], indices);
    return;
  }
  value = widen(value);
  if (isContiguous(number)) {
    vector::StoreOp::create(builder, loc, value, buffers[number], indices);
    return;
  }
  for (int64_t lane = 0; lane < width; ++lane) {
    SmallVector<Value> at(indices);
    for (auto [axis, expr] : llvm::enumerate(maps[number].getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr); dim && dim.getPosition() == laneDim)
        at[axis] = lanePosition(at[axis], lane);
    memref::StoreOp::create(builder, loc, vector::ExtractOp::create(builder, loc, value, lane), buffers[number], at);
  }
}

Value LaneBody::widen(Value value) {
  if (width == 1 || isa<VectorType>(value.getType()))
    return value;
  auto type = VectorType::get({width}, value.getType());
  Attribute constant;
  if (matchPattern(value, m_Constant(&constant)))
    return arith::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, constant));
  return vector::BroadcastOp::create(builder, loc, type, value);
}

Value LaneBody::emit(Value wanted) {
  if (auto argument = dyn_cast<BlockArgument>(wanted)) {
    if (argument.getOwner() != op.getBlock())
      return wanted;
    Value &value = values[wanted];
    if (!value)
      value = loadOperand(argument.getArgNumber());
    return value;
  }
  Operation *definition = wanted.getDefiningOp();
  if (definition->getBlock() != op.getBlock())
    return wanted;
  if (Value value = values.lookup(wanted))
    return value;
  return values[wanted] = emitOp(definition);
}

Value LaneBody::emitOp(Operation *inner) {
  if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
    Value base = position[index.getDim()];
    if (static_cast<int64_t>(index.getDim()) != laneDim || width == 1)
      return base;
    auto type = VectorType::get({width}, builder.getIndexType());
    Value steps = vector::StepOp::create(builder, loc, type);
    return arith::AddIOp::create(builder, loc, vector::BroadcastOp::create(builder, loc, type, base), steps);
  }
  SmallVector<Value> operands;
  for (Value operand : inner->getOperands())
    operands.push_back(emit(operand));
  bool isVector = llvm::any_of(operands, [](Value value) { return isa<VectorType>(value.getType()); });
  OperationState state(inner->getLoc(), inner->getName());
  for (Value operand : operands)
    state.operands.push_back(isVector ? widen(operand) : operand);
  Type type = inner->getResult(0).getType();
  state.addTypes(isVector ? VectorType::get({width}, type) : type);
  state.addAttributes(inner->getAttrs());
  return builder.create(state)->getResult(0);
}

void kiln::buildLoop(OpBuilder &builder, Location loc, int64_t size, int64_t step,
                     function_ref<void(OpBuilder &, Value)> body) {
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  if (size == step)
    return body(builder, zero);
  Value end = arith::ConstantIndexOp::create(builder, loc, size),
        stride = arith::ConstantIndexOp::create(builder, loc, step);
  scf::ForOp::create(builder, loc, zero, end, stride, ValueRange{},
                     [&](OpBuilder &inner, Location, Value position, ValueRange) {
                       body(inner, position);
                       scf::YieldOp::create(inner, loc);
                     });
}

SmallVector<Value> kiln::buildCarryingLoop(OpBuilder &builder, Location loc, int64_t size, int64_t step,
                                           ValueRange init,
                                           function_ref<SmallVector<Value>(OpBuilder &, Value, ValueRange)> body) {
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  if (size == step)
    return body(builder, zero, init);
  Value end = arith::ConstantIndexOp::create(builder, loc, size),
        stride = arith::ConstantIndexOp::create(builder, loc, step);
  auto loop = scf::ForOp::create(builder, loc, zero, end, stride, init,
                                 [&](OpBuilder &inner, Location, Value position, ValueRange carried) {
                                   scf::YieldOp::create(inner, loc, body(inner, position, carried));
                                 });
  return SmallVector<Value>(loop.getResults());
}
