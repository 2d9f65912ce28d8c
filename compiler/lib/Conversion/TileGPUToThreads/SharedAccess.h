//===- SharedAccess.h - Elements in shared memory and in words --*- C++ -*-===//
//
// What the exchanges between threads have in common: addresses that follow from layouts, accesses of several elements,
// and elements packed into the 32-bit words that shuffles move.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LIB_CONVERSION_TILEGPUTOTHREADS_SHAREDACCESS_H
#define KILN_LIB_CONVERSION_TILEGPUTOTHREADS_SHAREDACCESS_H

#include "ThreadLowering.h"

#include "kiln/Dialect/TileGPU/Transforms/ConversionPlan.h"

namespace kiln::tile_gpu {

/// Byte addresses in the shared window: those of the offsets, counted in elements, that a layout gives (register, lane,
/// warp).
class SharedAddresses {
public:
  /// `apart` are bits that lanes have and `base` has not: a machine operation brings them in, behind all sums of
  /// values.
  SharedAddresses(ThreadLowering &lowering, mlir::Value base, const LinearLayout &places, int64_t elementBytes,
                  uint64_t apart = 0);
  /// The address for this thread and a register whose own part of the offset is `offset`.
  mlir::Value get(uint64_t offset);

private:
  mlir::Value join(uint64_t meeting);

  ThreadLowering &lowering;
  mlir::Value base, part, lanePart; // the parts are the thread's: lanePart has the bits of `apart`, `part` the others
  int64_t elementBytes;
  uint64_t apart, partBits = 0;                      // those which both parts may have
  llvm::SmallDenseMap<uint64_t, mlir::Value> starts; // by what is exclusive-ored to `part`
};

/// Stores elements, as the integers of `ThreadLowering::toBits`, in one access of 1, 2, 4, 8 or 16 bytes; only where
/// `predicate` holds, unless it is null.
void storeShared(ThreadLowering &lowering, mlir::Value address, mlir::Value predicate,
                 mlir::ArrayRef<mlir::Value> elements);
/// Loads `count` elements of `elementBytes` bytes, as integers, in one access.
mlir::SmallVector<mlir::Value> loadShared(ThreadLowering &lowering, mlir::Value address, int64_t elementBytes,
                                          int64_t count);

/// The registers of each access of `vector` elements: neighbours in shared memory, the one with the lowest offset in
/// front.
mlir::SmallVector<mlir::SmallVector<unsigned, 16>> cutIntoVectors(const LinearLayout &places, unsigned vector);
/// Loads the `registers` of a tile in layout `to` from an exchange at the address `base`. `begin` is exclusive-ored to
/// the offset of each element.
void loadExchange(ThreadLowering &lowering, const SharedExchange &plan, const LinearLayout &to, mlir::Value base,
                  mlir::Type element, mlir::MutableArrayRef<mlir::Value> registers, uint64_t begin = 0);

/// The elements of a 32-bit word.
mlir::SmallVector<mlir::Value> unpackWord(ThreadLowering &lowering, mlir::Value word, int64_t elementBytes);

/// A shuffle of values as a whole: from the lane `source` (i32), or from the lane whose number differs from this one's
/// by an exclusive-or with `mask`. The values are integers, a power of two of them, and of one type.
mlir::SmallVector<mlir::Value> shuffleFrom(ThreadLowering &lowering, mlir::ArrayRef<mlir::Value> values,
                                           mlir::Value source);
mlir::SmallVector<mlir::Value> shuffleAcross(ThreadLowering &lowering, mlir::ArrayRef<mlir::Value> values,
                                             uint64_t mask);

/// Whether bit `index` of the thread's number (5 bits of the lane, then the warp) is 1: i1.
mlir::Value getThreadBit(ThreadLowering &lowering, unsigned index);

} // namespace kiln::tile_gpu

#endif // KILN_LIB_CONVERSION_TILEGPUTOTHREADS_SHAREDACCESS_H
