//===- conversion_plan_test.cpp - Plans of layout conversions, carried out --------------------------------===//
//
// Every plan is carried out on all threads of a program, step by step as its description says, for pairs of layouts
// that occur and for random ones. Bank conflicts are counted access by access and compared with what the plan expects.
//
//===----------------------------------------------------------------------===//

#include "kiln/Dialect/TileGPU/Transforms/ConversionPlan.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

/// What the registers of one thread hold.
using Registers = std::vector<uint64_t>;

unsigned warpsOf(const LinearLayout &layout) { return layout.getSize(Axis::warp()); }

Registers expectedRegisters(const LinearLayout &layout, unsigned lane, unsigned warp) {
  Registers registers;
  for (int64_t reg : llvm::seq<int64_t>(layout.getSize(Axis::registers())))
    registers.push_back(layout.apply(reg, lane, warp));
  return registers;
}

std::string describe(const LinearLayout &from, const LinearLayout &to) { return from.str() + "\n" + to.str(); }

//===----------------------------------------------------------------------===//
// Within warps
//===----------------------------------------------------------------------===//

uint64_t combine(const WarpExchange::LaneBits &masks, unsigned lane) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < kLaneBits; ++i)
    if (lane >> i & 1)
      sum ^= masks[i];
  return sum;
}

Registers rename(const Registers &registers, uint64_t mask) {
  Registers renamed;
  for (size_t i = 0; i < registers.size(); ++i)
    renamed.push_back(registers.at(i ^ mask));
  return renamed;
}

testing::AssertionResult carryOut(const WarpExchange &plan, const LinearLayout &from, const LinearLayout &to) {
  for (unsigned warp = 0; warp < warpsOf(from); ++warp) {
    std::vector<Registers> lanes;
    for (unsigned lane = 0; lane < 32; ++lane) {
      Registers registers = expectedRegisters(from, lane, warp);
      for (const WarpExchange::Thinning &thinning : plan.thinnings) {
        bool isSet = (lane | warp << kLaneBits) >> thinning.threadBit & 1;
        Registers kept;
        for (uint64_t i = 0; i < registers.size() / 2; ++i) {
          uint64_t low = i & ((uint64_t(1) << thinning.droppedBit) - 1);
          uint64_t old = (i ^ low) << 1 | low;
          kept.push_back(registers.at(isSet ? old ^ thinning.mask : old));
        }
        registers = kept;
      }
      if (registers.size() != plan.sources)
        return testing::AssertionFailure() << "not as many registers as the plan says";
      lanes.push_back(rename(registers, combine(plan.before, lane)));
    }
    for (unsigned lane = 0; lane < 32; ++lane) {
      Registers received;
      for (size_t round = 0; round < plan.registers.size(); ++round) {
        unsigned sender = plan.offsets[round] ^ combine(plan.lanes, lane);
        if (plan.isLocal(round) && sender != lane)
          return testing::AssertionFailure() << "a local round that is not";
        received.push_back(lanes.at(sender).at(plan.registers[round]));
      }
      if (rename(received, combine(plan.after, lane)) != expectedRegisters(to, lane, warp))
        return testing::AssertionFailure() << "wrong elements in lane " << lane << " of warp " << warp << "\n"
                                           << describe(from, to);
    }
  }
  return testing::AssertionSuccess();
}

//===----------------------------------------------------------------------===//
// Through shared memory
//===----------------------------------------------------------------------===//

/// Counts conflicts of one access: `addresses` are the first bytes of the lanes that take part, in order.
class Banks {
public:
  /// The most words of one bank in one phase.
  unsigned access(llvm::ArrayRef<std::optional<uint64_t>> addresses, unsigned bytes, unsigned lanesPerPhase) {
    unsigned most = 1;
    for (size_t first = 0; first < addresses.size(); first += lanesPerPhase) {
      std::map<uint64_t, std::set<uint64_t>> words;
      for (const auto &address : addresses.slice(first, lanesPerPhase))
        for (uint64_t byte = 0; address && byte < bytes; ++byte)
          words[(*address + byte) / 4 % 32].insert((*address + byte) / 4);
      for (const auto &[bank, different] : words)
        most = std::max<unsigned>(most, different.size());
    }
    return most;
  }
};

unsigned lanesPerPhase(unsigned bytes) { return std::min(32u, 128 / bytes); }

