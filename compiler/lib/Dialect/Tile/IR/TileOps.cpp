//===- TileOps.cpp - The grid, shapes, calls and facts ---------------------------------------------------===//

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "TileAssembly.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace kiln::tile;

#define GET_OP_CLASSES
#include "kiln/Dialect/Tile/IR/TileOps.cpp.inc"

/// The element type of source and result of an operation that changes the shape only.
static LogicalResult verifySameElement(Operation *op, Type source, Type result) {
  if (getElementOrSelf(source) != getElementOrSelf(result))
    return op->emitOpError() << "keeps the element type, but takes " << getElementOrSelf(source) << " and yields "
                             << getElementOrSelf(result);
  return success();
}

//===----------------------------------------------------------------------===//
// The grid
//===----------------------------------------------------------------------===//

/// Grids have at most 2^31 - 1 programs along an axis.
void ProgramIdOp::inferResultRanges(ArrayRef<ConstantIntRanges>, SetIntRangeFn setResultRange) {
  setResultRange(getResult(), ConstantIntRanges::fromUnsigned(APInt(32, 0), APInt(32, INT32_MAX - 1)));
}

void NumProgramsOp::inferResultRanges(ArrayRef<ConstantIntRanges>, SetIntRangeFn setResultRange) {
  setResultRange(getResult(), ConstantIntRanges::fromUnsigned(APInt(32, 1), APInt(32, INT32_MAX)));
}

//===----------------------------------------------------------------------===//
// arange
//===----------------------------------------------------------------------===//

void ArangeOp::build(OpBuilder &builder, OperationState &state, int64_t start, int64_t end, unsigned width) {
  build(builder, state, RankedTensorType::get({end - start}, builder.getIntegerType(width)), start, end);
}

LogicalResult ArangeOp::verify() {
  auto type = cast<RankedTensorType>(getResult().getType());
  int64_t start = getStart(), end = getEnd();
  if (type.getRank() != 1)
    return emitOpError() << "yields a tile of rank 1, but its type is " << type;
  if (start >= end)
    return emitOpError() << "counts from " << start << " to " << end << ", which is no element";
  if (type.getDimSize(0) != end - start)
    return emitOpError() << "counts from " << start << " to " << end << ", which is " << end - start
                         << " elements, but its type is " << type;
  unsigned width = type.getElementTypeBitWidth();
  if (!llvm::isIntN(width, start) || !llvm::isIntN(width, end - 1))
    return emitOpError() << "counts from " << start << " to " << end << ", which does not fit "
                         << type.getElementType();
  return success();
}

void ArangeOp::inferResultRanges(ArrayRef<ConstantIntRanges>, SetIntRangeFn setResultRange) {
  unsigned width = cast<RankedTensorType>(getResult().getType()).getElementTypeBitWidth();
  setResultRange(getResult(), ConstantIntRanges::fromSigned(APInt(width, getStart(), /*isSigned=*/true),
                                                            APInt(width, getEnd() - 1, /*isSigned=*/true)));
}

//===----------------------------------------------------------------------===//
// splat
//===----------------------------------------------------------------------===//

void SplatOp::build(OpBuilder &builder, OperationState &state, Value source, ArrayRef<int64_t> shape) {
  build(builder, state, RankedTensorType::get(shape, source.getType()), source);
}

LogicalResult SplatOp::verify() { return verifySameElement(*this, getSource().getType(), getResult().getType()); }

//===----------------------------------------------------------------------===//
// expand_dims
//===----------------------------------------------------------------------===//

