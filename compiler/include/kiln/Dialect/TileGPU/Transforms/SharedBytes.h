//===- SharedBytes.h - How much shared memory an operation needs -*- C++ -*-===//
//
// One place that knows, of every operation on tiles, how many bytes its lowering exchanges through shared memory. The
// families of operations compute their sizes with the same functions that their lowerings use.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_DIALECT_TILEGPU_TRANSFORMS_SHAREDBYTES_H
#define KILN_DIALECT_TILEGPU_TRANSFORMS_SHAREDBYTES_H

#include "kiln/Dialect/Tile/IR/Tile.h"
#include "mlir/IR/Operation.h"

namespace kiln::tile_gpu {

/// Where the bytes of an operation may start: a multiple of this.
inline constexpr int64_t kSharedAlignment = 16; // the widest access, and a row of ldmatrix

/// Where the shared memory of a program starts: at a multiple of this.
inline constexpr int64_t kSharedBaseAlignment = 1024; // the largest period of a swizzle that the hardware knows

/// The shared memory that the lowering of `op` works in; 0 for most operations, and while its tiles have no layouts.
/// The lowering writes there, waits for all threads at least once, and reads.
int64_t getSharedBytes(mlir::Operation *op);

/// Where each result of a call with effects lies in the shared memory of the operation, in bytes: -1 for those that
/// nobody has to be told. `bytes` is what they take together.
llvm::SmallVector<int64_t> getCallOffsets(tile::ExternCallOp op, int64_t &bytes);

} // namespace kiln::tile_gpu

#endif // KILN_DIALECT_TILEGPU_TRANSFORMS_SHAREDBYTES_H
