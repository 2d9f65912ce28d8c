//===- LowerToThreads.cpp - tile-gpu-lower-to-threads ---------------------===//
//
// Walks a kernel once, from top to bottom, and lowers each operation where it stands. The operations on tiles remain
// until the end, since others refer to their results, and are erased all together. Loops and branches are rebuilt with
// the scalars that their tiles have become.
//
//===----------------------------------------------------------------------===//

#include "kiln/Conversion/TileGPUToThreads/Passes.h"

#include "Lowerings.h"

#include "kiln/Dialect/Tile/IR/DeviceFunctions.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/TypeSwitch.h"

namespace kiln::tile_gpu {
#define GEN_PASS_DEF_LOWERTOTHREADS
#include "kiln/Conversion/TileGPUToThreads/Passes.h.inc"
} // namespace kiln::tile_gpu

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

bool isTileOrPointer(Type type) { return isa<RankedTensorType, tile::PtrType>(type); }

class KernelLowering {
public:
  KernelLowering(func::FuncOp kernel, ThreadLoweringOptions options) : kernel(kernel), lowering(kernel, options) {}

  LogicalResult run();

private:
  LogicalResult lowerBlock(Block &block);
  LogicalResult lower(Operation *op);
  LogicalResult lowerFor(scf::ForOp op);
  LogicalResult lowerIf(scf::IfOp op);
  LogicalResult lowerWhile(scf::WhileOp op);
  LogicalResult lowerProgramId(Operation *op, StringRef prefix, uint32_t axis);
  LogicalResult checkLayouts(Operation *op);

  /// The types of the scalars that values of `types` become.
  static SmallVector<Type> flatten(TypeRange types);
  SmallVector<Value> flatten(ValueRange values);
  /// Says that `values` have become the next of `scalars`, and advances.
  void assign(ValueRange values, ValueRange scalars);
  /// Replaces the arguments of a block by those of the scalars that they become.
  void flattenArguments(Block &block);
  void flattenTerminator(Operation *terminator);
  /// What a loop carries: the scalars of `values`, small ones in words.
  SmallVector<Value> pack(ValueRange values);
  /// Says that `values` are carried in `words`.
  void unpack(ValueRange values, ValueRange words);

  func::FuncOp kernel;
  ThreadLowering lowering;
  SmallVector<Operation *> lowered;
  SmallVector<std::pair<Block *, SmallVector<BlockArgument>>> replacedArguments;
};

//===----------------------------------------------------------------------===//
// Scalars of tiles
//===----------------------------------------------------------------------===//

SmallVector<Type> KernelLowering::flatten(TypeRange types) {
  SmallVector<Type> flat;
  for (Type type : types) {
    int64_t count = isa<RankedTensorType>(type) ? getLayout(type).getNumRegisters() : 1;
    flat.append(count, ThreadLowering::getScalarType(tile::getElementOrSelf(type)));
  }
  return flat;
}

SmallVector<Value> KernelLowering::flatten(ValueRange values) {
  SmallVector<Value> flat;
  for (Value value : values)
    llvm::append_range(flat, lowering.getRegisters(value));
  return flat;
}

void KernelLowering::assign(ValueRange values, ValueRange scalars) {
  for (Value value : values) {
    size_t count = isa<RankedTensorType>(value.getType()) ? getLayout(value).getNumRegisters() : 1;
    if (isTileOrPointer(value.getType()))
      lowering.setRegisters(value, llvm::to_vector(scalars.take_front(count)));
    else
      value.replaceAllUsesWith(scalars.front());
    scalars = scalars.drop_front(count);
  }
}

void KernelLowering::flattenArguments(Block &block) {
  SmallVector<BlockArgument> old(block.getArguments());
  SmallVector<Location> locations;
  for (BlockArgument argument : old)
    locations.append(flatten(TypeRange(argument.getType())).size(), argument.getLoc());
  SmallVector<Type> types = flatten(block.getArgumentTypes());
  SmallVector<Value> fresh;
  for (auto [type, loc] : llvm::zip_equal(types, locations))
    fresh.push_back(block.addArgument(type, loc));
  assign(SmallVector<Value>(old.begin(), old.end()), fresh);
  replacedArguments.push_back({&block, old});
}

