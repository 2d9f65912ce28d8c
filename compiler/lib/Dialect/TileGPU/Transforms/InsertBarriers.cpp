//===- InsertBarriers.cpp - tile-gpu-insert-barriers ----------------------===//
//
// A walk over the kernel in program order carries along what has been accessed since all threads last waited: bytes of
// shared memory, and global memory. An operation that would meet one of these accesses, one of the two a write, has to
// wait first. At the join of branches and at the head of a loop the accesses of all ways in come together; loops are
// walked until nothing changes.
//
// An access of global memory is taken to meet every other, since pointers may alias. Exempt are accesses that one and
// the same thread makes: through one tile of pointers, each of which one thread has and no two of which can be equal,
// and the scalar stores and atomics, which are all made by the first thread.
//
// Copies into rings are under way until a thread waits for them; only then they meet reads of the ring, and the barrier
// makes what each thread has waited for visible to all. A slot that copies go into is not read until then, and a thread
// copies to the same elements of every slot, so that copies do not meet each other; nor do they meet reads, where each
// thread reads what it has copied itself, or where `tile_gpu.ahead` says of both that the slots are different ones.
//
// Operations that exchange through shared memory wait in the middle: what is pending at their start is settled behind
// them, except for their own reads.
//
// Barriers that turned out superfluous because of others found later are taken away again, those in inner loops first.
//
//===----------------------------------------------------------------------===//

#include "kiln/Analysis/AxisFacts.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Dialect/TileGPU/Transforms/Passes.h"
#include "kiln/Dialect/TileGPU/Transforms/SharedBytes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/ADT/SetVector.h"

namespace kiln::tile_gpu {
#define GEN_PASS_DEF_INSERTBARRIERS
#include "kiln/Dialect/TileGPU/Transforms/Passes.h.inc"
} // namespace kiln::tile_gpu

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

//===----------------------------------------------------------------------===//
// Accesses
//===----------------------------------------------------------------------===//

struct Access {
  enum class Space { Global, Shared } space;
  bool writes;
  /// Shared: the bytes.
  int64_t begin = 0, end = 0;
  /// Shared: the ring, which elements of a slot each thread accesses, and whether copies go there.
  Value ring = {};
  LayoutAttr elements = {};
  bool isCopy = false;
  /// Shared: how many iterations behind the present one of `loop` the iteration is whose slot this is, modulo the
  /// slots; -1 if that is not known. In front of the loop there is none yet, and the first iteration is the present
  /// one.
  int64_t ahead = -1;
  Operation *loop = nullptr;
  /// Global: a tile of different pointers, each of which one thread accesses, always the same one; or null.
  Value pointers = {};
  /// Of these, that some elements are held by several threads: one of them writes, but all read.
  bool hasCopies = false;
  /// Global: made by the first thread.
  bool isScalarWrite = false;
  /// Global: an atomic that commutes with those of the same kind, whose old values nobody wants.
  std::optional<tile::AtomicKind> commutes = {};

  bool operator==(const Access &) const = default;

  bool conflictsWith(const Access &other) const {
    if (space != other.space || !(writes || other.writes))
      return false;
    if (space == Space::Shared)
      return begin < other.end && other.begin < end && !isOfSameThreads(other) && !isOfOtherSlot(other);
    if (isScalarWrite && other.isScalarWrite)
      return false;
    if (pointers && pointers == other.pointers && (!hasCopies || (writes && other.writes)))
      return false;
    return !(commutes && commutes == other.commutes);
  }

  /// Whether each thread accesses the same elements of a ring here and there.
  bool isOfSameThreads(const Access &other) const {
    return ring && ring == other.ring && ((isCopy && other.isCopy) || elements == other.elements);
  }

  bool isOfOtherSlot(const Access &other) const {
    return ring && ring == other.ring && ahead >= 0 && other.ahead >= 0 && ahead != other.ahead;
  }
};

using Accesses = SmallVector<Access, 4>;

/// What an operation does: perhaps waits, makes accesses, perhaps waits again, and reads what it exchanged.
struct Behaviour {
  bool waitsFirst = false;
  Accesses accesses;
  bool waitsBetween = false;
  std::optional<Access> lastRead;
  /// The accesses go on until an async_wait.
  bool startsCopies = false;
  bool waitsForCopies = false, waitsForAll = false;
};

/// An access through `pointer`, a scalar or a tile.
Access describeAccess(Value pointer, bool writes) {
  Access access{Access::Space::Global, writes};
  if (LayoutAttr layout = getLayout(pointer)) {
    access.pointers = pointer;
    access.hasCopies = !layout.getLinear().isInjective();
  }
  access.isScalarWrite = writes && isa<tile::PtrType>(pointer.getType());
  return access;
}

