//===- AccessWidth.h - How wide an access to memory may be ------*- C++ -*-===//
//
// What the axis facts of the pointers and the mask of an access permit: how many neighbouring elements one instruction
// may move, and what stands in the way of more. The facts are about values, so the answer holds in any layout.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_ANALYSIS_ACCESSWIDTH_H
#define KILN_ANALYSIS_ACCESSWIDTH_H

#include "kiln/Analysis/AxisFacts.h"

namespace kiln::tile {

/// The widest access of one thread of a GPU.
inline constexpr int64_t kMaxAccessBytes = 16;

/// Why an access moves less than `kMaxAccessBytes` at a time.
enum class AccessLimit : uint8_t {
  None,       ///< it does not
  Contiguity, ///< neighbouring pointers are not known to be one element apart
  Alignment,  ///< the address of a longer vector is not known to be a multiple of its size
  Mask,       ///< the mask is not known to be the same for more neighbours
  Shape,      ///< the tile is not longer
  Layout,     ///< a thread does not hold more neighbours
  Single      ///< scalars and atomics move one element
};

/// Neighbouring elements along an axis, a power of two, and why there are not more of them.
struct VectorLimit {
  int64_t elements = 1;
  AccessLimit limit = AccessLimit::Single;
};

/// How many elements of `bytes` each may be moved at once along `axis` by accesses that start at multiples of their
/// length. `mask` is null where all lanes are on.
VectorLimit getVectorLimit(const AxisFacts &pointer, const AxisFacts *mask, unsigned axis, int64_t bytes);

/// The axes of a tile of pointers, the one with the longest contiguous runs first; where two are alike, the later axis
/// goes first.
llvm::SmallVector<unsigned, 4> getAccessOrder(const AxisFacts &pointer);

} // namespace kiln::tile

#endif // KILN_ANALYSIS_ACCESSWIDTH_H