void KernelLowering::flattenTerminator(Operation *terminator) {
  terminator->setOperands(flatten(terminator->getOperands()));
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

/// How many elements of a tile that a loop carries share a word of 32 bits: fragments of tensor cores are words, and
/// would be taken apart and put together again where they pass from one iteration to the next.
static int64_t getCarriedPerWord(Type type) {
  if (!isa<RankedTensorType>(type))
    return 1;
  Type element = tile::getElementOrSelf(type);
  if (!element.isIntOrFloat() || (element.getIntOrFloatBitWidth() != 8 && element.getIntOrFloatBitWidth() != 16))
    return 1;
  int64_t perWord = 32 / element.getIntOrFloatBitWidth();
  return getLayout(type).getNumRegisters() % perWord == 0 ? perWord : 1;
}

static std::string getCarriedPacking(int64_t perWord) { return perWord == 2 ? "b16x2" : "b8x4"; }

SmallVector<Value> KernelLowering::pack(ValueRange values) {
  SmallVector<Value> words;
  for (Value value : values) {
    int64_t perWord = getCarriedPerWord(value.getType());
    SmallVector<Value> registers = lowering.getRegisters(value);
    if (perWord == 1) {
      llvm::append_range(words, registers);
      continue;
    }
    for (Value &scalar : registers)
      scalar = lowering.toBits(scalar);
    for (ArrayRef<Value> rest = registers; !rest.empty(); rest = rest.drop_front(perWord))
      words.push_back(lowering.machine("pack." + getCarriedPacking(perWord), rest.take_front(perWord)));
  }
  return words;
}

void KernelLowering::unpack(ValueRange values, ValueRange words) {
  for (Value value : values) {
    int64_t perWord = getCarriedPerWord(value.getType());
    size_t count = flatten(TypeRange(value.getType())).size() / perWord;
    SmallVector<Value> scalars;
    for (Value word : words.take_front(count)) {
      if (perWord == 1)
        scalars.push_back(word);
      else
        for (Value bits : lowering.machineResults("unpack." + getCarriedPacking(perWord), word))
          scalars.push_back(lowering.fromBits(bits, tile::getElementOrSelf(value.getType())));
    }
    assign(value, scalars);
    words = words.drop_front(count);
  }
}

LogicalResult KernelLowering::lowerFor(scf::ForOp op) {
  lowering.start(op);
  auto loop = scf::ForOp::create(lowering.builder, op.getLoc(), op.getLowerBound(), op.getUpperBound(), op.getStep(),
                                 pack(op.getInitArgs()));
  loop->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  Block *body = op.getBody();
  if (!loop.getRegion().empty())
    loop.getRegion().front().erase();
  loop.getRegion().takeBody(op.getRegion());

  // The induction variable stays in front: it is a scalar number.
  SmallVector<BlockArgument> old(body->getArguments());
  SmallVector<Value> fresh{body->addArgument(old[0].getType(), old[0].getLoc())};
  for (Value init : loop.getInitArgs())
    fresh.push_back(body->addArgument(init.getType(), init.getLoc()));
  lowering.builder.setInsertionPointToStart(body);
  unpack(SmallVector<Value>(old.begin(), old.end()), fresh);
  replacedArguments.push_back({body, old});

  if (failed(lowerBlock(*body)))
    return failure();
  Operation *yield = body->getTerminator();
  lowering.start(yield);
  yield->setOperands(pack(yield->getOperands()));
  lowering.start(op);
  unpack(op.getResults(), loop.getResults());
  return success();
}

LogicalResult KernelLowering::lowerIf(scf::IfOp op) {
  lowering.start(op);
  auto branch = scf::IfOp::create(lowering.builder, op.getLoc(), flatten(op.getResultTypes()), op.getCondition(),
                                  /*withElseRegion=*/false);
  branch.getThenRegion().takeBody(op.getThenRegion());
  branch.getElseRegion().takeBody(op.getElseRegion());
  for (Region *region : {&branch.getThenRegion(), &branch.getElseRegion()}) {
    if (region->empty())
      continue;
    if (failed(lowerBlock(region->front())))
      return failure();
    flattenTerminator(region->front().getTerminator());
  }
  assign(op.getResults(), branch.getResults());
  return success();
}

LogicalResult KernelLowering::lowerWhile(scf::WhileOp op) {
  lowering.start(op);
  auto loop = scf::WhileOp::create(lowering.builder, op.getLoc(), flatten(op.getResultTypes()), flatten(op.getInits()));
  loop.getBefore().takeBody(op.getBefore());
  loop.getAfter().takeBody(op.getAfter());
  for (Region *region : {&loop.getBefore(), &loop.getAfter()}) {
    flattenArguments(region->front());
    if (failed(lowerBlock(region->front())))
      return failure();
  }
  scf::ConditionOp condition = loop.getConditionOp();
  SmallVector<Value> operands{condition.getCondition()};
  llvm::append_range(operands, flatten(condition.getArgs()));
  condition->setOperands(operands);
  flattenTerminator(loop.getAfter().front().getTerminator());
  assign(op.getResults(), loop.getResults());
  return success();
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

LogicalResult KernelLowering::lowerProgramId(Operation *op, StringRef prefix, uint32_t axis) {
  static constexpr StringLiteral axes[] = {"x", "y", "z"};
  lowering.setScalar(op->getResult(0), lowering.machine((prefix + axes[axis]).str()));
  return success();
}

LogicalResult KernelLowering::checkLayouts(Operation *op) {
  auto check = [&](Type type) -> LogicalResult {
    if (!isa<RankedTensorType>(type))
      return success();
    LayoutAttr layout = getLayout(type);
    if (!layout)
      return op->emitOpError() << "has the type " << type << ", which has no layout";
    if (layout.getNumWarps() != lowering.getNumWarps())
      return op->emitOpError() << "has a tile in a layout for " << layout.getNumWarps() << " warp(s) in a kernel of "
                               << lowering.getNumWarps();
    return success();
  };
  for (Type type :
       llvm::concat<const Type>(llvm::to_vector(op->getOperandTypes()), llvm::to_vector(op->getResultTypes())))
    if (failed(check(type)))
      return failure();
  return success();
}

LogicalResult KernelLowering::lower(Operation *op) {
  lowering.start(op);
  auto family = [&](auto function) { return [&, function](auto typed) { return function(lowering, typed); }; };
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case<scf::ForOp>([&](auto loop) { return lowerFor(loop); })
      .Case<scf::IfOp>([&](auto branch) { return lowerIf(branch); })
      .Case<scf::WhileOp>([&](auto loop) { return lowerWhile(loop); })
      .Case<tile::ProgramIdOp>([&](auto id) { return lowerProgramId(id, "ctaid.", id.getAxis()); })
      .Case<tile::NumProgramsOp>([&](auto num) { return lowerProgramId(num, "nctaid.", num.getAxis()); })
      .Case<BarrierOp>([&](auto) {
        lowering.barrier();
        return success();
      })
      .Case<tile::WaitForLaunchesOp>([&](auto) {
        lowering.machineResults("griddepcontrol.wait", {});
        return success();
      })
      .Case<tile::LaunchDependentsOp>([&](auto) {
        lowering.machineResults("griddepcontrol.launch_dependents", {});
        return success();
      })
      .Case<tile::ArangeOp>(family(lowerArange))
      .Case<tile::SplatOp>(family(lowerSplat))
      .Case<tile::BroadcastOp>(family(lowerBroadcast))
      .Case<tile::ExpandDimsOp, tile::ReshapeOp, tile::TransOp>(
          [&](auto shape) { return lowerRename(lowering, shape); })
      .Case<tile::AddPtrOp>(family(lowerAddPtr))
      .Case<tile::BitcastOp>(family(lowerBitcast))
      .Case<tile::ReduceOp>(family(lowerReduce))
      .Case<tile::ScanOp>(family(lowerScan))
      .Case<tile::DotOp>(family(lowerDot))
      .Case<MmaOp>(family(lowerMma))
      .Case<AllocRingOp>([](auto) { return success(); })
      .Case<AsyncLoadOp>(family(lowerAsyncLoad))
      .Case<AsyncCommitOp>(family(lowerAsyncCommit))
      .Case<AsyncWaitOp>(family(lowerAsyncWait))
      .Case<RingLoadOp>(family(lowerRingLoad))
      .Case<tile::LoadOp>(family(lowerLoad))
      .Case<tile::StoreOp>(family(lowerStore))
      .Case<tile::AtomicRMWOp>(family(lowerAtomicRMW))
      .Case<tile::AtomicCASOp>(family(lowerAtomicCAS))
      .Case<tile::ExternCallOp>(family(lowerExternCall))
      .Case<tile::AssertOp>(family(lowerAssert))
      .Case<tile::AssumeOp>(family(lowerAssume))
      .Case<tile::PrintOp>(family(lowerPrint))
      .Case<arith::ConstantOp>(family(lowerConstant))
      .Case<ConvertLayoutOp>(family(lowerConvertLayout))
      .Case<arith::ExtFOp>([&](auto extend) {
        return isFp8(extend.getIn().getType()) ? lowerFp8Extend(lowering, extend) : lowerElementwise(lowering, extend);
      })
      .Case<arith::TruncFOp>([&](auto truncate) {
        return isFp8(truncate.getType()) ? lowerFp8Truncate(lowering, truncate) : lowerElementwise(lowering, truncate);
      })
      .Default([&](Operation *other) -> LogicalResult {
        if (isa_and_present<arith::ArithDialect, math::MathDialect>(other->getDialect()) && other->getNumResults() == 1)
          return lowerElementwise(lowering, other);
        return other->emitOpError("cannot be lowered for a GPU");
      });
}

LogicalResult KernelLowering::lowerBlock(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block.without_terminator())) {
    bool isTile = isa_and_present<tile::TileDialect, TileGPUDialect>(op.getDialect()) && !isa<MachineOp>(op);
    bool touches =
        llvm::any_of(op.getOperandTypes(), isTileOrPointer) || llvm::any_of(op.getResultTypes(), isTileOrPointer);
    // What computes with scalar numbers stays, but there may be tiles inside of loops and branches.
    if (!isTile && !touches && op.getNumRegions() == 0)
      continue;
    if (failed(checkLayouts(&op)) || failed(lower(&op)))
      return failure();
    lowered.push_back(&op);
  }
  return success();
}

