//===- LowerMemory.cpp - tile-lower-memory --------------------------------===//
//
// Loads, stores and atomics of tiles as loops. The pass reads
//
//   tile.load addptr(splat(%base), %offsets) mask %m other %o
//
// evaluates offsets, masks and fill values where it needs them (ElementEvaluator), and writes what it loads into a
// buffer that the rest of the lowering sees as a tensor. Stored values that are used nowhere else are evaluated in the
// loop too.
//
//===----------------------------------------------------------------------===//

#include "CheckCalls.h"
#include "ElementEvaluator.h"
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

int64_t elementBytes(Type type) { return llvm::divideCeil(getElementOrSelf(type).getIntOrFloatBitWidth(), 8); }

/// A pointer operand: one base, and offsets for each lane (none for a scalar or a uniform address).
struct Address {
  Value base, offsets;
};

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

/// How the lanes of one access are walked.
struct AccessPlan {
  enum class Mask { None, Row, Lane };
  int64_t width = 1;      // elements that move together along the last axis
  Mask mask = Mask::None; // Row: one condition decides about the whole last axis
};

/// Lowers one memory operation at its place.
class AccessLowering {
public:
  AccessLowering(Operation *op, Address address, Value mask, RankedTensorType shape, Type element, AccessPlan plan,
                 CheckCalls *checks)
      : builder(op), loc(op->getLoc()), op(op), address(address), mask(mask), shape(shape), element(element),
        plan(plan), checks(checks) {
    base =
        UnrealizedConversionCastOp::create(builder, loc, LLVM::LLVMPointerType::get(builder.getContext()), address.base)
            .getResult(0);
  }

  void lowerLoad(LoadOp load);
  void lowerStore(StoreOp store);
  void lowerAtomic(Value result, llvm::function_ref<Value(OpBuilder &, ElementEvaluator &, ValueRange, Value)> emit);

private:
  using RowBody = llvm::function_ref<void(OpBuilder &, ValueRange row)>;
  using LaneBody = llvm::function_ref<void(OpBuilder &, ValueRange indices)>;

  void forEachRow(OpBuilder &b, RowBody body);
  void forEachChunk(OpBuilder &b, ValueRange row, int64_t width, LaneBody body);
  void forEachLane(OpBuilder &b, ValueRange indices, int64_t width, LaneBody body);

  Value index(OpBuilder &b, int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }
  Value pointerTo(OpBuilder &b, ElementEvaluator &evaluator, ValueRange indices);
  Value checkedPointerTo(OpBuilder &b, ElementEvaluator &evaluator, ValueRange indices, bool isStore);
  unsigned alignment() const { return elementBytes(element); }
  Lanes lanes(int64_t width) const { return {shape ? shape.getRank() - 1 : -1, width}; }
  Value otherElement(OpBuilder &b, LoadOp load, ElementEvaluator &evaluator, ValueRange indices, Lanes lanes);

  OpBuilder builder;
  Location loc;
  Operation *op;
  Address address;
  Value base, mask;
  RankedTensorType shape; // null for a scalar access
  Type element;
  AccessPlan plan;
  CheckCalls *checks; // null unless bounds are checked
};

void AccessLowering::forEachRow(OpBuilder &b, RowBody body) {
  SmallVector<Value> lower, upper, step;
  for (int64_t axis = 0; axis + 1 < shape.getRank(); ++axis) {
    lower.push_back(index(b, 0));
    upper.push_back(index(b, shape.getDimSize(axis)));
    step.push_back(index(b, 1));
  }
  scf::buildLoopNest(b, loc, lower, upper, step, [&](OpBuilder &inner, Location, ValueRange row) { body(inner, row); });
}

void AccessLowering::forEachChunk(OpBuilder &b, ValueRange row, int64_t width, LaneBody body) {
  int64_t size = shape.getDimSize(shape.getRank() - 1);
  SmallVector<Value> indices(row);
  if (width == size) {
    indices.push_back(index(b, 0));
    return body(b, indices);
  }
  scf::ForOp::create(b, loc, index(b, 0), index(b, size), index(b, width), ValueRange{},
                     [&](OpBuilder &inner, Location, Value position, ValueRange) {
                       indices.push_back(position);
                       body(inner, indices);
                       scf::YieldOp::create(inner, loc);
                     });
}

