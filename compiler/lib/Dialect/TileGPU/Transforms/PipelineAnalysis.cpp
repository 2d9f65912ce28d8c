//===- PipelineAnalysis.cpp - What of a loop can run ahead ----------------===//
//
// A load can run ahead of its iteration if its address can be computed then - from the induction variable, from values
// that do not change or grow by the same distance each time, and from other loads that can run ahead - and if no
// iteration in between may write what it reads.
//
// Loads that the body needs are looked at from the end of the body to its begin: what only the address of a load that
// runs ahead was computed from, the body does not need any more.
//
//===----------------------------------------------------------------------===//

#include "PipelineAnalysis.h"

#include "kiln/Dialect/TileGPU/Transforms/ConversionPlan.h"
#include "kiln/Dialect/TileGPU/Transforms/SharedBytes.h"

#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

/// The least that cp.async moves.
constexpr int64_t kLeastCopyBytes = 4;
/// What one load may hold in 32-bit registers of a thread from one iteration to the next.
constexpr int64_t kMostFetchedRegisters = 16;
/// The machine waits for up to 7 groups of copies, two less than there are slots.
constexpr int64_t kMostSlots = 9;

bool isNothing(Value other) { return !other || matchPattern(other, m_Zero()) || matchPattern(other, m_PosZeroFloat()); }

bool writesGlobalMemory(Operation *op) {
  if (auto call = dyn_cast<tile::ExternCallOp>(op))
    return !call.getPure();
  return isa<tile::StoreOp, tile::AtomicRMWOp, tile::AtomicCASOp>(op);
}

class Planner {
public:
  Planner(scf::ForOp loop, const AccessPlans &accesses, int64_t sharedBytes)
      : loop(loop), accesses(accesses), sharedBytes(sharedBytes), mayEnd(tile::mayEndLaunch(loop)) {
    loop->walk([&](Operation *op) { hasWrites |= writesGlobalMemory(op); });
  }

  PipelinePlan run();

private:
  /// Why a load cannot run ahead; empty if it can.
  StringRef whyNotAhead(tile::LoadOp load);
  StringRef whyNotAhead(Value value);
  /// Why it cannot be copied into shared memory, or be kept in registers.
  StringRef whyNotCopied(tile::LoadOp load) const;
  bool isSmall(tile::LoadOp load) const;

  void decide();
  void decide(tile::LoadOp load);
  void need(Operation *op);
  int64_t countSlots() const;

  scf::ForOp loop;
  const AccessPlans &accesses;
  int64_t sharedBytes;
  bool mayEnd, hasWrites = false, copies = true;
  llvm::DenseMap<Operation *, StringRef> reasons;
  llvm::DenseSet<Operation *> needed;
  PipelinePlan plan;
};

//===----------------------------------------------------------------------===//
// One load
//===----------------------------------------------------------------------===//

StringRef Planner::whyNotAhead(Value value) {
  if (!value || !isOfIteration(loop, value) || value == loop.getInductionVar())
    return "";
  Operation *op = value.getDefiningOp();
  if (!op)
    return getDistance(loop, value) ? "" : "its address is carried from iteration to iteration";
  if (auto load = dyn_cast<tile::LoadOp>(op))
    return whyNotAhead(load);
  auto [found, isNew] = reasons.try_emplace(op, "");
  if (!isNew)
    return found->second;
  StringRef reason;
  bool isSimple = op->getNumRegions() == 0 || isa<tile::ReduceOp, tile::ScanOp>(op);
  if (!isSimple || !isMemoryEffectFree(op) || !isSpeculatable(op))
    reason = "its address is computed by an operation that may not run before its iteration";
  for (Value operand : op->getOperands())
    if (reason.empty())
      reason = whyNotAhead(operand);
  return reasons[op] = reason;
}

