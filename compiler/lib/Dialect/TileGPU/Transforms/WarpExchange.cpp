//===- WarpExchange.cpp - Conversions within a warp -----------------------===//

#include "kiln/Dialect/TileGPU/Transforms/ConversionPlan.h"
#include "kiln/Layout/Span.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

#include <map>

using namespace kiln;
using namespace kiln::tile_gpu;
using llvm::ArrayRef;
using llvm::SmallVector;

//===----------------------------------------------------------------------===//
// The plan
//===----------------------------------------------------------------------===//

bool WarpExchange::isLocal(size_t round) const {
  if (offsets[round] != 0)
    return false;
  for (unsigned i = 0; i < kLaneBits; ++i)
    if (lanes[i] != uint64_t(1) << i)
      return false;
  return true;
}

bool WarpExchange::isLocal() const {
  return llvm::all_of(llvm::seq<size_t>(offsets.size()), [&](size_t round) { return isLocal(round); });
}

unsigned WarpExchange::countShuffles(unsigned bits) const {
  // Rounds between the same lanes share a shuffle, as far as 32 bits go.
  std::map<uint64_t, unsigned> moved;
  for (size_t round = 0; round < offsets.size(); ++round)
    if (!isLocal(round))
      moved[offsets[round]] += bits;
  unsigned count = 0;
  for (const auto &[offset, sum] : moved)
    count += llvm::divideCeil(sum, 32);
  return count;
}

unsigned WarpExchange::countSelects() const {
  auto nonZero = [](const LaneBits &masks) { return llvm::count_if(masks, [](uint64_t mask) { return mask != 0; }); };
  return sources * (nonZero(before) + (size_t(1) << thinnings.size()) - 1) + registers.size() * nonZero(after);
}

//===----------------------------------------------------------------------===//
// Planning
//===----------------------------------------------------------------------===//

namespace {

class Planner {
public:
  Planner(const LinearLayout &from, const LinearLayout &to)
      : sourceRegisters(from.getBases(Axis::registers())), sourceLanes(from.getBases(Axis::lane())),
        sourceWarps(from.getBases(Axis::warp())), registers(to.getBases(Axis::registers())),
        lanes(to.getBases(Axis::lane())), warps(to.getBases(Axis::warp())) {}

  std::optional<WarpExchange> run();

private:
  /// Where an element lies: a register and a lane, as masks of bits.
  struct Place {
    uint64_t reg = 0, lane = 0;
    Place operator^(const Place &other) const { return {reg ^ other.reg, lane ^ other.lane}; }
  };

  bool alignWarps();
  bool thinLanes();
  void thin(unsigned threadBit, uint64_t &threadBasis, uint64_t basis);
  void chooseLanes();
  Place locate(uint64_t element) const;
  void schedule();

  Span spanOf(ArrayRef<uint64_t> vectors) const {
    Span span;
    for (auto [i, vector] : llvm::enumerate(vectors))
      span.add(vector, uint64_t(1) << i);
    return span;
  }

