//===- AllocateShared.cpp - tile-gpu-allocate-shared ----------------------===//
//
// An operation's bytes are its own only while it runs: it writes them, everybody waits, everybody reads. So all
// operations could start at offset 0. But then each one would first have to wait until the one before it has been read
// everywhere. Where two neighbours lie apart, the wait inside the later one serves the earlier one too, and whatever
// comes third may use the bytes of the first again: small exchanges alternate between two places.
//
// A ring has its bytes from its allocation until its copies have been waited for behind its last use. Rings lie below,
// and exchanges above those that live at the same time.
//
//===----------------------------------------------------------------------===//

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Dialect/TileGPU/Transforms/Passes.h"
#include "kiln/Dialect/TileGPU/Transforms/SharedBytes.h"

#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/Support/MathExtras.h"

namespace kiln::tile_gpu {
#define GEN_PASS_DEF_ALLOCATESHARED
#include "kiln/Dialect/TileGPU/Transforms/Passes.h.inc"
} // namespace kiln::tile_gpu

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

/// What alternating may cost beyond the largest buffer: at most 128 KiB of the 228 of a multiprocessor that holds 64
/// warps (96 of the 100 of small ones, which hold 48).
constexpr int64_t kCheapBytesPerWarp = 2048;

struct Buffer {
  Operation *op;
  int64_t bytes;
  int64_t offset = -1; // not placed yet
  /// The buffers that were written last when this operation starts.
  SmallVector<size_t, 2> before = {};
};

struct Ring {
  AllocRingOp op;
  int64_t bytes;
  int64_t offset = -1;
  Operation *last; ///< in the block of `op`

  bool livesAt(Operation *other) const {
    Operation *place = op->getBlock()->findAncestorOpInBlock(*other);
    return place && op->isBeforeInBlock(place) && place->isBeforeInBlock(last->getNextNode());
  }
};

struct AllocateSharedPass : tile_gpu::impl::AllocateSharedBase<AllocateSharedPass> {
  using AllocateSharedBase::AllocateSharedBase;

