//===- Pipeline.cpp - tile-gpu-pipeline -----------------------------------===//
//
// With rings of S slots, iteration i of the new loop
//
//   waits until the copies of iteration i have arrived,
//   starts the copies of iteration i + S - 1, into the slots that iteration i - 1 has read,
//   and computes with slot i % S;
//
// the copies of the iterations 0 to S - 2 are started in front of the loop. Each iteration's copies are a group, also
// where there is no such iteration and the group is empty, so that always the last S - 2 groups may be under way.
//
// The address of a copy may come from memory, too. For the table of pages of iteration j the copies are started in
// iteration j - (S - 1), so its entries are loaded in iteration j - S, and the loop carries them in registers. If their
// address comes from memory in its turn, that is loaded yet an iteration earlier, and so on. What the body itself needs
// and what cannot be copied comes from the iteration before in the same way. In general, stage s of iteration i means
// the values of iteration i + s: the loop carries (load, s) for each load of which stage s needs the value, and makes
// it from values of stage s + 1 an iteration before.
//
// Values of iterations that do not exist may be computed, but no memory is touched for them.
//
//===----------------------------------------------------------------------===//

#include "PipelineAnalysis.h"

#include "kiln/Dialect/TileGPU/Transforms/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include <map>

namespace kiln::tile_gpu {
#define GEN_PASS_DEF_PIPELINE
#include "kiln/Dialect/TileGPU/Transforms/Passes.h.inc"
} // namespace kiln::tile_gpu

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

/// Computes values of a loop's body anew, for another iteration.
class Iteration {
public:
  Iteration(scf::ForOp loop, OpBuilder &builder, Value induction) : loop(loop), builder(builder) {
    values.map(loop.getInductionVar(), induction);
  }

  void set(Value value, Value here) { values.map(value, here); }

  Value get(Value value) {
    if (!value || !isOfIteration(loop, value))
      return value;
    if (Value known = values.lookupOrNull(value))
      return known;
    Operation *op = value.getDefiningOp();
    assert(op && !isa<tile::LoadOp>(op) && "set before");
    for (Value operand : op->getOperands())
      values.map(operand, get(operand));
    builder.clone(*op, values);
    return values.lookup(value);
  }

  /// A mask of the lanes of `pointer` where `mask`, of the body, and the scalar `condition` hold.
  Value getMask(Location loc, Type pointer, Value mask, Value condition) {
    if (auto type = dyn_cast<RankedTensorType>(pointer))
      condition = tile::SplatOp::create(builder, loc, type.clone(builder.getI1Type()), condition);
    return mask ? arith::AndIOp::create(builder, loc, get(mask), condition).getResult() : condition;
  }

  /// The load, of memory only where `condition` holds.
  tile::LoadOp load(tile::LoadOp load, Value condition) {
    Value pointer = get(load.getPointer()), other = get(load.getOther());
    Value mask = getMask(load.getLoc(), pointer.getType(), load.getMask(), condition);
    return tile::LoadOp::create(builder, load.getLoc(), load.getType(), pointer, mask, other, load.getEvictFirst());
  }

  AsyncLoadOp copy(tile::LoadOp load, Value condition, Value ring, Value slot) {
    Value pointer = get(load.getPointer());
    Value mask = getMask(load.getLoc(), pointer.getType(), load.getMask(), condition);
    return AsyncLoadOp::create(builder, load.getLoc(), pointer, mask, ring, slot, load.getEvictFirst());
  }

private:
  scf::ForOp loop;
  OpBuilder &builder;
  IRMapping values;
};

class Pipeliner {
public:
  Pipeliner(scf::ForOp loop, PipelinePlan plan) : loop(loop), plan(std::move(plan)), builder(loop) {}

  void run();

private:
  /// The value of a load that the loop carries.
  struct Carried {
    tile::LoadOp load;
    int64_t stage;
    Value first = {};    // of the first iteration
    Value argument = {}; // of this one
    Value next = {};     // of the next one
  };