  SmallVector<uint64_t> sourceRegisters, sourceLanes, sourceWarps; // S, which thinning changes
  SmallVector<uint64_t> registers, lanes, warps;                   // D
  Span source;                                                     // registers and lanes of S, labelled by bits
  SmallVector<Place, kLaneBits> laneImages; // where lane bit i of a round's receivers has its element in S
  WarpExchange plan;
};

/// Replaces the basis of a thread bit, which is 0 in S, by `basis`, a combination of the registers' bases: those
/// registers that make the difference are needed no more.
void Planner::thin(unsigned threadBit, uint64_t &threadBasis, uint64_t basis) {
  uint64_t mask = *spanOf(sourceRegisters).solve(basis);
  unsigned dropped = llvm::countr_zero(mask);
  plan.thinnings.push_back({threadBit, dropped, mask});
  sourceRegisters.erase(sourceRegisters.begin() + dropped);
  threadBasis = basis;
}

/// Warps must hold the same elements before and after, up to what their own registers can make up for.
bool Planner::alignWarps() {
  for (unsigned i = 0; i < warps.size(); ++i) {
    if (warps[i] == sourceWarps[i])
      continue;
    if (sourceWarps[i] != 0 || !spanOf(sourceRegisters).contains(warps[i]))
      return false;
    thin(kLaneBits + i, sourceWarps[i], warps[i]);
  }
  return true;
}

/// Lanes that hold copies hold no more than the result needs. Returns whether S then has no more registers than D.
bool Planner::thinLanes() {
  for (unsigned i = 0; i < kLaneBits; ++i)
    if (sourceLanes[i] == 0 && lanes[i] != 0 && spanOf(sourceRegisters).contains(lanes[i]))
      thin(i, sourceLanes[i], lanes[i]);
  for (unsigned i = 0; i < kLaneBits && sourceRegisters.size() > registers.size(); ++i)
    if (sourceLanes[i] == 0)
      thin(i, sourceLanes[i], sourceRegisters.back());
  return sourceRegisters.size() <= registers.size();
}

Planner::Place Planner::locate(uint64_t element) const {
  uint64_t bits = *source.solve(element);
  uint64_t low = llvm::maskTrailingOnes<uint64_t>(sourceRegisters.size());
  return {bits & low, bits >> sourceRegisters.size()};
}

/// Chooses U: for each lane bit of D the element that a round with this bit set moves, the lane's own basis up to some
/// registers of D (`after`), such that no combination of them lies in the registers of S.
void Planner::chooseLanes() {
  Span taken = spanOf(sourceRegisters), own = spanOf(sourceRegisters);
  SmallVector<uint64_t, kLaneBits> elements;
  Span result = spanOf(registers); // D as far as it has been walked, labelled by register bits and, above, lane bits
  for (unsigned i = 0; i < kLaneBits; ++i) {
    uint64_t label = uint64_t(1) << (registers.size() + i);
    if (std::optional<uint64_t> copy = result.solve(lanes[i])) {
      // This bit tells copies apart: it makes the same element as some lower lane bits do.
      Place place;
      uint64_t element = 0, mask = *copy & llvm::maskTrailingOnes<uint64_t>(registers.size());
      for (unsigned j = 0; j < i; ++j) {
        if (*copy >> (registers.size() + j) & 1) {
          place = place ^ laneImages[j];
          element ^= elements[j];
          mask ^= plan.after[j];
        }
      }
      plan.after[i] = mask;
      elements.push_back(element);
      if (std::optional<uint64_t> reg = own.solve(element ^ sourceLanes[i]))
        place = {*reg, uint64_t(1) << i};
      laneImages.push_back(place);
      continue;
    }
    result.add(lanes[i], label);
    // The lane itself, if the lane has the element or can have it; else any place.
    std::optional<uint64_t> chosen;
    for (bool wantsOwn : {true, false}) {
      for (unsigned candidate = 0; candidate <= registers.size() && !chosen; ++candidate) {
        uint64_t mask = candidate == 0 ? 0 : uint64_t(1) << (candidate - 1);
        uint64_t element = lanes[i] ^ (candidate == 0 ? 0 : registers[candidate - 1]);
        if (!taken.contains(element) && (!wantsOwn || own.contains(element ^ sourceLanes[i])))
          chosen = mask;
      }
    }
    assert(chosen && "with no more registers in S than in D there is a common complement");
    plan.after[i] = *chosen;
    uint64_t element = lanes[i];
    if (*chosen)
      element ^= registers[llvm::Log2_64(*chosen)];
    taken.add(element);
    elements.push_back(element);
    if (std::optional<uint64_t> reg = own.solve(element ^ sourceLanes[i]))
      laneImages.push_back({*reg, uint64_t(1) << i});
    else
      laneImages.push_back(locate(element));
  }
}

void Planner::schedule() {
  // In the round that moves U, source lane l' hands out the register `before`(l').
  Span senders;
  for (const Place &image : laneImages)
    senders.add(image.lane, image.reg);
  for (unsigned i = 0; i < kLaneBits; ++i) {
    senders.add(uint64_t(1) << i, 0); // a lane that nobody asks may hand out anything
    plan.lanes[i] = laneImages[i].lane;
  }
  auto handedOutBy = [&](uint64_t lane) { return *senders.solve(lane); };
  for (unsigned i = 0; i < kLaneBits; ++i)
    plan.before[i] = handedOutBy(uint64_t(1) << i);

  SmallVector<Place> places = llvm::map_to_vector(registers, [&](uint64_t basis) { return locate(basis); });
  for (uint64_t round = 0; round < uint64_t(1) << registers.size(); ++round) {
    Place place;
    for (unsigned i = 0; i < registers.size(); ++i)
      if (round >> i & 1)
        place = place ^ places[i];
    plan.registers.push_back(place.reg ^ handedOutBy(place.lane));
    plan.offsets.push_back(place.lane);
  }
}

std::optional<WarpExchange> Planner::run() {
  if (Span(sourceRegisters).size() != sourceRegisters.size() || Span(registers).size() != registers.size())
    return std::nullopt; // a thread with copies of its own
  if (!alignWarps())
    return std::nullopt;
  Span warp = spanOf(sourceRegisters);
  for (uint64_t basis : sourceLanes)
    warp.add(basis);
  if (!llvm::all_of(llvm::concat<uint64_t>(registers, lanes), [&](uint64_t basis) { return warp.contains(basis); }))
    return std::nullopt;
  if (!thinLanes())
    return std::nullopt;
  plan.sources = 1u << sourceRegisters.size();
  source = spanOf(sourceRegisters);
  for (auto [i, basis] : llvm::enumerate(sourceLanes))
    source.add(basis, uint64_t(1) << (sourceRegisters.size() + i));
  chooseLanes();
  schedule();
  return plan;
}

} // namespace

std::optional<WarpExchange> tile_gpu::planWarpExchange(const LinearLayout &from, const LinearLayout &to) {
  return Planner(from, to).run();
}
