//===- MmaLowering.cpp - Matrix products on tensor cores ------------------===//
//
// The layouts of operands and result give each lane just the elements that it hands to mma.sync; what is left is to
// pack them and to say which instruction takes which. Where the tile is smaller than the instruction, one register
// serves in several places: the instruction then computes copies of rows or columns, each from copies of everything.
//
//===----------------------------------------------------------------------===//

#include "Lowerings.h"

#include "kiln/Layout/MmaTiling.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

/// Packs the elements of an operand; a register that several instructions take is packed once.
class Packer {
public:
  Packer(ThreadLowering &lowering, Value operand)
      : lowering(lowering), elements(lowering.getRegisters(operand)),
        element(tile::getElementOrSelf(operand.getType())) {}

  /// The 32-bit register of the elements that the layout's registers `from` hold, the first one lowest.
  Value pack(ArrayRef<unsigned> from) {
    // The first says which they are: the rest are its neighbours along K.
    Value &packed = cache[from.front()];
    if (packed)
      return packed;
    if (element.isF32()) // as docs/semantics.md has it, rounded to nearest
      return packed = lowering.machine("cvt.rna.tf32.f32", elements[from.front()]);
    auto bits = llvm::map_to_vector<4>(from, [&](unsigned reg) { return lowering.toBits(elements[reg]); });
    return packed = lowering.machine(bits.size() == 2 ? "pack.b16x2" : "pack.b8x4", bits);
  }

private:
  ThreadLowering &lowering;
  SmallVector<Value> elements;
  Type element;
  DenseMap<unsigned, Value> cache;
};

/// "mma.m16n8k16.f32.f16" and the like; empty for operands of other types.
std::string getInstruction(Type element, int64_t k) {
  StringRef types = element.isF16()        ? "f32.f16"
                    : element.isBF16()     ? "f32.bf16"
                    : element.isF32()      ? "f32.tf32"
                    : element.isInteger(8) ? "s32.s8"
                                           : "";
  return types.empty() ? "" : ("mma.m16n8k" + Twine(k) + "." + types).str();
}

} // namespace

LogicalResult tile_gpu::lowerMma(ThreadLowering &lowering, MmaOp op) {
  auto a = cast<RankedTensorType>(op.getA().getType()), c = cast<RankedTensorType>(op.getC().getType());
  Type element = a.getElementType();
  unsigned bits = element.getIntOrFloatBitWidth();
  int64_t k = a.getDimSize(1);
  if (element != tile::getElementOrSelf(op.getB().getType()) || getInstruction(element, k).empty() ||
      k < MmaTiling::getMinimumK(bits))
    return op.emitOpError() << "multiplies " << k << " columns of " << element << " by " << k << " rows of "
                            << tile::getElementOrSelf(op.getB().getType()) << ", which mma.sync cannot";
  MmaTiling tiling(c.getDimSize(0), c.getDimSize(1), k, op.getWarps(), bits);
  // m16n8k8 of 16-bit elements is done by m16n8k16, with zeros: where an operand of the former is a negative constant,
  // ptxas (13.0.88 at least) changes the sign of one of the two elements in each register only.
  bool isPadded = bits == 16 && tiling.getInstructionK() == 8;
  std::string instruction = getInstruction(element, isPadded ? 16 : tiling.getInstructionK());
  auto pad = [&](SmallVectorImpl<Value> &operands, unsigned registers) {
    if (isPadded)
      operands.append(registers, lowering.i32(0));
  };

  Packer packA(lowering, op.getA()), packB(lowering, op.getB());
  SmallVector<Value> registers = lowering.getRegisters(op.getC());
  // The four of each instruction go on into its successor along K, also where two of them are copies of the others: to
  // copy them anew would cost moves.
  SmallVector<SmallVector<Value, MmaTiling::kResults>> sums(tiling.getTilesM() * tiling.getTilesN());
  auto forEachTile = [&](auto function) {
    for (int64_t tileM = 0; tileM < tiling.getTilesM(); ++tileM)
      for (int64_t tileN = 0; tileN < tiling.getTilesN(); ++tileN)
        function(tileM, tileN, sums[tileM * tiling.getTilesN() + tileN]);
  };
  forEachTile([&](int64_t tileM, int64_t tileN, auto &tile) {
    for (unsigned i = 0; i < MmaTiling::kResults; ++i)
      tile.push_back(registers[tiling.getC(tileM, tileN, i)]);
  });

  auto elements = [&](auto registerOf) {
    SmallVector<unsigned, 4> from;
    for (unsigned i = 0; i < tiling.getElementsPerRegister(); ++i)
      from.push_back(registerOf(i));
    return from;
  };
  for (int64_t step = 0; step < tiling.getStepsK(); ++step) {
    forEachTile([&](int64_t tileM, int64_t tileN, auto &tile) {
      SmallVector<Value> operands;
      for (unsigned reg = 0; reg < tiling.getRegistersA(); ++reg)
        operands.push_back(packA.pack(elements([&](unsigned i) { return tiling.getA(tileM, step, reg, i); })));
      pad(operands, tiling.getRegistersA());
      for (unsigned reg = 0; reg < tiling.getRegistersB(); ++reg)
        operands.push_back(packB.pack(elements([&](unsigned i) { return tiling.getB(step, tileN, reg, i); })));
      pad(operands, tiling.getRegistersB());
      llvm::append_range(operands, tile);
      ValueRange results = lowering.machineResults(instruction, operands);
      tile.assign(results.begin(), results.end());
    });
  }
  forEachTile([&](int64_t tileM, int64_t tileN, auto &tile) {
    for (unsigned i = 0; i < MmaTiling::kResults; ++i)
      registers[tiling.getC(tileM, tileN, i)] = tile[i];
  });
  lowering.setRegisters(op.getResult(), registers);
  return success();
}
