//===- Vectors.h - Registers that one instruction can move ------*- C++ -*-===//
//
// Which registers of a thread hold neighbouring elements of a tile.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LAYOUT_VECTORS_H
#define KILN_LAYOUT_VECTORS_H

#include "kiln/Layout/LinearLayout.h"

namespace kiln {

/// The largest power of two n for which the elements that each thread of a tile's layout holds fall into runs of n
/// neighbours along dimension `dim` that start at multiples of n.
int64_t getVectorLength(const LinearLayout &layout, unsigned dim);

/// The registers cut into such runs of `length` (at most `getVectorLength`), in each the register of the first element
/// in front. The runs are in the order of their first registers.
llvm::SmallVector<llvm::SmallVector<unsigned, 16>> getVectors(const LinearLayout &layout, unsigned dim, int64_t length);

} // namespace kiln

#endif // KILN_LAYOUT_VECTORS_H