/// The registers of each access: those whose elements lie at neighbouring offsets, in order.
std::vector<std::vector<unsigned>> cutIntoVectors(const LinearLayout &places, unsigned vector) {
  std::map<uint64_t, unsigned> at;
  for (int64_t reg : llvm::seq<int64_t>(places.getSize(Axis::registers())))
    at[places.apply(reg)] = reg;
  std::vector<std::vector<unsigned>> vectors;
  for (const auto &[offset, reg] : at) {
    if (offset % vector)
      continue;
    std::vector<unsigned> members;
    for (unsigned i = 0; i < vector; ++i)
      members.push_back(at.at(offset + i));
    vectors.push_back(members);
  }
  return vectors;
}

struct Traffic {
  unsigned storeConflicts = 1, loadConflicts = 1;
};

testing::AssertionResult carryOut(const SharedExchange &plan, const LinearLayout &from, const LinearLayout &to,
                                  unsigned bytes, Traffic *traffic = nullptr) {
  auto fail = [&] { return testing::AssertionFailure() << describe(from, to) << "\n" << plan.offsets.str() << "\n"; };
  if (!plan.offsets.isInjective() || !plan.offsets.isSurjective())
    return fail() << "the layout of shared memory is not one to one";
  Banks banks;
  Traffic actual;
  std::vector<std::optional<uint64_t>> memory(uint64_t(1) << from.getOutput().getBits());

  LinearLayout places = from.compose(plan.offsets);
  uint64_t copies = from.getDependentBits(Axis::lane()), warpCopies = from.getDependentBits(Axis::warp());
  for (unsigned warp = 0; warp < warpsOf(from); ++warp) {
    for (const std::vector<unsigned> &vector : cutIntoVectors(places, plan.storeVector)) {
      std::vector<std::optional<uint64_t>> addresses(32);
      for (unsigned lane = 0; lane < 32; ++lane) {
        if (lane & copies || warp & warpCopies)
          continue;
        uint64_t start = places.apply(vector[0], lane, warp);
        if (start % plan.storeVector)
          return fail() << "a store that is not aligned";
        addresses[lane] = start * bytes;
        for (auto [i, reg] : llvm::enumerate(vector)) {
          if (memory[start + i])
            return fail() << "two owners of an element";
          memory[start + i] = from.apply(reg, lane, warp);
        }
      }
      unsigned size = plan.storeVector * bytes;
      actual.storeConflicts = std::max(actual.storeConflicts, banks.access(addresses, size, lanesPerPhase(size)));
    }
  }

  for (unsigned warp = 0; warp < warpsOf(to); ++warp) {
    std::vector<Registers> result(32, Registers(to.getSize(Axis::registers())));
    if (plan.load == SharedExchange::Load::Vector) {
      LinearLayout from = to.compose(plan.offsets);
      for (const std::vector<unsigned> &vector : cutIntoVectors(from, plan.loadVector)) {
        std::vector<std::optional<uint64_t>> addresses(32);
        for (unsigned lane = 0; lane < 32; ++lane) {
          uint64_t start = from.apply(vector[0], lane, warp);
          if (start % plan.loadVector)
            return fail() << "a load that is not aligned";
          addresses[lane] = start * bytes;
          for (auto [i, reg] : llvm::enumerate(vector))
            result[lane][reg] = memory.at(start + i).value();
        }
        unsigned size = plan.loadVector * bytes;
        actual.loadConflicts = std::max(actual.loadConflicts, banks.access(addresses, size, lanesPerPhase(size)));
      }
    } else {
      // As the PTX ISA describes ldmatrix: lane 8 m + i names row i of matrix m; lane l receives the 32 bits number l %
      // 4 of row l / 4 of each matrix, or with .trans, of 16-bit elements, column l / 4 of rows 2 (l % 4) and the next.
      unsigned word = 0, perWord = 4 / bytes;
      for (int64_t group : llvm::seq<int64_t>(plan.rows.getSize(Axis::registers()))) {
        for (unsigned matrix = 0; matrix < plan.matrices; ++matrix, ++word) {
          std::vector<std::optional<uint64_t>> rows;
          for (unsigned row = 0; row < 8; ++row) {
            rows.push_back(plan.rows.apply(group, matrix * 8 + row, warp) * bytes);
            if (*rows.back() % 16)
              return fail() << "a row that is not aligned";
          }
          actual.loadConflicts = std::max(actual.loadConflicts, banks.access(rows, 16, 8));
          for (unsigned lane = 0; lane < 32; ++lane) {
            for (unsigned i = 0; i < perWord; ++i) {
              uint64_t offset = plan.load == SharedExchange::Load::Matrix
                                    ? *rows[lane / 4] / bytes + lane % 4 * perWord + i
                                    : *rows[lane % 4 * 2 + i] / bytes + lane / 4;
              result[lane].at(word * perWord + i) = memory.at(offset).value();
            }
          }
        }
      }
      if (word * perWord != to.getSize(Axis::registers()))
        return fail() << "the matrices do not fill the registers";
    }
    for (unsigned lane = 0; lane < 32; ++lane)
      if (result[lane] != expectedRegisters(to, lane, warp))
        return fail() << "wrong elements in lane " << lane << " of warp " << warp;
  }
  if (actual.storeConflicts != plan.storeConflicts || actual.loadConflicts != plan.loadConflicts)
    return fail() << "conflicts " << actual.storeConflicts << ", " << actual.loadConflicts << " instead of "
                  << plan.storeConflicts << ", " << plan.loadConflicts;
  if (traffic)
    *traffic = actual;
  return testing::AssertionSuccess();
}

