//===- AtomicLowering.cpp - Atomic read-modify-write and compare-and-swap -===//
//
// The owner of an element does its atomic, thread 0 that of a scalar. Where others hold the element too and its old
// value is used, they read it from shared memory.
//
// Order is of the program, not of the thread that does the atomic: what any thread stored before a release must be
// visible, and what any thread loads after an acquire must come after it. A barrier of the program on that side makes
// the accesses of all threads ordered with the atomic's thread, and orders of the memory model of PTX are transitive. A
// tile puts one fence around its relaxed atomics instead of one into each of them.
//
//===----------------------------------------------------------------------===//

#include "Lowerings.h"

#include "kiln/Dialect/TileGPU/Transforms/SharedBytes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

StringRef getScopeName(tile::MemoryScope scope) {
  switch (scope) {
  case tile::MemoryScope::Program:
    return "cta";
  case tile::MemoryScope::Device:
    return "gpu";
  case tile::MemoryScope::System:
    return "sys";
  }
  llvm_unreachable("all scopes are handled");
}

/// What the rows call an operation on `type`: "add.u32".
std::string getRowSuffix(tile::AtomicKind kind, Type type) {
  std::string width = std::to_string(type.getIntOrFloatBitWidth());
  switch (kind) {
  case tile::AtomicKind::Add:
    return "add.u" + width;
  case tile::AtomicKind::FAdd:
    return type.isF16() ? "add.noftz.f16" : type.isBF16() ? "add.noftz.bf16" : "add.f" + width;
  case tile::AtomicKind::Max:
    return "max.s" + width;
  case tile::AtomicKind::Min:
    return "min.s" + width;
  case tile::AtomicKind::And:
    return "and.b" + width;
  case tile::AtomicKind::Or:
    return "or.b" + width;
  case tile::AtomicKind::Xor:
    return "xor.b" + width;
  case tile::AtomicKind::Exchange:
    return "exch.b" + width;
  }
  llvm_unreachable("all kinds are handled");
}

/// One atomic operation on a tile or a scalar.
class AtomicLowering {
public:
  AtomicLowering(ThreadLowering &lowering, Operation *op, Value pointer, tile::MemoryOrder order,
                 tile::MemoryScope scope)
      : lowering(lowering), op(op), pointer(pointer), result(op->getResult(0)), scope(getScopeName(scope)),
        isScalar(isa<tile::PtrType>(pointer.getType())), isUsed(!result.use_empty()),
        releases(order == tile::MemoryOrder::Release || order == tile::MemoryOrder::AcqRel),
        acquires(order == tile::MemoryOrder::Acquire || order == tile::MemoryOrder::AcqRel),
        instructionOrder(tile::stringifyMemoryOrder(isScalar ? order : tile::MemoryOrder::Relaxed)) {}

  /// The atomic of one element at `address` where `on`; yields the old value, or nothing if it has none.
  using Emit = llvm::function_ref<Value(Value address, Value on, unsigned index)>;
  void run(Value mask, Emit emit);

  /// "atom.relaxed.gpu.global.add.u32.pred", or "red." where nobody asks for the old value.
  std::string getRow(const Twine &suffix, bool canReduce) const {
    bool reduces = canReduce && !isUsed && !acquires;
    return ((reduces ? "red." : "atom.") + instructionOrder + "." + scope + ".global." + suffix + ".pred").str();
  }
  /// `value` added to the f16 or bf16 at `address` by compare-and-swap.
  Value addInLoop(Value address, Value on, Value value);

private:
  ThreadLowering &lowering;
  Operation *op;
  Value pointer, result;
  StringRef scope;
  bool isScalar, isUsed, releases, acquires;
  StringRef instructionOrder;
};

void AtomicLowering::run(Value mask, Emit emit) {
  bool isShared = getSharedBytes(op) != 0;
  std::string fence = ("fence.acq_rel." + scope).str();
  if (releases) {
    lowering.barrier();
    if (!isScalar)
      lowering.machineResults(fence, {});
  }

  Value owner = lowering.isOwner(pointer);
  SmallVector<Value> masks = mask ? lowering.getRegisters(mask) : SmallVector<Value>();
  SmallVector<Value> old;
  for (auto [index, address] : llvm::enumerate(lowering.getRegisters(pointer))) {
    Value on = lowering.conjunction(owner, mask ? masks[index] : Value());
    old.push_back(emit(address, on ? on : lowering.i1(true), index));
  }

  if (acquires && !isScalar)
    lowering.machineResults(fence, {});
  if (isShared)
    shareOwnedValues(lowering, result, old, owner, lowering.getSharedAddress(op));
  else if (acquires)
    lowering.barrier();
  if (isUsed)
    lowering.setResult(result, old);

  AccessRecord record = describeAccess(op, AccessKind::Atomic, pointer);
  record.bits = getBytes(tile::getElementOrSelf(result.getType())) * 8;
  record.count = old.size();
  record.predicated = owner || mask;
  record.limit = tile::AccessLimit::Single;
  lowering.addAccessRecord(record);
}

