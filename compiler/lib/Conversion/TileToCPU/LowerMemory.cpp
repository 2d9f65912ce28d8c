//===- LowerMemory.cpp - tile-lower-memory --------------------------------===//
//
// Loads, stores and atomics of tiles as loops. The pass reads
//
//   tile.load addptr(splat(%base), %offsets) mask %m other %o
//
// evaluates offsets, masks and fill values where it needs them (ElementEvaluator), and writes what it loads into a
// buffer that the rest of the lowering sees as a tensor. Stored values that are used nowhere else are evaluated in the
// loop too. Calls of device functions become calls of their host implementations (HostCalls.h).
//
//===----------------------------------------------------------------------===//

#include "AccessLowering.h"
#include "HostCalls.h"
#include "kiln/Analysis/AxisFacts.h"
#include "kiln/Conversion/TileToCPU/Passes.h"
#include "kiln/Dialect/Tile/IR/Tile.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

namespace kiln {
#define GEN_PASS_DEF_TILELOWERMEMORY
#include "kiln/Conversion/TileToCPU/Passes.h.inc"
} // namespace kiln

using namespace mlir;
using namespace kiln;
using namespace kiln::tile;

namespace {

FailureOr<Address> splitAddress(Operation *op, Value pointer) {
  if (isa<PtrType>(pointer.getType()))
    return Address{pointer, nullptr};
  if (auto splat = pointer.getDefiningOp<SplatOp>())
    return Address{splat.getSource(), nullptr};
  if (auto add = pointer.getDefiningOp<AddPtrOp>())
    if (auto splat = add.getBase().getDefiningOp<SplatOp>())
      return Address{splat.getSource(), add.getOffset()};
  return op->emitOpError("has a tile of pointers that is not one base plus offsets; run tile-split-pointers first");
}

LLVM::AtomicOrdering orderingOf(MemoryOrder order) {
  switch (order) {
  case MemoryOrder::Relaxed:
    return LLVM::AtomicOrdering::monotonic;
  case MemoryOrder::Acquire:
    return LLVM::AtomicOrdering::acquire;
  case MemoryOrder::Release:
    return LLVM::AtomicOrdering::release;
  case MemoryOrder::AcqRel:
    return LLVM::AtomicOrdering::acq_rel;
  }
  llvm_unreachable("unknown memory order");
}

LLVM::AtomicBinOp binOpOf(AtomicKind kind) {
  switch (kind) {
  case AtomicKind::Add:
    return LLVM::AtomicBinOp::add;
  case AtomicKind::FAdd:
    return LLVM::AtomicBinOp::fadd;
  case AtomicKind::Max:
    return LLVM::AtomicBinOp::max;
  case AtomicKind::Min:
    return LLVM::AtomicBinOp::min;
  case AtomicKind::And:
    return LLVM::AtomicBinOp::_and;
  case AtomicKind::Or:
    return LLVM::AtomicBinOp::_or;
  case AtomicKind::Xor:
    return LLVM::AtomicBinOp::_xor;
  case AtomicKind::Exchange:
    return LLVM::AtomicBinOp::xchg;
  }
  llvm_unreachable("unknown atomic kind");
}

class LowerMemoryPass : public kiln::impl::TileLowerMemoryBase<LowerMemoryPass> {
public:
  using TileLowerMemoryBase::TileLowerMemoryBase;

  void runOnOperation() override {
    AxisFactsAnalysis facts(getOperation());
    CheckCalls calls(getOperation());
    SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (isa<LoadOp, StoreOp, AtomicRMWOp, AtomicCASOp, AssertOp, PrintOp, ExternCallOp>(op))
        work.push_back(op);
    });
    // Plans are made first: the facts describe the operations as they were.
    SmallVector<std::pair<Operation *, AccessPlan>> plans;
    for (Operation *op : work)
      plans.emplace_back(op, planAccess(op, facts));
    for (auto [op, plan] : plans)
      if (failed(lower(op, plan, calls)))
        return signalPassFailure();
    // What was declared of device functions is not what is called.
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      if (function.isExternal() && SymbolTable::symbolKnownUseEmpty(function, getOperation()))
        function.erase();
  }

private:
  AccessPlan planAccess(Operation *op, const AxisFactsAnalysis &facts);
  LogicalResult lower(Operation *op, AccessPlan plan, CheckCalls &calls);
};

