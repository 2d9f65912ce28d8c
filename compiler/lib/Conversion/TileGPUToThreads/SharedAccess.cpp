//===- SharedAccess.cpp - Elements in shared memory and in words ----------===//

#include "SharedAccess.h"

#include "llvm/Support/MathExtras.h"
#include <map>

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

SharedAddresses::SharedAddresses(ThreadLowering &lowering, Value base, const LinearLayout &places, int64_t elementBytes,
                                 uint64_t apart)
    : lowering(lowering), base(base), elementBytes(elementBytes), apart(apart) {
  auto inBytes = [&](ArrayRef<uint64_t> bases, uint64_t mask) {
    return llvm::map_to_vector<8>(bases, [&](uint64_t basis) {
      partBits |= basis * elementBytes;
      return basis * elementBytes & mask;
    });
  };
  auto getPart = [&](uint64_t mask) {
    SmallVector<uint64_t> lanes = inBytes(places.getBases(Axis::lane()), mask);
    SmallVector<uint64_t> warps = inBytes(places.getBases(Axis::warp()), mask);
    return lowering.combineThreadBits(lanes, warps);
  };
  part = getPart(~apart);
  if (apart)
    lanePart = getPart(apart);
  starts[0] = join(0);
}

/// The address of the offset `meeting`, which has bits that the thread's own part has as well.
Value SharedAddresses::join(uint64_t meeting) {
  Value address = lowering.add(base, lowering.combine(part, partBits, meeting & ~apart));
  return apart ? lowering.machine("xor.b32", {address, lowering.combine(lanePart, partBits, meeting & apart)})
               : address;
}

Value SharedAddresses::get(uint64_t offset) {
  // What does not meet the thread's own part is added behind it: there it is free, as the access takes a constant. What
  // does is the same for many registers.
  uint64_t bytes = offset * elementBytes, meeting = bytes & partBits, rest = bytes & ~partBits;
  Value &address = starts[meeting];
  if (!address)
    address = join(meeting);
  return rest == 0 ? address : lowering.add(address, lowering.i32(rest));
}

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

/// "b8x4": `count` elements of `bits` bits in one register.
static std::string getPacking(unsigned bits, unsigned count) { return ("b" + Twine(bits) + "x" + Twine(count)).str(); }

static unsigned getBits(Value value) { return value.getType().getIntOrFloatBitWidth(); }

/// Packs elements into registers of `bits` bits, which they fill.
static SmallVector<Value> pack(ThreadLowering &lowering, ArrayRef<Value> elements, unsigned bits) {
  unsigned width = getBits(elements.front()), perWord = bits / width;
  if (perWord <= 1)
    return SmallVector<Value>(elements);
  SmallVector<Value> words;
  for (; !elements.empty(); elements = elements.drop_front(perWord))
    words.push_back(lowering.machine("pack." + getPacking(width, perWord), elements.take_front(perWord)));
  return words;
}

static SmallVector<Value> unpack(ThreadLowering &lowering, ValueRange words, unsigned width) {
  SmallVector<Value> elements;
  for (Value word : words) {
    unsigned perWord = getBits(word) / width;
    if (perWord == 1)
      elements.push_back(word);
    else
      llvm::append_range(elements, lowering.machineResults("unpack." + getPacking(width, perWord), word));
  }
  return elements;
}

SmallVector<Value> tile_gpu::unpackWord(ThreadLowering &lowering, Value word, int64_t elementBytes) {
  return unpack(lowering, word, elementBytes * 8);
}

//===----------------------------------------------------------------------===//
// Accesses
//===----------------------------------------------------------------------===//

/// The suffix of the rows that access `bytes` bytes of elements of `elementBytes`, and the bits of their registers.
static std::pair<StringRef, unsigned> getAccess(int64_t bytes, int64_t elementBytes) {
  if (elementBytes == 8)
    return bytes == 8 ? std::pair<StringRef, unsigned>("b64", 64) : std::pair<StringRef, unsigned>("v2.b64", 64);
  switch (bytes) {
  case 1:
    return {"b8", 8};
  case 2:
    return {"b16", 16};
  case 4:
    return {"b32", 32};
  case 8:
    return {"v2.b32", 32};
  default:
    assert(bytes == 16 && "an access moves 1, 2, 4, 8 or 16 bytes");
    return {"v4.b32", 32};
  }
}

void tile_gpu::storeShared(ThreadLowering &lowering, Value address, Value predicate, ArrayRef<Value> elements) {
  int64_t elementBytes = getBits(elements.front()) / 8;
  auto [suffix, bits] = getAccess(elementBytes * elements.size(), elementBytes);
  SmallVector<Value> operands{address};
  if (predicate)
    operands.push_back(predicate);
  llvm::append_range(operands, pack(lowering, elements, bits));
  lowering.machine(("st.shared." + suffix + (predicate ? ".pred" : "")).str(), operands);
}