void ExpandDimsOp::build(OpBuilder &builder, OperationState &state, Value source, int32_t axis) {
  auto type = cast<RankedTensorType>(source.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.insert(shape.begin() + axis, 1);
  build(builder, state, RankedTensorType::get(shape, type.getElementType()), source, axis);
}

LogicalResult ExpandDimsOp::verify() {
  auto source = cast<RankedTensorType>(getSource().getType()), result = cast<RankedTensorType>(getResult().getType());
  int64_t axis = getAxis();
  if (axis > source.getRank())
    return emitOpError() << "inserts dimension " << axis << ", but a source of rank " << source.getRank()
                         << " takes 0 to " << source.getRank();
  SmallVector<int64_t> shape(source.getShape());
  shape.insert(shape.begin() + axis, 1);
  if (ArrayRef<int64_t>(shape) != result.getShape())
    return emitOpError() << "inserts dimension " << axis << " into " << source << ", so the result must be "
                         << RankedTensorType::get(shape, source.getElementType()) << ", but is " << result;
  return verifySameElement(*this, source, result);
}

//===----------------------------------------------------------------------===//
// broadcast
//===----------------------------------------------------------------------===//

void BroadcastOp::build(OpBuilder &builder, OperationState &state, Value source, ArrayRef<int64_t> shape) {
  build(builder, state, cast<RankedTensorType>(source.getType()).clone(shape), source);
}

LogicalResult BroadcastOp::verify() {
  auto source = cast<RankedTensorType>(getSource().getType()), result = cast<RankedTensorType>(getResult().getType());
  if (source.getRank() != result.getRank())
    return emitOpError() << "keeps the rank, but takes rank " << source.getRank() << " and yields rank "
                         << result.getRank();
  for (auto [dimension, from, to] : llvm::enumerate(source.getShape(), result.getShape()))
    if (from != to && from != 1)
      return emitOpError() << "repeats dimensions of size 1, but dimension " << dimension << " is " << from
                           << " in the source and " << to << " in the result";
  return verifySameElement(*this, source, result);
}

//===----------------------------------------------------------------------===//
// reshape
//===----------------------------------------------------------------------===//

void ReshapeOp::build(OpBuilder &builder, OperationState &state, Value source, ArrayRef<int64_t> shape) {
  build(builder, state, cast<RankedTensorType>(source.getType()).clone(shape), source);
}

LogicalResult ReshapeOp::verify() {
  auto source = cast<RankedTensorType>(getSource().getType()), result = cast<RankedTensorType>(getResult().getType());
  if (source.getNumElements() != result.getNumElements())
    return emitOpError() << "keeps the elements, but takes " << source.getNumElements() << " and yields "
                         << result.getNumElements();
  return verifySameElement(*this, source, result);
}

//===----------------------------------------------------------------------===//
// trans
//===----------------------------------------------------------------------===//

void TransOp::build(OpBuilder &builder, OperationState &state, Value source, ArrayRef<int32_t> order) {
  auto type = cast<RankedTensorType>(source.getType());
  SmallVector<int64_t> shape;
  for (int32_t dimension : order)
    shape.push_back(type.getDimSize(dimension));
  build(builder, state, type.clone(shape), source, order);
}

LogicalResult TransOp::verify() {
  auto source = cast<RankedTensorType>(getSource().getType()), result = cast<RankedTensorType>(getResult().getType());
  ArrayRef<int32_t> order = getOrder();
  if (static_cast<int64_t>(order.size()) != source.getRank())
    return emitOpError() << "has an order of " << order.size() << " dimensions for a source of rank "
                         << source.getRank();
  SmallVector<bool> seen(order.size());
  SmallVector<int64_t> shape;
  for (int32_t dimension : order) {
    if (dimension < 0 || dimension >= source.getRank())
      return emitOpError() << "order names dimension " << dimension << ", but the source has rank " << source.getRank();
    if (seen[dimension])
      return emitOpError() << "order names dimension " << dimension << " twice";
    seen[dimension] = true;
    shape.push_back(source.getDimSize(dimension));
  }
  if (ArrayRef<int64_t>(shape) != result.getShape())
    return emitOpError() << "permutes " << source << ", so the result must be "
                         << source.clone(ArrayRef<int64_t>(shape)) << ", but is " << result;
  return verifySameElement(*this, source, result);
}

//===----------------------------------------------------------------------===//
// bitcast
//===----------------------------------------------------------------------===//

LogicalResult BitcastOp::verify() {
  Type source = getSource().getType(), result = getResult().getType();
  if (withElementType(source, getElementOrSelf(result)) != result)
    return emitOpError() << "keeps the shape, but takes " << source << " and yields " << result;
  Type from = getElementOrSelf(source), to = getElementOrSelf(result);
  if (isa<PtrType>(from) != isa<PtrType>(to))
    return emitOpError() << "does not turn " << from << " into " << to << ": pointers and numbers do not mix";
  if (!isa<PtrType>(from) && from.getIntOrFloatBitWidth() != to.getIntOrFloatBitWidth())
    return emitOpError() << "keeps the bits, but " << from << " has " << from.getIntOrFloatBitWidth() << " of them and "
                         << to << " has " << to.getIntOrFloatBitWidth();
  return success();
}

//===----------------------------------------------------------------------===//
// extern_call
//===----------------------------------------------------------------------===//

LogicalResult ExternCallOp::verify() {
  Value model = getModel();
  for (auto [index, type] : llvm::enumerate(getArgs().getTypes()))
    if (withElementType(model.getType(), getElementOrSelf(type)) != type)
      return emitOpError() << "works element by element, but argument " << index << " is " << type << " and "
                           << (getNumResults() ? "the result is " : "argument 0 is ") << model.getType();
  for (auto [index, type] : llvm::enumerate(getResultTypes()))
    if (withElementType(model.getType(), getElementOrSelf(type)) != type)
      return emitOpError() << "works element by element, but result " << index << " is " << type << " and result 0 is "
                           << model.getType();
  return success();
}

LogicalResult ExternCallOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto function = symbolTable.lookupNearestSymbolFrom<func::FuncOp>(*this, getSymbolAttr());
  if (!function)
    return emitOpError() << "calls '" << getSymbol() << "', which is not a function of this module";
  auto elements = [](TypeRange types) { return llvm::map_to_vector(types, getElementOrSelf); };
  auto expected = FunctionType::get(getContext(), elements(getArgs().getTypes()), elements(getResultTypes()));
  if (function.getFunctionType() != expected)
    return emitOpError() << "calls '" << getSymbol() << "' as " << expected << ", but it is "
                         << function.getFunctionType();
  return success();
}