Access describeRing(Operation *op, Value ring, Value elements, bool isCopy) {
  int64_t begin = ring.getDefiningOp()->getAttrOfType<IntegerAttr>(kSharedOffsetAttr).getInt();
  Access access{Access::Space::Shared, isCopy, begin, begin + cast<RingType>(ring.getType()).getBytes()};
  access.ring = ring;
  access.elements = getLayout(elements);
  access.isCopy = isCopy;
  if (auto ahead = op->getAttrOfType<IntegerAttr>(kAheadAttr)) {
    // The loop whose iterations take the slots in turn is the outermost one around the access for which the ring is.
    for (Operation *parent = op->getParentOp(); parent && !parent->isAncestor(ring.getDefiningOp());
         parent = parent->getParentOp())
      if (isa<scf::ForOp>(parent))
        access.loop = parent;
    access.ahead = ahead.getInt() % cast<RingType>(ring.getType()).getSlots();
  }
  return access;
}

template <typename Atomic>
void describeAtomic(Atomic op, Behaviour &behaviour) {
  tile::MemoryOrder order = op.getOrder();
  Access access = describeAccess(op.getPointer(), /*writes=*/true);
  if constexpr (std::is_same_v<Atomic, tile::AtomicRMWOp>) {
    bool isExact = op.getKind() != tile::AtomicKind::FAdd && op.getKind() != tile::AtomicKind::Exchange;
    if (isExact && order == tile::MemoryOrder::Relaxed && op.getResult().use_empty())
      access.commutes = op.getKind();
  }
  behaviour.accesses.push_back(access);
  // The lowering waits on the side where the accesses of all threads have to be ordered.
  behaviour.waitsFirst = order == tile::MemoryOrder::Release || order == tile::MemoryOrder::AcqRel;
  behaviour.waitsBetween = order == tile::MemoryOrder::Acquire || order == tile::MemoryOrder::AcqRel;
}

Behaviour describe(Operation *op) {
  Behaviour behaviour;
  if (auto load = dyn_cast<tile::LoadOp>(op)) {
    if (!tile::isReadOnlyMemory(load.getPointer()))
      behaviour.accesses.push_back(describeAccess(load.getPointer(), /*writes=*/false));
  } else if (auto store = dyn_cast<tile::StoreOp>(op)) {
    behaviour.accesses.push_back(describeAccess(store.getPointer(), /*writes=*/true));
  } else if (auto atomic = dyn_cast<tile::AtomicRMWOp>(op)) {
    describeAtomic(atomic, behaviour);
  } else if (auto atomic = dyn_cast<tile::AtomicCASOp>(op)) {
    describeAtomic(atomic, behaviour);
  } else if (auto call = dyn_cast<tile::ExternCallOp>(op)) {
    if (!call.getPure())
      behaviour.accesses.push_back({Access::Space::Global, /*writes=*/true});
  } else if (auto load = dyn_cast<AsyncLoadOp>(op)) {
    if (!tile::isReadOnlyMemory(load.getPointer()))
      behaviour.accesses.push_back(describeAccess(load.getPointer(), /*writes=*/false));
    behaviour.accesses.push_back(describeRing(op, load.getRing(), load.getPointer(), /*isCopy=*/true));
    behaviour.startsCopies = true;
  } else if (auto load = dyn_cast<RingLoadOp>(op)) {
    behaviour.accesses.push_back(describeRing(op, load.getRing(), load.getResult(), /*isCopy=*/false));
  } else if (auto wait = dyn_cast<AsyncWaitOp>(op)) {
    behaviour.waitsForCopies = true;
    behaviour.waitsForAll = wait.getGroups() == 0;
  } else if (isa<BarrierOp>(op)) {
    behaviour.waitsFirst = true;
  }
  if (int64_t bytes = getSharedBytes(op)) {
    auto offset = op->getAttrOfType<IntegerAttr>(kSharedOffsetAttr);
    assert(offset && "checked before");
    Access access{Access::Space::Shared, /*writes=*/true, offset.getInt(), offset.getInt() + bytes};
    behaviour.accesses.push_back(access);
    behaviour.waitsBetween = true;
    access.writes = false;
    behaviour.lastRead = access;
  }
  return behaviour;
}

//===----------------------------------------------------------------------===//
// The walk
//===----------------------------------------------------------------------===//

