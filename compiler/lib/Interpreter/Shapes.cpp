//===- Shapes.cpp - Making and shaping tiles ------------------------------===//

#include "Machine.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::interp;

namespace {

llvm::Error runProgramId(Machine &machine, Operation *op) {
  machine.set(op->getResult(0), Elements{machine.program[cast<tile::ProgramIdOp>(op).getAxis()]});
  return llvm::Error::success();
}

llvm::Error runNumPrograms(Machine &machine, Operation *op) {
  machine.set(op->getResult(0), Elements{machine.grid[cast<tile::NumProgramsOp>(op).getAxis()]});
  return llvm::Error::success();
}

llvm::Error runArange(Machine &machine, Operation *op) {
  auto arange = cast<tile::ArangeOp>(op);
  Format format = getFormat(arange.getType());
  Elements elements;
  for (int64_t i = arange.getStart(); i < int64_t(arange.getEnd()); ++i)
    elements.push_back(truncate(format, i));
  machine.set(arange, std::move(elements));
  return llvm::Error::success();
}

llvm::Error runSplat(Machine &machine, Operation *op) {
  Value result = op->getResult(0);
  machine.set(result, Elements(countElements(result.getType()), machine.getScalar(op->getOperand(0))));
  return llvm::Error::success();
}

/// expand_dims, reshape: row-major order does not change.
llvm::Error runReshape(Machine &machine, Operation *op) {
  machine.set(op->getResult(0), machine.getShared(op->getOperand(0)));
  return llvm::Error::success();
}

/// The distance in elements between neighbours along each dimension of a row-major tile.
SmallVector<int64_t> getStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  return strides;
}

/// The elements of a tile of shape `shape`, where a step along dimension i moves `strides[i]` elements in the source.
Elements gather(const Elements &source, ArrayRef<int64_t> shape, ArrayRef<int64_t> strides) {
  Elements result;
  SmallVector<int64_t> resultStrides = getStrides(shape);
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  for (int64_t i = 0; i < count; ++i) {
    int64_t from = 0;
    for (auto [size, resultStride, stride] : llvm::zip_equal(shape, resultStrides, strides))
      from += i / resultStride % size * stride;
    result.push_back(source[from]);
  }
  return result;
}

llvm::Error runBroadcast(Machine &machine, Operation *op) {
  auto from = cast<RankedTensorType>(op->getOperand(0).getType());
  auto to = cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<int64_t> strides = getStrides(from.getShape());
  for (auto [stride, size] : llvm::zip_equal(strides, from.getShape()))
    if (size == 1)
      stride = 0;
  machine.set(op->getResult(0), gather(machine.get(op->getOperand(0)), to.getShape(), strides));
  return llvm::Error::success();
}

llvm::Error runTrans(Machine &machine, Operation *op) {
  auto trans = cast<tile::TransOp>(op);
  SmallVector<int64_t> fromStrides = getStrides(cast<RankedTensorType>(trans.getSource().getType()).getShape());
  SmallVector<int64_t> strides;
  for (int32_t dimension : trans.getOrder())
    strides.push_back(fromStrides[dimension]);
  ArrayRef<int64_t> shape = cast<RankedTensorType>(trans.getType()).getShape();
  machine.set(trans, gather(machine.get(trans.getSource()), shape, strides));
  return llvm::Error::success();
}

} // namespace

void interp::registerShapeHandlers(Handlers &handlers) {
  handlers.add<tile::ProgramIdOp>(runProgramId);
  handlers.add<tile::NumProgramsOp>(runNumPrograms);
  handlers.add<tile::ArangeOp>(runArange);
  handlers.add<tile::SplatOp>(runSplat);
  handlers.add<tile::ExpandDimsOp>(runReshape);
  handlers.add<tile::ReshapeOp>(runReshape);
  handlers.add<tile::BroadcastOp>(runBroadcast);
  handlers.add<tile::TransOp>(runTrans);
}
