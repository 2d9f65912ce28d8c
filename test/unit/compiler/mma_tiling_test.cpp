//===- mma_tiling_test.cpp - Tiles of any size through a model of mma.sync -------------------------------===//
//
// The model reads the fragments as the tables of the PTX ISA describe them, lane by lane and element by element. Each
// warp of a program executes the instructions of the tiling on what its lanes hold by the layouts; what they then hold
// of the result must be the product.
//
//===----------------------------------------------------------------------===//

#include "kiln/Layout/MmaTiling.h"

#include <gtest/gtest.h>

#include <random>

using namespace kiln;

namespace {

struct Instruction {
  unsigned bits;
  int64_t k;
};

/// Row and column of A's element i of a lane.
std::pair<int64_t, int64_t> elementOfA(Instruction mma, int64_t lane, int64_t i) {
  int64_t group = lane >> 2, inGroup = lane & 3;
  if (mma.bits == 16 && mma.k == 16)
    return {(i < 2 || (4 <= i && i < 6)) ? group : group + 8, inGroup * 2 + (i & 1) + (i < 4 ? 0 : 8)};
  if (mma.bits == 16)
    return {i < 2 ? group : group + 8, inGroup * 2 + (i & 1)};
  if (mma.bits == 32 && mma.k == 8)
    return {(i == 0 || i == 2) ? group : group + 8, i < 2 ? inGroup : inGroup + 4};
  if (mma.bits == 32)
    return {i == 0 ? group : group + 8, inGroup};
  if (mma.k == 32)
    return {(i < 4 || (8 <= i && i < 12)) ? group : group + 8, inGroup * 4 + (i & 3) + (i < 8 ? 0 : 16)};
  return {i < 4 ? group : group + 8, inGroup * 4 + (i & 3)};
}

/// Row and column of B's element i of a lane.
std::pair<int64_t, int64_t> elementOfB(Instruction mma, int64_t lane, int64_t i) {
  int64_t group = lane >> 2, inGroup = lane & 3;
  if (mma.bits == 16)
    return {inGroup * 2 + (i & 1) + (i < 2 ? 0 : 8), group};
  if (mma.bits == 32)
    return {i == 0 ? inGroup : inGroup + 4, group};
  return {inGroup * 4 + (i & 3) + (i < 4 ? 0 : 16), group};
}

using Lanes = std::vector<std::vector<int64_t>>; // elements by lane

void execute(Instruction mma, const Lanes &a, const Lanes &b, Lanes &c) {
  std::vector<int64_t> rows(16 * mma.k), columns(mma.k * 8);
  for (int64_t lane = 0; lane < 32; ++lane) {
    for (size_t i = 0; i < a[lane].size(); ++i) {
      auto [row, k] = elementOfA(mma, lane, i);
      rows[row * mma.k + k] = a[lane][i];
    }
    for (size_t i = 0; i < b[lane].size(); ++i) {
      auto [k, column] = elementOfB(mma, lane, i);
      columns[k * 8 + column] = b[lane][i];
    }
  }
  for (int64_t lane = 0; lane < 32; ++lane)
    for (int64_t i = 0; i < 4; ++i) {
      int64_t row = (lane >> 2) + (i < 2 ? 0 : 8), column = (lane & 3) * 2 + (i & 1);
      for (int64_t k = 0; k < mma.k; ++k)
        c[lane][i] += rows[row * mma.k + k] * columns[k * 8 + column];
    }
}

/// Whether the tiles of a product are right in all threads.
void check(int64_t m, int64_t n, int64_t k, int64_t warpsM, int64_t warpsN, unsigned bits) {
  SCOPED_TRACE(testing::Message() << m << "x" << n << "x" << k << ", warps " << warpsM << "x" << warpsN << ", " << bits
                                  << " bits");
  MmaTiling tiling(m, n, k, {warpsM, warpsN}, bits);
  Instruction mma{bits, tiling.getInstructionK()};
  ASSERT_EQ(mma.k, std::min<int64_t>(k, 256 / bits));
  LinearLayout layoutA = mmaOperandLayout(0, {m, k}, {warpsM, warpsN}, bits),
               layoutB = mmaOperandLayout(1, {k, n}, {warpsM, warpsN}, bits),
               layoutC = mmaResultLayout({m, n}, {warpsM, warpsN});
  std::mt19937 random(unsigned(m * 131 + n * 17 + k + bits));
  std::vector<int64_t> a(m * k), b(k * n), c(m * n), expected(m * n);
  for (std::vector<int64_t> *tile : {&a, &b, &c})
    for (int64_t &x : *tile)
      x = int64_t(random() % 201) - 100;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      expected[i * n + j] = c[i * n + j];
      for (int64_t l = 0; l < k; ++l)
        expected[i * n + j] += a[i * k + l] * b[l * n + j];
    }

