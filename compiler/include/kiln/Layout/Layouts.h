//===- Layouts.h - The layouts that hardware and memory ask for -*- C++ -*-===//
//
// Factories of linear layouts, and how the layouts of an operation's operands follow from that of its result. The
// layouts of tiles have the input axes register, lane (5 bits) and warp, in this order, and the dimensions of the tile
// as output. They have no register basis of 0: a thread holds an element once.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LAYOUT_LAYOUTS_H
#define KILN_LAYOUT_LAYOUTS_H

#include "kiln/Layout/LinearLayout.h"

namespace kiln {

inline constexpr unsigned kLaneBits = 5;

/// How a blocked layout cuts a tile; one power of two for each dimension.
struct Blocking {
  llvm::SmallVector<int64_t, 4> elements; ///< neighbouring elements of one thread
  llvm::SmallVector<int64_t, 4> lanes;    ///< their product is 32
  llvm::SmallVector<int64_t, 4> warps;    ///< their product is the number of warps
  llvm::SmallVector<unsigned, 4> order;   ///< the dimensions, the one that neighbouring lanes walk first in front
};

/// Threads hold blocks of `elements`, warps hold `lanes` of these, programs `warps` of those; what is left of a larger
/// tile is repeated in registers, and what exceeds a smaller one is replicated.
LinearLayout blockedLayout(llvm::ArrayRef<int64_t> shape, const Blocking &blocking);

/// The result of mma.sync m16n8: [M, N], with `warps[0]` warps along M and `warps[1]` along N, the ones along M first.
/// A dimension that is shorter than the instruction is replicated.
LinearLayout mmaResultLayout(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> warps);

/// Operand 0 ([M, K]) or 1 ([K, N]) of the mma.sync m16n8 whose result is distributed over `warps`. The elements have
/// `bits` bits; the instruction takes 256 / bits of them along K at a time.
LinearLayout mmaOperandLayout(unsigned operand, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> warps,
                              unsigned bits);

/// From an offset in shared memory, in elements, to the element of a tile that lies there: rows along `order[0]`, cut
/// into pieces of `vector` elements of which the row with number r exchanges piece p with piece p ^ ((r / rowsPerPhase)
/// % phases). One phase is no swizzle.
LinearLayout sharedLayout(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<unsigned> order, int64_t vector = 1,
                          int64_t rowsPerPhase = 1, int64_t phases = 1);

/// The layout of a tile that lacks dimension `axis`, each element of which is held where any element of the row along
/// the dimension is.
LinearLayout sliceLayout(const LinearLayout &layout, unsigned axis);

/// Of the source of a broadcast to the shape of `layout`, or of an elementwise operand that has fewer dimensions:
/// `shape` has the same rank and 1 where the source repeats.
LinearLayout broadcastSourceLayout(const LinearLayout &layout, llvm::ArrayRef<int64_t> shape);

/// Of a result whose dimension i is dimension `order[i]` of a tile in `layout`.
LinearLayout transposeLayout(const LinearLayout &layout, llvm::ArrayRef<int32_t> order);

/// The same threads hold the same elements, numbered in row-major order, under another shape.
LinearLayout reshapeLayout(const LinearLayout &layout, llvm::ArrayRef<int64_t> shape);

/// The sizes of the dimensions of a tile with `layout`.
llvm::SmallVector<int64_t> getShape(const LinearLayout &layout);

} // namespace kiln

#endif // KILN_LAYOUT_LAYOUTS_H