void AccessLowering::forEachLane(OpBuilder &b, ValueRange indices, int64_t width, LaneBody body) {
  SmallVector<Value> at(indices);
  if (width == 1)
    return body(b, at);
  scf::ForOp::create(b, loc, index(b, 0), index(b, width), index(b, 1), ValueRange{},
                     [&](OpBuilder &inner, Location, Value lane, ValueRange) {
                       at.back() = arith::AddIOp::create(inner, loc, at.back(), lane);
                       body(inner, at);
                       scf::YieldOp::create(inner, loc);
                     });
}

Value AccessLowering::pointerTo(OpBuilder &b, ElementEvaluator &evaluator, ValueRange indices) {
  if (!address.offsets)
    return base;
  Value offset = evaluator.element(address.offsets, indices);
  // An i1 occupies a byte, like every sub-byte element in memory.
  Type unit = element.isInteger(1) ? b.getI8Type() : element;
  return LLVM::GEPOp::create(b, loc, base.getType(), unit, base, ArrayRef<LLVM::GEPArg>{offset});
}

Value AccessLowering::checkedPointerTo(OpBuilder &b, ElementEvaluator &evaluator, ValueRange indices, bool isStore) {
  Value pointer = pointerTo(b, evaluator, indices);
  if (checks)
    checks->checkAccess(b, loc, pointer, elementBytes(element), isStore);
  return pointer;
}

/// Reads one element or vector. An i1 is stored as a byte that is 0 or 1; any other byte counts as true.
static Value emitRead(OpBuilder &b, Location loc, Type type, Value pointer, unsigned alignment) {
  if (!type.isInteger(1))
    return LLVM::LoadOp::create(b, loc, type, pointer, alignment);
  Value byte = LLVM::LoadOp::create(b, loc, b.getI8Type(), pointer, 1);
  Value zero = arith::ConstantIntOp::create(b, loc, b.getI8Type(), 0);
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, byte, zero);
}

static void emitWrite(OpBuilder &b, Location loc, Value value, Value pointer, unsigned alignment) {
  if (value.getType().isInteger(1))
    value = arith::ExtUIOp::create(b, loc, b.getI8Type(), value);
  LLVM::StoreOp::create(b, loc, value, pointer, alignment);
}

Value AccessLowering::otherElement(OpBuilder &b, LoadOp load, ElementEvaluator &evaluator, ValueRange indices,
                                   Lanes run) {
  if (load.getOther())
    return evaluator.run(load.getOther(), indices, run);
  Type type = run.isScalar() ? element : VectorType::get({run.width}, element);
  return arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
}

