//===- RingLowering.cpp - Copies into shared memory, and reads of them ----===//
//
// A copy moves the neighbours that the plan of the access allows, 4, 8 or 16 bytes, from global to shared memory; where
// the mask is false, it reads no bytes and fills with zeros. Fewer than 4 bytes cannot be copied asynchronously: they
// go through a register.
//
//===----------------------------------------------------------------------===//

#include "Lowerings.h"
#include "SharedAccess.h"

#include "kiln/Dialect/TileGPU/Transforms/ConversionPlan.h"
#include "kiln/Dialect/TileGPU/Transforms/SharedBytes.h"
#include "kiln/Layout/Vectors.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

/// `base` moved by the bytes in front of a slot.
static Value addSlot(ThreadLowering &lowering, Value base, Value ring, Value slot) {
  Value bytes = lowering.i32(cast<RingType>(ring.getType()).getSlotBytes());
  return lowering.add(base, arith::MulIOp::create(lowering.builder, lowering.loc, slot, bytes));
}

/// Where the tile of a slot starts: a byte address in the shared window.
static Value getSlotAddress(ThreadLowering &lowering, Value ring, Value slot) {
  return addSlot(lowering, lowering.getSharedAddress(ring.getDefiningOp()), ring, slot);
}

/// Of the bits of a byte offset in a slot those that come from the lane alone. Slots start at multiples of them,
/// counted from the first one.
static uint64_t getLaneBits(RingType ring, const LinearLayout &places) {
  uint64_t bits = 0;
  for (uint64_t basis : places.getBases(Axis::lane()))
    bits |= basis * ring.getElementBytes();
  return bits & (llvm::MinAlign(kSharedBaseAlignment, ring.getSlotBytes()) - 1);
}

LogicalResult tile_gpu::lowerAsyncLoad(ThreadLowering &lowering, AsyncLoadOp op) {
  OpBuilder &b = lowering.builder;
  const AccessPlan &plan = lowering.getAccessPlan(op);
  RingType ring = op.getRing().getType();
  LinearLayout layout = getLayout(op.getPointer()).getLinear();
  LinearLayout places = layout.compose(ring.getLayout().getLinear().invert());
  int64_t elementBytes = ring.getElementBytes(), bytes = plan.vector.elements * elementBytes;
  SmallVector<Value> pointers = lowering.getRegisters(op.getPointer()), masks;
  if (plan.isMasked)
    masks = lowering.getRegisters(op.getMask());

  // Neighbours in global memory lie side by side in shared memory as far as one copy moves them.
  auto isWhole = [&](ArrayRef<unsigned> vector, int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      if (places.apply(vector[i]) != places.apply(vector[0]) + i)
        return false;
    return true;
  };
  auto vectors = getVectors(layout, plan.axis, plan.vector.elements);
  int64_t count = plan.vector.elements;
  while (!llvm::all_of(vectors, [&](ArrayRef<unsigned> vector) { return isWhole(vector, count); }))
    count /= 2;
  if (count != plan.vector.elements) {
    bytes = count * elementBytes;
    vectors = getVectors(layout, plan.axis, count);
  }

  // From sm_90 on, assemblers before CUDA 13.4 leave the descriptor out of a copy with a policy whose shared address is
  // the sum of a thread's own part and one that all threads have: an illegal instruction. An exclusive-or with what
  // differs from lane to lane is no such sum, whatever constant is added to it. Without lanes that differ there is no
  // hint.
  bool isHinted = op.getEvictFirst() && bytes >= 4, isApart = lowering.getOptions().capability >= 90;
  uint64_t apart = isHinted && isApart ? getLaneBits(ring, places) : 0;
  isHinted = isHinted && (apart || !isApart);
  Value start, behind; // of the slot; what has to be added to all addresses
  if (apart) {
    start = addSlot(lowering, lowering.getSharedBase(), op.getRing(), op.getSlot());
    behind = lowering.i32(lowering.getSharedOffset(op.getRing().getDefiningOp()));
  } else {
    start = getSlotAddress(lowering, op.getRing(), op.getSlot());
  }
  SharedAddresses addresses(lowering, start, places, elementBytes, apart);

  std::string row = bytes == 16 ? "cp.async.cg.16" : ("cp.async.ca." + Twine(bytes)).str();
  for (ArrayRef<unsigned> vector : vectors) {
    unsigned first = vector.front();
    Value address = addresses.get(places.apply(first)), pointer = pointers[first];
    if (behind)
      address = lowering.add(address, behind);
    if (bytes < 4) {
      std::string load = (op.getEvictFirst() ? "ld.global.cs.b" : "ld.global.b") + std::to_string(bytes * 8);
      Value value;
      if (plan.isMasked)
        value = lowering.machine(load + ".pred", {pointer, masks[first], lowering.zero(b.getIntegerType(bytes * 8))});
      else
        value = lowering.machine(load, pointer);
      lowering.machine("st.shared.b" + std::to_string(bytes * 8), {address, value});
      continue;
    }
    Value size = lowering.i32(bytes);
    if (plan.isMasked)
      size = arith::SelectOp::create(b, lowering.loc, masks[first], size, lowering.i32(0));
    if (isHinted)
      lowering.machine(row + ".hint", {address, pointer, size, lowering.getEvictFirstPolicy()});
    else
      lowering.machine(row, {address, pointer, size});
  }
  if (!op->hasAttr(kPrologueAttr)) {
    AccessRecord record = describeAccess(op, AccessKind::Load, op.getPointer());
    record.bits = bytes * 8;
    record.count = vectors.size();
    record.predicated = plan.isMasked;
    record.readOnly = plan.isConstant;
    record.evictFirst = bytes < 4 ? op.getEvictFirst() : isHinted;
    record.limit = plan.vector.limit;
    lowering.addAccessRecord(record);
  }
  return success();
}

