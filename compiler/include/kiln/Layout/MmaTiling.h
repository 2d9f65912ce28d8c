//===- MmaTiling.h - The instructions of a tile's matrix product -*- C++ -*-===//
//
// How the product of tiles of [M, K] and [K, N] is cut into mma.sync m16n8kK, and which registers of the layouts
// mmaOperandLayout and mmaResultLayout each of them takes.
//
// Tiles may be smaller than the instruction. The rows and columns that it has beyond them are computed from copies of
// others, which is wasted but harmless: row m of the result is row m % M of the tile. Along K nothing may be counted
// twice, so K has a minimum.
//
//===----------------------------------------------------------------------===//

#ifndef KILN_LAYOUT_MMATILING_H
#define KILN_LAYOUT_MMATILING_H

#include "kiln/Layout/Layouts.h"

namespace kiln {

class MmaTiling {
public:
  /// For elements of `bits` bits (8, 16 or 32) and a result that is distributed over `warps`. `k` is at least
  /// getMinimumK(bits).
  MmaTiling(int64_t m, int64_t n, int64_t k, llvm::ArrayRef<int64_t> warps, unsigned bits);

  /// The smaller of the two K that mma.sync has for elements of that width.
  static int64_t getMinimumK(unsigned bits) { return 128 / bits; }

  /// K of one instruction.
  int64_t getInstructionK() const { return instructionK; }
  /// How many instructions a warp executes along each dimension.
  int64_t getTilesM() const { return tilesM; }
  int64_t getTilesN() const { return tilesN; }
  int64_t getStepsK() const { return stepsK; }

  /// The 32-bit registers that an instruction takes of each operand, and the elements that one of them holds.
  unsigned getRegistersA() const { return instructionK * 16 / 32 / perRegister; }
  unsigned getRegistersB() const { return instructionK * 8 / 32 / perRegister; }
  unsigned getElementsPerRegister() const { return perRegister; }
  static constexpr unsigned kResults = 4;

  /// Where a thread holds `element` of the instruction's 32-bit register `reg`, as a register of the operand's layout.
  unsigned getA(int64_t tileM, int64_t stepK, unsigned reg, unsigned element) const;
  unsigned getB(int64_t stepK, int64_t tileN, unsigned reg, unsigned element) const;
  /// The same for element `index` of the four of accumulator and result.
  unsigned getC(int64_t tileM, int64_t tileN, unsigned index) const;

private:
  unsigned find(const LinearLayout &layout, int64_t row, int64_t column) const;

  int64_t instructionK, tilesM, tilesN, stepsK;
  int64_t strideM, strideN; // from the rows and columns of one instruction to those of the warp's next
  unsigned perRegister;
  LinearLayout a, b, c;
};

} // namespace kiln

#endif // KILN_LAYOUT_MMATILING_H