//===----------------------------------------------------------------------===//
// Random layouts
//===----------------------------------------------------------------------===//

class Random {
public:
  explicit Random(unsigned seed) : engine(seed) {}
  unsigned below(unsigned limit) { return std::uniform_int_distribution<unsigned>(0, limit - 1)(engine); }
  bool chance(unsigned percent) { return below(100) < percent; }

  /// Some bits of the tile for lanes and warps, some of their bits without effect, the rest for registers.
  LinearLayout layout(unsigned bits, unsigned warpBits, unsigned percentCopies) {
    llvm::SmallVector<uint64_t> units;
    for (unsigned i = 0; i < bits; ++i)
      units.push_back(uint64_t(1) << i);
    std::shuffle(units.begin(), units.end(), engine);
    llvm::SmallVector<uint64_t> threads;
    for (unsigned i = 0; i < kLaneBits + warpBits; ++i)
      threads.push_back(units.empty() || chance(percentCopies) ? 0 : units.pop_back_val());
    return assemble(units, threads, bits, warpBits);
  }

  /// The same elements in a sheared tile: bases of several bits.
  LinearLayout shear(const LinearLayout &layout, unsigned steps) {
    unsigned bits = layout.getOutput().getBits();
    llvm::SmallVector<uint64_t> bases(layout.getBases());
    for (unsigned i = 0; bits > 1 && i < steps; ++i) {
      unsigned to = below(bits), from = below(bits);
      for (uint64_t &basis : bases)
        if (to != from && basis >> from & 1)
          basis ^= uint64_t(1) << to;
    }
    return LinearLayout(layout.getInput(), layout.getOutput(), bases);
  }

  /// The registers, lanes of a layout mixed up within the warp.
  LinearLayout mixWarp(const LinearLayout &layout) {
    llvm::SmallVector<uint64_t> inner(layout.getBases(Axis::registers()));
    llvm::append_range(inner, layout.getBases(Axis::lane()));
    llvm::erase(inner, uint64_t(0));
    unsigned copies = below(3);
    std::shuffle(inner.begin(), inner.end(), engine);
    llvm::SmallVector<uint64_t> threads;
    for (unsigned i = 0; i < kLaneBits; ++i)
      threads.push_back(inner.empty() || (copies && chance(30)) ? 0 : inner.pop_back_val());
    llvm::append_range(threads, layout.getBases(Axis::warp()));
    return assemble(inner, threads, layout.getOutput().getBits(), layout.getInput().getBits(Axis::warp()));
  }

private:
  LinearLayout assemble(llvm::ArrayRef<uint64_t> registers, llvm::ArrayRef<uint64_t> threads, unsigned bits,
                        unsigned warpBits) {
    llvm::SmallVector<uint64_t> bases(registers);
    llvm::append_range(bases, threads);
    return LinearLayout(
        Space({{Axis::registers(), unsigned(registers.size())}, {Axis::lane(), kLaneBits}, {Axis::warp(), warpBits}}),
        Space::ofShape({int64_t(1) << bits}), bases);
  }

  std::mt19937 engine;
};