SmallVector<Value> tile_gpu::loadShared(ThreadLowering &lowering, Value address, int64_t elementBytes, int64_t count) {
  auto [suffix, bits] = getAccess(elementBytes * count, elementBytes);
  return unpack(lowering, lowering.machineResults(("ld.shared." + suffix).str(), address), elementBytes * 8);
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

SmallVector<SmallVector<unsigned, 16>> tile_gpu::cutIntoVectors(const LinearLayout &places, unsigned vector) {
  std::map<uint64_t, unsigned> registerAt;
  for (int64_t reg = 0, e = places.getSize(Axis::registers()); reg < e; ++reg)
    registerAt[places.apply(reg)] = reg;
  SmallVector<SmallVector<unsigned, 16>> vectors;
  for (const auto &[offset, reg] : registerAt) {
    if (offset % vector != 0)
      continue;
    auto &members = vectors.emplace_back();
    for (unsigned i = 0; i < vector; ++i)
      members.push_back(registerAt.at(offset + i));
  }
  return vectors;
}

static void loadVectors(ThreadLowering &lowering, const SharedExchange &plan, const LinearLayout &to, Value base,
                        Type element, MutableArrayRef<Value> registers, uint64_t begin) {
  LinearLayout places = to.compose(plan.offsets);
  int64_t elementBytes = getBytes(element);
  SharedAddresses addresses(lowering, base, places, elementBytes);
  for (ArrayRef<unsigned> vector : cutIntoVectors(places, plan.loadVector)) {
    Value address = addresses.get(places.apply(vector.front()) ^ begin);
    for (auto [reg, bits] : llvm::zip_equal(vector, loadShared(lowering, address, elementBytes, vector.size())))
      registers[reg] = lowering.fromBits(bits, element);
  }
}

static void loadMatrices(ThreadLowering &lowering, const SharedExchange &plan, Value base, Type element,
                         MutableArrayRef<Value> registers, uint64_t begin) {
  int64_t elementBytes = getBytes(element);
  SharedAddresses addresses(lowering, base, plan.rows, elementBytes);
  std::string row = "ldmatrix.x" + std::to_string(plan.matrices);
  if (plan.load == SharedExchange::Load::TransposedMatrix)
    row += ".trans";
  auto next = registers.begin();
  for (int64_t group = 0, e = plan.rows.getSize(Axis::registers()); group < e; ++group) {
    Value address = addresses.get(plan.rows.apply(group) ^ begin);
    for (Value word : lowering.machineResults(row, address))
      for (Value bits : unpackWord(lowering, word, elementBytes))
        *next++ = lowering.fromBits(bits, element);
  }
}

void tile_gpu::loadExchange(ThreadLowering &lowering, const SharedExchange &plan, const LinearLayout &to, Value base,
                            Type element, MutableArrayRef<Value> registers, uint64_t begin) {
  if (plan.load == SharedExchange::Load::Vector)
    loadVectors(lowering, plan, to, base, element, registers, begin);
  else
    loadMatrices(lowering, plan, base, element, registers, begin);
}

//===----------------------------------------------------------------------===//
// Shuffles
//===----------------------------------------------------------------------===//

/// `values` through `shuffle`, which moves 32 bits.
static SmallVector<Value> shuffleWords(ThreadLowering &lowering, ArrayRef<Value> values,
                                       llvm::function_ref<Value(Value)> shuffle) {
  OpBuilder &b = lowering.builder;
  unsigned width = getBits(values.front());
  if (width == 64) {
    SmallVector<Value> moved;
    for (Value value : values) {
      SmallVector<Value> halves = llvm::to_vector(lowering.machineResults("unpack.b32x2", value));
      for (Value &half : halves)
        half = shuffle(half);
      moved.push_back(lowering.machine("pack.b32x2", halves));
    }
    return moved;
  }
  SmallVector<Value> words = pack(lowering, values, std::min<unsigned>(32, width * values.size()));
  for (Value &word : words) {
    // Fewer elements than a word has room for.
    Type type = word.getType();
    if (getBits(word) < 32)
      word = arith::ExtUIOp::create(b, lowering.loc, b.getI32Type(), word);
    word = shuffle(word);
    if (word.getType() != type)
      word = arith::TruncIOp::create(b, lowering.loc, type, word);
  }
  return unpack(lowering, words, width);
}

static Value getWholeWarp(ThreadLowering &lowering) { return lowering.i32(-1); }
static Value getLastLane(ThreadLowering &lowering) { return lowering.i32((1 << kLaneBits) - 1); }

SmallVector<Value> tile_gpu::shuffleFrom(ThreadLowering &lowering, ArrayRef<Value> values, Value source) {
  return shuffleWords(lowering, values, [&](Value word) {
    return lowering.machine("shfl.sync.idx.b32", {getWholeWarp(lowering), word, source, getLastLane(lowering)});
  });
}

SmallVector<Value> tile_gpu::shuffleAcross(ThreadLowering &lowering, ArrayRef<Value> values, uint64_t mask) {
  return shuffleWords(lowering, values, [&](Value word) {
    return lowering.machine("shfl.sync.bfly.b32",
                            {getWholeWarp(lowering), word, lowering.i32(mask), getLastLane(lowering)});
  });
}

Value tile_gpu::getThreadBit(ThreadLowering &lowering, unsigned index) {
  Value number = index < kLaneBits ? lowering.getLane() : lowering.getWarp();
  Value mask = lowering.i32(int64_t(1) << (index < kLaneBits ? index : index - kLaneBits));
  Value bit = arith::AndIOp::create(lowering.builder, lowering.loc, number, mask);
  return arith::CmpIOp::create(lowering.builder, lowering.loc, arith::CmpIPredicate::ne, bit, lowering.i32(0));
}