/// Accesses since the threads last waited.
class Pending {
public:
  bool conflictsWith(const Access &access) const {
    return llvm::any_of(accesses, [&](const Access &other) { return access.conflictsWith(other); });
  }
  void add(const Access &access) {
    if (!llvm::is_contained(accesses, access))
      accesses.push_back(access);
  }
  /// Returns whether there was anything new.
  bool join(const Pending &other) {
    size_t before = accesses.size() + underWay.size();
    for (const Access &access : other.accesses)
      add(access);
    for (const Access &access : other.underWay)
      start(access);
    return accesses.size() + underWay.size() != before;
  }
  /// All threads have waited for each other; copies go on.
  void clear() { accesses.clear(); }
  /// Of a copy.
  void start(const Access &access) {
    if (!llvm::is_contained(underWay, access))
      underWay.push_back(access);
  }
  /// This thread has waited for some of its copies, or for all.
  void finish(bool all) {
    for (const Access &access : underWay)
      add(access);
    if (all)
      underWay.clear();
  }
  /// In front of `loop`: its first iteration is the present one for the rings whose slots its iterations take.
  void enter(Operation *loop) {
    for (Accesses *list : {&accesses, &underWay})
      for (Access &access : *list)
        if (access.ahead >= 0 && !access.loop &&
            llvm::any_of(access.ring.getUsers(), [&](Operation *user) { return loop->isAncestor(user); }))
          access.loop = loop;
  }
  /// Behind an iteration of `loop`: a value from inside stands for other pointers the next time, and the next iteration
  /// has another slot.
  void leave(Operation *loop, bool isLast) {
    auto forget = [&](Access access) {
      if (access.pointers && loop->isAncestor(access.pointers.getParentBlock()->getParentOp()))
        access.pointers = {};
      if (access.loop == loop && access.ahead >= 0) {
        int64_t slots = cast<RingType>(access.ring.getType()).getSlots();
        access.ahead = isLast ? -1 : (access.ahead + slots - 1) % slots;
      }
      return access;
    };
    for (const Access &access : std::exchange(accesses, {}))
      add(forget(access));
    for (const Access &access : std::exchange(underWay, {}))
      start(forget(access));
  }

private:
  Accesses accesses, underWay;
};

class BarrierPlacement {
public:
  explicit BarrierPlacement(func::FuncOp kernel) : kernel(kernel) {
    kernel.walk([&](Operation *op) {
      Behaviour behaviour = describe(op);
      if (behaviour.waitsFirst || behaviour.waitsForCopies || !behaviour.accesses.empty())
        behaviours[op] = std::move(behaviour);
    });
    distrustRepeatedAddresses();
  }

  /// The operations in front of which all threads have to wait.
  llvm::SetVector<Operation *> run();

private:
  void distrustRepeatedAddresses();
  bool isSettled();
  void walk(Block &block, Pending &pending);
  void walkLoop(Operation *loop, Pending &pending);
  void walkIteration(Operation *loop, Pending &pending, Pending &exit);
  void visit(Operation *op, const Behaviour &behaviour, Pending &pending);

  func::FuncOp kernel;
  llvm::DenseMap<Operation *, Behaviour> behaviours;
  llvm::SetVector<Operation *> waits;
  bool isGrowing = true;  ///< Barriers are added where they are missing, otherwise
  bool isMissing = false; ///< it is only noted that one is.
};

/// Whether no two elements are equal: neighbours of one contiguous run. Rows at a distance that is not known could be
/// the same row.
bool areDifferent(const tile::AxisFacts &facts) {
  unsigned runs = 0;
  for (unsigned axis = 0; axis < facts.getNumAxes(); ++axis) {
    const tile::AxisFacts::Axis &of = facts.getAxis(axis);
    if (of.size == 1)
      continue;
    if (of.contiguity != of.size)
      return false;
    ++runs;
  }
  return runs <= 1;
}

/// Two elements of a tile of pointers that are equal may be of two threads.
void BarrierPlacement::distrustRepeatedAddresses() {
  std::optional<tile::AxisFactsAnalysis> facts; // made only where something depends on it
  llvm::DenseMap<Value, bool> isTrusted;
  for (auto &[op, behaviour] : behaviours) {
    for (Access &access : behaviour.accesses) {
      // What is accessed once, or only read, meets nothing that it could be exempt from.
      if (!access.pointers || (access.pointers.hasOneUse() && access.pointers.getParentBlock() == op->getBlock()) ||
          llvm::all_of(access.pointers.getUsers(), llvm::IsaPred<tile::LoadOp, AsyncLoadOp>))
        continue;
      auto [found, isNew] = isTrusted.try_emplace(access.pointers);
      if (isNew) {
        if (!facts)
          facts.emplace(kernel);
        found->second = areDifferent(facts->get(access.pointers));
      }
      if (!found->second)
        access.pointers = {};
    }
  }
}