LogicalResult tile_gpu::lowerAsyncCommit(ThreadLowering &lowering, AsyncCommitOp) {
  lowering.machine("cp.async.commit_group");
  return success();
}

LogicalResult tile_gpu::lowerAsyncWait(ThreadLowering &lowering, AsyncWaitOp op) {
  constexpr uint64_t kMostGroups = 7; // that there is a row for; to wait for more of them does no harm
  lowering.machine("cp.async.wait_group." + std::to_string(std::min(op.getGroups(), kMostGroups)));
  return success();
}

LogicalResult tile_gpu::lowerRingLoad(ThreadLowering &lowering, RingLoadOp op) {
  RingType ring = op.getRing().getType();
  LinearLayout to = getLayout(op.getResult()).getLinear(), places = ring.getLayout().getLinear().invert();
  uint64_t begin = 0;
  if (std::optional<ArrayRef<int64_t>> coordinates = op.getBegin()) {
    // Of the part the elements of the whole tile: offsets are linear in the element, its first one's comes in by an
    // exclusive-or.
    Space whole = places.getInput(), part = to.getOutput();
    SmallVector<uint64_t> bases;
    for (uint64_t basis : to.getBases()) {
      uint64_t &moved = bases.emplace_back(0);
      for (const Space::Part &dim : part.getParts())
        moved |= part.getCoordinate(basis, dim.axis) << whole.getShift(dim.axis);
    }
    to = LinearLayout(to.getInput(), whole, bases);
    uint64_t first = 0;
    for (auto [dim, coordinate] : llvm::enumerate(*coordinates))
      first |= uint64_t(coordinate) << whole.getShift(Axis::dim(dim));
    begin = places.apply(first);
  }
  SharedExchange plan = planSharedLoad(places, to, ring.getElementBytes());
  SmallVector<Value> registers(to.getSize(Axis::registers()));
  loadExchange(lowering, plan, to, getSlotAddress(lowering, op.getRing(), op.getSlot()), ring.getElementType(),
               registers, begin);
  lowering.setRegisters(op.getResult(), registers);
  return success();
}