  void collectLoads(Value value, llvm::SetVector<Operation *> &loads) const;
  void require(Value value, int64_t stage);
  void require(tile::LoadOp load, int64_t stage);
  void findLimits();
  void emitPrologue();
  void hoistPrologue();
  scf::ForOp emitLoop();
  void emitStages(scf::ForOp pipelined);
  Value readRing(Location loc, Type type, Value ring);
  void readRings();
  Value number(int64_t value, Type type) {
    return arith::ConstantOp::create(builder, loop.getLoc(), builder.getIntegerAttr(type, value));
  }
  Value slotNumber(int64_t value) { return number(value, builder.getI32Type()); }
  /// `start` + `count` steps.
  Value advance(Value start, int64_t count);
  /// `start`, a value of the argument `value`, `count` iterations later.
  Value advance(Value value, Value start, int64_t count);
  void describe(Operation *op, const Twine &text) { op->setAttr(kPipelineAttr, builder.getStringAttr(text)); }

  scf::ForOp loop;
  PipelinePlan plan;
  OpBuilder builder;
  SmallVector<Carried> carried;
  SmallVector<Value> rings;  // of plan.copies
  SmallVector<Value> limits; // by stage: an iteration of which the induction variable is below has one that far ahead
  Operation *prologue = nullptr;
  Value slot, previousSlot;
};

//===----------------------------------------------------------------------===//
// What the loop carries
//===----------------------------------------------------------------------===//

/// The loads of the body that `value` is computed from, without those behind another load.
void Pipeliner::collectLoads(Value value, llvm::SetVector<Operation *> &loads) const {
  SmallVector<Value> worklist = {value};
  llvm::DenseSet<Value> visited;
  while (!worklist.empty()) {
    Value next = worklist.pop_back_val();
    if (!isOfIteration(loop, next) || !next.getDefiningOp() || !visited.insert(next).second)
      continue;
    if (auto load = next.getDefiningOp<tile::LoadOp>())
      loads.insert(load);
    else
      llvm::append_range(worklist, next.getDefiningOp()->getOperands());
  }
}

/// Stage `stage` needs `load`, or what `value` is computed from.
void Pipeliner::require(tile::LoadOp load, int64_t stage) {
  if (llvm::any_of(carried, [&](const Carried &known) { return known.load == load && known.stage == stage; }))
    return;
  carried.push_back({load, stage});
  for (Value operand : load->getOperands())
    require(operand, stage + 1);
}

void Pipeliner::require(Value value, int64_t stage) {
  llvm::SetVector<Operation *> loads;
  collectLoads(value, loads);
  for (Operation *load : loads)
    require(cast<tile::LoadOp>(load), stage);
}

Value Pipeliner::advance(Value start, int64_t count) {
  Location loc = loop.getLoc();
  if (count == 0)
    return start;
  Value distance = builder.createOrFold<arith::MulIOp>(loc, loop.getStep(), number(count, start.getType()));
  return builder.createOrFold<arith::AddIOp>(loc, start, distance);
}

Value Pipeliner::advance(Value value, Value start, int64_t count) {
  Value distance = getDistance(loop, value);
  if (count == 0)
    return start;
  Location loc = distance.getLoc();
  bool isPointer = isa<tile::PtrType>(tile::getElementOrSelf(start.getType()));
  // Products of pointers' distances have 64 bits, as addresses do; integers wrap as the sum of distances does.
  auto scale = [&](Value one) -> Value {
    Type type = one.getType();
    if (isPointer && !tile::getElementOrSelf(type).isInteger(64)) {
      Type wide = builder.getI64Type();
      if (auto tensor = dyn_cast<RankedTensorType>(type))
        wide = RankedTensorType::get(tensor.getShape(), wide, tensor.getEncoding());
      one = arith::ExtSIOp::create(builder, loc, wide, one);
      type = wide;
    }
    TypedAttr factor = builder.getIntegerAttr(tile::getElementOrSelf(type), count);
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      factor = DenseElementsAttr::get(tensor, cast<Attribute>(factor));
    return builder.createOrFold<arith::MulIOp>(loc, one, arith::ConstantOp::create(builder, loc, factor));
  };
  if (auto splat = distance.getDefiningOp<tile::SplatOp>()) {
    Value scalar = scale(splat.getSource());
    auto tensor = cast<RankedTensorType>(splat.getType());
    auto type = RankedTensorType::get(tensor.getShape(), scalar.getType(), tensor.getEncoding());
    distance = tile::SplatOp::create(builder, loc, type, scalar);
  } else {
    distance = scale(distance);
  }
  if (isPointer)
    return tile::AddPtrOp::create(builder, loc, start.getType(), start, distance);
  return arith::AddIOp::create(builder, loc, start, distance);
}

