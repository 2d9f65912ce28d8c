//===- InsertBarriers.cpp - tile-gpu-insert-barriers ----------------------===//
//
// Follows the program in its order and keeps what threads may still be doing when another one is already further:
// reading the shared memory of an earlier operation, accessing global memory. An operation that would interfere gets a
// barrier in front of it, after which nothing is pending.
//
// A loop is followed until what is pending at its end is also assumed at its beginning; only then are barriers put into
// it. Conditions are the same for all threads of a program, so barriers may stand anywhere.
//
//===----------------------------------------------------------------------===//

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Dialect/TileGPU/Transforms/Passes.h"
#include "kiln/Dialect/TileGPU/Transforms/SharedBytes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/SetVector.h"

namespace kiln::tile_gpu {
#define GEN_PASS_DEF_INSERTBARRIERS
#include "kiln/Dialect/TileGPU/Transforms/Passes.h.inc"
} // namespace kiln::tile_gpu

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

/// Something that some thread may still have to do.
struct Access {
  enum Kind { SharedRead, GlobalRead, GlobalWrite };
  Kind kind;
  int64_t begin = 0, end = 0; // of shared memory, in bytes
  Value pointer = {};         // to global memory; null where it may differ from what the value is now
  bool isScalar = false;      // read by all threads, written by the first one

  bool operator==(const Access &) const = default;
};

/// All accesses since the last barrier.
class Pending {
public:
  void clear() { accesses.clear(); }
  /// Returns whether it was new.
  bool add(const Access &access) {
    if (llvm::is_contained(accesses, access))
      return false;
    accesses.push_back(access);
    return true;
  }
  bool add(const Pending &other) {
    bool grown = false;
    for (const Access &access : other.accesses)
      grown |= add(access);
    return grown;
  }
  /// As it is for the next iteration of `loop`: a pointer from the last iteration is not the one of the next.
  Pending after(Operation *loop) const {
    Pending aged;
    for (Access access : accesses) {
      if (access.pointer && loop->isProperAncestor(access.pointer.getParentBlock()->getParentOp()))
        access.pointer = {};
      else if (access.pointer && access.pointer.getParentBlock()->getParentOp() == loop)
        access.pointer = {};
      aged.add(access);
    }
    return aged;
  }
  bool conflictsWith(const Access &access) const;

private:
  SmallVector<Access> accesses;
};

/// Whether one thread alone does both, so that they happen in the order of the program.
bool isSameThread(const Access &a, const Access &b) {
  if (a.isScalar && b.isScalar && a.kind == Access::GlobalWrite && b.kind == Access::GlobalWrite)
    return true;
  if (!a.pointer || a.pointer != b.pointer || a.isScalar || b.isScalar)
    return false;
  // The same addresses in the same layout; but where an element has several holders, one writes and all read.
  LayoutAttr layout = getLayout(a.pointer);
  return (a.kind == Access::GlobalWrite && b.kind == Access::GlobalWrite) ||
         (layout && layout.getLinear().isInjective());
}

bool Pending::conflictsWith(const Access &access) const {
  return llvm::any_of(accesses, [&](const Access &other) {
    if (access.kind == Access::SharedRead || other.kind == Access::SharedRead)
      return access.kind == other.kind && access.begin < other.end && other.begin < access.end;
    if (access.kind == Access::GlobalRead && other.kind == Access::GlobalRead)
      return false;
    return !isSameThread(access, other);
  });
}

/// The accesses of `op` to global memory that may change.
SmallVector<Access> getGlobalAccesses(Operation *op) {
  SmallVector<Access> accesses;
  auto add = [&](Access::Kind kind, Value pointer) {
    accesses.push_back({.kind = kind, .pointer = pointer, .isScalar = !isa<RankedTensorType>(pointer.getType())});
  };
  if (auto load = dyn_cast<tile::LoadOp>(op)) {
    if (!tile::isReadOnlyMemory(load.getPointer()))
      add(Access::GlobalRead, load.getPointer());
  } else if (auto store = dyn_cast<tile::StoreOp>(op)) {
    add(Access::GlobalWrite, store.getPointer());
  } else if (isa<tile::AtomicRMWOp, tile::AtomicCASOp>(op)) {
    Value pointer = isa<tile::AtomicRMWOp>(op) ? cast<tile::AtomicRMWOp>(op).getPointer()
                                               : cast<tile::AtomicCASOp>(op).getPointer();
    add(Access::GlobalRead, pointer);
    add(Access::GlobalWrite, pointer);
  } else if (auto call = dyn_cast<tile::ExternCallOp>(op); call && !call.getPure()) {
    // It may do anything.
    accesses.push_back({.kind = Access::GlobalRead});
    accesses.push_back({.kind = Access::GlobalWrite});
  }
  return accesses;
}