void AccessLowering::lowerLoad(LoadOp load) {
  if (!shape) {
    ElementEvaluator evaluator(builder, loc);
    Value result;
    if (!mask) {
      result = emitRead(builder, loc, element, checkedPointerTo(builder, evaluator, {}, false), alignment());
    } else {
      auto branch = scf::IfOp::create(builder, loc, TypeRange{element}, mask, /*withElseRegion=*/true);
      OpBuilder on = branch.getThenBodyBuilder(), off = branch.getElseBodyBuilder();
      ElementEvaluator onEvaluator(on, loc), offEvaluator(off, loc);
      scf::YieldOp::create(on, loc,
                           emitRead(on, loc, element, checkedPointerTo(on, onEvaluator, {}, false), alignment()));
      scf::YieldOp::create(off, loc, otherElement(off, load, offEvaluator, {}, {}));
      result = branch.getResult(0);
    }
    load.replaceAllUsesWith(result);
    load.erase();
    return;
  }

  Value buffer = memref::AllocOp::create(builder, loc, MemRefType::get(shape.getShape(), element));
  auto readChunk = [&](OpBuilder &b, ValueRange indices) {
    ElementEvaluator evaluator(b, loc);
    Value pointer = checkedPointerTo(b, evaluator, indices, false);
    if (plan.width == 1) {
      memref::StoreOp::create(b, loc, emitRead(b, loc, element, pointer, alignment()), buffer, indices);
      return;
    }
    Value data = LLVM::LoadOp::create(b, loc, VectorType::get({plan.width}, element), pointer, alignment());
    vector::StoreOp::create(b, loc, data, buffer, indices);
  };
  auto fillChunk = [&](OpBuilder &b, ValueRange indices) {
    ElementEvaluator evaluator(b, loc);
    if (plan.width == 1) {
      memref::StoreOp::create(b, loc, otherElement(b, load, evaluator, indices, {}), buffer, indices);
      return;
    }
    vector::StoreOp::create(b, loc, otherElement(b, load, evaluator, indices, lanes(plan.width)), buffer, indices);
  };
  // One lane: read it or fill it.
  auto readLane = [&](OpBuilder &b, ValueRange indices) {
    ElementEvaluator evaluator(b, loc);
    auto branch = scf::IfOp::create(b, loc, evaluator.element(mask, indices), /*withElseRegion=*/true);
    OpBuilder on = branch.getThenBodyBuilder(), off = branch.getElseBodyBuilder();
    ElementEvaluator onEvaluator(on, loc), offEvaluator(off, loc);
    Value pointer = checkedPointerTo(on, onEvaluator, indices, false);
    memref::StoreOp::create(on, loc, emitRead(on, loc, element, pointer, alignment()), buffer, indices);
    memref::StoreOp::create(off, loc, otherElement(off, load, offEvaluator, indices, {}), buffer, indices);
  };

  forEachRow(builder, [&](OpBuilder &b, ValueRange row) {
    if (plan.mask == AccessPlan::Mask::Row) {
      SmallVector<Value> first(row);
      first.push_back(index(b, 0));
      ElementEvaluator evaluator(b, loc);
      auto branch = scf::IfOp::create(b, loc, evaluator.element(mask, first), /*withElseRegion=*/true);
      OpBuilder on = branch.getThenBodyBuilder(), off = branch.getElseBodyBuilder();
      forEachChunk(on, row, plan.width, readChunk);
      forEachChunk(off, row, plan.width, fillChunk);
      return;
    }
    forEachChunk(b, row, plan.width, [&](OpBuilder &inner, ValueRange indices) {
      if (plan.mask == AccessPlan::Mask::None)
        return readChunk(inner, indices);
      if (plan.width == 1)
        return readLane(inner, indices);
      ElementEvaluator evaluator(inner, loc);
      Value on = evaluator.run(mask, indices, lanes(plan.width));
      Value all = vector::ReductionOp::create(inner, loc, vector::CombiningKind::AND, on);
      auto branch = scf::IfOp::create(inner, loc, all, /*withElseRegion=*/true);
      OpBuilder full = branch.getThenBodyBuilder(), partial = branch.getElseBodyBuilder();
      readChunk(full, indices);
      forEachLane(partial, indices, plan.width, readLane);
    });
  });
  Value tile = bufferization::ToTensorOp::create(builder, loc, shape.clone(element), buffer, /*restrict=*/true,
                                                 /*writable=*/true);
  load.replaceAllUsesWith(tile);
  load.erase();
}

void AccessLowering::lowerStore(StoreOp store) {
  Value value = store.getValue();
  // What is used only here need not exist as a tile.
  auto onlyHere = [](Operation *producer) { return producer->hasOneUse(); };
  if (!shape) {
    auto emit = [&](OpBuilder &b) {
      ElementEvaluator evaluator(b, loc);
      emitWrite(b, loc, value, checkedPointerTo(b, evaluator, {}, true), alignment());
    };
    if (!mask) {
      emit(builder);
    } else {
      auto branch = scf::IfOp::create(builder, loc, mask, /*withElseRegion=*/false);
      OpBuilder on = branch.getThenBodyBuilder();
      emit(on);
    }
    store.erase();
    return;
  }

  auto writeLane = [&](OpBuilder &b, ValueRange indices) {
    ElementEvaluator evaluator(b, loc), values(b, loc, onlyHere);
    Value data = values.element(value, indices);
    emitWrite(b, loc, data, checkedPointerTo(b, evaluator, indices, true), alignment());
  };
  auto writeChunk = [&](OpBuilder &b, ValueRange indices) {
    if (plan.width == 1)
      return writeLane(b, indices);
    ElementEvaluator evaluator(b, loc), values(b, loc, onlyHere);
    Value data = values.run(value, indices, lanes(plan.width));
    LLVM::StoreOp::create(b, loc, data, pointerTo(b, evaluator, indices), alignment());
  };
  auto writeLaneIf = [&](OpBuilder &b, ValueRange indices) {
    ElementEvaluator evaluator(b, loc);
    auto branch = scf::IfOp::create(b, loc, evaluator.element(mask, indices), /*withElseRegion=*/false);
    OpBuilder on = branch.getThenBodyBuilder();
    writeLane(on, indices);
  };

  forEachRow(builder, [&](OpBuilder &b, ValueRange row) {
    if (plan.mask == AccessPlan::Mask::Row) {
      SmallVector<Value> first(row);
      first.push_back(index(b, 0));
      ElementEvaluator evaluator(b, loc);
      auto branch = scf::IfOp::create(b, loc, evaluator.element(mask, first), /*withElseRegion=*/false);
      OpBuilder on = branch.getThenBodyBuilder();
      return forEachChunk(on, row, plan.width, writeChunk);
    }
    forEachChunk(b, row, plan.width, [&](OpBuilder &inner, ValueRange indices) {
      if (plan.mask == AccessPlan::Mask::None)
        return writeChunk(inner, indices);
      if (plan.width == 1)
        return writeLaneIf(inner, indices);
      ElementEvaluator evaluator(inner, loc);
      Value on = evaluator.run(mask, indices, lanes(plan.width));
      Value all = vector::ReductionOp::create(inner, loc, vector::CombiningKind::AND, on);
      auto branch = scf::IfOp::create(inner, loc, all, /*withElseRegion=*/true);
      OpBuilder full = branch.getThenBodyBuilder(), partial = branch.getElseBodyBuilder();
      writeChunk(full, indices);
      forEachLane(partial, indices, plan.width, writeLaneIf);
    });
  });
  store.erase();
}

