//===- PlanScratch.cpp - tile-plan-scratch --------------------------------===//
//
// A program runs alone on its thread, every buffer has a static size, and none outlives the iteration that allocates it
// (what loops carry is copied into buffers from before the loop). So a buffer is a fixed place in one scratch area, and
// buffers that are never needed at the same time share theirs, which keeps the working set of an inner loop within the
// first-level cache.
//
// Lifetimes are intervals over the operations in textual order. A buffer from outside a loop that is used inside lives
// until the end of the loop.
//
//===----------------------------------------------------------------------===//

#include "kiln/Conversion/TileToCPU/Passes.h"
#include "kiln/Dialect/Tile/IR/Tile.h"
#include "mlir/Dialect/Arith/Transforms/BufferViewFlowOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/Support/MathExtras.h"

namespace kiln {
#define GEN_PASS_DEF_TILEPLANSCRATCH
#include "kiln/Conversion/TileToCPU/Passes.h.inc"
} // namespace kiln

using namespace mlir;

namespace {

constexpr int64_t kAlignment = 64; // one cache line, and the widest vector

struct Buffer {
  memref::AllocOp op;
  int64_t begin = 0, end = 0; // first and last operation that may touch it
  int64_t bytes = 0, offset = 0;
};

int64_t bytesOf(MemRefType type) {
  return llvm::alignTo(type.getNumElements() * llvm::divideCeil(type.getElementTypeBitWidth(), 8), kAlignment);
}

struct PlanScratchPass : kiln::impl::TilePlanScratchBase<PlanScratchPass> {
  /// Without its model the analysis does not see that an arith.select yields one of two buffers.
  void getDependentDialects(DialectRegistry &registry) const override {
    TilePlanScratchBase::getDependentDialects(registry);
    arith::registerBufferViewFlowOpInterfaceExternalModels(registry);
  }

  void runOnOperation() override {
    getOperation()->walk([&](func::FuncOp function) {
      if (!function.isExternal())
        plan(function);
    });
  }

  void plan(func::FuncOp function);
};

void PlanScratchPass::plan(func::FuncOp function) {
  DenseMap<Operation *, int64_t> first, last; // the span of an operation with its regions
  int64_t clock = 0;
  function.walk([&](Operation *op, const WalkStage &stage) {
    if (stage.isBeforeAllRegions())
      first[op] = clock++;
    if (stage.isAfterAllRegions())
      last[op] = clock++;
  });

  BufferViewFlowAnalysis aliases(function);
  SmallVector<Buffer> buffers;
  function.walk([&](memref::AllocOp op) {
    Buffer buffer{op, first[op], last[op], bytesOf(op.getType()), 0};
    for (Value alias : aliases.resolve(op.getResult())) {
      for (Operation *user : alias.getUsers()) {
        // A use in a loop that the buffer is not local to happens in every iteration.
        Operation *span = user;
        for (Operation *parent = user->getParentOp(); parent != function; parent = parent->getParentOp())
          if (isa<LoopLikeOpInterface>(parent) && !parent->isAncestor(op))
            span = parent;
        buffer.begin = std::min(buffer.begin, first[span]);
        buffer.end = std::max(buffer.end, last[span]);
      }
    }
    buffers.push_back(buffer);
  });

  // First fit, in order of allocation.
  int64_t total = 0;
  for (size_t i = 0; i < buffers.size(); ++i) {
    Buffer &buffer = buffers[i];
    SmallVector<Buffer *> overlapping;
    for (size_t j = 0; j < i; ++j)
      if (buffers[j].begin <= buffer.end && buffer.begin <= buffers[j].end)
        overlapping.push_back(&buffers[j]);
    llvm::sort(overlapping, [](Buffer *a, Buffer *b) { return a->offset < b->offset; });
    for (Buffer *other : overlapping)
      if (buffer.offset + buffer.bytes > other->offset)
        buffer.offset = std::max(buffer.offset, other->offset + other->bytes);
    total = std::max(total, buffer.offset + buffer.bytes);
  }

  OpBuilder builder(function.getContext());
  auto scratchType = MemRefType::get({total}, builder.getI8Type());
  if (failed(function.insertArgument(function.getNumArguments(), scratchType, {}, function.getLoc())))
    return signalPassFailure();
  Value scratch = function.getArguments().back();
  builder.setInsertionPointToStart(&function.front());
  for (Buffer &buffer : buffers) {
    Value offset = arith::ConstantIndexOp::create(builder, buffer.op.getLoc(), buffer.offset);
    Value view =
        memref::ViewOp::create(builder, buffer.op.getLoc(), buffer.op.getType(), scratch, offset, ValueRange{});
    buffer.op.replaceAllUsesWith(view);
    buffer.op.erase();
  }
  // From here on it is a function like any other.
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    function.setArgAttrs(i, ArrayRef<NamedAttribute>{});
  function->removeAttr(kiln::tile::kKernelAttr);
  function->removeAttr(kiln::tile::kNumWarpsAttr);
  function->setAttr(kiln::kScratchBytesAttr, builder.getI64IntegerAttr(total));
}

} // namespace