void BarrierPlacement::visit(Operation *op, const Behaviour &behaviour, Pending &pending) {
  auto conflicts = [&] {
    return llvm::any_of(behaviour.accesses, [&](const Access &access) { return pending.conflictsWith(access); });
  };
  if (behaviour.waitsFirst || waits.contains(op)) {
    pending.clear();
  } else if (conflicts()) {
    if (isGrowing)
      waits.insert(op);
    isMissing = true;
    pending.clear();
  }
  for (const Access &access : behaviour.accesses) {
    if (behaviour.startsCopies)
      pending.start(access);
    else
      pending.add(access);
  }
  if (behaviour.waitsForCopies)
    pending.finish(behaviour.waitsForAll);
  if (behaviour.waitsBetween)
    pending.clear();
  if (behaviour.lastRead)
    pending.add(*behaviour.lastRead);
}

void BarrierPlacement::walk(Block &block, Pending &pending) {
  for (Operation &op : block) {
    if (isa<LoopLikeOpInterface>(op)) {
      walkLoop(&op, pending);
    } else if (auto branch = dyn_cast<scf::IfOp>(op)) {
      Pending otherwise = pending;
      walk(branch.getThenRegion().front(), pending);
      if (!branch.getElseRegion().empty())
        walk(branch.getElseRegion().front(), otherwise);
      pending.join(otherwise);
    } else if (auto found = behaviours.find(&op); found != behaviours.end()) {
      visit(&op, found->second, pending);
    }
  }
}

/// From the head of a loop once around; `exit` is what is pending where the loop may end.
void BarrierPlacement::walkIteration(Operation *loop, Pending &pending, Pending &exit) {
  if (auto whileLoop = dyn_cast<scf::WhileOp>(loop)) {
    walk(*whileLoop.getBeforeBody(), pending);
    exit = pending;
    walk(*whileLoop.getAfterBody(), pending);
    return;
  }
  exit = pending;
  for (Region &region : loop->getRegions())
    walk(region.front(), pending);
}

void BarrierPlacement::walkLoop(Operation *loop, Pending &pending) {
  pending.enter(loop);
  // What was accessed in front of the loop is better settled there than in every iteration.
  if (waits.contains(loop)) {
    pending.clear();
  } else if (isGrowing) {
    bool conflicts = false;
    loop->walk([&](Operation *op) {
      auto found = behaviours.find(op);
      if (found != behaviours.end())
        conflicts |=
            llvm::any_of(found->second.accesses, [&](const Access &access) { return pending.conflictsWith(access); });
    });
    if (conflicts) {
      waits.insert(loop);
      pending.clear();
    }
  }
  Pending exit;
  for (bool changed = true; changed;) {
    Pending around = pending;
    walkIteration(loop, around, exit);
    around.leave(loop, /*isLast=*/false);
    changed = pending.join(around);
  }
  exit.leave(loop, /*isLast=*/true);
  pending = std::move(exit);
}

/// Whether no barrier is missing.
bool BarrierPlacement::isSettled() {
  isMissing = false;
  Pending pending;
  walk(kernel.front(), pending);
  return !isMissing;
}

llvm::SetVector<Operation *> BarrierPlacement::run() {
  isGrowing = true;
  isSettled();
  isGrowing = false;
  assert(isSettled() && "the first walk finds all conflicts");

  auto getDepth = [](Operation *op) {
    unsigned depth = 0;
    for (auto loop = op->getParentOfType<LoopLikeOpInterface>(); loop;
         loop = loop->getParentOfType<LoopLikeOpInterface>())
      ++depth;
    return depth;
  };
  SmallVector<Operation *> candidates(waits.begin(), waits.end());
  llvm::DenseMap<Operation *, std::pair<unsigned, size_t>> rank;
  for (auto [index, op] : llvm::enumerate(candidates))
    rank[op] = {~getDepth(op), index};
  llvm::sort(candidates, [&](Operation *a, Operation *b) { return rank[a] < rank[b]; });
  for (Operation *op : candidates) {
    waits.remove(op);
    if (!isSettled())
      waits.insert(op);
  }
  return waits;
}

struct InsertBarriersPass : tile_gpu::impl::InsertBarriersBase<InsertBarriersPass> {
  void runOnOperation() override {
    WalkResult result = getOperation()->walk([](Operation *op) {
      if ((getSharedBytes(op) == 0 && !isa<AllocRingOp>(op)) || op->hasAttr(kSharedOffsetAttr))
        return WalkResult::advance();
      op->emitOpError("has no place in shared memory: tile-gpu-allocate-shared comes first");
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    getOperation()->walk([](func::FuncOp kernel) {
      if (kernel.isExternal())
        return;
      for (Operation *op : BarrierPlacement(kernel).run()) {
        OpBuilder builder(op);
        BarrierOp::create(builder, op->getLoc());
      }
    });
  }
};

} // namespace
