//===- SharedExchange.cpp - Conversions through shared memory -------------===//
//
// Shared memory has 32 banks of 4 bytes. An access of a warp goes through the banks in phases of 128 bytes: all lanes
// at once with up to 4 bytes each, half of them with 8, a quarter with 16; ldmatrix reads a matrix of eight rows a
// phase. The lanes of a phase are the lowest bits of the lane.
//
//===----------------------------------------------------------------------===//

#include "kiln/Dialect/TileGPU/Transforms/ConversionPlan.h"
#include "kiln/Layout/Span.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace kiln;
using namespace kiln::tile_gpu;
using llvm::ArrayRef;
using llvm::SmallVector;
using Load = SharedExchange::Load;

namespace {

constexpr unsigned kLineBits = 7;   // 128 bytes: once around the banks
constexpr unsigned kWordBits = 2;   // 4 bytes: what a bank delivers
constexpr unsigned kVectorBits = 4; // 16 bytes: the widest access, and a row of ldmatrix
constexpr unsigned kRowLanes = 2;   // lane bits that lie in a row of ldmatrix; the other three are the rows

using Vectors = SmallVector<uint64_t>;

/// Of a warp, the lane bits that access shared memory in one phase, where each lane moves 2^bytesBits bytes.
unsigned getPhaseBits(unsigned bytesBits) { return std::min(kLaneBits, kLineBits - bytesBits); }

/// A choice of what is contiguous in shared memory, still to be completed to a layout.
struct Candidate {
  Load load;
  Vectors low; // the lowest bits of the offset
};

class Planner {
public:
  Planner(const LinearLayout &from, const LinearLayout &to, unsigned elementBytes)
      : from(from), to(to), elementBits(llvm::Log2_32(elementBytes)), bits(from.getOutput().getBits()),
        sourceRegisters(from.getBases(Axis::registers())), registers(to.getBases(Axis::registers())) {}

  SharedExchange run();
  SharedExchange runForLoad(const LinearLayout &offsets) const;
  SharedExchange runForRing(unsigned axis, int64_t piece) const;

private:
  SmallVector<Candidate> getCandidates() const;
  SharedExchange complete(const Candidate &candidate) const;
  Vectors getBases(const Candidate &candidate) const;
  Vectors getMatrixRows(Load load) const;

  void measureStore(SharedExchange &exchange) const;
  void measureLoad(SharedExchange &exchange) const;
  bool measureMatrices(SharedExchange &exchange) const;
  unsigned getVectorBits(const LinearLayout &layout, const LinearLayout &offsets) const;
  unsigned getConflicts(ArrayRef<uint64_t> lanes, unsigned bytesBits) const;
  unsigned getPackingCost(const LinearLayout &layout, const LinearLayout &offsets, unsigned vectorBits) const;

  /// Bits of the registers of a thread that share a word.
  unsigned getPackBits() const { return elementBits < kWordBits ? kWordBits - elementBits : 0; }

