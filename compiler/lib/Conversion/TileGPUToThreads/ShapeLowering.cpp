//===- ShapeLowering.cpp - Making and shaping tiles -----------------------===//

#include "Lowerings.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

LogicalResult tile_gpu::lowerArange(ThreadLowering &lowering, tile::ArangeOp op) {
  OpBuilder &b = lowering.builder;
  Type element = op.getType().getElementType();
  SmallVector<Value> registers;
  llvm::SmallDenseMap<Value, Value> done;
  for (Value coordinate : lowering.getCoordinates(getLayout(op.getType()).getLinear(), Axis::dim(0))) {
    Value &value = done[coordinate];
    if (!value) {
      value = coordinate;
      if (element.isInteger(64))
        value = arith::ExtUIOp::create(b, lowering.loc, element, value);
      if (op.getStart() != 0)
        value =
            lowering.add(value, arith::ConstantOp::create(b, lowering.loc, b.getIntegerAttr(element, op.getStart())));
    }
    registers.push_back(value);
  }
  lowering.setRegisters(op.getResult(), registers);
  return success();
}

LogicalResult tile_gpu::lowerSplat(ThreadLowering &lowering, tile::SplatOp op) {
  SmallVector<Value> registers(getLayout(op.getType()).getNumRegisters(), lowering.getScalar(op.getSource()));
  lowering.setRegisters(op.getResult(), registers);
  return success();
}

LogicalResult tile_gpu::lowerBroadcast(ThreadLowering &lowering, tile::BroadcastOp op) {
  auto sourceType = cast<RankedTensorType>(op.getSource().getType());
  LinearLayout source = getLayout(sourceType).getLinear(), result = getLayout(op.getType()).getLinear();
  if (source != broadcastSourceLayout(result, sourceType.getShape()))
    return op.emitOpError("has a source in a layout that does not fit its result");
  // Which element of the source an element of the result is.
  const Space &to = source.getOutput();
  auto project = [&](uint64_t point) {
    uint64_t image = 0;
    for (const Space::Part &part : to.getParts())
      if (part.bits)
        image |= result.getOutput().getCoordinate(point, part.axis) << to.getShift(part.axis);
    return image;
  };
  SmallVector<Value> from = lowering.getRegisters(op.getSource()), registers;
  llvm::SmallDenseMap<uint64_t, unsigned> held;
  for (unsigned i = 0; i < from.size(); ++i)
    held[source.apply(i)] = i;
  for (int64_t i = 0, e = result.getSize(Axis::registers()); i < e; ++i) {
    registers.push_back(from[held.at(project(result.apply(uint64_t(i))))]);
  }
  lowering.setRegisters(op.getResult(), registers);
  return success();
}

LogicalResult tile_gpu::lowerRename(ThreadLowering &lowering, Operation *op) {
  lowering.setRegisters(op->getResult(0), lowering.getRegisters(op->getOperand(0)));
  return success();
}
