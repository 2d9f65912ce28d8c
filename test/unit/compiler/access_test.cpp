//===- access_test.cpp - Vectors of accesses against brute force ----------===//
//
// What the lowering of loads and stores rests on: which registers hold neighbours, and how many neighbours may move at
// once.
//
//===----------------------------------------------------------------------===//

#include "kiln/Analysis/AccessWidth.h"
#include "kiln/Conversion/TileGPUToThreads/AccessReport.h"
#include "kiln/Layout/Layouts.h"
#include "kiln/Layout/Vectors.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

using namespace kiln;
using namespace kiln::tile;

namespace {

/// A layout of a tile of `shape` over 4 warps: a random order of the bits of the tile, some of them mixed, some lanes
/// and warps with copies.
LinearLayout randomLayout(llvm::ArrayRef<int64_t> shape, std::mt19937 &random) {
  Space space = Space::ofShape(shape);
  std::vector<uint64_t> bits;
  for (unsigned i = 0; i < space.getBits(); ++i)
    bits.push_back(uint64_t(1) << i);
  // Often the order in which a blocked layout takes them.
  if (random() % 3 == 0)
    std::shuffle(bits.begin(), bits.end(), random);
  if (random() % 4 == 0 && bits.size() > 1)
    for (int i = 0; i < 2; ++i) {
      size_t a = random() % bits.size(), b = random() % bits.size();
      if (a != b)
        bits[a] ^= bits[b];
    }
  size_t registers = random() % (bits.size() + 1);
  size_t others = kLaneBits + 2;
  registers = std::max(registers, bits.size() > others ? bits.size() - others : 0);
  std::vector<uint64_t> threads(bits.begin() + registers, bits.end());
  threads.resize(others, 0);
  if (random() % 2)
    std::shuffle(threads.begin(), threads.end(), random);
  // Copies of what others hold.
  for (uint64_t &basis : threads)
    if (basis == 0 && random() % 3 == 0)
      basis = bits[random() % bits.size()];
  std::vector<uint64_t> bases(bits.begin(), bits.begin() + registers);
  bases.insert(bases.end(), threads.begin(), threads.end());
  return LinearLayout(Space({{Axis::registers(), unsigned(registers)}, {Axis::lane(), kLaneBits}, {Axis::warp(), 2}}),
                      space, bases);
}

/// Whether each thread's elements fall into runs of `length` along `dim` that start at multiples of it.
bool holdsRuns(const LinearLayout &layout, unsigned dim, uint64_t length) {
  const Space &space = layout.getOutput();
  uint64_t unit = uint64_t(1) << space.getShift(Axis::dim(dim));
  int64_t registers = layout.getSize(Axis::registers());
  for (uint64_t thread = 0; thread < 128; ++thread) {
    std::set<uint64_t> held;
    for (int64_t r = 0; r < registers; ++r)
      held.insert(layout.apply(r, thread % 32, thread / 32));
    for (uint64_t element : held) {
      uint64_t start = element - space.getCoordinate(element, Axis::dim(dim)) % length * unit;
      for (uint64_t i = 0; i < length; ++i)
        if (!held.count(start + i * unit))
          return false;
    }
  }
  return true;
}

TEST(Vectors, AreNeighboursInEveryThread) {
  std::mt19937 random(1);
  int longer = 0;
  for (int round = 0; round < 600; ++round) {
    llvm::SmallVector<int64_t> shape;
    for (int dim = 0, rank = 1 + random() % 3; dim < rank; ++dim)
      shape.push_back(int64_t(1) << random() % 5);
    if (Space::ofShape(shape).getBits() == 0)
      continue;
    LinearLayout layout = randomLayout(shape, random);
    if (!layout.isSurjective())
      continue;
    for (unsigned dim = 0; dim < shape.size(); ++dim) {
      int64_t longest = getVectorLength(layout, dim);
      longer += longest > 1;
      for (int64_t length = 1; length <= longest; length *= 2) {
        std::set<unsigned> seen;
        auto vectors = getVectors(layout, dim, length);
        uint64_t unit = uint64_t(1) << layout.getOutput().getShift(Axis::dim(dim));
        for (const auto &vector : vectors) {
          ASSERT_EQ(vector.size(), size_t(length));
          for (unsigned index : vector)
            EXPECT_TRUE(seen.insert(index).second);
          for (uint64_t thread = 0; thread < 128; ++thread) {
            uint64_t first = layout.apply(vector[0], thread % 32, thread / 32);
            EXPECT_EQ(layout.getOutput().getCoordinate(first, Axis::dim(dim)) % length, 0u) << layout.str();
            for (unsigned i = 0; i < vector.size(); ++i)
              EXPECT_EQ(layout.apply(vector[i], thread % 32, thread / 32), first + i * unit) << layout.str();
          }
        }
        EXPECT_EQ(seen.size(), size_t(layout.getSize(Axis::registers())));
      }
    }
  }
  EXPECT_GT(longer, 150) << "the layouts have hardly any vectors";
}

TEST(Vectors, BlockedLayoutsHaveTheirBlocks) {
  Blocking blocking{.elements = {2, 8}, .lanes = {2, 16}, .warps = {4, 1}, .order = {1, 0}};
  LinearLayout layout = blockedLayout({64, 128}, blocking);
  EXPECT_EQ(getVectorLength(layout, 1), 8);
  EXPECT_EQ(getVectorLength(layout, 0), 2);
  EXPECT_TRUE(holdsRuns(layout, 1, 8));
  EXPECT_FALSE(holdsRuns(layout, 1, 16));
}

/// Addresses and masks that the facts describe: every vector that is permitted must be contiguous and aligned, and lie
/// under one mask.
TEST(AccessWidth, VectorsAreContiguousAlignedAndUnderOneMask) {
  std::mt19937 random(2);
  int wide = 0;
  for (int round = 0; round < 3000; ++round) {
    constexpr int64_t size = 32;
    int64_t bytes = int64_t(1) << random() % 4;
    // Runs of contiguous offsets that start anywhere.
    std::vector<int64_t> offsets(size), masks(size);
    int64_t run = int64_t(1) << random() % 6, alignment = int64_t(1) << random() % 6;
    for (int64_t i = 0; i < size; ++i)
      offsets[i] = i % run == 0 ? int64_t(random() % 100) * alignment - 1000 * alignment : offsets[i - 1] + 1;
    int64_t same = int64_t(1) << random() % 6;
    for (int64_t i = 0; i < size; ++i)
      masks[i] = i % same == 0 ? random() % 2 : masks[i - 1];
    int64_t divisibility = int64_t(1) << random() % 6;
    AxisFacts base({}, 0, bytes);
    base.setDivisibilityOfAll(divisibility * bytes);
    AxisFacts pointers = facts::addPointer(facts::splat(base, {size}), facts::elements({size}, 64, offsets));
    AxisFacts mask = facts::elements({size}, 1, masks);
    bool isMasked = random() % 2;
    VectorLimit vector = getVectorLimit(pointers, isMasked ? &mask : nullptr, 0, bytes);
    ASSERT_GE(vector.elements, 1);
    ASSERT_LE(vector.elements * bytes, kMaxAccessBytes);
    wide += vector.elements > 1;
    EXPECT_EQ(vector.limit == AccessLimit::None, vector.elements * bytes == kMaxAccessBytes);
    int64_t address = divisibility * bytes * int64_t(random() % 1000);
    for (int64_t start = 0; start < size; start += vector.elements) {
      EXPECT_EQ((address + offsets[start] * bytes) % (vector.elements * bytes), 0);
      for (int64_t i = 1; i < vector.elements; ++i) {
        EXPECT_EQ(offsets[start + i], offsets[start] + i);
        if (isMasked)
          EXPECT_EQ(masks[start + i], masks[start]);
      }
    }
  }
  EXPECT_GT(wide, 500) << "hardly any access is wide";
}

TEST(AccessWidth, SaysWhatIsInTheWay) {
  auto limitOf = [](int64_t divisibility, int64_t size, int64_t maskConstancy) {
    AxisFacts base({}, 0, /*unit=*/2);
    base.setDivisibilityOfAll(divisibility);
    AxisFacts pointers = facts::addPointer(facts::splat(base, {size}), facts::arange(size, 32, 0));
    AxisFacts mask({size}, 1);
    mask.setAxis(0, 1, 1, maskConstancy);
    return getVectorLimit(pointers, &mask, 0, 2);
  };
  EXPECT_EQ(limitOf(16, 64, 64).limit, AccessLimit::None);
  EXPECT_EQ(limitOf(16, 64, 64).elements, 8);
  EXPECT_EQ(limitOf(4, 64, 64).limit, AccessLimit::Alignment);
  EXPECT_EQ(limitOf(4, 64, 64).elements, 2);
  EXPECT_EQ(limitOf(16, 64, 4).limit, AccessLimit::Mask);
  EXPECT_EQ(limitOf(16, 64, 4).elements, 4);
  EXPECT_EQ(limitOf(16, 4, 4).limit, AccessLimit::Shape);
  AxisFacts unknown({64}, 0, 2);
  EXPECT_EQ(getVectorLimit(unknown, nullptr, 0, 2).limit, AccessLimit::Contiguity);
}

TEST(AccessReport, RecordsReadAsTheyWereWritten) {
  using namespace kiln::tile_gpu;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  EXPECT_TRUE(getAccessRecords(*module).empty());
  AccessRecord load{.kind = AccessKind::Load,
                    .place = "decode.cpp:41:9",
                    .type = "64x128xbf16",
                    .bits = 128,
                    .count = 8,
                    .predicated = true,
                    .readOnly = true};
  AccessRecord store{
      .kind = AccessKind::Store, .type = "64xf32", .bits = 32, .count = 1, .limit = AccessLimit::Alignment};
  setAccessRecords(*module, {load, store});
  llvm::SmallVector<AccessRecord> records = getAccessRecords(*module);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].str(), "decode.cpp:41:9: load of 64x128xbf16: 8 x 128 bits, predicated, read-only");
  EXPECT_EQ(records[1].str(), "store of 64xf32: 32 bits, not wider because the alignment of the addresses is not known "
                              "to be larger");
}

} // namespace
