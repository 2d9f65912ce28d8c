//===- TileAssembly.h - Types in the assembly of memory operations ------------------------------*- C++ -*-===//
//
// Memory operations print the type of the pointer and of what they yield; those of mask, value and `other` follow from
// them.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LIB_DIALECT_TILE_IR_TILEASSEMBLY_H
#define KILN_LIB_DIALECT_TILE_IR_TILEASSEMBLY_H

#include "mlir/IR/OpImplementation.h"

namespace kiln::tile {

using OptionalOperand = std::optional<mlir::OpAsmParser::UnresolvedOperand>;

mlir::ParseResult parseLoadTypes(mlir::OpAsmParser &parser, mlir::Type &pointer, mlir::Type &result,
                                 OptionalOperand mask, mlir::Type &maskType, OptionalOperand other,
                                 mlir::Type &otherType);
void printLoadTypes(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::Type pointer, mlir::Type result,
                    mlir::Value mask, mlir::Type maskType, mlir::Value other, mlir::Type otherType);

mlir::ParseResult parseStoreTypes(mlir::OpAsmParser &parser, mlir::Type &pointer, mlir::Type &value,
                                  OptionalOperand mask, mlir::Type &maskType);
void printStoreTypes(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::Type pointer, mlir::Type value,
                     mlir::Value mask, mlir::Type maskType);

mlir::ParseResult parseAtomicTypes(mlir::OpAsmParser &parser, mlir::Type &pointer, mlir::Type &result,
                                   mlir::Type &value, OptionalOperand mask, mlir::Type &maskType);
void printAtomicTypes(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::Type pointer, mlir::Type result,
                      mlir::Type value, mlir::Value mask, mlir::Type maskType);

mlir::ParseResult parseCASTypes(mlir::OpAsmParser &parser, mlir::Type &pointer, mlir::Type &result, mlir::Type &compare,
                                mlir::Type &value);
void printCASTypes(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::Type pointer, mlir::Type result,
                   mlir::Type compare, mlir::Type value);

} // namespace kiln::tile

#endif // KILN_LIB_DIALECT_TILE_IR_TILEASSEMBLY_H