  void runOnOperation() override {
    WalkResult result = getOperation()->walk([&](func::FuncOp function) {
      return function.isExternal() || succeeded(allocate(function)) ? WalkResult::advance() : WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  LogicalResult allocate(func::FuncOp kernel);
};

/// The buffers of a kernel in program order, each with those that may come right before it: the one above it and, for
/// the first one of a loop, the last one of the loop. (Branches make this inexact; tile-gpu-insert-barriers is exact.)
SmallVector<Buffer> collectBuffers(func::FuncOp kernel) {
  SmallVector<Buffer> buffers;
  DenseMap<Operation *, size_t> firstOfLoop;
  kernel.walk([&](Operation *op, const WalkStage &stage) {
    if (stage.isBeforeAllRegions()) {
      if (isa<LoopLikeOpInterface>(op))
        firstOfLoop[op] = buffers.size();
      if (int64_t bytes = getSharedBytes(op)) {
        buffers.push_back({op, int64_t(llvm::alignTo(bytes, kSharedAlignment))});
        if (buffers.size() > 1)
          buffers.back().before.push_back(buffers.size() - 2);
      }
    }
    if (stage.isAfterAllRegions() && isa<LoopLikeOpInterface>(op)) {
      size_t first = firstOfLoop[op], count = buffers.size() - first;
      if (count > 1) {
        buffers[first].before.push_back(buffers.size() - 1);
        buffers.back().before.push_back(first);
      }
    }
  });
  return buffers;
}

SmallVector<Ring> collectRings(func::FuncOp kernel) {
  SmallVector<Ring> rings;
  kernel.walk<WalkOrder::PreOrder>([&](AllocRingOp op) {
    Ring ring{op, int64_t(llvm::alignTo(op.getType().getBytes(), kSharedAlignment)), -1, op};
    for (Operation *user : op->getUsers())
      if (Operation *place = op->getBlock()->findAncestorOpInBlock(*user); ring.last->isBeforeInBlock(place))
        ring.last = place;
    for (Operation *next = ring.last; next; next = next->getNextNode()) {
      if (auto wait = dyn_cast<AsyncWaitOp>(next); wait && wait.getGroups() == 0) {
        ring.last = next;
        break;
      }
    }
    rings.push_back(ring);
  });
  return rings;
}

/// Puts each ring behind those which live at the same time, from the outer loops to the inner ones.
void placeRings(MutableArrayRef<Ring> rings) {
  for (auto [index, ring] : llvm::enumerate(rings)) {
    ring.offset = 0;
    for (const Ring &before : rings.take_front(index))
      if (before.livesAt(ring.op) || ring.livesAt(before.op))
        ring.offset = std::max(ring.offset, before.offset + before.bytes);
  }
}

/// The lowest of the places from `base` that end within `limit` where `buffer` overlaps as few as possible of the
/// buffers before it.
int64_t findPlace(const Buffer &buffer, ArrayRef<Buffer> buffers, int64_t base, int64_t limit) {
  SmallVector<int64_t> places = {base};
  for (size_t index : buffer.before)
    if (buffers[index].offset >= 0 && buffers[index].offset + buffers[index].bytes > base)
      places.push_back(buffers[index].offset + buffers[index].bytes);
  llvm::sort(places);
  auto countOverlaps = [&](int64_t place) {
    return llvm::count_if(buffer.before, [&](size_t index) {
      const Buffer &other = buffers[index];
      return other.offset >= 0 && place < other.offset + other.bytes && other.offset < place + buffer.bytes;
    });
  };
  int64_t best = base;
  for (int64_t place : places)
    if (place + buffer.bytes <= limit && countOverlaps(place) < countOverlaps(best))
      best = place;
  return best;
}

/// "file:line" of an operation, or nothing.
std::string describeLine(Location loc) {
  std::string text;
  loc->walk([&](Location part) {
    auto line = dyn_cast<FileLineColLoc>(part);
    if (!line)
      return WalkResult::advance();
    text = (line.getFilename().getValue() + ":" + Twine(line.getLine())).str();
    return WalkResult::interrupt();
  });
  return text;
}

/// A note of an error: who else uses shared memory.
void listBuffer(InFlightDiagnostic &error, Operation *op, int64_t bytes) {
  error.attachNote(op->getLoc()) << bytes << " bytes for '" << op->getName() << "'";
}

/// Lists the rings which live when `op` has no room beside them.
void listRings(InFlightDiagnostic &error, ArrayRef<Ring> rings, Operation *op) {
  for (const Ring &ring : rings)
    if (ring.op != op && ring.livesAt(op))
      listBuffer(error, ring.op, ring.bytes);
}

LogicalResult AllocateSharedPass::allocate(func::FuncOp kernel) {
  SmallVector<Buffer> buffers = collectBuffers(kernel);
  int64_t largest = 0;
  for (const Buffer &buffer : buffers) {
    if (buffer.bytes > maxBytes) {
      InFlightDiagnostic error = buffer.op->emitOpError();
      error << "needs " << buffer.bytes << " bytes of shared memory, but a program has " << int64_t(maxBytes)
            << " at most: use smaller tiles";
      for (const Buffer &other : buffers)
        if (other.op != buffer.op && other.bytes > maxBytes)
          listBuffer(error, other.op, other.bytes);
      return error;
    }
    largest = std::max(largest, buffer.bytes);
  }
  SmallVector<Ring> rings = collectRings(kernel);
  placeRings(rings);

  Builder builder(&getContext());
  SmallVector<Attribute> list;
  int64_t total = 0;
  auto note = [&](Operation *op, int64_t offset, int64_t bytes) {
    total = std::max(total, offset + bytes);
    op->setAttr(kSharedOffsetAttr, builder.getI64IntegerAttr(offset));
    SmallVector<NamedAttribute> entry = {
        builder.getNamedAttr("name", builder.getStringAttr(op->getName().getStringRef())),
        builder.getNamedAttr("offset", builder.getI64IntegerAttr(offset)),
        builder.getNamedAttr("bytes", builder.getI64IntegerAttr(bytes))};
    if (std::string line = describeLine(op->getLoc()); !line.empty())
      entry.push_back(builder.getNamedAttr("line", builder.getStringAttr(line)));
    list.push_back(builder.getDictionaryAttr(entry));
  };
  for (Ring &ring : rings) {
    if (ring.offset + ring.bytes > maxBytes) {
      InFlightDiagnostic error = ring.op->emitOpError();
      error << "needs " << ring.bytes << " bytes of shared memory beside " << ring.offset
            << " of other rings, but a program has " << int64_t(maxBytes)
            << " at most: use fewer stages or smaller tiles";
      listRings(error, rings, ring.op);
      return error;
    }
    note(ring.op, ring.offset, ring.bytes);
  }
  for (Buffer &buffer : buffers) {
    int64_t base = 0;
    for (const Ring &ring : rings)
      if (ring.livesAt(buffer.op))
        base = std::max(base, ring.offset + ring.bytes);
    if (base + buffer.bytes > maxBytes) {
      InFlightDiagnostic error = buffer.op->emitOpError();
      error << "needs " << buffer.bytes << " bytes of shared memory beside " << base << " of rings, but a program has "
            << int64_t(maxBytes) << " at most: use fewer stages or smaller tiles";
      listRings(error, rings, buffer.op);
      return error;
    }
    int64_t limit = std::min<int64_t>(maxBytes, base + largest + getNumWarps(kernel) * kCheapBytesPerWarp);
    buffer.offset = findPlace(buffer, buffers, base, limit);
    note(buffer.op, buffer.offset, buffer.bytes);
  }
  if (tile::isKernel(kernel)) {
    kernel->setAttr(kSharedBytesAttr, builder.getI64IntegerAttr(total));
    kernel->setAttr(kSharedBuffersAttr, builder.getArrayAttr(list));
  }
  return success();
}

} // namespace