class BarrierInsertion {
public:
  explicit BarrierInsertion(func::FuncOp kernel) : kernel(kernel) {}
  void run() {
    Pending pending;
    visit(kernel.front(), pending, /*insert=*/true);
  }

private:
  void visit(Block &block, Pending &pending, bool insert);
  void visit(Operation *op, Pending &pending, bool insert);
  void visitFor(scf::ForOp loop, Pending &pending, bool insert);
  void visitWhile(scf::WhileOp loop, Pending &pending, bool insert);

  func::FuncOp kernel;
};

void BarrierInsertion::visit(Block &block, Pending &pending, bool insert) {
  for (Operation &op : llvm::make_early_inc_range(block))
    visit(&op, pending, insert);
}

void BarrierInsertion::visitFor(scf::ForOp loop, Pending &pending, bool insert) {
  Pending head = pending;
  for (bool grown = true; grown;) {
    Pending tail = head;
    visit(*loop.getBody(), tail, /*insert=*/false);
    grown = head.add(tail.after(loop));
  }
  Pending tail = head;
  visit(*loop.getBody(), tail, insert);
  // The loop may not run at all.
  pending.add(tail.after(loop));
}

void BarrierInsertion::visitWhile(scf::WhileOp loop, Pending &pending, bool insert) {
  Pending head = pending;
  for (bool grown = true; grown;) {
    Pending tail = head;
    visit(*loop.getBeforeBody(), tail, /*insert=*/false);
    visit(*loop.getAfterBody(), tail, /*insert=*/false);
    grown = head.add(tail.after(loop));
  }
  Pending tail = head;
  visit(*loop.getBeforeBody(), tail, insert);
  pending = tail.after(loop);
  visit(*loop.getAfterBody(), tail, insert);
}

void BarrierInsertion::visit(Operation *op, Pending &pending, bool insert) {
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return visitFor(loop, pending, insert);
  if (auto loop = dyn_cast<scf::WhileOp>(op))
    return visitWhile(loop, pending, insert);
  if (auto branch = dyn_cast<scf::IfOp>(op)) {
    Pending other = pending;
    visit(*branch.thenBlock(), pending, insert);
    if (branch.elseBlock())
      visit(*branch.elseBlock(), other, insert);
    pending.add(other);
    return;
  }
  if (isa<BarrierOp>(op))
    return pending.clear();

  SmallVector<Access> accesses = getGlobalAccesses(op);
  int64_t bytes = getSharedBytes(op);
  Access shared{.kind = Access::SharedRead};
  if (bytes != 0) {
    shared.begin = op->getAttrOfType<IntegerAttr>(kSharedOffsetAttr).getInt();
    shared.end = shared.begin + bytes;
  }
  bool conflict = bytes != 0 && pending.conflictsWith(shared);
  for (const Access &access : accesses)
    conflict |= pending.conflictsWith(access);
  if (conflict) {
    pending.clear();
    if (insert) {
      OpBuilder builder(op);
      BarrierOp::create(builder, op->getLoc());
    }
  }
  if (bytes != 0) {
    // All threads wait for each other between writing and reading, behind all that came before.
    pending.clear();
    pending.add(shared);
    return;
  }
  for (const Access &access : accesses)
    pending.add(access);
}

struct InsertBarriersPass : tile_gpu::impl::InsertBarriersBase<InsertBarriersPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (tile::isKernel(function))
        BarrierInsertion(function).run();
  }
};

} // namespace
