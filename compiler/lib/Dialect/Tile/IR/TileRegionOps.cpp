//===- TileRegionOps.cpp - Contraction, reduction and scan -----------------------------------------------===//

#include "kiln/Dialect/Tile/IR/Tile.h"

using namespace mlir;
using namespace kiln::tile;

//===----------------------------------------------------------------------===//
// dot
//===----------------------------------------------------------------------===//

static bool isFloat8(Type type) { return isa<Float8E4M3FNType, Float8E5M2Type>(type); }

/// The element type in which products of `element` are summed; null where there is none.
static Type getAccumulatorType(Type element) {
  MLIRContext *context = element.getContext();
  if (element.isInteger(8))
    return IntegerType::get(context, 32);
  if (element.isF64())
    return Float64Type::get(context);
  if (isFloat8(element) || isa<Float16Type, BFloat16Type, Float32Type>(element))
    return Float32Type::get(context);
  return nullptr;
}

LogicalResult DotOp::verify() {
  auto a = cast<RankedTensorType>(getA().getType()), b = cast<RankedTensorType>(getB().getType()),
       c = cast<RankedTensorType>(getC().getType());
  for (auto [name, type] : {std::pair("a", a), std::pair("b", b), std::pair("c", c)})
    if (type.getRank() != 2)
      return emitOpError() << "multiplies matrices, but " << name << " is " << type;
  if (a.getDimSize(1) != b.getDimSize(0))
    return emitOpError() << "contracts the columns of a with the rows of b, but a has " << a.getDimSize(1)
                         << " columns and b has " << b.getDimSize(0) << " rows";
  if (c.getDimSize(0) != a.getDimSize(0) || c.getDimSize(1) != b.getDimSize(1))
    return emitOpError() << "of " << a << " and " << b << " is " << a.getDimSize(0) << "x" << b.getDimSize(1)
                         << ", but c is " << c;
  Type left = a.getElementType(), right = b.getElementType();
  if (left != right && !(isFloat8(left) && isFloat8(right)))
    return emitOpError() << "multiplies elements of one type, but a has " << left << " and b has " << right;
  Type accumulator = getAccumulatorType(left);
  if (!accumulator)
    return emitOpError() << "multiplies i8, f8E4M3FN, f8E5M2, f16, bf16, f32 and f64, but not " << left;
  if (c.getElementType() != accumulator)
    return emitOpError() << "of " << left << " sums in " << accumulator << ", but c has " << c.getElementType();
  if (getPrecision() == DotPrecision::TF32 && !left.isF32())
    return emitOpError() << "has precision 'tf32', which is for f32, but multiplies " << left;
  return success();
}

//===----------------------------------------------------------------------===//
// reduce and scan
//===----------------------------------------------------------------------===//

/// Verifies what reduce and scan share: sources of one shape, and an axis in range.
static LogicalResult verifySources(Operation *op, OperandRange sources, int64_t axis) {
  if (sources.empty())
    return op->emitOpError("needs at least one source");
  auto first = cast<RankedTensorType>(sources.front().getType());
  for (auto [index, type] : llvm::enumerate(sources.getTypes()))
    if (cast<RankedTensorType>(type).getShape() != first.getShape())
      return op->emitOpError() << "takes sources of one shape, but source 0 is " << first << " and source " << index
                               << " is " << type;
  if (axis >= first.getRank())
    return op->emitOpError() << "works along axis " << axis << ", but its sources have rank " << first.getRank();
  return success();
}

/// Verifies that the results are the sources with shape `shape`; scalars where it is empty.
static LogicalResult verifyResults(Operation *op, ArrayRef<int64_t> shape) {
  if (op->getNumResults() != op->getNumOperands())
    return op->emitOpError() << "has " << op->getNumOperands() << " source(s), but " << op->getNumResults()
                             << " result(s)";
  for (auto [index, source, result] : llvm::enumerate(op->getOperandTypes(), op->getResultTypes())) {
    Type element = getElementOrSelf(source);
    Type expected = shape.empty() ? element : RankedTensorType::get(shape, element);
    // A layout that it may have is another matter.
    auto tensor = dyn_cast<RankedTensorType>(result);
    if ((tensor ? RankedTensorType::get(tensor.getShape(), tensor.getElementType()) : result) != expected)
      return op->emitOpError() << "result " << index << " must be " << expected << ", but is " << result;
  }
  return success();
}

bool kiln::tile::mayStandInCombiner(Operation *op) {
  return (!isa<TileDialect>(op->getDialect()) || isa<BitcastOp>(op)) && isMemoryEffectFree(op);
}

/// Verifies that the combiner takes the tuple of scalars twice, yields it once, and is made of arithmetic on scalars.
static LogicalResult verifyCombiner(Operation *op, Region &combiner) {
  Block &block = combiner.front();
  unsigned count = op->getNumOperands();
  if (block.getNumArguments() != 2 * count)
    return op->emitOpError() << "combines " << count << " source(s), so its combiner must take " << 2 * count
                             << " arguments, but takes " << block.getNumArguments();
  for (BlockArgument argument : block.getArguments()) {
    unsigned index = argument.getArgNumber();
    Type expected = getElementOrSelf(op->getOperand(index % count).getType());
    if (argument.getType() != expected)
      return op->emitOpError() << "argument " << index << " of the combiner must be " << expected << ", but is "
                               << argument.getType();
  }
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield)
    return op->emitOpError() << "combiner must end in 'tile.yield', but ends in '" << block.getTerminator()->getName()
                             << "'";
  if (yield.getValues().size() != count)
    return yield.emitOpError() << "must yield " << count << " value(s), but yields " << yield.getValues().size();
  for (auto [index, type] : llvm::enumerate(yield.getValues().getTypes()))
    if (Type expected = getElementOrSelf(op->getOperand(index).getType()); type != expected)
      return yield.emitOpError() << "value " << index << " must be " << expected << ", but is " << type;
  for (Operation &inner : block.without_terminator()) {
    if (!mayStandInCombiner(&inner))
      return inner.emitOpError("is not allowed in a combiner, which holds arithmetic on scalars only");
    for (Type type : inner.getResultTypes())
      if (!isNumberType(type))
        return inner.emitOpError() << "yields " << type << " in a combiner, which holds arithmetic on scalars only";
  }
  return success();
}

LogicalResult ReduceOp::verify() {
  if (failed(verifySources(*this, getSources(), getAxis())))
    return failure();
  SmallVector<int64_t> shape(cast<RankedTensorType>(getSources().front().getType()).getShape());
  shape.erase(shape.begin() + getAxis());
  return verifyResults(*this, shape);
}

LogicalResult ReduceOp::verifyRegions() { return verifyCombiner(*this, getCombiner()); }

LogicalResult ScanOp::verify() {
  if (failed(verifySources(*this, getSources(), getAxis())))
    return failure();
  return verifyResults(*this, cast<RankedTensorType>(getSources().front().getType()).getShape());
}

LogicalResult ScanOp::verifyRegions() { return verifyCombiner(*this, getCombiner()); }
