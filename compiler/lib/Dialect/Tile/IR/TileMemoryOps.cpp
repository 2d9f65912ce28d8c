//===- TileMemoryOps.cpp - Pointers, loads, stores, atomics, overlapping launches ------------------------===//

#include "kiln/Dialect/Tile/IR/ReadOnly.h"
#include "kiln/Dialect/Tile/IR/Tile.h"

#include "mlir/Interfaces/LoopLikeInterface.h"

using namespace mlir;
using namespace kiln::tile;

using EffectList = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

/// What a pointer type reaches: `tensor<64xf16>` for `tensor<64x!tile.ptr<f16>>`.
static Type getReachedType(Type pointer) {
  return withElementType(pointer, cast<PtrType>(getElementOrSelf(pointer)).getPointeeType());
}

/// Verifies that `type`, the type of `what`, is that of the memory which `pointer` reaches.
static LogicalResult verifyReached(Operation *op, Type pointer, Type type, StringRef what) {
  Type reached = getReachedType(pointer);
  if (type != reached)
    return op->emitOpError() << what << " of an access through " << pointer << " must be " << reached << ", but is "
                             << type;
  return success();
}

static LogicalResult verifyMask(Operation *op, Type pointer, Value mask) {
  if (!mask)
    return success();
  Type expected = withElementType(pointer, IntegerType::get(op->getContext(), 1));
  if (mask.getType() != expected)
    return op->emitOpError() << "mask of an access through " << pointer << " must be " << expected << ", but is "
                             << mask.getType();
  return success();
}

/// Verifies that `op` does not write what a kernel's argument declares read-only.
static LogicalResult verifyWritable(Operation *op, Value pointer) {
  if (BlockArgument argument = findReadOnlyArgument(pointer))
    return op->emitOpError() << "writes through argument " << argument.getArgNumber()
                             << " of the kernel, which is marked '" << kReadOnlyAttr << "'";
  return success();
}

//===----------------------------------------------------------------------===//
// addptr
//===----------------------------------------------------------------------===//

LogicalResult AddPtrOp::verify() {
  Type base = getBase().getType(), offset = getOffset().getType();
  if (withElementType(base, getElementOrSelf(offset)) != offset)
    return emitOpError() << "moves each pointer by its own offset, but the base is " << base << " and the offset is "
                         << offset;
  return success();
}

//===----------------------------------------------------------------------===//
// load
//===----------------------------------------------------------------------===//

void LoadOp::build(OpBuilder &builder, OperationState &state, Value pointer, Value mask, Value other) {
  build(builder, state, getReachedType(pointer.getType()), pointer, mask, other);
}

LogicalResult LoadOp::verify() {
  Type pointer = getPointer().getType();
  if (failed(verifyReached(*this, pointer, getResult().getType(), "result")) ||
      failed(verifyMask(*this, pointer, getMask())))
    return failure();
  if (!getOther())
    return success();
  if (!getMask())
    return emitOpError("has 'other' but no mask, so nothing would ever yield it");
  return verifyReached(*this, pointer, getOther().getType(), "'other'");
}

/// Memory that nothing writes during a launch holds one value, so that a load of it has no effect to order against
/// anything: it may be removed, merged with an equal load across stores, and (see getSpeculatability) hoisted.
void LoadOp::getEffects(EffectList &effects) {
  if (!isConstantMemory(getPointer()))
    effects.emplace_back(MemoryEffects::Read::get(), &getPointerMutable());
}

bool kiln::tile::mayEndLaunch(Operation *op) {
  auto ends = [](Operation *inner) {
    auto assume = dyn_cast<AssumeOp>(inner);
    auto call = dyn_cast<ExternCallOp>(inner);
    return isa<AssertOp>(inner) || (assume && assume.getChecked()) || (call && !call.getPure());
  };
  return op->walk([&](Operation *inner) { return ends(inner) ? WalkResult::interrupt() : WalkResult::advance(); })
      .wasInterrupted();
}

