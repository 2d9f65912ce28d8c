//===- ReduceLowering.cpp - Reductions ------------------------------------===//
//
// The positions along the axis are bits of register, lane and warp numbers, and a reduction combines pairs that differ
// in one bit, one bit after the other. A combiner whose operands may change places takes the registers first, so that
// as little as possible travels; any other takes the bits from the lowest to the highest, so that what is combined are
// always neighbouring segments, in their order. Every thread ends with the result for its rows. The machine has an
// instruction that combines 32-bit integers of a whole warp.
//
//===----------------------------------------------------------------------===//

#include "Lowerings.h"
#include "PartialsTable.h"

#include "kiln/Dialect/TileGPU/Transforms/AxisBits.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

// With fewer bits of the warp number than these a thread reads the partial results of all warps itself.
constexpr unsigned kFewWarpBits = 3;

/// The row that combines a result of `combiner` across a warp in one instruction; empty if there is none.
StringRef getWarpRow(Region &combiner, unsigned result) {
  Value value = combiner.front().getTerminator()->getOperand(result);
  if (!value.getType().isInteger(32))
    return "";
  return llvm::TypeSwitch<Operation *, StringRef>(value.getDefiningOp())
      .Case([](arith::AddIOp) { return "redux.sync.add.s32"; })
      .Case([](arith::MinSIOp) { return "redux.sync.min.s32"; })
      .Case([](arith::MaxSIOp) { return "redux.sync.max.s32"; })
      .Case([](arith::MinUIOp) { return "redux.sync.min.u32"; })
      .Case([](arith::MaxUIOp) { return "redux.sync.max.u32"; })
      .Case([](arith::AndIOp) { return "redux.sync.and.b32"; })
      .Case([](arith::OrIOp) { return "redux.sync.or.b32"; })
      .Case([](arith::XOrIOp) { return "redux.sync.xor.b32"; })
      .Default(StringRef());
}

class Reduction {
public:
  Reduction(ThreadLowering &lowering, tile::ReduceOp op)
      : lowering(lowering), op(op), layout(getLayout(op.getSources()[0]).getLinear()), axis(layout, op.getAxis()),
        values(getTuples(lowering, op)) {
    for (unsigned i = 0; i < values.size(); ++i)
      live.push_back(i);
  }

  LogicalResult run();

private:
  void combineRegisters(unsigned bit);
  Tuple combineLanes(const Tuple &value, unsigned bit, bool ordered);
  /// Whether one instruction for each result does what combineLanes does for all bits of the lane number.
  bool hasWarpRows();
  void combineWholeWarp();
  void combineWarps(ArrayRef<unsigned> bits, bool ordered);
  Tuple combine(const Tuple &first, const Tuple &second) {
    return tile_gpu::combine(lowering, op.getCombiner(), first, second);
  }

  ThreadLowering &lowering;
  tile::ReduceOp op;
  LinearLayout layout;
  AxisBits axis;
  SmallVector<Tuple> values;          // by register
  SmallVector<unsigned> live;         // the registers that still count, ascending
  SmallVector<unsigned> reducedLanes; // bits of the lane number in which the holders of one value differ
  bool exchanged = false;
};

void Reduction::combineRegisters(unsigned bit) {
  uint64_t mask = uint64_t(1) << bit;
  SmallVector<unsigned> left;
  for (unsigned i : live) {
    if (i & mask)
      continue;
    values[i] = combine(values[i], values[i | mask]);
    left.push_back(i);
  }
  live = left;
}

/// `value` combined with that of the lane whose number differs in `bit`.
Tuple Reduction::combineLanes(const Tuple &value, unsigned bit, bool ordered) {
  uint64_t mask = uint64_t(1) << bit;
  Tuple other = shuffleXor(lowering, value, mask);
  if (!ordered)
    return combine(value, other);
  Value masked = arith::AndIOp::create(lowering.builder, lowering.loc, lowering.getLane(), lowering.i32(mask));
  Value isUpper =
      arith::CmpIOp::create(lowering.builder, lowering.loc, arith::CmpIPredicate::ne, masked, lowering.i32(0));
  Tuple first = select(lowering, isUpper, other, value), second = select(lowering, isUpper, value, other);
  return combine(first, second);
}

