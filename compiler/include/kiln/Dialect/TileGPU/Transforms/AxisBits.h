//===- AxisBits.h - Where the positions along an axis are -------*- C++ -*-===//
//
// What reductions and scans need to know of a layout: which bits of register, lane and warp number an element's
// position along one axis, and how large the table is through which warps tell each other their partial results.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_DIALECT_TILEGPU_TRANSFORMS_AXISBITS_H
#define KILN_DIALECT_TILEGPU_TRANSFORMS_AXISBITS_H

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"

namespace kiln::tile_gpu {

struct AxisBits {
  /// One bit of the position along the axis.
  struct Bit {
    Axis place;     ///< register, lane or warp
    unsigned index; ///< the bit of the register, lane or warp number
  };

  AxisBits(const LinearLayout &layout, unsigned axis);

  /// From the lowest bit of the position to the highest.
  llvm::SmallVector<Bit> bits;
  /// Whether the layout is as these functions need it: every basis is 0 or one bit of one coordinate, and no bit of the
  /// position comes from two places. All layouts that Kiln chooses are.
  bool isPlain = true;
  uint64_t registers = 0, lanes = 0, warps = 0; ///< the same bits as masks

  /// What a thread has left where warps begin to exchange: as many values as it has registers that do not differ in
  /// their position along the axis alone. In an `ordered` reduction only those positions count which lie below the
  /// first one of a warp.
  int64_t getRows(const LinearLayout &layout, bool ordered) const;
};

/// Whether the combiner of a reduction may take its operands in any order: each result is one commutative operation on
/// its two arguments.
bool isCommutative(mlir::Region &combiner);

/// The table of partial results: for each operand of `op`, a reduce or scan, for each row and each thread one element.
/// `offsets` gets the byte where each operand's part starts; returns the bytes in all, 0 where no warp needs another.
int64_t getPartialsTable(mlir::Operation *op, unsigned axis, llvm::SmallVectorImpl<int64_t> &offsets);

} // namespace kiln::tile_gpu

#endif // KILN_DIALECT_TILEGPU_TRANSFORMS_AXISBITS_H
