//===- Lowerings.h - How each family of operations is lowered ---*- C++ -*-===//
//
// Each function emits the code of one operation through the ThreadLowering, whose insertion point is set, and says what
// the results have become. The operation itself is erased by the caller. On failure an error has been emitted.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LIB_CONVERSION_TILEGPUTOTHREADS_LOWERINGS_H
#define KILN_LIB_CONVERSION_TILEGPUTOTHREADS_LOWERINGS_H

#include "ThreadLowering.h"

namespace kiln::tile_gpu {

// ShapeLowering.cpp
llvm::LogicalResult lowerArange(ThreadLowering &lowering, tile::ArangeOp op);
llvm::LogicalResult lowerSplat(ThreadLowering &lowering, tile::SplatOp op);
llvm::LogicalResult lowerBroadcast(ThreadLowering &lowering, tile::BroadcastOp op);
/// expand_dims, reshape, trans: the registers change their names at most.
llvm::LogicalResult lowerRename(ThreadLowering &lowering, mlir::Operation *op);

// DotLowering.cpp, MmaLowering.cpp
llvm::LogicalResult lowerDot(ThreadLowering &lowering, tile::DotOp op);
llvm::LogicalResult lowerMma(ThreadLowering &lowering, MmaOp op);

// RingLowering.cpp
llvm::LogicalResult lowerAsyncLoad(ThreadLowering &lowering, AsyncLoadOp op);
llvm::LogicalResult lowerAsyncCommit(ThreadLowering &lowering, AsyncCommitOp op);
llvm::LogicalResult lowerAsyncWait(ThreadLowering &lowering, AsyncWaitOp op);
llvm::LogicalResult lowerRingLoad(ThreadLowering &lowering, RingLoadOp op);

// ReduceLowering.cpp, ScanLowering.cpp
llvm::LogicalResult lowerReduce(ThreadLowering &lowering, tile::ReduceOp op);
llvm::LogicalResult lowerScan(ThreadLowering &lowering, tile::ScanOp op);

// Fp8Lowering.cpp
/// Whether a number or the elements of a tile are fp8.
bool isFp8(mlir::Type type);
llvm::LogicalResult lowerFp8Extend(ThreadLowering &lowering, mlir::arith::ExtFOp op);
llvm::LogicalResult lowerFp8Truncate(ThreadLowering &lowering, mlir::arith::TruncFOp op);

// ElementwiseLowering.cpp
llvm::LogicalResult lowerConstant(ThreadLowering &lowering, mlir::arith::ConstantOp op);
llvm::LogicalResult lowerAddPtr(ThreadLowering &lowering, tile::AddPtrOp op);
llvm::LogicalResult lowerBitcast(ThreadLowering &lowering, tile::BitcastOp op);
/// Operations of arith and math, which are repeated for each register.
llvm::LogicalResult lowerElementwise(ThreadLowering &lowering, mlir::Operation *op);

// MemoryLowering.cpp
llvm::LogicalResult lowerLoad(ThreadLowering &lowering, tile::LoadOp op);
llvm::LogicalResult lowerStore(ThreadLowering &lowering, tile::StoreOp op);

// AtomicLowering.cpp
llvm::LogicalResult lowerAtomicRMW(ThreadLowering &lowering, tile::AtomicRMWOp op);
llvm::LogicalResult lowerAtomicCAS(ThreadLowering &lowering, tile::AtomicCASOp op);
/// Makes the `values` of a result that the owners of its elements have known to all who hold these: through shared
/// memory from `base` on, with a barrier between writing and reading.
void shareOwnedValues(ThreadLowering &lowering, mlir::Value result, mlir::MutableArrayRef<mlir::Value> values,
                      mlir::Value owner, mlir::Value base);

// ExternCallLowering.cpp
llvm::LogicalResult lowerExternCall(ThreadLowering &lowering, tile::ExternCallOp op);

// CheckLowering.cpp
llvm::LogicalResult lowerAssert(ThreadLowering &lowering, tile::AssertOp op);
llvm::LogicalResult lowerAssume(ThreadLowering &lowering, tile::AssumeOp op);
llvm::LogicalResult lowerPrint(ThreadLowering &lowering, tile::PrintOp op);
// ConvertLayoutLowering.cpp
llvm::LogicalResult lowerConvertLayout(ThreadLowering &lowering, ConvertLayoutOp op);

} // namespace kiln::tile_gpu

#endif // KILN_LIB_CONVERSION_TILEGPUTOTHREADS_LOWERINGS_H
