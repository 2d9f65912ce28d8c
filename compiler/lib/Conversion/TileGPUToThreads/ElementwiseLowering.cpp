//===- ElementwiseLowering.cpp - One operation for each register ----------===//

#include "Lowerings.h"

#include <numbers>

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

LogicalResult tile_gpu::lowerConstant(ThreadLowering &lowering, arith::ConstantOp op) {
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!elements || !elements.isSplat())
    return op.emitOpError("is a tile whose elements differ: such constants cannot be distributed over threads");
  Value value = arith::ConstantOp::create(lowering.builder, lowering.loc, elements.getSplatValue<TypedAttr>());
  SmallVector<Value> registers(getLayout(op.getType()).getNumRegisters(), value);
  lowering.setRegisters(op.getResult(), registers);
  return success();
}

/// The address of `base` moved by `offset` elements of `bytes` each.
static Value moveAddress(ThreadLowering &lowering, Value base, Value offset, int64_t bytes) {
  OpBuilder &b = lowering.builder;
  if (!offset.getType().isInteger(64))
    offset = arith::ExtSIOp::create(b, lowering.loc, b.getI64Type(), offset);
  if (bytes != 1)
    offset = arith::MulIOp::create(b, lowering.loc, offset, lowering.i64(bytes));
  return lowering.add(base, offset);
}

LogicalResult tile_gpu::lowerAddPtr(ThreadLowering &lowering, tile::AddPtrOp op) {
  auto pointer = cast<tile::PtrType>(tile::getElementOrSelf(op.getType()));
  SmallVector<Value> moved;
  llvm::SmallDenseMap<std::pair<Value, Value>, Value> done; // registers often share their values
  for (auto [base, offset] :
       llvm::zip_equal(lowering.getRegisters(op.getBase()), lowering.getRegisters(op.getOffset()))) {
    Value &address = done[{base, offset}];
    if (!address)
      address = moveAddress(lowering, base, offset, pointer.getElementBytes());
    moved.push_back(address);
  }
  lowering.setRegisters(op.getResult(), moved);
  return success();
}

LogicalResult tile_gpu::lowerBitcast(ThreadLowering &lowering, tile::BitcastOp op) {
  Type to = ThreadLowering::getScalarType(tile::getElementOrSelf(op.getType()));
  SmallVector<Value> cast;
  for (Value value : lowering.getRegisters(op.getSource()))
    cast.push_back(value.getType() == to
                       ? value
                       : arith::BitcastOp::create(lowering.builder, lowering.loc, to, value).getResult());
  lowering.setResult(op.getResult(), cast);
  return success();
}

/// Whether `op` is an exponential of f32 that need not be accurate.
static bool isFastExp(Operation *op) {
  auto flags = dyn_cast<arith::ArithFastMathInterface>(op);
  return isa<math::ExpOp, math::Exp2Op>(op) && tile::getElementOrSelf(op->getResult(0).getType()).isF32() &&
         bitEnumContainsAll(flags.getFastMathFlagsAttr().getValue(), arith::FastMathFlags::afn);
}

static Value emitFastExp(ThreadLowering &lowering, Operation *op, Value x) {
  if (isa<math::ExpOp>(op)) {
    OpBuilder &b = lowering.builder;
    Value log2e = arith::ConstantOp::create(b, lowering.loc, b.getF32FloatAttr(std::numbers::log2e_v<float>));
    x = arith::MulFOp::create(b, lowering.loc, x, log2e);
  }
  return lowering.machine("ex2.approx.ftz.f32", x);
}

LogicalResult tile_gpu::lowerElementwise(ThreadLowering &lowering, Operation *op) {
  SmallVector<SmallVector<Value>> operands =
      llvm::map_to_vector(op->getOperands(), [&](Value operand) { return lowering.getRegisters(operand); });
  SmallVector<Type> types = llvm::map_to_vector(
      op->getResultTypes(), [](Type type) { return ThreadLowering::getScalarType(tile::getElementOrSelf(type)); });
  LayoutAttr layout = getLayout(op->getResult(0));
  int64_t count = layout ? layout.getNumRegisters() : 1;

  SmallVector<Value> results;
  llvm::SmallDenseMap<SmallVector<void *, 3>, Value> done;
  for (int64_t i = 0; i < count; ++i) {
    // A scalar operand, the condition of a select, serves all registers.
    SmallVector<Value> at = llvm::map_to_vector(
        operands, [&](const SmallVector<Value> &values) { return values[values.size() == 1 ? 0 : i]; });
    Value &result = done[llvm::map_to_vector<3>(at, [](Value value) { return value.getAsOpaquePointer(); })];
    if (!result && isFastExp(op)) {
      result = emitFastExp(lowering, op, at.front());
    } else if (!result) {
      OperationState state(lowering.loc, op->getName(), at, types, op->getAttrs());
      result = lowering.builder.create(state)->getResult(0);
    }
    results.push_back(result);
  }
  lowering.setResult(op->getResult(0), results);
  return success();
}
