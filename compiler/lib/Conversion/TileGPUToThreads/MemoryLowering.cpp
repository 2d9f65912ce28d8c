//===- MemoryLowering.cpp - Loads and stores ------------------------------===//
//
// Of the registers of a tile those that hold neighbouring elements move together, as far as the plan of the access says
// that their addresses are contiguous, aligned and under one mask. Elements of less than 32 bits are packed into the
// words of the instruction.
//
// A load is done by every thread that holds an element, a store by the owner of it alone. A lane that is off executes
// its instruction under a predicate, which keeps it from memory.
//
//===----------------------------------------------------------------------===//

#include "Lowerings.h"

#include "kiln/Layout/Vectors.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

/// The words that an instruction moves, and how its row is called.
struct Words {
  StringRef name;
  unsigned bits;    ///< of a word
  unsigned count;   ///< of words
  unsigned perWord; ///< elements
};

Words getWords(int64_t elementBytes, int64_t elements) {
  unsigned elementBits = elementBytes * 8;
  if (elementBits == 64)
    return elements == 1 ? Words{"b64", 64, 1, 1} : Words{"v2.b64", 64, 2, 1};
  switch (elementBits * elements) {
  case 8:
    return {"b8", 8, 1, 1};
  case 16:
    return {"b16", 16, 1, 16 / elementBits};
  case 32:
    return {"b32", 32, 1, 32 / elementBits};
  case 64:
    return {"v2.b32", 32, 2, 32 / elementBits};
  case 128:
    return {"v4.b32", 32, 4, 32 / elementBits};
  }
  llvm_unreachable("an access moves 1, 2, 4, 8 or 16 bytes");
}

/// "b8x4": how the rows that pack and unpack words call their elements.
std::string getPacking(const Words &words) {
  return ("b" + Twine(words.bits / words.perWord) + "x" + Twine(words.perWord)).str();
}

/// One load or store of a tile or a scalar.
class MemoryLowering {
public:
  MemoryLowering(ThreadLowering &lowering, Operation *op, Value pointer, Value mask)
      : lowering(lowering), plan(lowering.getAccessPlan(op)), op(op), pointer(pointer),
        addresses(lowering.getRegisters(pointer)),
        element(cast<tile::PtrType>(tile::getElementOrSelf(pointer.getType())).getPointeeType()),
        words(getWords(getBytes(element), plan.vector.elements)) {
    if (plan.isMasked)
      masks = lowering.getRegisters(mask);
    if (LayoutAttr layout = getLayout(pointer))
      vectors = getVectors(layout.getLinear(), plan.axis, plan.vector.elements);
    else
      vectors = {{0}};
  }

  void lowerLoad(tile::LoadOp load);
  void lowerStore(tile::StoreOp store);

private:
  using Vector = ArrayRef<unsigned>;

  /// What is the same for two registers of a thread if they are accessed at the same place and in the same way.
  uint64_t getRun(unsigned index) const;
  /// The words of the elements that the registers of a vector hold.
  SmallVector<Value> pack(ArrayRef<Value> registers, Vector vector);
  SmallVector<Value> unpack(ValueRange values);
  void record(AccessKind kind, unsigned count, bool isPredicated, bool isEvictedFirst = false);

  ThreadLowering &lowering;
  const AccessPlan &plan;
  Operation *op;
  Value pointer;
  SmallVector<Value> addresses, masks; ///< by register
  Type element;
  Words words;
  SmallVector<SmallVector<unsigned, 16>> vectors;
};

uint64_t MemoryLowering::getRun(unsigned index) const {
  LayoutAttr layout = getLayout(pointer);
  if (!layout)
    return 0;
  // Runs start at multiples of their length, so they differ in the high bits of a coordinate, whatever lane and warp
  // contribute.
  LinearLayout linear = layout.getLinear();
  uint64_t run = 0;
  for (auto [dim, length] : llvm::enumerate(plan.sameRuns))
    run = run * (cast<RankedTensorType>(pointer.getType()).getDimSize(dim) / length) +
          linear.apply(index, Axis::dim(dim)) / length;
  return run;
}

SmallVector<Value> MemoryLowering::pack(ArrayRef<Value> registers, Vector vector) {
  SmallVector<Value> elements =
      llvm::map_to_vector(vector, [&](unsigned index) { return lowering.toBits(registers[index]); });
  if (words.perWord == 1)
    return elements;
  SmallVector<Value> packed;
  for (ArrayRef<Value> rest = elements; !rest.empty(); rest = rest.drop_front(words.perWord))
    packed.push_back(lowering.machine("pack." + getPacking(words), rest.take_front(words.perWord)));
  return packed;
}

