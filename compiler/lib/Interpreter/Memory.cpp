//===- Memory.cpp - Pointers, loads, stores and atomics -------------------===//

#include "Machine.h"

#include "kiln/Dialect/Tile/IR/Tile.h"

#include "llvm/Support/FormatVariadic.h"
#include <cstring>

using namespace mlir;
using namespace kiln;
using namespace kiln::interp;

namespace {

//===----------------------------------------------------------------------===//
// Single accesses
//===----------------------------------------------------------------------===//

/// Refuses what the bounds callback refuses, and addresses that no hardware loads an element of this size from.
llvm::Error checkAccess(Machine &machine, Operation *op, uint64_t address, unsigned bytes, StringRef access) {
  if (address % bytes != 0)
    return machine.error(op, llvm::formatv("{0} of {1} bytes at misaligned address {2:x}", access, bytes, address));
  if (machine.options.allowAccess &&
      !machine.options.allowAccess(reinterpret_cast<const void *>(address), bytes, access))
    return machine.error(
        op, llvm::formatv("{0} of {1} bytes at {2:x}, outside every registered buffer", access, bytes, address));
  return llvm::Error::success();
}

uint64_t loadElement(Format format, uint64_t address) {
  uint64_t bits = 0;
  std::memcpy(&bits, reinterpret_cast<const void *>(address), format.bytes());
  return format.bits == 1 ? uint64_t(bits != 0) : bits;
}

void storeElement(Format format, uint64_t address, uint64_t bits) {
  std::memcpy(reinterpret_cast<void *>(address), &bits, format.bytes());
}

/// Calls `function` with the number of each lane whose mask is true; without a mask all are.
llvm::Error forEachLane(Machine &machine, Value mask, size_t count, llvm::function_ref<llvm::Error(size_t)> function) {
  const Elements *enabled = mask ? &machine.get(mask) : nullptr;
  for (size_t i = 0; i < count; ++i)
    if (!enabled || (*enabled)[i])
      if (llvm::Error failure = function(i))
        return failure;
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

ElementFunction makeAddPtr(Operation *op) {
  auto addptr = cast<tile::AddPtrOp>(op);
  Format offset = getFormat(addptr.getOffset().getType());
  uint64_t size =
      getFormat(cast<tile::PtrType>(tile::getElementOrSelf(addptr.getBase().getType())).getPointeeType()).bytes();
  return [=](const uint64_t *x, const char *&) { return x[0] + uint64_t(toSigned(offset, x[1])) * size; };
}

llvm::Error runLoad(Machine &machine, Operation *op) {
  auto load = cast<tile::LoadOp>(op);
  Format format = getFormat(load.getType());
  const Elements &pointers = machine.get(load.getPointer());
  Elements result = load.getOther() ? machine.get(load.getOther()) : Elements(pointers.size(), 0);
  auto loadLane = [&](size_t i) -> llvm::Error {
    if (llvm::Error failure = checkAccess(machine, op, pointers[i], format.bytes(), "load"))
      return failure;
    result[i] = loadElement(format, pointers[i]);
    return llvm::Error::success();
  };
  if (llvm::Error failure = forEachLane(machine, load.getMask(), pointers.size(), loadLane))
    return failure;
  machine.set(load, std::move(result));
  return llvm::Error::success();
}

llvm::Error runStore(Machine &machine, Operation *op) {
  auto store = cast<tile::StoreOp>(op);
  Format format = getFormat(store.getValue().getType());
  const Elements &pointers = machine.get(store.getPointer()), &stored = machine.get(store.getValue());
  return forEachLane(machine, store.getMask(), pointers.size(), [&](size_t i) -> llvm::Error {
    if (llvm::Error failure = checkAccess(machine, op, pointers[i], format.bytes(), "store"))
      return failure;
    storeElement(format, pointers[i], stored[i]);
    return llvm::Error::success();
  });
}

uint64_t combine(tile::AtomicKind kind, Format format, uint64_t old, uint64_t operand) {
  switch (kind) {
  case tile::AtomicKind::Add:
    return truncate(format, old + operand);
  case tile::AtomicKind::FAdd:
    return fromDouble(format, toDouble(format, old) + toDouble(format, operand));
  case tile::AtomicKind::Max:
    return toSigned(format, old) > toSigned(format, operand) ? old : operand;
  case tile::AtomicKind::Min:
    return toSigned(format, old) < toSigned(format, operand) ? old : operand;
  case tile::AtomicKind::And:
    return old & operand;
  case tile::AtomicKind::Or:
    return old | operand;
  case tile::AtomicKind::Xor:
    return old ^ operand;
  case tile::AtomicKind::Exchange:
    return operand;
  }
  llvm_unreachable("not an atomic");
}

/// Replaces what each lane points at by `update(lane, old value)` and yields the old values. Order and scope need no
/// work: one program runs at a time.
llvm::Error runAtomic(Machine &machine, Operation *op, Value pointer, Value mask,
                      llvm::function_ref<uint64_t(size_t, uint64_t)> update) {
  Value result = op->getResult(0);
  Format format = getFormat(result.getType());
  const Elements &pointers = machine.get(pointer);
  Elements old(pointers.size(), 0);
  auto updateLane = [&](size_t i) -> llvm::Error {
    if (llvm::Error failure = checkAccess(machine, op, pointers[i], format.bytes(), "atomic"))
      return failure;
    old[i] = loadElement(format, pointers[i]);
    storeElement(format, pointers[i], update(i, old[i]));
    return llvm::Error::success();
  };
  if (llvm::Error failure = forEachLane(machine, mask, pointers.size(), updateLane))
    return failure;
  machine.set(result, std::move(old));
  return llvm::Error::success();
}

llvm::Error runAtomicRMW(Machine &machine, Operation *op) {
  auto atomic = cast<tile::AtomicRMWOp>(op);
  Format format = getFormat(atomic.getValue().getType());
  const Elements &operands = machine.get(atomic.getValue());
  return runAtomic(machine, op, atomic.getPointer(), atomic.getMask(),
                   [&](size_t i, uint64_t old) { return combine(atomic.getKind(), format, old, operands[i]); });
}

llvm::Error runAtomicCAS(Machine &machine, Operation *op) {
  auto atomic = cast<tile::AtomicCASOp>(op);
  const Elements &expected = machine.get(atomic.getCompare()), &stored = machine.get(atomic.getValue());
  return runAtomic(machine, op, atomic.getPointer(), /*mask=*/{},
                   [&](size_t i, uint64_t old) { return old == expected[i] ? stored[i] : old; });
}

} // namespace

void interp::registerMemoryHandlers(Handlers &handlers) {
  handlers.addElementwise<tile::AddPtrOp>(makeAddPtr);
  handlers.add<tile::LoadOp>(runLoad);
  handlers.add<tile::StoreOp>(runStore);
  handlers.add<tile::AtomicRMWOp>(runAtomicRMW);
  handlers.add<tile::AtomicCASOp>(runAtomicCAS);
}