void AccessLowering::lowerAtomic(Value result,
                                 llvm::function_ref<Value(OpBuilder &, ElementEvaluator &, ValueRange, Value)> emit) {
  auto operate = [&](OpBuilder &b, ValueRange indices) {
    ElementEvaluator evaluator(b, loc);
    return emit(b, evaluator, indices, checkedPointerTo(b, evaluator, indices, true));
  };
  auto zero = [&](OpBuilder &b) { return arith::ConstantOp::create(b, loc, b.getZeroAttr(element)).getResult(); };
  auto operateIf = [&](OpBuilder &b, ValueRange indices) -> Value {
    if (!mask)
      return operate(b, indices);
    ElementEvaluator evaluator(b, loc);
    auto branch =
        scf::IfOp::create(b, loc, TypeRange{element}, evaluator.element(mask, indices), /*withElseRegion=*/true);
    OpBuilder on = branch.getThenBodyBuilder(), off = branch.getElseBodyBuilder();
    scf::YieldOp::create(on, loc, operate(on, indices));
    scf::YieldOp::create(off, loc, zero(off));
    return branch.getResult(0);
  };
  if (!shape) {
    result.replaceAllUsesWith(operateIf(builder, {}));
    return op->erase();
  }
  Value buffer = memref::AllocOp::create(builder, loc, MemRefType::get(shape.getShape(), element));
  forEachRow(builder, [&](OpBuilder &b, ValueRange row) {
    forEachChunk(b, row, 1, [&](OpBuilder &inner, ValueRange indices) {
      memref::StoreOp::create(inner, loc, operateIf(inner, indices), buffer, indices);
    });
  });
  result.replaceAllUsesWith(bufferization::ToTensorOp::create(builder, loc, shape.clone(element), buffer,
                                                              /*restrict=*/true, /*writable=*/true));
  op->erase();
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
      if (isa<LoadOp, StoreOp, AtomicRMWOp, AtomicCASOp, AssertOp, PrintOp>(op))
        work.push_back(op);
    });
    // Plans are made first: the facts describe the operations as they were.
    SmallVector<std::pair<Operation *, AccessPlan>> plans;
    for (Operation *op : work)
      plans.emplace_back(op, planAccess(op, facts));
    for (auto [op, plan] : plans)
      if (failed(lower(op, plan, calls)))
        return signalPassFailure();
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
    int64_t fits = std::max<int64_t>(1, vectorBytes / elementBytes(element));
    int64_t contiguity = facts.get(pointer).getContiguity(axis);
    if (auto known = op->getAttrOfType<IntegerAttr>(kContiguityAttr))
      contiguity = std::max(contiguity, known.getInt());
    plan.width = std::min({contiguity, last, fits});
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
    lowering(load.getMask()).lowerLoad(load);
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
