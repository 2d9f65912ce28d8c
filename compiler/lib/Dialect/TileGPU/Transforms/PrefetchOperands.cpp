//===- PrefetchOperands.cpp - tile-gpu-prefetch-operands ------------------===//
//
// A pipelined loop begins with a wait for copies, behind which all threads wait for each other, start new copies and
// read operands. Tensor cores have nothing to do until the first operands are there. This pass moves the wait into the
// middle of the products: those behind it have their operands in registers.
//
// The slot that copies of iteration i go to is the one that iteration i - 1 has read. Its last reads stand in front of
// the barrier behind which the first ones of iteration i stand, so that the one barrier of an iteration is enough.
//
//===----------------------------------------------------------------------===//

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Dialect/TileGPU/Transforms/Passes.h"
#include "kiln/Layout/MmaTiling.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

namespace kiln::tile_gpu {
#define GEN_PASS_DEF_PREFETCHOPERANDS
#include "kiln/Dialect/TileGPU/Transforms/Passes.h.inc"
} // namespace kiln::tile_gpu

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

/// A loop in the form that tile-gpu-pipeline leaves, and its product.
struct Candidate {
  AsyncWaitOp wait;
  SmallVector<AsyncLoadOp> copies;
  AsyncCommitOp commit;
  MmaOp mma;
  RingLoadOp a, b;
  int64_t partK = 0;
};

/// Whether `op` may stand between the wait and the product, which trade places.
bool isHarmless(Operation &op) { return isMemoryEffectFree(&op) || isa<tile::LoadOp, RingLoadOp>(op); }

std::optional<Candidate> match(scf::ForOp loop) {
  Candidate found;
  for (Operation &op : *loop.getBody()) {
    if (auto wait = dyn_cast<AsyncWaitOp>(op)) {
      if (found.wait)
        return {};
      found.wait = wait;
    } else if (auto copy = dyn_cast<AsyncLoadOp>(op)) {
      found.copies.push_back(copy);
    } else if (auto commit = dyn_cast<AsyncCommitOp>(op)) {
      if (found.commit)
        return {};
      found.commit = commit;
    } else if (auto mma = dyn_cast<MmaOp>(op)) {
      if (found.mma)
        return {};
      found.mma = mma;
    } else if (!found.mma && !isHarmless(op)) {
      return {};
    }
  }
  if (!found.wait || !found.commit || found.copies.empty() || !found.mma || !found.commit->isBeforeInBlock(found.mma) ||
      !found.wait->isBeforeInBlock(found.copies.front()))
    return {};
  found.a = found.mma.getA().getDefiningOp<RingLoadOp>();
  found.b = found.mma.getB().getDefiningOp<RingLoadOp>();
  if (!found.a || !found.b || found.a == found.b || !found.a->hasOneUse() || !found.b->hasOneUse() ||
      found.a.getSlot() != found.b.getSlot())
    return {};
  auto slot = dyn_cast<BlockArgument>(found.a.getSlot());
  if (!slot || slot.getOwner() != loop.getBody())
    return {};
  int64_t others = 0;
  loop->walk([&](RingLoadOp load) { others += load != found.a && load != found.b; });
  auto type = cast<RankedTensorType>(found.a.getType());
  found.partK = 256 / type.getElementTypeBitWidth();
  if (others != 0 || found.a.getBegin() || found.b.getBegin() || type.getDimSize(1) < 2 * found.partK)
    return {};
  return found;
}

class Prefetching {
public:
  Prefetching(scf::ForOp loop, Candidate candidate)
      : loop(loop), candidate(candidate), rewriter(loop.getContext()), loc(candidate.mma.getLoc()),
        parts(cast<RankedTensorType>(candidate.a.getType()).getDimSize(1) / candidate.partK) {}

  /// Returns false, and does nothing, where the next slot is not known before the product.
  bool run();

private:
  using Operands = std::pair<Value, Value>;

  bool computeNextSlotEarly();
  Operands read(int64_t part, Value slot, int64_t ahead);

  scf::ForOp loop;
  Candidate candidate;
  IRRewriter rewriter;
  Location loc;
  int64_t parts;
};