/// A load may only run where the program would have run it: its address may be valid nowhere else. One exception:
/// directly in the body of a loop that is known to run, the load may move in front of the loop, unless the launch may
/// end before it, perhaps because of its address.
Speculation::Speculatability LoadOp::getSpeculatability() {
  auto loop = dyn_cast<LoopLikeOpInterface>((*this)->getParentOp());
  std::optional<APInt> trips = loop ? loop.getStaticTripCount() : std::nullopt;
  if (!trips || !trips->isStrictlyPositive())
    return Speculation::NotSpeculatable;
  Block *block = (*this)->getBlock();
  bool isGuarded = llvm::any_of(llvm::make_range(block->begin(), (*this)->getIterator()),
                                [](Operation &op) { return mayEndLaunch(&op); });
  return isGuarded ? Speculation::NotSpeculatable : Speculation::Speculatable;
}

//===----------------------------------------------------------------------===//
// store
//===----------------------------------------------------------------------===//

LogicalResult StoreOp::verify() {
  Type pointer = getPointer().getType();
  if (failed(verifyReached(*this, pointer, getValue().getType(), "value")) ||
      failed(verifyMask(*this, pointer, getMask())))
    return failure();
  return verifyWritable(*this, getPointer());
}

void StoreOp::getEffects(EffectList &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), &getPointerMutable());
}

//===----------------------------------------------------------------------===//
// Atomics
//===----------------------------------------------------------------------===//

/// An atomic reads and writes its own address and orders other accesses, so it has effects on all memory.
static void addAtomicEffects(EffectList &effects) {
  effects.emplace_back(MemoryEffects::Read::get());
  effects.emplace_back(MemoryEffects::Write::get());
}

LogicalResult AtomicRMWOp::verify() {
  Type pointer = getPointer().getType();
  if (failed(verifyReached(*this, pointer, getValue().getType(), "value")) ||
      failed(verifyReached(*this, pointer, getResult().getType(), "result")) ||
      failed(verifyMask(*this, pointer, getMask())))
    return failure();
  Type element = getElementOrSelf(getValue().getType());
  bool word = element.isInteger(32) || element.isInteger(64);
  switch (getKind()) {
  case AtomicKind::FAdd:
    if (!isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(element))
      return emitOpError() << "'fadd' works on f16, bf16, f32 and f64, but not on " << element;
    break;
  case AtomicKind::Exchange:
    if (!word && !element.isF32() && !element.isF64())
      return emitOpError() << "'xchg' works on i32, i64, f32 and f64, but not on " << element;
    break;
  default:
    if (!word)
      return emitOpError() << "'" << stringifyAtomicKind(getKind()) << "' works on i32 and i64, but not on " << element;
  }
  return verifyWritable(*this, getPointer());
}

void AtomicRMWOp::getEffects(EffectList &effects) { addAtomicEffects(effects); }

LogicalResult AtomicCASOp::verify() {
  Type pointer = getPointer().getType();
  if (failed(verifyReached(*this, pointer, getCompare().getType(), "comparand")) ||
      failed(verifyReached(*this, pointer, getValue().getType(), "value")) ||
      failed(verifyReached(*this, pointer, getResult().getType(), "result")))
    return failure();
  Type element = getElementOrSelf(getValue().getType());
  if (!element.isInteger(32) && !element.isInteger(64))
    return emitOpError() << "works on i32 and i64, but not on " << element << "; bit-cast the pointer and the values";
  return verifyWritable(*this, getPointer());
}

void AtomicCASOp::getEffects(EffectList &effects) { addAtomicEffects(effects); }

//===----------------------------------------------------------------------===//
// Launches that overlap
//===----------------------------------------------------------------------===//

LogicalResult WaitForLaunchesOp::verify() {
  Operation *parent = (*this)->getParentOp();
  if (isKernel(parent) && parent->hasAttr(kOverlapsAttr))
    return success();
  if (auto kernel = (*this)->getParentOfType<func::FuncOp>(); isKernel(kernel) && kernel->hasAttr(kOverlapsAttr))
    return emitOpError() << "stands inside of '" << parent->getName()
                         << "', but every program has to wait: it belongs in the body of the kernel";
  return emitOpError() << "stands in no kernel with the attribute '" << kOverlapsAttr << "'";
}