  const unsigned perRegister = tiling.getElementsPerRegister();
  for (int64_t warp = 0; warp < warpsM * warpsN; ++warp) {
    std::vector<bool> computed(layoutC.getSize(Axis::registers()));
    for (int64_t tileM = 0; tileM < tiling.getTilesM(); ++tileM)
      for (int64_t tileN = 0; tileN < tiling.getTilesN(); ++tileN) {
        Lanes sums(32, std::vector<int64_t>(4));
        for (int64_t lane = 0; lane < 32; ++lane)
          for (unsigned i = 0; i < 4; ++i)
            sums[lane][i] = c[layoutC.apply(tiling.getC(tileM, tileN, i), lane, warp)];
        for (int64_t step = 0; step < tiling.getStepsK(); ++step) {
          Lanes left(32), right(32);
          auto take = [&](Lanes &into, unsigned reg, const LinearLayout &layout, const std::vector<int64_t> &tile) {
            for (int64_t lane = 0; lane < 32; ++lane)
              into[lane].push_back(tile[layout.apply(reg, lane, warp)]);
          };
          for (unsigned reg = 0; reg < tiling.getRegistersA(); ++reg)
            for (unsigned i = 0; i < perRegister; ++i)
              take(left, tiling.getA(tileM, step, reg, i), layoutA, a);
          for (unsigned reg = 0; reg < tiling.getRegistersB(); ++reg)
            for (unsigned i = 0; i < perRegister; ++i)
              take(right, tiling.getB(step, tileN, reg, i), layoutB, b);
          ASSERT_EQ(left[0].size() * 32, size_t(16 * mma.k));
          ASSERT_EQ(right[0].size() * 32, size_t(8 * mma.k));
          execute(mma, left, right, sums);
        }
        for (int64_t lane = 0; lane < 32; ++lane)
          for (unsigned i = 0; i < 4; ++i) {
            unsigned reg = tiling.getC(tileM, tileN, i);
            computed[reg] = true;
            ASSERT_EQ(sums[lane][i], expected[layoutC.apply(reg, lane, warp)]) << "warp " << warp << " lane " << lane;
          }
      }
    ASSERT_TRUE(llvm::all_of(computed, [](bool done) { return done; })) << "registers of the result without a value";
  }
}

void checkShapes(unsigned bits) {
  const std::pair<int64_t, int64_t> warps[] = {{1, 1}, {2, 1}, {1, 4}, {2, 2}, {8, 1}, {1, 8}};
  for (int64_t m : {1, 2, 4, 8, 16, 64})
    for (int64_t n : {1, 2, 4, 8, 16, 32, 64, 128})
      for (int64_t k : {4, 8, 16, 32, 128})
        if (k >= MmaTiling::getMinimumK(bits))
          for (auto [warpsM, warpsN] : warps)
            check(m, n, k, warpsM, warpsN, bits);
}

TEST(MmaTiling, SixteenBits) { checkShapes(16); }
TEST(MmaTiling, TF32) { checkShapes(32); }
TEST(MmaTiling, Bytes) { checkShapes(8); }

TEST(MmaTiling, CountsOfALargeTile) {
  MmaTiling tiling(128, 256, 64, {2, 4}, 16);
  EXPECT_EQ(tiling.getTilesM(), 4);
  EXPECT_EQ(tiling.getTilesN(), 8);
  EXPECT_EQ(tiling.getStepsK(), 4);
  EXPECT_EQ(tiling.getRegistersA(), 4U);
  EXPECT_EQ(tiling.getRegistersB(), 2U);
}

} // namespace
