//===- ThreadLowering.h - What one thread holds of each tile ----*- C++ -*-===//
//
// The state of `tile-gpu-lower-to-threads`: which scalars a tile has become, who the thread is, and helpers to emit its
// code. Each family of operations has a file of its own that lowers it with these means; Lowerings.h declares them.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LIB_CONVERSION_TILEGPUTOTHREADS_THREADLOWERING_H
#define KILN_LIB_CONVERSION_TILEGPUTOTHREADS_THREADLOWERING_H

#include "kiln/Conversion/TileGPUToThreads/AccessReport.h"
#include "kiln/Dialect/TileGPU/IR/MachineOps.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Dialect/TileGPU/Transforms/AccessPlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/DenseMap.h"

namespace kiln::tile_gpu {

struct ThreadLoweringOptions {
  /// Emit what the emulator compares around conversions of layouts.
  bool checkExchanges = false;
  /// Of the target, 10 * major + minor: rows that it lacks are replaced by others.
  unsigned capability = 80;
};

class ThreadLowering {
public:
  ThreadLowering(mlir::func::FuncOp kernel, ThreadLoweringOptions options);

  mlir::func::FuncOp getKernel() const { return kernel; }
  const ThreadLoweringOptions &getOptions() const { return options; }
  int64_t getNumWarps() const { return numWarps; }

  /// Code goes to the insertion point of the builder, with the location of the operation at hand.
  mlir::OpBuilder builder;
  mlir::Location loc;
  /// The insertion point goes before `op`, the location becomes its own.
  void start(mlir::Operation *op);

  //===--------------------------------------------------------------------===//
  // Values
  //===--------------------------------------------------------------------===//

  /// The type of a scalar: pointers are 64-bit integers, everything else is as it is.
  static mlir::Type getScalarType(mlir::Type type);
  /// Of a scalar of any type: itself, or the integer that a pointer has become.
  mlir::Value getScalar(mlir::Value value) const;
  /// What this thread holds of a tile, by register; of a scalar, the scalar alone.
  mlir::SmallVector<mlir::Value> getRegisters(mlir::Value value) const;
  /// Says what a tile or a scalar pointer has become.
  void setRegisters(mlir::Value value, mlir::ArrayRef<mlir::Value> registers);
  /// A scalar result: replaces its uses, or notes the integer that a pointer becomes.
  void setScalar(mlir::Value value, mlir::Value scalar);
  /// One of the two: of a scalar, `registers` holds it alone.
  void setResult(mlir::Value value, mlir::ArrayRef<mlir::Value> registers);

  //===--------------------------------------------------------------------===//
  // The thread
  //===--------------------------------------------------------------------===//

  /// i32, computed once at the entry of the kernel. Lanes count from 0 to 31, warps from 0.
  mlir::Value getThread();
  mlir::Value getLane();
  mlir::Value getWarp();

  /// The exclusive-or of `lanes[i]` for each bit i that is 1 in the lane and `warps[i]` for each bit of the warp: i32.
  mlir::Value combineThreadBits(mlir::ArrayRef<uint64_t> lanes, mlir::ArrayRef<uint64_t> warps);
  /// The part of the image of (register, lane, warp) that comes from lane and warp, i32: of the whole point, or of its
  /// coordinate along `axis`.
  mlir::Value getThreadPart(const LinearLayout &layout);
  mlir::Value getThreadPart(const LinearLayout &layout, Axis axis);
  /// The coordinates along `axis` of the elements that this thread holds, i32, by register.
  mlir::SmallVector<mlir::Value> getCoordinates(const LinearLayout &layout, Axis axis);
  /// `part ^ constant`, as an addition where they have no bit in common: `bits` are all that `part` may have.
  mlir::Value combine(mlir::Value part, uint64_t bits, uint64_t constant);
  /// Whether this thread is the one of those that hold the same elements which has the lowest number, i1; null where
  /// every element is held once.
  mlir::Value isOwner(const LinearLayout &layout);
  /// The same of the layout of a tile; of a scalar, the first thread is the owner.
  mlir::Value isOwner(mlir::Value value);
  mlir::Value isFirstThread();

  //===--------------------------------------------------------------------===//
  // Accesses
  //===--------------------------------------------------------------------===//

  const AccessPlan &getAccessPlan(mlir::Operation *op) const { return plans.get(op); }
  void addAccessRecord(const AccessRecord &record) { records.push_back(record); }
  mlir::ArrayRef<AccessRecord> getAccessRecords() const { return records; }
  /// A number for an exchange that is checked.
  unsigned countExchange() { return numExchanges++; }

  //===--------------------------------------------------------------------===//
  // Code
  //===--------------------------------------------------------------------===//

  mlir::Value i1(bool value);
  mlir::Value i32(int64_t value);
  mlir::Value i64(int64_t value);
  /// The zero of an integer, float or address type.
  mlir::Value zero(mlir::Type type);
  mlir::Value add(mlir::Value a, mlir::Value b);
  /// a && b, where null stands for true.
  mlir::Value conjunction(mlir::Value a, mlir::Value b);

  /// A machine operation with one result, or without.
  mlir::Value machine(llvm::StringRef name, mlir::ValueRange operands = {});
  /// A machine operation with any number of results.
  mlir::ValueRange machineResults(llvm::StringRef name, mlir::ValueRange operands);
  /// All threads of the program wait for each other.
  void barrier();
  /// Where the program's shared memory starts, and that of `op`, which tile-gpu-allocate-shared placed at an offset:
  /// byte addresses in the shared window, i32.
  mlir::Value getSharedBase();
  mlir::Value getSharedAddress(mlir::Operation *op);
  static int64_t getSharedOffset(mlir::Operation *op);
  /// What copies take whose source is to leave the L2 cache first, i64. Made once, at the entry of the kernel.
  mlir::Value getEvictFirstPolicy();

  /// The bits of `value` as an integer of its width; an i1 becomes an i8.
  mlir::Value toBits(mlir::Value value);
  /// The reverse.
  mlir::Value fromBits(mlir::Value bits, mlir::Type type);

  /// A copy of the combiner of a reduce or scan at the insertion point: (lhs..., rhs...) -> results.
  mlir::SmallVector<mlir::Value> inlineCombiner(mlir::Region &combiner, mlir::ValueRange lhs, mlir::ValueRange rhs);

private:
  mlir::OpBuilder atEntry();

  mlir::func::FuncOp kernel;
  ThreadLoweringOptions options;
  int64_t numWarps;
  unsigned numExchanges = 0;
  mlir::Value thread, lane, warp, sharedBase, evictFirstPolicy;
  llvm::DenseMap<mlir::Value, mlir::SmallVector<mlir::Value>> registers;
  AccessPlans plans;
  mlir::SmallVector<AccessRecord> records;
};

/// Bytes of an element where it lies in memory: at least one.
inline int64_t getBytes(mlir::Type type) {
  mlir::Type scalar = ThreadLowering::getScalarType(type);
  return (scalar.getIntOrFloatBitWidth() + 7) / 8;
}

} // namespace kiln::tile_gpu

#endif // KILN_LIB_CONVERSION_TILEGPUTOTHREADS_THREADLOWERING_H
