//===- ReadOnly.h - Which read-only arguments a pointer may reach -*- C++ -*-===//

#ifndef KILN_DIALECT_TILE_IR_READONLY_H
#define KILN_DIALECT_TILE_IR_READONLY_H

#include "mlir/IR/Value.h"

namespace kiln::tile {

/// An argument marked `tile.readonly` that `pointer` may be derived from, by any way through branches and loops; null
/// where there is none. To be asked in verifiers too, where what surrounds it may be invalid.
mlir::BlockArgument findReadOnlyArgument(mlir::Value pointer);

} // namespace kiln::tile

#endif // KILN_DIALECT_TILE_IR_READONLY_H