TEST(ConversionPlan, RandomExchangesWithinWarps) {
  Random random(1);
  unsigned planned = 0;
  for (int round = 0; round < 2000; ++round) {
    LinearLayout from = random.layout(random.below(11), random.below(3), random.below(40));
    LinearLayout to = random.mixWarp(from);
    if (random.chance(30)) {
      // Both alike: the elements of a warp stay those of the warp.
      unsigned seed = round;
      from = Random(seed).shear(from, 6);
      to = Random(seed).shear(to, 6);
    }
    std::optional<WarpExchange> plan = planWarpExchange(from, to);
    ASSERT_TRUE(plan) << describe(from, to);
    ASSERT_TRUE(carryOut(*plan, from, to));
    ++planned;
    // Never more rounds than the result has registers.
    EXPECT_EQ(plan->registers.size(), size_t(to.getSize(Axis::registers())));
  }
  EXPECT_EQ(planned, 2000u);
}

TEST(ConversionPlan, RandomExchangesThroughSharedMemory) {
  Random random(2);
  std::map<SharedExchange::Load, unsigned> loads;
  for (int round = 0; round < 1500; ++round) {
    unsigned bits = random.below(12), warpBits = random.below(3);
    LinearLayout from = random.layout(bits, warpBits, random.below(30)),
                 to = random.layout(bits, warpBits, random.below(30));
    bool isSheared = random.chance(25);
    if (isSheared)
      (random.chance(50) ? from : to) = random.shear(random.chance(50) ? from : to, 4);
    unsigned bytes = 1 << random.below(4);
    SharedExchange plan = planSharedExchange(from, to, bytes);
    ASSERT_TRUE(carryOut(plan, from, to, bytes));
    ++loads[plan.load];
  }
  EXPECT_EQ(loads.size(), 3u);
}

TEST(ConversionPlan, RandomPairsWithWhateverIsCheapest) {
  Random random(3);
  unsigned within = 0, through = 0;
  for (int round = 0; round < 1000; ++round) {
    unsigned bits = random.below(10), warpBits = random.below(3);
    LinearLayout from = random.layout(bits, warpBits, random.below(60)),
                 to = random.chance(40) ? random.mixWarp(from) : random.layout(bits, warpBits, random.below(60));
    unsigned bytes = 1 << random.below(4);
    ConversionPlan plan = planConversion(from, to, bytes);
    ASSERT_NE(bool(plan.warp), bool(plan.shared));
    if (plan.warp) {
      EXPECT_TRUE(carryOut(*plan.warp, from, to));
      EXPECT_EQ(plan.sharedBytes, 0);
      ++within;
    } else {
      EXPECT_TRUE(carryOut(*plan.shared, from, to, bytes));
      EXPECT_EQ(plan.sharedBytes, int64_t(bytes) << bits);
      ++through;
    }
  }
  EXPECT_GT(within, 200u);
  EXPECT_GT(through, 200u);
}

//===----------------------------------------------------------------------===//
// Conversions that occur
//===----------------------------------------------------------------------===//

TEST(ConversionPlan, RegistersAloneChangePlaces) {
  // A thread has a 2 x 4 block, by rows or by columns.
  LinearLayout rows = blockedLayout({32, 64}, {{2, 4}, {2, 16}, {4, 1}, {1, 0}});
  LinearLayout columns = blockedLayout({32, 64}, {{2, 4}, {2, 16}, {4, 1}, {0, 1}});
  // The lanes differ too: the blocks are walked in another order.
  EXPECT_FALSE(planWarpExchange(rows, columns)->isLocal());
  llvm::SmallVector<uint64_t> bases(rows.getBases());
  std::swap(bases[0], bases[2]);
  LinearLayout permuted(rows.getInput(), rows.getOutput(), bases);
  ConversionPlan plan = planConversion(rows, permuted, 4);
  ASSERT_TRUE(plan.warp);
  EXPECT_TRUE(plan.warp->isLocal());
  EXPECT_EQ(plan.warp->countSelects(), 0u);
  EXPECT_TRUE(carryOut(*plan.warp, rows, permuted));
}

TEST(ConversionPlan, ReplicatedTilesAreDistributedWithoutExchange) {
  // Every thread has all 16 elements; then each lane keeps one, twice over.
  LinearLayout all = sliceLayout(blockedLayout({16, 32}, {{16, 1}, {1, 32}, {1, 4}, {1, 0}}), 1);
  LinearLayout one = blockedLayout({16}, {{1}, {32}, {4}, {0}});
  EXPECT_EQ(all.getSize(Axis::registers()), 16);
  ConversionPlan plan = planConversion(all, one, 4);
  ASSERT_TRUE(plan.warp);
  EXPECT_EQ(plan.warp->countShuffles(32), 0u);
  EXPECT_EQ(plan.warp->countSelects(), 15u);
  EXPECT_TRUE(carryOut(*plan.warp, all, one));
  // The way back needs the other lanes.
  ConversionPlan back = planConversion(one, all, 4);
  ASSERT_TRUE(back.warp);
  EXPECT_EQ(back.warp->countShuffles(32), 16u);
  EXPECT_TRUE(carryOut(*back.warp, one, all));
}