/// Iteration i + s exists if the induction variable of i is less than limit s: the upper bound less s steps, but
/// without ever passing the lower bound, so that nothing overflows.
void Pipeliner::findLimits() {
  Location loc = loop.getLoc();
  int64_t last = plan.slots == 0 ? 0 : plan.slots - 1;
  for (Carried &value : carried)
    last = std::max(last, value.stage + 1);
  Value lower = loop.getLowerBound(), step = loop.getStep();
  Value upper = builder.createOrFold<arith::MaxSIOp>(loc, loop.getUpperBound(), lower);
  Value distance = builder.createOrFold<arith::SubIOp>(loc, upper, lower);
  limits.push_back(upper);
  for (int64_t stage = 1; stage <= last; ++stage) {
    Value taken = builder.createOrFold<arith::MinUIOp>(loc, distance, step);
    distance = builder.createOrFold<arith::SubIOp>(loc, distance, taken);
    limits.push_back(builder.createOrFold<arith::AddIOp>(loc, lower, distance));
  }
}

//===----------------------------------------------------------------------===//
// In front of the loop
//===----------------------------------------------------------------------===//

void Pipeliner::emitPrologue() {
  Location loc = loop.getLoc();
  Operation *before = loop->getPrevNode();
  findLimits();
  SmallVector<Iteration> iterations;
  SmallVector<Value> exists;
  for (size_t stage = 0; stage < limits.size(); ++stage) {
    iterations.emplace_back(loop, builder, advance(loop.getLowerBound(), stage));
    for (auto [argument, init] : llvm::zip_equal(loop.getRegionIterArgs(), loop.getInitArgs()))
      if (getDistance(loop, argument))
        iterations.back().set(argument, advance(argument, init, stage));
    exists.push_back(
        builder.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::slt, loop.getLowerBound(), limits[stage]));
  }
  // The copies in front of the loop need the values of all iterations up to the one with which the loop begins.
  llvm::DenseSet<std::pair<Operation *, int64_t>> done;
  auto emit = [&](auto &self, tile::LoadOp load, int64_t stage) -> void {
    if (!done.insert({load, stage}).second)
      return;
    llvm::SetVector<Operation *> sources;
    for (Value operand : load->getOperands())
      collectLoads(operand, sources);
    for (Operation *source : sources)
      self(self, cast<tile::LoadOp>(source), stage);
    tile::LoadOp ahead = iterations[stage].load(load, exists[stage]);
    ahead->setAttr(kPrologueAttr, builder.getUnitAttr());
    iterations[stage].set(load.getResult(), ahead.getResult());
  };
  for (Carried &value : carried) {
    for (int64_t stage = 0; stage <= value.stage; ++stage)
      emit(emit, value.load, stage);
    value.first = iterations[value.stage].get(value.load.getResult());
  }
  for (PipelinePlan::Copy copy : plan.copies) {
    auto type = cast<RankedTensorType>(copy.load.getType());
    auto ring = RingType::get(type.getContext(), plan.slots, type.getShape(), type.getElementType(), copy.layout);
    rings.push_back(AllocRingOp::create(builder, copy.load.getLoc(), ring));
  }
  for (int64_t stage = 0; stage + 1 < plan.slots; ++stage) {
    Value at = slotNumber(stage);
    for (auto [copy, ring] : llvm::zip_equal(plan.copies, rings)) {
      AsyncLoadOp load = iterations[stage].copy(copy.load, exists[stage], ring, at);
      load->setAttr(kPrologueAttr, builder.getUnitAttr());
    }
    AsyncCommitOp::create(builder, loc);
  }
  prologue = before ? before->getNextNode() : &loop->getBlock()->front();
}

/// The copies should start before the threads wait for anything else, such as a query that is on its way to its layout:
/// moves the prologue up to where its operands are.
void Pipeliner::hoistPrologue() {
  if (prologue == loop)
    return;
  SmallVector<Operation *> ops;
  llvm::DenseSet<Operation *> own, sources;
  for (Operation *op = prologue; op != loop; op = op->getNextNode()) {
    ops.push_back(op);
    own.insert(op);
  }
  for (Operation *op : ops)
    for (Value operand : op->getOperands())
      if (Operation *source = operand.getDefiningOp(); source && !own.contains(source))
        sources.insert(source);
  // Neither a wait for copies nor a store is passed, nor a load: it is under way while the copies wait for theirs.
  Operation *to = prologue;
  while (Operation *before = to->getPrevNode()) {
    bool isSimple = before->getNumRegions() == 0 || isa<tile::ReduceOp, tile::ScanOp>(before);
    if (!isSimple || sources.contains(before) || !isMemoryEffectFree(before) || isa<tile::LoadOp>(before))
      break;
    to = before;
  }
  if (to == prologue)
    return;
  for (Operation *op : ops)
    op->moveBefore(to);
}

