//===- DotStaging.h - Operands of a dot in shared memory --------*- C++ -*-===//
//
// How a tile.dot that threads compute by themselves shares its operands: as rows of the type that it sums in, `a` as
// [M, chunk] and `b` behind it as [chunk, N], for one chunk of K after the other.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_DIALECT_TILEGPU_TRANSFORMS_DOTSTAGING_H
#define KILN_DIALECT_TILEGPU_TRANSFORMS_DOTSTAGING_H

#include "kiln/Dialect/Tile/IR/Tile.h"

namespace kiln::tile_gpu {

struct DotStaging {
  explicit DotStaging(tile::DotOp dot);

  int64_t m, n, k;
  int64_t chunk;            ///< how much of K is there at a time; it divides K
  int64_t elementBytes;     ///< of the type of the sums
  int64_t strideA, strideB; ///< from one row to the next, in elements
  int64_t offsetB;          ///< where `b` starts, in bytes
  int64_t bytes;            ///< of both

  /// Elements of the widest access.
  int64_t getVector() const { return 16 / elementBytes; }

private:
  void setChunk(int64_t size);
};

} // namespace kiln::tile_gpu

#endif // KILN_DIALECT_TILEGPU_TRANSFORMS_DOTSTAGING_H
