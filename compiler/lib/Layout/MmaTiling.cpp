//===- MmaTiling.cpp - The instructions of a tile's matrix product --------===//

#include "kiln/Layout/MmaTiling.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace kiln;

MmaTiling::MmaTiling(int64_t m, int64_t n, int64_t k, llvm::ArrayRef<int64_t> warps, unsigned bits)
    : perRegister(32 / bits), a(mmaOperandLayout(0, {m, k}, warps, bits)), b(mmaOperandLayout(1, {k, n}, warps, bits)),
      c(mmaResultLayout({m, n}, warps)) {
  assert(k >= getMinimumK(bits) && "elements along K cannot be repeated");
  instructionK = std::min<int64_t>(k, 256 / bits);
  stepsK = k / instructionK;
  // Warps beyond the instructions that there are along a dimension repeat the work of others.
  strideM = std::min(16 * warps[0], std::max<int64_t>(m, 16));
  strideN = std::min(8 * warps[1], std::max<int64_t>(n, 8));
  tilesM = std::max<int64_t>(m / strideM, 1);
  tilesN = std::max<int64_t>(n / strideN, 1);
}

/// The register in which thread 0 holds an element, or the one that it is a copy of.
unsigned MmaTiling::find(const LinearLayout &layout, int64_t row, int64_t column) const {
  const Space &tile = layout.getOutput();
  uint64_t rows = uint64_t(1) << tile.getBits(Axis::dim(0)), columns = uint64_t(1) << tile.getBits(Axis::dim(1));
  uint64_t element = (row & (rows - 1)) << tile.getShift(Axis::dim(0)) | (column & (columns - 1));
  unsigned reg = 0;
  for (auto [i, basis] : llvm::enumerate(layout.getBases(Axis::registers()))) {
    assert(llvm::isPowerOf2_64(basis) && "the layouts of mma.sync permute bits");
    if (element & basis) {
      reg |= 1u << i;
      element ^= basis;
    }
  }
  assert(element == 0 && "another thread holds it");
  return reg;
}

// PTX ISA, "Matrix fragments for mma.m16n8k...": lane 4 * g + t holds, of A, row g in the even registers and row g + 8
// in the odd ones, and of B column g; a register has `perRegister` neighbours along K, which start at
// t * perRegister, and the next along K are 4 * perRegister further. Of the result it has columns 2 * t and 2 * t + 1
// of row g and of row g + 8. Here t = g = 0.

unsigned MmaTiling::getA(int64_t tileM, int64_t stepK, unsigned reg, unsigned element) const {
  return find(a, tileM * strideM + reg % 2 * 8, stepK * instructionK + reg / 2 * 4 * perRegister + element);
}

unsigned MmaTiling::getB(int64_t stepK, int64_t tileN, unsigned reg, unsigned element) const {
  return find(b, stepK * instructionK + reg * 4 * perRegister + element, tileN * strideN);
}

unsigned MmaTiling::getC(int64_t tileM, int64_t tileN, unsigned index) const {
  return find(c, tileM * strideM + index / 2 * 8, tileN * strideN + index % 2);
}
