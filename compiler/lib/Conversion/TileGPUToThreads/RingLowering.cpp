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
#include "kiln/Layout/Vectors.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

/// Where the tile of a slot starts: a byte address in the shared window.
static Value getSlotAddress(ThreadLowering &lowering, Value ring, Value slot) {
  Value base = lowering.getSharedAddress(ring.getDefiningOp());
  Value bytes = lowering.i32(cast<RingType>(ring.getType()).getSlotBytes());
  return lowering.add(base, arith::MulIOp::create(lowering.builder, lowering.loc, slot, bytes));
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
  SharedAddresses addresses(lowering, getSlotAddress(lowering, op.getRing(), op.getSlot()), places, elementBytes);

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
  std::string row = bytes == 16 ? "cp.async.cg.16" : ("cp.async.ca." + Twine(bytes)).str();
  for (ArrayRef<unsigned> vector : vectors) {
    unsigned first = vector.front();
    Value address = addresses.get(places.apply(first)), pointer = pointers[first];
    if (bytes < 4) {
      std::string load = "ld.global.b" + std::to_string(bytes * 8);
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
    lowering.machine(row, {address, pointer, size});
  }
  if (!op->hasAttr(kPrologueAttr)) {
    AccessRecord record = describeAccess(op, AccessKind::Load, op.getPointer());
    record.bits = bytes * 8;
    record.count = vectors.size();
    record.predicated = plan.isMasked;
    record.readOnly = plan.isConstant;
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