/// Operands of the product number `part`.
Prefetching::Operands Prefetching::read(int64_t part, Value slot, int64_t ahead) {
  MmaOp mma = candidate.mma;
  auto readPart = [&](RingLoadOp whole, unsigned operand) -> Value {
    auto type = cast<RankedTensorType>(whole.getType());
    SmallVector<int64_t> shape(type.getShape()), begin = {0, 0};
    unsigned dimK = operand == 0 ? 1 : 0;
    shape[dimK] = candidate.partK;
    begin[dimK] = part * candidate.partK;
    LinearLayout layout = mmaOperandLayout(operand, shape, mma.getWarps(), type.getElementTypeBitWidth());
    auto partType = RankedTensorType::get(shape, type.getElementType(), LayoutAttr::get(type.getContext(), layout));
    auto load = RingLoadOp::create(rewriter, whole.getLoc(), partType, whole.getRing(), slot,
                                   rewriter.getDenseI64ArrayAttr(begin));
    load->setAttr(kAheadAttr, rewriter.getI64IntegerAttr(ahead));
    return load;
  };
  Value a = readPart(candidate.a, 0);
  return {a, readPart(candidate.b, 1)};
}

/// Moves what the next slot is computed from in front of the product.
bool Prefetching::computeNextSlotEarly() {
  Block *body = loop.getBody();
  auto slot = cast<BlockArgument>(candidate.a.getSlot());
  Value next = loop.getTiedLoopYieldedValue(slot)->get();
  llvm::SetVector<Operation *> late;
  SmallVector<Value> worklist = {next};
  while (!worklist.empty()) {
    Operation *op = worklist.pop_back_val().getDefiningOp();
    if (!op || op->getBlock() != body || op->isBeforeInBlock(candidate.mma) || !late.insert(op))
      continue;
    if (op == candidate.mma || op->getNumRegions() != 0 || !isMemoryEffectFree(op))
      return false;
    llvm::append_range(worklist, op->getOperands());
  }
  SmallVector<Operation *> ordered = late.takeVector();
  llvm::sort(ordered, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  for (Operation *op : ordered)
    op->moveBefore(candidate.mma);
  return true;
}

bool Prefetching::run() {
  if (!computeNextSlotEarly())
    return false;
  // In front of the loop: what the first iteration would wait for, and its first operands.
  auto slot = cast<BlockArgument>(candidate.a.getSlot());
  rewriter.setInsertionPoint(loop);
  AsyncWaitOp::create(rewriter, candidate.wait.getLoc(), candidate.wait.getGroups());
  Operands first = read(0, loop.getTiedLoopInit(slot)->get(), 0);
  unsigned slotNumber = slot.getArgNumber();
  auto replaced =
      loop.replaceWithAdditionalYields(rewriter, {first.first, first.second}, /*replaceInitOperandUsesInLoop=*/false,
                                       [](OpBuilder &, Location, ArrayRef<BlockArgument> added) {
                                         return SmallVector<Value>(added.begin(), added.end());
                                       });
  loop = cast<scf::ForOp>(*replaced);
  Block *body = loop.getBody();
  Value now = body->getArgument(slotNumber);
  Operands operands = {body->getArguments().end()[-2], body->getArguments().end()[-1]};
  Operation *yield = body->getTerminator();
  Value next = yield->getOperand(slotNumber - 1);

  MmaOp mma = candidate.mma;
  rewriter.setInsertionPoint(mma);
  Value sum = mma.getC();
  int64_t copied = 0, copies = candidate.copies.size();
  for (int64_t part = 0; part < parts; ++part) {
    Operands following;
    if (part + 1 < parts) {
      following = read(part + 1, now, 0);
      for (; copied < copies && copied * (parts - 1) < (part + 1) * copies; ++copied)
        candidate.copies[copied]->moveBefore(mma);
      if (part + 2 == parts)
        candidate.commit->moveBefore(mma);
    } else {
      candidate.wait->moveBefore(mma);
      following = read(0, next, 1);
    }
    sum = MmaOp::create(rewriter, loc, mma.getType(), operands.first, operands.second, sum, mma.getWarps());
    operands = following;
  }
  rewriter.replaceOp(mma, sum);
  rewriter.eraseOp(candidate.a);
  rewriter.eraseOp(candidate.b);
  yield->setOperand(yield->getNumOperands() - 2, operands.first);
  yield->setOperand(yield->getNumOperands() - 1, operands.second);
  return true;
}

struct PrefetchOperandsPass : tile_gpu::impl::PrefetchOperandsBase<PrefetchOperandsPass> {
  void runOnOperation() override {
    SmallVector<std::pair<scf::ForOp, Candidate>> candidates;
    getOperation().walk([&](scf::ForOp loop) {
      if (std::optional<Candidate> candidate = match(loop))
        candidates.push_back({loop, *candidate});
    });
    for (auto &[loop, candidate] : candidates)
      Prefetching(loop, candidate).run();
  }
};

} // namespace
