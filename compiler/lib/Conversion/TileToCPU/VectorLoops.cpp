//===- VectorLoops.cpp - Emitting loops over vectors ----------------------===//

#include "VectorLoops.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace kiln;

int64_t kiln::widestElementBits(linalg::LinalgOp op) {
  // Lanes of i1 are read and written one by one (isContiguous): more than a few of them are a page of code.
  constexpr int64_t kBooleanBits = 32;
  int64_t widest = 1;
  auto note = [&](Type type) {
    if (type.isInteger(1))
      widest = std::max(widest, kBooleanBits);
    else if (type.isIntOrFloat())
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
  return last && last.getPosition() == laneDim && type.isLastDimUnitStride() && !type.getElementType().isInteger(1);
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

static int64_t laneCount(Value vector) { return cast<VectorType>(vector.getType()).getNumElements(); }

Value kiln::sliceLanes(OpBuilder &builder, Location loc, Value lanes, int64_t first, int64_t count) {
  return vector::ShuffleOp::create(builder, loc, lanes, lanes, llvm::to_vector(llvm::seq(first, first + count)));
}

Value kiln::combineLanes(OpBuilder &builder, Location loc, Value lanes, function_ref<Value(Value, Value)> combine) {
  int64_t width = laneCount(lanes);
  for (; width > 2; width /= 2) {
    lanes =
        combine(sliceLanes(builder, loc, lanes, 0, width / 2), sliceLanes(builder, loc, lanes, width / 2, width / 2));
  }
  if (width == 2)
    lanes = combine(lanes, vector::ShuffleOp::create(builder, loc, lanes, lanes, ArrayRef<int64_t>{1, 0}));
  return vector::ExtractOp::create(builder, loc, lanes, 0);
}

Value kiln::addLanesOfEach(OpBuilder &builder, Location loc, SmallVector<Value> vectors) {
  bool isFloat = isa<FloatType>(cast<VectorType>(vectors[0].getType()).getElementType());
  auto add = [&](Value a, Value b) -> Value {
    return isFloat ? arith::AddFOp::create(builder, loc, a, b).getResult()
                   : arith::AddIOp::create(builder, loc, a, b).getResult();
  };
  int64_t count = vectors.size();
  // Every vector is a row of segments of partial sums: one segment as long as the vector at first. A round adds the
  // upper half of each segment to the lower one for two vectors at a time, and lays the two results side by side.
  // Segments get shorter, and there are more of them in each vector.
  for (int64_t segment = laneCount(vectors[0]); vectors.size() > 1; segment /= 2) {
    SmallVector<Value> merged;
    for (size_t i = 0; i < vectors.size(); i += 2) {
      SmallVector<int64_t> low, high;
      int64_t width = laneCount(vectors[i]);
      for (int64_t source = 0; source < 2; ++source) {
        for (int64_t start = 0; start < width; start += segment) {
          for (int64_t lane = 0; lane < segment / 2; ++lane) {
            low.push_back(source * width + start + lane);
            high.push_back(source * width + start + segment / 2 + lane);
          }
        }
      }
      merged.push_back(add(vector::ShuffleOp::create(builder, loc, vectors[i], vectors[i + 1], low),
                           vector::ShuffleOp::create(builder, loc, vectors[i], vectors[i + 1], high)));
    }
    vectors = merged;
  }
  // Segments that are still longer than one lane: fold each onto itself.
  Value sums = vectors[0];
  for (int64_t segment = laneCount(sums) / count; segment > 1; segment /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t start = 0; start < laneCount(sums); start += segment) {
      for (int64_t lane = 0; lane < segment / 2; ++lane) {
        low.push_back(start + lane);
        high.push_back(start + segment / 2 + lane);
      }
    }
    sums = add(vector::ShuffleOp::create(builder, loc, sums, sums, low),
               vector::ShuffleOp::create(builder, loc, sums, sums, high));
  }
  return sums;
}