Value AtomicLowering::addInLoop(Value address, Value on, Value value) {
  OpBuilder &b = lowering.builder;
  Location loc = lowering.loc;
  // The first comparison finds what is there, unless it is this zero. A plain load would race with other threads'
  // atomics.
  Value guess = lowering.zero(b.getI16Type());
  Type i16 = b.getI16Type();
  auto loop = scf::WhileOp::create(b, loc, TypeRange(i16), guess);
  OpBuilder::InsertionGuard guard(b);
  Block *before = b.createBlock(&loop.getBefore(), {}, i16, loc);
  Value expected = before->getArgument(0);
  Value sum = arith::AddFOp::create(b, loc, lowering.fromBits(expected, value.getType()), value);
  std::string row = ("atom." + instructionOrder + "." + scope + ".global.cas.b16.pred").str();
  Value found = lowering.machine(row, {address, on, expected, lowering.toBits(sum)});
  Value differs = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne, found, expected);
  scf::ConditionOp::create(b, loc, lowering.conjunction(on, differs), found);
  Block *after = b.createBlock(&loop.getAfter(), {}, i16, loc);
  scf::YieldOp::create(b, loc, after->getArgument(0));
  b.setInsertionPointAfter(loop);
  return lowering.fromBits(loop.getResult(0), value.getType());
}

} // namespace

void tile_gpu::shareOwnedValues(ThreadLowering &lowering, Value result, MutableArrayRef<Value> values, Value owner,
                                Value base) {
  Type element = tile::getElementOrSelf(result.getType());
  int64_t bytes = getBytes(element);
  std::string width = "b" + std::to_string(8 * bytes);
  SmallVector<Value> addresses{base};
  if (LayoutAttr layout = getLayout(result)) {
    LinearLayout linear = layout.getLinear();
    // Elements lie in row-major order.
    Value part = lowering.getThreadPart(linear);
    uint64_t bits = 0;
    for (Axis axis : {Axis::lane(), Axis::warp()})
      for (uint64_t basis : linear.getBases(axis))
        bits |= basis;
    addresses.clear();
    for (unsigned i = 0; i < values.size(); ++i) {
      Value offset = lowering.combine(part, bits, linear.apply(i));
      offset = arith::MulIOp::create(lowering.builder, lowering.loc, offset, lowering.i32(bytes));
      addresses.push_back(lowering.add(base, offset));
    }
  }
  for (auto [address, value] : llvm::zip_equal(addresses, values))
    lowering.machineResults("st.shared." + width + ".pred", {address, owner, lowering.toBits(value)});
  lowering.barrier();
  for (auto [address, value] : llvm::zip_equal(addresses, values))
    value = lowering.fromBits(lowering.machine("ld.shared." + width, address), element);
}

LogicalResult tile_gpu::lowerAtomicRMW(ThreadLowering &lowering, tile::AtomicRMWOp op) {
  AtomicLowering atomic(lowering, op, op.getPointer(), op.getOrder(), op.getScope());
  SmallVector<Value> values = lowering.getRegisters(op.getValue());
  Type element = values.front().getType();
  bool exchanges = op.getKind() == tile::AtomicKind::Exchange;
  std::string row = atomic.getRow(getRowSuffix(op.getKind(), element), /*canReduce=*/!exchanges);
  bool isLoop = lookupMachineOp(row)->capability > lowering.getOptions().capability;
  atomic.run(op.getMask(), [&](Value address, Value on, unsigned index) -> Value {
    if (isLoop)
      return atomic.addInLoop(address, on, values[index]);
    if (exchanges)
      return lowering.fromBits(lowering.machine(row, {address, on, lowering.toBits(values[index])}), element);
    return lowering.machine(row, {address, on, values[index]});
  });
  return success();
}

LogicalResult tile_gpu::lowerAtomicCAS(ThreadLowering &lowering, tile::AtomicCASOp op) {
  AtomicLowering atomic(lowering, op, op.getPointer(), op.getOrder(), op.getScope());
  SmallVector<Value> compares = lowering.getRegisters(op.getCompare()), values = lowering.getRegisters(op.getValue());
  std::string width = std::to_string(values.front().getType().getIntOrFloatBitWidth());
  std::string row = atomic.getRow("cas.b" + width, /*canReduce=*/false);
  atomic.run(/*mask=*/{}, [&](Value address, Value on, unsigned index) {
    return lowering.machine(row, {address, on, compares[index], values[index]});
  });
  return success();
}