SmallVector<Value> MemoryLowering::unpack(ValueRange values) {
  SmallVector<Value> elements;
  for (Value word : values) {
    if (words.perWord == 1)
      elements.push_back(word);
    else
      llvm::append_range(elements, lowering.machineResults("unpack." + getPacking(words), word));
  }
  for (Value &value : elements)
    value = lowering.fromBits(value, element);
  return elements;
}

void MemoryLowering::record(AccessKind kind, unsigned count, bool isPredicated, bool isEvictedFirst) {
  if (op->hasAttr(kPrologueAttr))
    return;
  AccessRecord record = describeAccess(op, kind, pointer);
  record.bits = words.bits * words.count;
  record.count = count;
  record.predicated = isPredicated;
  record.readOnly = kind == AccessKind::Load && plan.isConstant;
  record.evictFirst = isEvictedFirst;
  record.limit = plan.vector.limit;
  lowering.addAccessRecord(record);
}

void MemoryLowering::lowerLoad(tile::LoadOp load) {
  std::string row = (Twine("ld.global") + (load.getEvictFirst() ? ".cs" : "") + (plan.isConstant ? ".nc." : ".") +
                     words.name + (plan.isMasked ? ".pred" : ""))
                        .str();
  SmallVector<Value> others, registers(addresses.size());
  if (plan.isMasked && load.getOther())
    others = lowering.getRegisters(load.getOther());

  // Registers that have the same address, mask and substitute are loaded once: a tile of pointers is often broadcast,
  // and tokens of a page share an entry of its table.
  llvm::SmallDenseMap<SmallVector<void *, 4>, SmallVector<Value>> done;
  llvm::SmallDenseMap<uint64_t, Vector> firstOfRun;
  for (Vector own : vectors) {
    Vector vector = firstOfRun.try_emplace(getRun(own.front()), own).first->second;
    SmallVector<Value> operands{addresses[vector.front()]};
    SmallVector<void *, 4> key{operands[0].getAsOpaquePointer()};
    if (plan.isMasked) {
      operands.push_back(masks[vector.front()]);
      key.push_back(operands[1].getAsOpaquePointer());
      for (unsigned index : vector)
        key.push_back(others.empty() ? nullptr : others[index].getAsOpaquePointer());
    }
    SmallVector<Value> &elements = done[key];
    if (elements.empty()) {
      if (plan.isMasked) {
        Type word = lowering.builder.getIntegerType(words.bits);
        llvm::append_range(operands, others.empty() ? SmallVector<Value>(words.count, lowering.zero(word))
                                                    : pack(others, vector));
      }
      elements = unpack(lowering.machineResults(row, operands));
    }
    for (auto [index, value] : llvm::zip_equal(own, elements))
      registers[index] = value;
  }
  record(AccessKind::Load, done.size(), plan.isMasked, load.getEvictFirst());
  lowering.setResult(load.getResult(), registers);
}

void MemoryLowering::lowerStore(tile::StoreOp store) {
  SmallVector<Value> values = lowering.getRegisters(store.getValue());
  Value owner = lowering.isOwner(pointer);
  bool isPredicated = owner || plan.isMasked;
  std::string row = ("st.global." + words.name + (isPredicated ? ".pred" : "")).str();
  for (Vector vector : vectors) {
    SmallVector<Value> operands{addresses[vector.front()]};
    if (isPredicated)
      operands.push_back(lowering.conjunction(owner, plan.isMasked ? masks[vector.front()] : Value()));
    llvm::append_range(operands, pack(values, vector));
    lowering.machineResults(row, operands);
  }
  record(AccessKind::Store, vectors.size(), isPredicated);
}

} // namespace

LogicalResult tile_gpu::lowerLoad(ThreadLowering &lowering, tile::LoadOp op) {
  MemoryLowering(lowering, op, op.getPointer(), op.getMask()).lowerLoad(op);
  return success();
}

LogicalResult tile_gpu::lowerStore(ThreadLowering &lowering, tile::StoreOp op) {
  MemoryLowering(lowering, op, op.getPointer(), op.getMask()).lowerStore(op);
  return success();
}