StringRef Planner::whyNotAhead(tile::LoadOp load) {
  auto [found, isNew] = reasons.try_emplace(load, "");
  if (!isNew)
    return found->second;
  StringRef reason;
  if (load->getParentOp() != loop)
    reason = "it stands in a branch or a loop inside the loop";
  else if (load->hasAttr(kPrologueAttr))
    reason = "it belongs to the pipeline of a loop inside the loop";
  else if (hasWrites && !tile::isReadOnlyMemory(load.getPointer()))
    reason = "the loop writes to memory, perhaps what it reads";
  else if (mayEnd)
    reason = "the loop has assertions or impure calls, which come first";
  for (Value operand : load->getOperands())
    if (reason.empty())
      reason = whyNotAhead(operand);
  return reasons[load] = reason;
}

StringRef Planner::whyNotCopied(tile::LoadOp load) const {
  LayoutAttr layout = getLayout(load.getResult());
  if (!layout)
    return "it is a scalar";
  if (!isNothing(load.getOther()))
    return "elements that are off get a value other than 0";
  if (!layout.getLinear().isInjective())
    return "several threads hold the same elements";
  const AccessPlan &access = accesses.get(load);
  auto pointer = cast<tile::PtrType>(tile::getElementOrSelf(load.getPointer().getType()));
  if (access.vector.elements * pointer.getElementBytes() < kLeastCopyBytes)
    return "a thread has less than 4 neighbouring bytes";
  return "";
}

bool Planner::isSmall(tile::LoadOp load) const {
  Type element = tile::getElementOrSelf(load.getType());
  LayoutAttr layout = getLayout(load.getResult());
  int64_t bits = std::max<int64_t>(element.getIntOrFloatBitWidth(), 32);
  return (layout ? layout.getNumRegisters() : 1) * bits <= kMostFetchedRegisters * 32;
}

//===----------------------------------------------------------------------===//
// All of them
//===----------------------------------------------------------------------===//

void Planner::decide(tile::LoadOp load) {
  StringRef reason = whyNotAhead(load);
  bool canFetch = reason.empty() && isSmall(load);
  if (reason.empty()) {
    reason = whyNotCopied(load);
    if (reason.empty() && !copies)
      reason = "two slots do not fit into shared memory";
    if (reason.empty()) {
      auto type = cast<RankedTensorType>(load.getType());
      SmallVector<RingReader, 1> readers = findRingReaders(load);
      LayoutAttr own = getLayout(type), to = readers.empty() ? own : readers.front().layout;
      const AccessPlan &access = accesses.get(load);
      int64_t bytes = (type.getElementTypeBitWidth() + 7) / 8;
      SharedExchange exchange = planRing(own.getLinear(), access.axis, access.vector.elements, to.getLinear(), bytes);
      plan.copies.push_back({load, SharedLayoutAttr::get(load.getContext(), exchange.offsets.invert())});
      return;
    }
    if (canFetch) {
      plan.fetches.push_back(load);
      return;
    }
  }
  plan.rest.push_back({load, ("not pipelined because " + reason).str()});
  need(load);
}

/// The body needs what `op` uses.
void Planner::need(Operation *op) {
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (Operation *before = operand.getDefiningOp())
        needed.insert(before);
  });
}

void Planner::decide() {
  for (Operation &op : llvm::reverse(*loop.getBody())) {
    if (auto load = dyn_cast<tile::LoadOp>(op)) {
      if (needed.contains(load))
        decide(load);
      continue;
    }
    if (needed.contains(&op) || op.getNumRegions() != 0 || !isMemoryEffectFree(&op) ||
        op.hasTrait<OpTrait::IsTerminator>())
      need(&op);
    // Loads inside belong to this loop as well, unless they have one with stages of their own.
    op.walk([&](tile::LoadOp load) {
      for (Operation *parent = load->getParentOp(); parent != loop; parent = parent->getParentOp())
        if (parent->hasAttr(tile::kNumStagesAttr))
          return;
      if (!load->hasAttr(kPipelineAttr) && !load->hasAttr(kPrologueAttr))
        plan.rest.push_back({load, ("not pipelined because " + whyNotAhead(load)).str()});
    });
  }
}