bool Reduction::hasWarpRows() {
  return llvm::all_of(llvm::seq<unsigned>(0, op.getNumResults()),
                      [&](unsigned i) { return !getWarpRow(op.getCombiner(), i).empty(); });
}

void Reduction::combineWholeWarp() {
  for (unsigned k : live)
    for (auto [i, value] : llvm::enumerate(values[k]))
      value = lowering.machine(getWarpRow(op.getCombiner(), i), {value, lowering.i32(-1)});
  for (unsigned bit = 0; bit < kLaneBits; ++bit)
    reducedLanes.push_back(bit);
}

/// `bits` of the warp number, in the order of the positions.
void Reduction::combineWarps(ArrayRef<unsigned> bits, bool ordered) {
  PartialsTable table(lowering, op, op.getAxis());
  // A second exchange through the same table: others may still read the first.
  if (exchanged)
    lowering.barrier();
  exchanged = true;
  uint64_t mask = 0;
  for (unsigned bit : bits)
    mask |= uint64_t(1) << bit;
  for (auto [row, i] : llvm::enumerate(live))
    table.write(row, values[i]);
  lowering.barrier();
  // Lanes that hold the same value by now take one warp's partial result each and combine them as they did their own;
  // with few warps it is quicker to read all.
  unsigned shared = bits.size() < kFewWarpBits ? 0 : std::min(bits.size(), reducedLanes.size());
  Value selected;
  if (shared != 0) {
    SmallVector<uint64_t> bases(kLaneBits, 0);
    for (unsigned k = 0; k < shared; ++k)
      bases[reducedLanes[k]] = uint64_t(1) << bits[k];
    selected = lowering.combineThreadBits(bases, {});
  }
  for (auto [row, i] : llvm::enumerate(live)) {
    Tuple sum;
    for (uint64_t position = 0; position < uint64_t(1) << (bits.size() - shared); ++position) {
      uint64_t warp = 0;
      for (auto [k, bit] : llvm::enumerate(bits.drop_front(shared)))
        warp |= (position >> k & 1) << bit;
      Tuple partial = table.read(row, mask, warp, selected);
      for (unsigned k = 0; k < shared; ++k)
        partial = combineLanes(partial, reducedLanes[k], ordered);
      sum = position == 0 ? partial : combine(sum, partial);
    }
    values[i] = sum;
  }
}

LogicalResult Reduction::run() {
  if (!axis.isPlain)
    return op.emitOpError() << "reduces a tile in a layout whose positions along the axis are mixed: " << layout.str();
  SmallVector<AxisBits::Bit> bits(axis.bits);
  bool ordered = !isCommutative(op.getCombiner());
  // An ordered combiner is no single operation.
  bool isWholeWarp = !ordered && llvm::popcount(axis.lanes) == kLaneBits && hasWarpRows();
  if (!ordered) {
    bits.clear();
    for (Axis place : {Axis::registers(), Axis::lane(), Axis::warp()})
      llvm::copy_if(axis.bits, std::back_inserter(bits), [&](const auto &bit) { return bit.place == place; });
  }
  for (unsigned i = 0; i < bits.size(); ++i) {
    if (bits[i].place == Axis::registers()) {
      combineRegisters(bits[i].index);
    } else if (bits[i].place == Axis::lane() && isWholeWarp) {
      combineWholeWarp();
      i += kLaneBits - 1;
    } else if (bits[i].place == Axis::lane()) {
      for (unsigned k : live)
        values[k] = combineLanes(values[k], bits[i].index, ordered);
      reducedLanes.push_back(bits[i].index);
    } else {
      SmallVector<unsigned> group;
      for (; i < bits.size() && bits[i].place == Axis::warp(); ++i)
        group.push_back(bits[i].index);
      --i;
      combineWarps(group, ordered);
    }
  }
  for (auto [operand, result] : llvm::enumerate(op.getResults())) {
    lowering.setResult(result, llvm::map_to_vector(live, [&](unsigned i) { return values[i][operand]; }));
  }
  return success();
}

} // namespace

LogicalResult tile_gpu::lowerReduce(ThreadLowering &lowering, tile::ReduceOp op) {
  return Reduction(lowering, op).run();
}