LogicalResult KernelLowering::run() {
  // The parameters keep their order.
  Block &entry = kernel.front();
  flattenArguments(entry);
  if (failed(lowerBlock(entry)))
    return failure();
  for (Operation *op : llvm::reverse(lowered)) {
    op->dropAllUses();
    op->erase();
  }
  for (auto &[block, arguments] : replacedArguments) {
    block->eraseArguments([&, &old = arguments](BlockArgument argument) { return llvm::is_contained(old, argument); });
  }
  setAccessRecords(kernel, lowering.getAccessRecords());
  kernel.setFunctionType(FunctionType::get(kernel.getContext(), entry.getArgumentTypes(), {}));
  // What was promised about pointers and numbers has served; `tile.readonly` belongs on pointers alone.
  for (unsigned i = 0, e = kernel.getNumArguments(); i < e; ++i)
    kernel.removeArgAttr(i, tile::kReadOnlyAttr);
  kernel->removeAttr(tile::kOverlapsAttr);
  return success();
}

struct LowerToThreadsPass : tile_gpu::impl::LowerToThreadsBase<LowerToThreadsPass> {
  using LowerToThreadsBase::LowerToThreadsBase;
  void runOnOperation() override {
    ThreadLoweringOptions lowering{.checkExchanges = checkExchanges, .capability = capability};
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (tile::isKernel(function) && failed(KernelLowering(function, lowering).run()))
        return signalPassFailure();
    // What was declared of device functions is not what a thread calls.
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (function.isExternal() && !function.getName().starts_with(tile::kDeviceFunctionPrefix) &&
          SymbolTable::symbolKnownUseEmpty(function, getOperation()))
        function.erase();
  }
};

} // namespace