TEST(ConversionPlan, ALaneBitForARegisterBit) {
  // One exchange of half the registers, 16-bit elements two at a time.
  LinearLayout from = blockedLayout({256}, {{8}, {32}, {1}, {0}});
  llvm::SmallVector<uint64_t> bases(from.getBases());
  std::swap(bases[0], bases[4]);
  LinearLayout to(from.getInput(), from.getOutput(), bases);
  std::optional<WarpExchange> plan = planWarpExchange(from, to);
  ASSERT_TRUE(plan);
  EXPECT_TRUE(carryOut(*plan, from, to));
  EXPECT_EQ(plan->countShuffles(32), 4u);
  EXPECT_EQ(plan->countShuffles(16), 2u);
  EXPECT_EQ(plan->countShuffles(64), 8u);
}

TEST(ConversionPlan, TranspositionsHaveNoConflicts) {
  for (unsigned bytes : {1, 2, 4, 8}) {
    int64_t vector = 16 / bytes;
    LinearLayout rows = blockedLayout({64, 64}, {{1, vector}, {32 / (64 / vector), 64 / vector}, {4, 1}, {1, 0}});
    if (bytes == 8)
      rows = blockedLayout({64, 64}, {{1, 2}, {1, 32}, {4, 1}, {1, 0}});
    LinearLayout columns = transposeLayout(rows, {1, 0});
    SharedExchange plan = planSharedExchange(rows, columns, bytes);
    EXPECT_TRUE(carryOut(plan, rows, columns, bytes));
    EXPECT_EQ(plan.storeConflicts, 1u) << bytes;
    EXPECT_EQ(plan.loadConflicts, 1u) << bytes;
    // One side moves 16 bytes at a time.
    EXPECT_EQ(std::max(plan.storeVector, plan.loadVector), vector);
  }
}

TEST(ConversionPlan, WideAccessesWhereBothSidesHaveTheSameVectors) {
  LinearLayout rows = blockedLayout({64, 128}, {{1, 8}, {2, 16}, {4, 1}, {1, 0}});
  LinearLayout tiles = blockedLayout({64, 128}, {{1, 8}, {8, 4}, {1, 4}, {1, 0}});
  SharedExchange plan = planSharedExchange(rows, tiles, 2);
  EXPECT_TRUE(carryOut(plan, rows, tiles, 2));
  EXPECT_EQ(plan.storeVector, 8u);
  EXPECT_EQ(plan.loadVector, 8u);
  EXPECT_EQ(plan.storeConflicts, 1u);
  EXPECT_EQ(plan.loadConflicts, 1u);
}