/// The slots of all rings that there is room for.
int64_t Planner::countSlots() const {
  int64_t slotBytes = 0, otherBytes = 0, largest = 0;
  llvm::DenseSet<Operation *> gone;
  for (PipelinePlan::Copy copy : plan.copies) {
    auto type = cast<RankedTensorType>(copy.load.getType());
    slotBytes += llvm::alignTo(type.getNumElements() * ((type.getElementTypeBitWidth() + 7) / 8), kSharedAlignment);
    for (const RingReader &reader : findRingReaders(copy.load))
      gone.insert(reader.conversion);
  }
  // What stands behind the loop may have the rings' room; what stands in front of it may not, as copies start early.
  auto isBehind = [&](Operation *op) {
    Operation *place = loop->getBlock()->findAncestorOpInBlock(*op);
    return place && loop->isBeforeInBlock(place);
  };
  loop->getParentOfType<func::FuncOp>().walk([&](Operation *op) {
    if (auto ring = dyn_cast<AllocRingOp>(op); ring && loop->isAncestor(ring))
      otherBytes += llvm::alignTo(ring.getType().getBytes(), kSharedAlignment);
    else if (!gone.contains(op) && !isBehind(op))
      largest = std::max<int64_t>(largest, llvm::alignTo(getSharedBytes(op), kSharedAlignment));
  });
  int64_t room = std::max<int64_t>(sharedBytes - otherBytes - largest, 0);
  return room / slotBytes;
}

PipelinePlan Planner::run() {
  decide();
  if (!plan.copies.empty()) {
    int64_t asked = loop->getAttrOfType<IntegerAttr>(tile::kNumStagesAttr).getInt();
    int64_t room = countSlots();
    if (room < 2) {
      copies = false;
      plan = {};
      needed.clear();
      decide();
    } else {
      plan.slots = std::min({asked, room, kMostSlots});
      plan.isShort = plan.slots == room && room < asked;
    }
  }
  std::reverse(plan.copies.begin(), plan.copies.end());
  std::reverse(plan.fetches.begin(), plan.fetches.end());
  return std::move(plan);
}

} // namespace

Value tile_gpu::getDistance(scf::ForOp loop, Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != loop.getBody() || argument == loop.getInductionVar())
    return {};
  Operation *next = loop.getTiedLoopYieldedValue(argument)->get().getDefiningOp();
  Value distance;
  if (auto pointer = dyn_cast_or_null<tile::AddPtrOp>(next); pointer && pointer.getBase() == argument)
    distance = pointer.getOffset();
  else if (auto sum = dyn_cast_or_null<arith::AddIOp>(next))
    distance = sum.getLhs() == argument ? sum.getRhs() : sum.getRhs() == argument ? sum.getLhs() : Value();
  return distance && !isOfIteration(loop, distance) ? distance : Value();
}

bool tile_gpu::isOfIteration(scf::ForOp loop, Value value) {
  return loop->isAncestor(value.getParentBlock()->getParentOp());
}

SmallVector<RingReader, 1> tile_gpu::findRingReaders(tile::LoadOp load) {
  SmallVector<RingReader, 1> readers;
  SmallVector<std::pair<Value, SmallVector<tile::TransOp, 1>>, 2> worklist = {{load.getResult(), {}}};
  while (!worklist.empty()) {
    auto [value, transpositions] = worklist.pop_back_val();
    for (Operation *user : value.getUsers()) {
      if (auto trans = dyn_cast<tile::TransOp>(user)) {
        worklist.push_back({trans.getResult(), transpositions});
        worklist.back().second.push_back(trans);
      } else if (auto conversion = dyn_cast<ConvertLayoutOp>(user)) {
        LayoutAttr layout = getLayout(conversion.getResult());
        for (tile::TransOp trans : llvm::reverse(transpositions))
          layout = getOperandLayout(trans->getOpOperand(0), layout);
        readers.push_back({conversion, transpositions, layout});
      }
    }
  }
  return readers;
}

PipelinePlan tile_gpu::planPipeline(scf::ForOp loop, const AccessPlans &accesses, int64_t sharedBytes) {
  return Planner(loop, accesses, sharedBytes).run();
}