Speculation::Speculatability ExternCallOp::getSpeculatability() {
  return getPure() ? Speculation::Speculatable : Speculation::NotSpeculatable;
}

void ExternCallOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  if (getPure())
    return;
  effects.emplace_back(MemoryEffects::Read::get());
  effects.emplace_back(MemoryEffects::Write::get());
}

//===----------------------------------------------------------------------===//
// assume
//===----------------------------------------------------------------------===//

void AssumeOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  if (getChecked())
    effects.emplace_back(MemoryEffects::Write::get());
}

/// Where the program does not come to a promise, it does not make it.
Speculation::Speculatability AssumeOp::getSpeculatability() {
  return getChecked() ? Speculation::NotSpeculatable : Speculation::Speculatable;
}

LogicalResult AssumeOp::verify() {
  Type element = getElementOrSelf(getSource().getType());
  if (!isa<PtrType>(element) && !element.isInteger())
    return emitOpError() << "speaks of integers and pointers, but its operand is " << getSource().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// print
//===----------------------------------------------------------------------===//

LogicalResult PrintOp::verify() {
  if (getTypes() && getTypes()->size() != getValues().size())
    return emitOpError() << "has " << getValues().size() << " values, but types of " << getTypes()->size();
  return success();
}

std::string PrintOp::getPrintedType(unsigned value) {
  Type type = getTypes() ? cast<TypeAttr>((*getTypes())[value]).getValue() : getValues()[value].getType();
  if (auto tile = dyn_cast<RankedTensorType>(type))
    type = tile.dropEncoding();
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}
