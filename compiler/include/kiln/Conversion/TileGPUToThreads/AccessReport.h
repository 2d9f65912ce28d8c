//===- AccessReport.h - What became of each access to memory ----*- C++ -*-===//
//
// `tile-gpu-lower-to-threads` notes on each kernel what it made of the loads, stores and atomics, in program order, in
// the attribute `tile_gpu.accesses`. The resource report of a compile prints the notes.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_CONVERSION_TILEGPUTOTHREADS_ACCESSREPORT_H
#define KILN_CONVERSION_TILEGPUTOTHREADS_ACCESSREPORT_H

#include "kiln/Analysis/AccessWidth.h"

#include "mlir/IR/Operation.h"
#include "llvm/ADT/SmallVector.h"

#include <string>

namespace kiln::tile_gpu {

inline constexpr llvm::StringLiteral kAccessesAttr = "tile_gpu.accesses"; // array of dictionaries, on the kernel

enum class AccessKind : uint8_t { Load, Store, Atomic };

/// One load, store or atomic of a kernel.
struct AccessRecord {
  AccessKind kind = AccessKind::Load;
  std::string place = {}; ///< "file:line:column", or empty
  std::string type = {};  ///< of what is read or written, "64x128xbf16" or "i32"
  unsigned bits = 0;      ///< that one instruction of one thread moves
  unsigned count = 0;     ///< instructions of one thread
  bool predicated = false;
  bool readOnly = false;   ///< a load of memory that nobody writes, through the read-only path
  bool evictFirst = false; ///< a load whose memory is the first to leave the caches
  tile::AccessLimit limit = tile::AccessLimit::None; ///< why `bits` is less than 128
  std::string pipeline = {}; ///< of a load in a loop with stages: how it is pipelined, or why not

  /// "decode.cpp:41:9: load of 64x128xbf16: 8 x 128 bits, predicated, read-only".
  std::string str() const;
};

/// "load", "store" or "atomic".
llvm::StringRef describe(AccessKind kind);
/// "not wider because ...", or nothing where there is nothing to say.
llvm::StringRef describe(tile::AccessLimit limit);

/// The part of a record that every access has.
AccessRecord describeAccess(mlir::Operation *op, AccessKind kind, mlir::Value pointer);

/// The records of a kernel, a function of any dialect; none where it has not been lowered.
llvm::SmallVector<AccessRecord> getAccessRecords(mlir::Operation *kernel);
void setAccessRecords(mlir::Operation *kernel, llvm::ArrayRef<AccessRecord> records);

/// "file:line:column" of the innermost place in the source that `loc` names, or empty.
std::string getSourcePlace(mlir::Location loc);

} // namespace kiln::tile_gpu

#endif // KILN_CONVERSION_TILEGPUTOTHREADS_ACCESSREPORT_H