  const LinearLayout &from, &to;
  unsigned elementBits; // log2 of an element's bytes
  unsigned bits;        // log2 of the tile's elements
  Vectors sourceRegisters, registers;
};

//===----------------------------------------------------------------------===//
// What is contiguous
//===----------------------------------------------------------------------===//

SmallVector<Candidate> Planner::getCandidates() const {
  Span source(sourceRegisters), result(registers);
  Vectors common, sourceOnly, resultOnly;
  for (uint64_t basis : sourceRegisters)
    (result.contains(basis) ? common : sourceOnly).push_back(basis);
  for (uint64_t basis : registers)
    if (!source.contains(basis))
      resultOnly.push_back(basis);

  auto join = [&](ArrayRef<Vectors> parts) {
    Vectors low;
    for (const Vectors &part : parts)
      for (uint64_t vector : part)
        if (low.size() + elementBits < kVectorBits)
          low.push_back(vector);
    return low;
  };
  SmallVector<Candidate> candidates = {{Load::Vector, join({common, sourceOnly, resultOnly})},
                                       {Load::Vector, join({common, resultOnly, sourceOnly})},
                                       {Load::Vector, join({common})}};
  // The eight elements or so of a row of ldmatrix are those of the lowest registers and of lanes 0 to 3.
  if (elementBits <= kWordBits && registers.size() >= getPackBits()) {
    ArrayRef<uint64_t> lanes = to.getBases(Axis::lane());
    Vectors low(ArrayRef(registers).take_front(getPackBits()));
    llvm::append_range(low, lanes.take_front(kRowLanes));
    candidates.push_back({Load::Matrix, low});
    if (elementBits == 1)
      candidates.push_back({Load::TransposedMatrix, Vectors(lanes.drop_front(kRowLanes))});
  }
  return candidates;
}

/// The elements whose bits tell the rows of a matrix apart.
Vectors Planner::getMatrixRows(Load load) const {
  ArrayRef<uint64_t> lanes = to.getBases(Axis::lane());
  if (load == Load::Matrix)
    return Vectors(lanes.drop_front(kRowLanes));
  return {registers[0], lanes[0], lanes[1]};
}

//===----------------------------------------------------------------------===//
// The layout
//===----------------------------------------------------------------------===//

/// The elements that the bits of the offset stand for, or nothing if the candidate is none.
Vectors Planner::getBases(const Candidate &candidate) const {
  Vectors low;
  Span lowSpan;
  for (uint64_t vector : candidate.low) {
    if (!lowSpan.add(vector)) {
      if (candidate.load != Load::Vector)
        return {};
      continue;
    }
    low.push_back(vector);
  }

  // The other bits are taken from a complement that holds the lanes and warps of both sides, as far as possible, so
  // that addresses of vectors are aligned.
  Vectors others;
  Span all = lowSpan;
  auto consider = [&](ArrayRef<uint64_t> vectors) {
    for (uint64_t vector : vectors)
      if (all.add(vector))
        others.push_back(vector);
  };
  for (const LinearLayout *layout : {&from, &to})
    for (Axis axis : {Axis::lane(), Axis::warp(), Axis::registers()})
      consider(layout->getBases(axis));

  // A word is filled with whatever comes.
  auto pad = [&](ArrayRef<uint64_t> vectors) {
    for (uint64_t vector : vectors) {
      if (low.size() >= getPackBits())
        return;
      if (llvm::is_contained(others, vector) && lowSpan.add(vector)) {
        low.push_back(vector);
        llvm::erase(others, vector);
      }
    }
  };
  pad(sourceRegisters);
  pad(registers);
  pad(Vectors(others));

  // What the lanes of one phase span, together with their vectors, must stay clear of the high bits.
  auto getVector = [&](ArrayRef<uint64_t> threadRegisters) {
    Span own(threadRegisters);
    return unsigned(llvm::find_if(low, [&](uint64_t vector) { return !own.contains(vector); }) - low.begin());
  };
  auto getPhase = [&](const LinearLayout &layout, unsigned vector) {
    Vectors phase(ArrayRef(low).take_front(std::max(vector, std::min<unsigned>(getPackBits(), low.size()))));
    llvm::append_range(phase, layout.getBases(Axis::lane()).take_front(getPhaseBits(vector + elementBits)));
    return phase;
  };
  unsigned storeVector = getVector(sourceRegisters), loadVector = getVector(registers);
  Span store(getPhase(from, storeVector)), load;
  if (candidate.load == Load::Vector)
    load = Span(getPhase(to, loadVector));
  else {
    load = lowSpan;
    for (uint64_t row : getMatrixRows(candidate.load))
      load.add(row);
  }

  Vectors high;
  Span chosen = lowSpan;
  auto isClear = [&](uint64_t vector) {
    return !chosen.contains(vector) && !store.contains(vector) && !load.contains(vector);
  };
  auto take = [&](uint64_t vector) {
    high.push_back(vector);
    for (Span *span : {&chosen, &store, &load})
      span->add(vector);
  };
  auto takeClear = [&] {
    // Registers before warps before lanes: what differs in registers should be a constant in the address.
    for (uint64_t vector : llvm::reverse(others))
      if (isClear(vector))
        return take(vector), true;
    // A register may move an element within the vectors of its own thread.
    Span storing(sourceRegisters), loading(registers);
    bool isMatrix = candidate.load != Load::Vector;
    for (auto [index, inner] : llvm::enumerate(low))
      for (uint64_t outer : llvm::reverse(others))
        if (isClear(outer ^ inner) && (index >= storeVector || storing.contains(outer)) &&
            (index >= loadVector || loading.contains(outer)) && !isMatrix)
          return take(outer ^ inner), true;
    for (uint64_t first : llvm::reverse(others))
      for (uint64_t second : llvm::reverse(others))
        if (isClear(first ^ second))
          return take(first ^ second), true;
    return false;
  };
  unsigned lineBits = std::min(bits, kLineBits - elementBits);
  while (high.size() < bits - lineBits) {
    if (takeClear())
      continue;
    for (uint64_t vector : llvm::reverse(others)) {
      if (!chosen.contains(vector)) {
        take(vector);
        break;
      }
    }
  }

  // The banks: what is left, the lanes that store in their order.
  Vectors bases = low;
  for (uint64_t vector : llvm::concat<uint64_t>(Vectors(from.getBases(Axis::lane())), others))
    if (llvm::is_contained(others, vector) && chosen.add(vector))
      bases.push_back(vector);
  llvm::append_range(bases, high);
  return bases;
}

//===----------------------------------------------------------------------===//
// What it is worth
//===----------------------------------------------------------------------===//

/// How many bits of the offset one access of `layout` moves: those which are a thread's own registers, and which are
/// the same for all threads.
unsigned Planner::getVectorBits(const LinearLayout &layout, const LinearLayout &offsets) const {
  Span own(layout.compose(offsets).getBases(Axis::registers()));
  LinearLayout places = layout.compose(offsets);
  uint64_t threads = 0;
  for (Axis axis : {Axis::lane(), Axis::warp()})
    for (uint64_t basis : places.getBases(axis))
      threads |= basis;
  unsigned vector = 0;
  while (vector < bits && vector + elementBits < kVectorBits && own.contains(uint64_t(1) << vector) &&
         !(threads >> vector & 1))
    ++vector;
  return vector;
}

/// The words that a bank has to deliver in a phase; `lanes` are the offsets of its lane bits.
unsigned Planner::getConflicts(ArrayRef<uint64_t> lanes, unsigned bytesBits) const {
  Span words, banks;
  auto add = [&](uint64_t bytes) {
    words.add(bytes >> kWordBits);
    banks.add((bytes >> kWordBits) & 31);
  };
  for (uint64_t offset : lanes.take_front(getPhaseBits(bytesBits)))
    add(offset << elementBits);
  for (unsigned bit = 0; bit < bytesBits; ++bit)
    add(uint64_t(1) << bit);
  return 1u << (words.size() - banks.size());
}

/// Instructions that rearrange small elements: registers usually come, and are used, in words of neighbours.
unsigned Planner::getPackingCost(const LinearLayout &layout, const LinearLayout &offsets, unsigned vectorBits) const {
  Vectors places(layout.compose(offsets).getBases(Axis::registers()));
  unsigned packBits = std::min<unsigned>(getPackBits(), places.size());
  for (unsigned bit = 0; bit < packBits; ++bit)
    if (bit >= vectorBits || places[bit] != uint64_t(1) << bit)
      return 1u << (places.size() - packBits);
  return 0;
}

/// Instructions, and how often they go through the banks.
unsigned getCost(unsigned instructions, unsigned bytesBits, unsigned conflicts) {
  return instructions * (1 + (1u << (kLaneBits - getPhaseBits(bytesBits))) * conflicts);
}

void Planner::measureStore(SharedExchange &exchange) const {
  unsigned vector = getVectorBits(from, exchange.offsets);
  exchange.storeVector = 1u << vector;
  exchange.storeConflicts = getConflicts(from.compose(exchange.offsets).getBases(Axis::lane()), vector + elementBits);
  exchange.cost += getCost(1u << (sourceRegisters.size() - vector), vector + elementBits, exchange.storeConflicts) +
                   getPackingCost(from, exchange.offsets, vector);
}

void Planner::measureLoad(SharedExchange &exchange) const {
  unsigned vector = getVectorBits(to, exchange.offsets);
  exchange.loadVector = 1u << vector;
  exchange.loadConflicts = getConflicts(to.compose(exchange.offsets).getBases(Axis::lane()), vector + elementBits);
  exchange.cost += getCost(1u << (registers.size() - vector), vector + elementBits, exchange.loadConflicts) +
                   getPackingCost(to, exchange.offsets, vector);
}

/// Where the rows of the matrices lie. Fails if they are not 16 bytes in one piece.
bool Planner::measureMatrices(SharedExchange &exchange) const {
  LinearLayout places = to.compose(exchange.offsets);
  auto offsetOf = [&](uint64_t element) { return exchange.offsets.apply(element); };
  unsigned words = registers.size() - getPackBits();
  unsigned perInstruction = std::min(words, 2u);
  // Lane bits 0 to 2 name the row, 3 and 4 the matrix, which is a word of the thread.
  Vectors rows = llvm::map_to_vector(getMatrixRows(exchange.load), offsetOf);
  Vectors wordBases = llvm::map_to_vector(ArrayRef(registers).drop_front(getPackBits()), offsetOf);
  Vectors lanes = rows;
  llvm::append_range(lanes, ArrayRef(wordBases).take_front(perInstruction));
  lanes.resize(kLaneBits, 0);
  Vectors groups(ArrayRef(wordBases).drop_front(perInstruction));
  ArrayRef<uint64_t> warps = places.getBases(Axis::warp());

  uint64_t rowMask = (uint64_t(1) << (kVectorBits - elementBits)) - 1;
  auto isAligned = [&](uint64_t offset) { return (offset & rowMask) == 0; };
  if (!llvm::all_of(lanes, isAligned) || !llvm::all_of(groups, isAligned) || !llvm::all_of(warps, isAligned))
    return false;

  SmallVector<uint64_t> bases(groups);
  llvm::append_range(bases, lanes);
  llvm::append_range(bases, warps);
  exchange.rows = LinearLayout(Space({{Axis::registers(), unsigned(groups.size())},
                                      {Axis::lane(), kLaneBits},
                                      {Axis::warp(), unsigned(warps.size())}}),
                               exchange.offsets.getOutput(), bases);
  exchange.matrices = 1u << perInstruction;
  exchange.loadVector = 1u << getPackBits();
  exchange.loadConflicts = getConflicts(rows, kVectorBits);
  exchange.cost += (1u << groups.size()) * (1 + exchange.matrices * exchange.loadConflicts);
  return true;
}

/// The exchange with the layout of a candidate; at no cost if there is none.
SharedExchange Planner::complete(const Candidate &candidate) const {
  SharedExchange exchange;
  Vectors bases = getBases(candidate);
  if (bases.empty() && bits != 0)
    return exchange;
  LinearLayout elements(Space({{Axis::offset(), bits}}), from.getOutput(), bases);
  exchange.offsets = elements.invert();
  exchange.load = candidate.load;
  measureStore(exchange);
  if (candidate.load == Load::Vector)
    measureLoad(exchange);
  else if (!measureMatrices(exchange))
    return {};
  return exchange;
}

SharedExchange Planner::run() {
  SharedExchange best;
  for (const Candidate &candidate : getCandidates()) {
    SharedExchange exchange = complete(candidate);
    if (exchange.cost != 0 && (best.cost == 0 || exchange.cost < best.cost))
      best = std::move(exchange);
  }
  return best;
}

SharedExchange Planner::runForLoad(const LinearLayout &offsets) const {
  SharedExchange best;
  best.offsets = offsets;
  measureLoad(best);
  for (const Candidate &candidate : getCandidates()) {
    // What a row of a matrix has to consist of is in its place.
    if (candidate.load == Load::Vector || !llvm::all_of(llvm::enumerate(candidate.low), [&](auto bit) {
          return offsets.apply(bit.value()) == uint64_t(1) << bit.index();
        }))
      continue;
    SharedExchange exchange;
    exchange.offsets = offsets;
    exchange.load = candidate.load;
    if (measureMatrices(exchange) && exchange.cost < best.cost)
      best = std::move(exchange);
  }
  return best;
}

SharedExchange Planner::runForRing(unsigned axis, int64_t piece) const {
  Vectors pieces;
  for (unsigned bit = 0; int64_t(1) << bit < piece; ++bit)
    pieces.push_back(uint64_t(1) << (from.getOutput().getShift(Axis::dim(axis)) + bit));
  SmallVector<Candidate> candidates = getCandidates();
  candidates.push_back({Load::Vector, pieces});
  SharedExchange best;
  for (const Candidate &candidate : candidates) {
    SharedExchange exchange = complete(candidate);
    bool isWhole = exchange.cost != 0 && llvm::all_of(llvm::enumerate(pieces), [&](auto bit) {
                     return exchange.offsets.apply(bit.value()) == uint64_t(1) << bit.index();
                   });
    if (isWhole && (best.cost == 0 || exchange.cost < best.cost))
      best = std::move(exchange);
  }
  return best;
}

} // namespace

