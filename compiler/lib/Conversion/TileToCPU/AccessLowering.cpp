//===- AccessLowering.cpp - One memory operation as loops -----------------===//

#include "AccessLowering.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile;

AccessLowering::AccessLowering(Operation *op, Address address, Value mask, RankedTensorType shape, Type element,
                               AccessPlan plan, CheckCalls *checks)
    : builder(op), loc(op->getLoc()), op(op), address(address), mask(mask), shape(shape), element(element), plan(plan),
      checks(checks) {
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  base = UnrealizedConversionCastOp::create(builder, loc, pointer, address.base).getResult(0);
}

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

Value AccessLowering::checkedPointerTo(OpBuilder &b, ElementEvaluator &evaluator, ValueRange indices,
                                       StringRef access) {
  Value pointer = pointerTo(b, evaluator, indices);
  if (checks)
    checks->checkAccess(b, loc, pointer, elementBytes(element), access);
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
      result = emitRead(builder, loc, element, checkedPointerTo(builder, evaluator, {}, "load"), alignment());
    } else {
      auto branch = scf::IfOp::create(builder, loc, TypeRange{element}, mask, /*withElseRegion=*/true);
      OpBuilder on = branch.getThenBodyBuilder(), off = branch.getElseBodyBuilder();
      ElementEvaluator onEvaluator(on, loc), offEvaluator(off, loc);
      scf::YieldOp::create(on, loc,
                           emitRead(on, loc, element, checkedPointerTo(on, onEvaluator, {}, "load"), alignment()));
      scf::YieldOp::create(off, loc, otherElement(off, load, offEvaluator, {}, {}));
      result = branch.getResult(0);
    }
    load.replaceAllUsesWith(result);
    load.erase();
    return;
  }

  Value buffer = memref::AllocOp::create(builder, loc, MemRefType::get(shape.getShape(), element));
  forEachRow(builder, [&](OpBuilder &b, ValueRange row) { loadRow(b, load, row, buffer); });
  Value tile = bufferization::ToTensorOp::create(builder, loc, shape.clone(element), buffer, /*restrict=*/true,
                                                 /*writable=*/true);
  load.replaceAllUsesWith(tile);
  load.erase();
}

void AccessLowering::loadRow(OpBuilder &b, LoadOp load, ValueRange row, Value buffer) {
  auto readChunk = [&](OpBuilder &b, ValueRange indices) {
    ElementEvaluator evaluator(b, loc);
    Value pointer = checkedPointerTo(b, evaluator, indices, "load");
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
    Value data = otherElement(b, load, evaluator, indices, lanes(plan.width));
    vector::StoreOp::create(b, loc, data, buffer, indices);
  };
  // One lane: read it or fill it.
  auto readLane = [&](OpBuilder &b, ValueRange indices) {
    ElementEvaluator evaluator(b, loc);
    auto branch = scf::IfOp::create(b, loc, evaluator.element(mask, indices), /*withElseRegion=*/true);
    OpBuilder on = branch.getThenBodyBuilder(), off = branch.getElseBodyBuilder();
    ElementEvaluator onEvaluator(on, loc), offEvaluator(off, loc);
    Value pointer = checkedPointerTo(on, onEvaluator, indices, "load");
    memref::StoreOp::create(on, loc, emitRead(on, loc, element, pointer, alignment()), buffer, indices);
    memref::StoreOp::create(off, loc, otherElement(off, load, offEvaluator, indices, {}), buffer, indices);
  };

  if (plan.mask == AccessPlan::Mask::Row) {
    auto branch = scf::IfOp::create(b, loc, rowMask(b, row), /*withElseRegion=*/true);
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
}

Value AccessLowering::rowMask(OpBuilder &b, ValueRange row) {
  SmallVector<Value> first(row);
  first.push_back(index(b, 0));
  return ElementEvaluator(b, loc).element(mask, first);
}

Value AccessLowering::rowPointer(OpBuilder &b, ValueRange row, Value whenOff) {
  SmallVector<Value> first(row);
  first.push_back(index(b, 0));
  ElementEvaluator evaluator(b, loc);
  Value pointer = pointerTo(b, evaluator, first);
  if (plan.mask == AccessPlan::Mask::None)
    return pointer;
  return arith::SelectOp::create(b, loc, rowMask(b, row), pointer, whenOff);
}

void AccessLowering::lowerStore(StoreOp store) {
  Value value = store.getValue();
  // What is used only here need not exist as a tile.
  auto onlyHere = [](Operation *producer) { return producer->hasOneUse(); };
  if (!shape) {
    auto emit = [&](OpBuilder &b) {
      ElementEvaluator evaluator(b, loc);
      emitWrite(b, loc, value, checkedPointerTo(b, evaluator, {}, "store"), alignment());
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
    emitWrite(b, loc, data, checkedPointerTo(b, evaluator, indices, "store"), alignment());
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
      auto branch = scf::IfOp::create(b, loc, rowMask(b, row), /*withElseRegion=*/false);
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
    return emit(b, evaluator, indices, checkedPointerTo(b, evaluator, indices, "atomic"));
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
