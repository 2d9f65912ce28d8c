//===- ConvertLayoutLowering.cpp - Elements change their threads ----------===//
//
// Carries out the plan of a conversion (ConversionPlan.h).
//
//===----------------------------------------------------------------------===//

#include "Lowerings.h"
#include "SharedAccess.h"

#include "kiln/Dialect/TileGPU/Transforms/ConversionPlan.h"

#include <map>

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

class Conversion {
public:
  Conversion(ThreadLowering &lowering, ConvertLayoutOp op)
      : lowering(lowering), op(op), from(getLayout(op.getSource()).getLinear()),
        to(getLayout(op.getResult()).getLinear()),
        element(ThreadLowering::getScalarType(op.getSource().getType().getElementType())),
        elementBytes(getBytes(op.getSource().getType().getElementType())), number(lowering.countExchange()) {}

  void run();

private:
  SmallVector<Value> exchange(const WarpExchange &plan, SmallVector<Value> registers);
  SmallVector<Value> exchange(const SharedExchange &plan, ArrayRef<Value> registers);

  void tell(StringRef row, const LinearLayout &layout, ArrayRef<Value> registers, bool withinWarp);

  /// Register r becomes what register r ^ mask was, with the exclusive-or of the masks of this lane's bits.
  SmallVector<Value> rename(SmallVector<Value> registers, const WarpExchange::LaneBits &masks);
  Value select(Value condition, Value isTrue, Value isFalse) {
    return isTrue == isFalse
               ? isTrue
               : arith::SelectOp::create(lowering.builder, lowering.loc, condition, isTrue, isFalse).getResult();
  }

  ThreadLowering &lowering;
  ConvertLayoutOp op;
  LinearLayout from, to;
  Type element;
  int64_t elementBytes;
  unsigned number;
};

//===----------------------------------------------------------------------===//
// Within the warp
//===----------------------------------------------------------------------===//

SmallVector<Value> Conversion::rename(SmallVector<Value> registers, const WarpExchange::LaneBits &masks) {
  for (unsigned bit = 0; bit < kLaneBits; ++bit) {
    if (masks[bit] == 0)
      continue;
    Value isSet = getThreadBit(lowering, bit);
    SmallVector<Value> old = registers;
    for (auto [i, value] : llvm::enumerate(registers))
      value = select(isSet, old[i ^ masks[bit]], old[i]);
  }
  return registers;
}

SmallVector<Value> Conversion::exchange(const WarpExchange &plan, SmallVector<Value> registers) {
  for (const WarpExchange::Thinning &thinning : plan.thinnings) {
    Value isSet = getThreadBit(lowering, thinning.threadBit);
    SmallVector<Value> kept;
    for (uint64_t i = 0; i < registers.size(); ++i)
      if (!(i >> thinning.droppedBit & 1))
        kept.push_back(select(isSet, registers[i ^ thinning.mask], registers[i]));
    registers = std::move(kept);
  }
  registers = rename(std::move(registers), plan.before);

  // Rounds between the same lanes go together: several small elements fit into one shuffle.
  SmallVector<Value> received(plan.registers.size());
  std::map<uint64_t, SmallVector<size_t>> rounds;
  for (auto [round, offset] : llvm::enumerate(plan.offsets)) {
    if (plan.isLocal(round))
      received[round] = registers[plan.registers[round]];
    else
      rounds[offset].push_back(round);
  }
  WarpExchange::LaneBits identity;
  for (unsigned bit = 0; bit < kLaneBits; ++bit)
    identity[bit] = uint64_t(1) << bit;
  Value sender = plan.lanes == identity ? Value() : lowering.combineThreadBits(plan.lanes, {});
  for (const auto &[offset, members] : rounds) {
    SmallVector<Value> sent =
        llvm::map_to_vector(members, [&](size_t round) { return lowering.toBits(registers[plan.registers[round]]); });
    SmallVector<Value> bits;
    if (!sender)
      bits = shuffleAcross(lowering, sent, offset);
    else
      bits = shuffleFrom(
          lowering, sent,
          offset == 0 ? sender : arith::XOrIOp::create(lowering.builder, lowering.loc, sender, lowering.i32(offset)));
    for (auto [round, value] : llvm::zip_equal(members, bits))
      received[round] = lowering.fromBits(value, element);
  }
  return rename(std::move(received), plan.after);
}