SharedExchange tile_gpu::planSharedLoad(const LinearLayout &offsets, const LinearLayout &to, unsigned elementBytes) {
  return Planner(to, to, elementBytes).runForLoad(offsets);
}

SharedExchange tile_gpu::planRing(const LinearLayout &from, unsigned axis, int64_t piece, const LinearLayout &to,
                                  unsigned elementBytes) {
  return Planner(from, to, elementBytes).runForRing(axis, piece);
}

SharedExchange tile_gpu::planSharedExchange(const LinearLayout &from, const LinearLayout &to, unsigned elementBytes) {
  return Planner(from, to, elementBytes).run();
}

//===----------------------------------------------------------------------===//
// The choice
//===----------------------------------------------------------------------===//

ConversionPlan tile_gpu::planConversion(const LinearLayout &from, const LinearLayout &to, unsigned elementBytes) {
  // A shuffle is an instruction and a pass through the banks; the arithmetic units select four times as fast. Waiting
  // for the other warps costs about as much as a dozen accesses.
  constexpr unsigned kBarrierCost = 24;
  ConversionPlan plan;
  plan.warp = planWarpExchange(from, to);
  if (plan.warp && plan.warp->isLocal())
    return plan;
  SharedExchange shared = planSharedExchange(from, to, elementBytes);
  if (plan.warp) {
    unsigned cost = 2 * plan.warp->countShuffles(elementBytes * 8) + plan.warp->countSelects() / 2;
    if (cost <= shared.cost + kBarrierCost)
      return plan;
    plan.warp.reset();
  }
  plan.sharedBytes = (int64_t(1) << from.getOutput().getBits()) * elementBytes;
  plan.shared = std::move(shared);
  return plan;
}