//===----------------------------------------------------------------------===//
// The loop
//===----------------------------------------------------------------------===//

scf::ForOp Pipeliner::emitLoop() {
  SmallVector<Value> inits(loop.getInitArgs());
  if (plan.slots != 0)
    inits.push_back(slotNumber(0));
  for (Carried &value : carried)
    inits.push_back(value.first);
  auto pipelined =
      scf::ForOp::create(builder, loop.getLoc(), loop.getLowerBound(), loop.getUpperBound(), loop.getStep(), inits);
  for (NamedAttribute attribute : loop->getDiscardableAttrs())
    if (attribute.getName() != tile::kNumStagesAttr)
      pipelined->setAttr(attribute.getName(), attribute.getValue());
  unsigned next = loop.getNumRegionIterArgs();
  if (plan.slots != 0)
    slot = pipelined.getRegionIterArg(next++);
  for (Carried &value : carried)
    value.argument = pipelined.getRegionIterArg(next++);
  return pipelined;
}

/// What runs ahead, at the begin of an iteration.
void Pipeliner::emitStages(scf::ForOp pipelined) {
  Location loc = loop.getLoc();
  builder.setInsertionPointToStart(pipelined.getBody());
  if (plan.slots != 0)
    AsyncWaitOp::create(builder, loc, plan.slots - 2);
  // The values of stage s are made from the old body, whose arguments are still those of the old loop.
  std::map<int64_t, Iteration> stages;
  auto getStage = [&](int64_t stage) -> Iteration & {
    auto found = stages.find(stage);
    if (found != stages.end())
      return found->second;
    Iteration &iteration =
        stages.try_emplace(stage, loop, builder, advance(pipelined.getInductionVar(), stage)).first->second;
    for (Carried &value : carried)
      if (value.stage == stage)
        iteration.set(value.load.getResult(), value.argument);
    for (auto [argument, now] :
         llvm::zip(loop.getRegionIterArgs(), pipelined.getRegionIterArgs().take_front(loop.getNumRegionIterArgs())))
      if (getDistance(loop, argument))
        iteration.set(argument, advance(argument, now, stage));
    return iteration;
  };
  std::map<int64_t, Value> conditions;
  auto getCondition = [&](int64_t stage) {
    Value &condition = conditions[stage];
    if (!condition)
      condition =
          arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt, pipelined.getInductionVar(), limits[stage]);
    return condition;
  };
  for (Carried &value : carried) {
    tile::LoadOp load = getStage(value.stage + 1).load(value.load, getCondition(value.stage + 1));
    value.next = load.getResult();
    int64_t ahead = value.stage + 1;
    describe(load, "fetched " + Twine(ahead) + (ahead == 1 ? " iteration ahead" : " iterations ahead"));
  }
  if (plan.slots == 0)
    return;
  Value last = slotNumber(plan.slots - 1), one = slotNumber(1), zero = slotNumber(0);
  Value isFirst = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, slot, zero);
  previousSlot = arith::SelectOp::create(builder, loc, isFirst, last, arith::SubIOp::create(builder, loc, slot, one));
  for (auto [copy, ring] : llvm::zip_equal(plan.copies, rings)) {
    AsyncLoadOp load = getStage(plan.slots - 1).copy(copy.load, getCondition(plan.slots - 1), ring, previousSlot);
    load->setAttr(kAheadAttr, builder.getI64IntegerAttr(plan.slots - 1));
    describe(load, "pipelined in " + Twine(plan.slots) + " stages" +
                       (plan.isShort ? ", as many as fit into shared memory" : ""));
  }
  AsyncCommitOp::create(builder, loc);
}

/// The tile of this iteration.
Value Pipeliner::readRing(Location loc, Type type, Value ring) {
  auto load = RingLoadOp::create(builder, loc, type, ring, slot);
  load->setAttr(kAheadAttr, builder.getI64IntegerAttr(0));
  return load;
}

