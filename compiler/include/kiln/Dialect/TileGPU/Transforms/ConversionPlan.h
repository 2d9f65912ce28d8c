//===- ConversionPlan.h - How a tile changes its layout ---------*- C++ -*-===//
//
// A conversion moves the elements that each thread holds in layout S to the threads that hold them in layout D. The
// plan follows from the two maps alone:
//
//  * Where every element stays in its warp, the lanes exchange registers by shuffles. In one round each lane hands out
//    one register and receives one. That this takes no more rounds than the result has registers needs a subspace U of
//    the elements with one element for each lane of S and one for each lane of D: a common complement of what the
//    registers of S and those of D span. One round moves U, the others its cosets. Which register a lane hands out, and
//    where it puts what it receives, then depends on the lane by an exclusive-or of register numbers: some selects
//    before and after. Rounds in which all lanes talk to themselves need no shuffle; if these are all, nothing moves at
//    all.
//
//  * Otherwise the tile goes through shared memory, in a layout that is made for the two at hand. Registers that S
//    and D have in common become the low bits of the offset, so that one instruction moves up to 16 bytes. The high
//    bits, which do not change the bank, are taken outside of what the lanes of one phase of an access span, in S and
//    in D: then no two lanes meet in a bank with different words. Such vectors exist, because two proper subspaces
//    never fill a space.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_DIALECT_TILEGPU_TRANSFORMS_CONVERSIONPLAN_H
#define KILN_DIALECT_TILEGPU_TRANSFORMS_CONVERSIONPLAN_H

#include "kiln/Layout/Layouts.h"

#include <array>

namespace kiln::tile_gpu {

/// An exchange among the lanes of each warp. Registers are numbered as in the layouts, threads by lane | warp << 5.
struct WarpExchange {
  /// Threads that hold the same elements drop some: where bit `threadBit` of the thread is 0, those of the registers
  /// with bit `droppedBit`, otherwise the others. Register r is then the old register r with a 0 inserted at
  /// `droppedBit`, exclusive-or `mask` in the threads with the bit; `mask` has `droppedBit`.
  struct Thinning {
    unsigned threadBit;
    unsigned droppedBit;
    uint64_t mask;
  };
  using LaneBits = std::array<uint64_t, kLaneBits>;

  /// First, one after the other, until `sources` registers are left.
  llvm::SmallVector<Thinning, 2> thinnings;
  unsigned sources = 1;
  /// Then each lane renames its registers: r is what r ^ mask was, where mask is the exclusive-or of `before[i]` over
  /// the bits i of the lane that are 1.
  LaneBits before{};
  /// Round k hands out register `registers[k]` and receives from the lane `offsets[k]` ^ the `lanes[i]` of the bits
  /// that are 1.
  llvm::SmallVector<uint64_t> registers;
  llvm::SmallVector<uint64_t> offsets;
  LaneBits lanes{};
  /// Finally, register r of the result is what round r ^ mask received, with a mask as above.
  LaneBits after{};

  /// Whether a lane receives from itself in that round.
  bool isLocal(size_t round) const;
  bool isLocal() const;
  /// Shuffles of 32 bits, where elements of `bits` bits are packed.
  unsigned countShuffles(unsigned bits) const;
  unsigned countSelects() const;
};

/// The exchange that turns `from` into `to`, two layouts of one tile, if no element has to leave its warp.
std::optional<WarpExchange> planWarpExchange(const LinearLayout &from, const LinearLayout &to);

/// An exchange through shared memory: owners store, everybody loads.
struct SharedExchange {
  enum class Load {
    Vector,          ///< neighbouring offsets into neighbouring registers
    Matrix,          ///< ldmatrix: eight rows of 16 bytes for every 32 bits of a thread
    TransposedMatrix ///< ldmatrix.trans, of 16-bit elements
  };

  /// From elements to offsets, counted in elements: one to one.
  LinearLayout offsets;
  /// Elements that one instruction moves for a thread; for a matrix, those of its 32-bit register.
  unsigned storeVector = 1, loadVector = 1;
  Load load = Load::Vector;
  /// Different words that one bank has to deliver for an access, 1 if there are no conflicts.
  unsigned storeConflicts = 1, loadConflicts = 1;
  /// Instructions and passes through the banks, of a warp, and what it takes to rearrange small elements.
  unsigned cost = 0;

  /// The rows of a matrix load: from bits of the lane (axis lane: 3 bits of the row, then up to 2 bits of the matrix),
  /// the warp, and the group of matrices (axis register) to the offset of the row that this lane names.
  LinearLayout rows;
  /// Matrices of one ldmatrix: 1, 2 or 4.
  unsigned matrices = 1;
};

/// `elementBytes` is 1, 2, 4 or 8.
SharedExchange planSharedExchange(const LinearLayout &from, const LinearLayout &to, unsigned elementBytes);

/// Of an exchange through shared memory the side that loads, where `offsets` are given.
SharedExchange planSharedLoad(const LinearLayout &offsets, const LinearLayout &to, unsigned elementBytes);

/// The exchange whose stores are copies from global memory: each moves `piece` neighbours along `axis`, which a thread
/// holds in layout `from`, to neighbours in shared memory.
SharedExchange planRing(const LinearLayout &from, unsigned axis, int64_t piece, const LinearLayout &to,
                        unsigned elementBytes);

/// One of the two, the cheaper one.
struct ConversionPlan {
  std::optional<WarpExchange> warp;
  std::optional<SharedExchange> shared;
  int64_t sharedBytes = 0;
};

ConversionPlan planConversion(const LinearLayout &from, const LinearLayout &to, unsigned elementBytes);

} // namespace kiln::tile_gpu

#endif // KILN_DIALECT_TILEGPU_TRANSFORMS_CONVERSIONPLAN_H