TEST(ConversionPlan, OperandsOfTensorCoresComeThroughLdmatrix) {
  struct Case {
    unsigned bytes, operand;
    llvm::SmallVector<int64_t> shape;
    Blocking blocking;
    SharedExchange::Load load;
  };
  for (const Case &test : std::vector<Case>{
           // K is contiguous in memory
           {2, 0, {64, 64}, {{1, 8}, {4, 8}, {4, 1}, {1, 0}}, SharedExchange::Load::Matrix},
           {2, 1, {64, 16}, {{8, 1}, {8, 4}, {1, 4}, {0, 1}}, SharedExchange::Load::Matrix},
           {1, 0, {64, 64}, {{1, 16}, {8, 4}, {4, 1}, {1, 0}}, SharedExchange::Load::Matrix},
           {4, 0, {64, 32}, {{1, 4}, {4, 8}, {4, 1}, {1, 0}}, SharedExchange::Load::Matrix},
           // M or N is
           {2, 0, {64, 64}, {{8, 1}, {8, 4}, {1, 4}, {0, 1}}, SharedExchange::Load::TransposedMatrix},
           {2, 1, {64, 64}, {{1, 8}, {4, 8}, {4, 1}, {1, 0}}, SharedExchange::Load::TransposedMatrix},
           {2, 1, {128, 16}, {{1, 8}, {16, 2}, {4, 1}, {1, 0}}, SharedExchange::Load::TransposedMatrix},
           // vectors along K would move as much at a time, but of elements that first have to be put together
           {2, 1, {64, 128}, {{1, 8}, {2, 16}, {4, 1}, {1, 0}}, SharedExchange::Load::TransposedMatrix}}) {
    LinearLayout from = blockedLayout(test.shape, test.blocking),
                 to = mmaOperandLayout(test.operand, test.shape, {2, 2}, test.bytes * 8);
    SharedExchange plan = planSharedExchange(from, to, test.bytes);
    EXPECT_TRUE(carryOut(plan, from, to, test.bytes));
    EXPECT_EQ(plan.load, test.load) << describe(from, to);
    EXPECT_EQ(plan.storeVector, 16 / test.bytes);
    EXPECT_EQ(plan.matrices, 4u);
    EXPECT_EQ(plan.storeConflicts, 1u) << describe(from, to);
    EXPECT_EQ(plan.loadConflicts, 1u) << describe(from, to);
    // The same, stored by copies from global memory; the reader finds out for itself how to load.
    unsigned axis = test.blocking.order[0];
    SharedExchange ring = planRing(from, axis, 16 / test.bytes, to, test.bytes);
    EXPECT_TRUE(carryOut(ring, from, to, test.bytes));
    EXPECT_EQ(ring.storeConflicts, 1u) << describe(from, to);
    for (int64_t i = 0; i < 16 / test.bytes; ++i)
      EXPECT_EQ(ring.offsets.apply(uint64_t(i) << ring.offsets.getInput().getShift(Axis::dim(axis))), uint64_t(i));
    SharedExchange load = planSharedLoad(ring.offsets, to, test.bytes);
    EXPECT_EQ(load.load, test.load) << describe(from, to);
    EXPECT_EQ(load.rows, ring.rows);
    EXPECT_EQ(load.matrices, 4u);
    EXPECT_EQ(load.loadConflicts, 1u) << describe(from, to);
  }
}

TEST(ConversionPlan, RingsKeepThePiecesOfCopies) {
  // Whatever the layouts, a copy moves neighbours in memory to neighbours in shared memory, and the reader gets all.
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    unsigned bytes = 1u << random() % 4, rows = 3 + random() % 3, columns = 3 + random() % 4;
    llvm::SmallVector<int64_t> shape = {int64_t(1) << rows, int64_t(1) << columns};
    int64_t vector = std::min<int64_t>(16 / bytes, shape[1]);
    int64_t lanes = std::min<int64_t>(32, shape[1] / vector);
    LinearLayout from = blockedLayout(shape, {{1, vector}, {32 / lanes, lanes}, {2, 1}, {1, 0}});
    LinearLayout to = bytes == 8 ? blockedLayout(shape, {{2, 1}, {8, 4}, {1, 2}, {0, 1}})
                                 : mmaOperandLayout(random() % 2, shape, {1, 2}, bytes * 8);
    for (int64_t piece = vector; piece >= 1; piece /= 2) {
      SharedExchange ring = planRing(from, 1, piece, to, bytes);
      EXPECT_TRUE(carryOut(ring, from, to, bytes)) << describe(from, to);
      for (int64_t i = 0; i < piece; ++i)
        EXPECT_EQ(ring.offsets.apply(uint64_t(i) << ring.offsets.getInput().getShift(Axis::dim(1))), uint64_t(i));
      SharedExchange load = planSharedLoad(ring.offsets, to, bytes);
      load.storeVector = ring.storeVector;
      EXPECT_TRUE(carryOut(load, from, to, bytes)) << describe(from, to);
    }
  }
}

TEST(ConversionPlan, ResultsOfTensorCoresGoBackToRows) {
  LinearLayout from = mmaResultLayout({64, 64}, {2, 2});
  LinearLayout to = blockedLayout({64, 64}, {{1, 4}, {2, 16}, {4, 1}, {1, 0}});
  ConversionPlan plan = planConversion(from, to, 4);
  ASSERT_TRUE(plan.shared);
  EXPECT_TRUE(carryOut(*plan.shared, from, to, 4));
  EXPECT_EQ(plan.shared->storeConflicts, 1u);
  EXPECT_EQ(plan.shared->loadConflicts, 1u);
  EXPECT_EQ(plan.shared->loadVector, 4u);
}

} // namespace