//===----------------------------------------------------------------------===//
// Through shared memory
//===----------------------------------------------------------------------===//

SmallVector<Value> Conversion::exchange(const SharedExchange &plan, ArrayRef<Value> registers) {
  Value base = lowering.getSharedAddress(op);
  LinearLayout places = from.compose(plan.offsets);
  SharedAddresses addresses(lowering, base, places, elementBytes);
  Value isOwner = lowering.isOwner(from);
  for (ArrayRef<unsigned> vector : cutIntoVectors(places, plan.storeVector)) {
    SmallVector<Value> elements =
        llvm::map_to_vector(vector, [&](unsigned reg) { return lowering.toBits(registers[reg]); });
    storeShared(lowering, addresses.get(places.apply(vector.front())), isOwner, elements);
  }
  lowering.barrier();

  SmallVector<Value> result(to.getSize(Axis::registers()));
  loadExchange(lowering, plan, to, base, element, result);
  return result;
}

/// Tells the emulator which elements this thread holds. Within a warp every warp compares for itself: elements that
/// several warps hold are exchanged in each.
void Conversion::tell(StringRef row, const LinearLayout &layout, ArrayRef<Value> registers, bool withinWarp) {
  OpBuilder &b = lowering.builder;
  SmallVector<Value> operands;
  SmallVector<SmallVector<Value>> coordinates;
  ArrayRef<int64_t> shape = op.getSource().getType().getShape();
  for (size_t dim = 0; dim < shape.size(); ++dim)
    coordinates.push_back(lowering.getCoordinates(layout, Axis::dim(dim)));
  for (auto [i, value] : llvm::enumerate(registers)) {
    Value index;
    for (size_t dim = 0; dim < shape.size(); ++dim) {
      Value along = coordinates[dim][i];
      index =
          index ? lowering.add(arith::MulIOp::create(b, lowering.loc, index, lowering.i32(shape[dim])), along) : along;
    }
    Value bits = lowering.toBits(value);
    // Which NaN a sum of NaNs is depends on their order, in which copies of a result may differ.
    if (isa<FloatType>(value.getType())) {
      Value isNaN = arith::CmpFOp::create(b, lowering.loc, arith::CmpFPredicate::UNO, value, value);
      Value anyNaN = arith::ConstantOp::create(b, lowering.loc, b.getIntegerAttr(bits.getType(), -1));
      bits = arith::SelectOp::create(b, lowering.loc, isNaN, anyNaN, bits);
    }
    if (!bits.getType().isInteger(64))
      bits = arith::ExtUIOp::create(b, lowering.loc, b.getI64Type(), bits);
    operands.append({index, bits});
  }
  // The number tells conversions apart; those of one place may be several.
  std::string name = (withinWarp ? "warp " : "program ") + std::to_string(number);
  createMachineOp(b, lowering.loc, row, operands, b.getNamedAttr("exchange", b.getStringAttr(name)));
}

void Conversion::run() {
  ConversionPlan plan = planConversion(from, to, elementBytes);
  SmallVector<Value> registers = lowering.getRegisters(op.getSource());
  bool isChecked = lowering.getOptions().checkExchanges;
  if (isChecked)
    tell("exchange.sent", from, registers, plan.warp.has_value());
  registers = plan.warp ? exchange(*plan.warp, registers) : exchange(*plan.shared, registers);
  if (isChecked)
    tell("exchange.received", to, registers, plan.warp.has_value());
  lowering.setRegisters(op.getResult(), registers);
}

} // namespace

LogicalResult tile_gpu::lowerConvertLayout(ThreadLowering &lowering, ConvertLayoutOp op) {
  Conversion(lowering, op).run();
  return success();
}
