//===- TileAssembly.cpp - Types in the assembly of memory operations -------------------------------------===//

#include "TileAssembly.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

using namespace mlir;
using namespace kiln::tile;

/// Parses a pointer type or a tensor of pointers.
static ParseResult parsePointerType(OpAsmParser &parser, Type &pointer) {
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseType(pointer))
    return failure();
  if (!isa<PtrType>(getElementOrSelf(pointer)))
    return parser.emitError(loc) << "expected a pointer or a tensor of pointers, but found " << pointer;
  return success();
}

/// Parses `pointer -> result`.
static ParseResult parseAccessTypes(OpAsmParser &parser, Type &pointer, Type &result) {
  return failure(parsePointerType(parser, pointer) || parser.parseArrow() || parser.parseType(result));
}

static Type getMaskType(Type like) { return withElementType(like, IntegerType::get(like.getContext(), 1)); }

ParseResult kiln::tile::parseLoadTypes(OpAsmParser &parser, Type &pointer, Type &result, OptionalOperand mask,
                                       Type &maskType, OptionalOperand other, Type &otherType) {
  if (parseAccessTypes(parser, pointer, result))
    return failure();
  if (mask)
    maskType = getMaskType(pointer);
  if (other)
    otherType = result;
  return success();
}

void kiln::tile::printLoadTypes(OpAsmPrinter &printer, Operation *, Type pointer, Type result, Value, Type, Value,
                                Type) {
  printer << pointer << " -> " << result;
}

ParseResult kiln::tile::parseStoreTypes(OpAsmParser &parser, Type &pointer, Type &value, OptionalOperand mask,
                                        Type &maskType) {
  if (parsePointerType(parser, pointer))
    return failure();
  value = withElementType(pointer, cast<PtrType>(getElementOrSelf(pointer)).getPointeeType());
  if (mask)
    maskType = getMaskType(pointer);
  return success();
}

void kiln::tile::printStoreTypes(OpAsmPrinter &printer, Operation *, Type pointer, Type, Value, Type) {
  printer << pointer;
}

ParseResult kiln::tile::parseAtomicTypes(OpAsmParser &parser, Type &pointer, Type &result, Type &value,
                                         OptionalOperand mask, Type &maskType) {
  if (parseAccessTypes(parser, pointer, result))
    return failure();
  value = result;
  if (mask)
    maskType = getMaskType(pointer);
  return success();
}

void kiln::tile::printAtomicTypes(OpAsmPrinter &printer, Operation *, Type pointer, Type result, Type, Value, Type) {
  printer << pointer << " -> " << result;
}

ParseResult kiln::tile::parseCASTypes(OpAsmParser &parser, Type &pointer, Type &result, Type &compare, Type &value) {
  if (parseAccessTypes(parser, pointer, result))
    return failure();
  compare = value = result;
  return success();
}

void kiln::tile::printCASTypes(OpAsmPrinter &printer, Operation *, Type pointer, Type result, Type, Type) {
  printer << pointer << " -> " << result;
}