AccessPlan LowerMemoryPass::planAccess(Operation *op, const AxisFactsAnalysis &facts) {
  AccessPlan plan;
  if (!isa<LoadOp, StoreOp>(op))
    return plan;
  Value pointer = op->getOperand(0);
  Value mask = isa<LoadOp>(op) ? cast<LoadOp>(op).getMask() : cast<StoreOp>(op).getMask();
  auto type = dyn_cast<RankedTensorType>(pointer.getType());
  if (!type)
    return plan;
  unsigned axis = type.getRank() - 1;
  int64_t last = type.getDimSize(axis);
  Type element = cast<PtrType>(type.getElementType()).getPointeeType();
  if (!checkBounds && !element.isInteger(1)) {
    // Eight registers at a time: the address of a row of a K/V cache is computed once.
    int64_t fits = std::max<int64_t>(1, vectorBits / elementBytes(element));
    int64_t contiguity = facts.get(pointer).getContiguity(axis);
    if (auto known = op->getAttrOfType<IntegerAttr>(kContiguityAttr))
      contiguity = std::max(contiguity, known.getInt());
    plan.contiguity = std::min(contiguity, last);
    plan.width = std::min(plan.contiguity, fits);
  }
  if (mask)
    plan.mask = facts.get(mask).getConstancy(axis) >= last ? AccessPlan::Mask::Row : AccessPlan::Mask::Lane;
  return plan;
}

LogicalResult LowerMemoryPass::lower(Operation *op, AccessPlan plan, CheckCalls &calls) {
  if (auto check = dyn_cast<AssertOp>(op)) {
    if (asserts)
      return calls.lowerAssert(check);
    check.erase();
    return success();
  }
  if (auto print = dyn_cast<PrintOp>(op))
    return calls.lowerPrint(print);
  if (auto call = dyn_cast<ExternCallOp>(op)) {
    lowerHostCall(call);
    return success();
  }

  Value pointer = isa<AtomicRMWOp>(op)   ? cast<AtomicRMWOp>(op).getPointer()
                  : isa<AtomicCASOp>(op) ? cast<AtomicCASOp>(op).getPointer()
                                         : op->getOperand(0);
  FailureOr<Address> address = splitAddress(op, pointer);
  if (failed(address))
    return failure();
  auto shape = dyn_cast<RankedTensorType>(pointer.getType());
  Type element = cast<PtrType>(getElementOrSelf(pointer.getType())).getPointeeType();
  auto lowering = [&](Value mask) {
    return AccessLowering(op, *address, mask, shape, element, plan, checkBounds ? &calls : nullptr);
  };

  if (auto load = dyn_cast<LoadOp>(op)) {
    AccessLowering access = lowering(load.getMask());
    if (checkBounds || !lowerStreamedDot(load, access, plan, vectorBits))
      access.lowerLoad(load);
  } else if (auto store = dyn_cast<StoreOp>(op)) {
    lowering(store.getMask()).lowerStore(store);
  } else if (auto rmw = dyn_cast<AtomicRMWOp>(op)) {
    lowering(rmw.getMask())
        .lowerAtomic(rmw.getResult(), [&](OpBuilder &b, ElementEvaluator &evaluator, ValueRange indices, Value at) {
          Value value = evaluator.element(rmw.getValue(), indices);
          return LLVM::AtomicRMWOp::create(b, rmw.getLoc(), binOpOf(rmw.getKind()), at, value,
                                           orderingOf(rmw.getOrder()))
              .getResult();
        });
  } else {
    auto cas = cast<AtomicCASOp>(op);
    lowering(nullptr).lowerAtomic(
        cas.getResult(), [&](OpBuilder &b, ElementEvaluator &evaluator, ValueRange indices, Value at) -> Value {
          Value expected = evaluator.element(cas.getCompare(), indices),
                desired = evaluator.element(cas.getValue(), indices);
          // The failure order may not be stronger than what a read can have.
          bool acquires = cas.getOrder() == MemoryOrder::Acquire || cas.getOrder() == MemoryOrder::AcqRel;
          auto onFailure = acquires ? LLVM::AtomicOrdering::acquire : LLVM::AtomicOrdering::monotonic;
          Value pair = LLVM::AtomicCmpXchgOp::create(b, cas.getLoc(), at, expected, desired, orderingOf(cas.getOrder()),
                                                     onFailure);
          return LLVM::ExtractValueOp::create(b, cas.getLoc(), pair, ArrayRef<int64_t>{0});
        });
  }
  return success();
}

} // namespace