/// Lets the body read the rings.
void Pipeliner::readRings() {
  for (auto [copy, ring] : llvm::zip_equal(plan.copies, rings)) {
    tile::LoadOp load = copy.load;
    for (RingReader &reader : findRingReaders(load)) {
      builder.setInsertionPoint(load->getBlock()->findAncestorOpInBlock(*reader.conversion));
      Value value = readRing(reader.conversion.getLoc(), withLayout(load.getType(), reader.layout), ring);
      for (tile::TransOp trans : reader.transpositions) {
        auto type = cast<RankedTensorType>(trans.getType());
        LayoutAttr layout =
            LayoutAttr::get(type.getContext(), transposeLayout(getLayout(value).getLinear(), trans.getOrder()));
        value = tile::TransOp::create(builder, trans.getLoc(), withLayout(type, layout), value, trans.getOrder());
      }
      reader.conversion.getResult().replaceAllUsesWith(value);
      reader.conversion.erase();
      for (tile::TransOp trans : llvm::reverse(reader.transpositions))
        if (trans->use_empty())
          trans.erase();
    }
    if (!load.getResult().use_empty()) {
      builder.setInsertionPoint(load);
      load.getResult().replaceAllUsesWith(readRing(load.getLoc(), load.getType(), ring));
    }
    load.erase();
  }
}

void Pipeliner::run() {
  for (auto &[load, why] : plan.rest)
    describe(load, why);
  if (plan.copies.empty() && plan.fetches.empty()) {
    loop->removeAttr(tile::kNumStagesAttr);
    return;
  }
  for (tile::LoadOp load : plan.fetches)
    require(load, 0);
  for (PipelinePlan::Copy copy : plan.copies)
    for (Value operand : {copy.load.getPointer(), copy.load.getMask()})
      if (operand)
        require(operand, plan.slots - 1);
  emitPrologue();
  hoistPrologue();
  scf::ForOp pipelined = emitLoop();
  emitStages(pipelined);

  // The body, and behind it what the next iteration gets.
  Block *body = pipelined.getBody(), *old = loop.getBody();
  for (auto [from, to] : llvm::zip(old->getArguments(), body->getArguments()))
    from.replaceAllUsesWith(to);
  body->getOperations().splice(body->end(), old->getOperations());
  for (tile::LoadOp load : plan.fetches)
    load.getResult().replaceAllUsesWith(
        llvm::find_if(carried, [&](const Carried &value) { return value.load == load && value.stage == 0; })->argument);
  readRings();
  Operation *yield = body->getTerminator();
  SmallVector<Value> results(yield->getOperands());
  builder.setInsertionPoint(yield);
  if (plan.slots != 0) {
    Value next = arith::AddIOp::create(builder, loop.getLoc(), slot, slotNumber(1));
    Value isEnd = arith::CmpIOp::create(builder, loop.getLoc(), arith::CmpIPredicate::eq, next, slotNumber(plan.slots));
    results.push_back(arith::SelectOp::create(builder, loop.getLoc(), isEnd, slotNumber(0), next));
  }
  for (Carried &value : carried)
    results.push_back(value.next);
  yield->setOperands(results);
  if (plan.slots != 0) {
    builder.setInsertionPointAfter(pipelined);
    AsyncWaitOp::create(builder, loop.getLoc(), 0);
  }
  loop->replaceAllUsesWith(pipelined.getResults().take_front(loop.getNumResults()));
  loop.erase();
}

struct PipelinePass : tile_gpu::impl::PipelineBase<PipelinePass> {
  using PipelineBase::PipelineBase;

  void runOnOperation() override {
    SmallVector<scf::ForOp> loops; // those inside of others first
    getOperation().walk([&](scf::ForOp loop) {
      if (auto stages = loop->getAttrOfType<IntegerAttr>(tile::kNumStagesAttr); stages && stages.getInt() > 1)
        loops.push_back(loop);
    });
    for (scf::ForOp loop : loops) {
      auto kernel = loop->getParentOfType<func::FuncOp>();
      if (loop.getUnsignedCmp())
        continue;
      AccessPlans accesses(kernel);
      Pipeliner(loop, planPipeline(loop, accesses, maxBytes)).run();
    }
    if (loops.empty())
      return;
    // What nobody needs any more goes, and what every iteration computes alike stands in front of the loop again.
    OpPassManager cleanup(ModuleOp::getOperationName());
    cleanup.addPass(createCanonicalizerPass());
    cleanup.addPass(createCSEPass());
    cleanup.addPass(createLoopInvariantCodeMotionPass());
    if (failed(runPipeline(cleanup, getOperation())))
      signalPassFailure();
  }
};

} // namespace
