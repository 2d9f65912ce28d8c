//===- RemoveConversions.cpp - tile-gpu-remove-conversions ----------------===//
//
// A conversion is often dearer than what it converts: indices, masks and pointers are made of a few scalars and the
// number of the thread. For each conversion the pass follows its source back through operations that can be repeated in
// another layout, down to values that must not be computed twice, and compares the price of repeating them, with
// conversions of what is at the bottom, with the price of the conversion. A broadcast at the bottom is where most is
// gained: what is converted then is a row instead of a tile.
//
//===----------------------------------------------------------------------===//

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Dialect/TileGPU/Transforms/ConversionPlan.h"
#include "kiln/Dialect/TileGPU/Transforms/Passes.h"

#include "mlir/IR/IRMapping.h"

namespace kiln::tile_gpu {
#define GEN_PASS_DEF_REMOVECONVERSIONS
#include "kiln/Dialect/TileGPU/Transforms/Passes.h.inc"
} // namespace kiln::tile_gpu

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

// Prices are in instructions of a thread, roughly.
constexpr int64_t kExchange = 100; // the barriers and the latency of going through shared memory
constexpr int64_t kRoundTrip = 2;  // to write a 32-bit word there and to read one

int64_t getBits(Type element) { return isa<tile::PtrType>(element) ? 64 : element.getIntOrFloatBitWidth(); }

int64_t getConversionPrice(RankedTensorType type, LayoutAttr from, LayoutAttr to) {
  // Registers that change their names at most.
  std::optional<WarpExchange> exchange = planWarpExchange(from.getLinear(), to.getLinear());
  if (exchange && exchange->isLocal())
    return 0;
  int64_t words = std::max<int64_t>(1, std::max(from.getNumRegisters(), to.getNumRegisters()) *
                                           getBits(type.getElementType()) / 32);
  return kExchange + words * kRoundTrip;
}

/// Whether `op` is a load whose elements fill the threads of the program: it is worth a conversion.
bool isLargeLoad(Operation *op) {
  auto load = dyn_cast_or_null<tile::LoadOp>(op);
  if (!load)
    return false;
  auto type = cast<RankedTensorType>(load.getType());
  return type.getNumElements() > 32 * getLayout(type).getNumWarps();
}

/// What a thread pays for one element of a repeated operation; none where it must not be repeated.
std::optional<int64_t> getRepetitionPrice(Operation *op) {
  if (isa<arith::ConstantOp, tile::SplatOp, tile::BroadcastOp, tile::ExpandDimsOp, tile::ReshapeOp, tile::TransOp,
          tile::BitcastOp, tile::AssumeOp>(op))
    return 0;
  if (isa<tile::ArangeOp>(op))
    return 1;
  if (isa<tile::AddPtrOp>(op))
    return 2;
  if (isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp>(op))
    return 20;
  if (isa<arith::DivFOp, arith::RemFOp>(op))
    return 20;
  if (isa_and_present<arith::ArithDialect>(op->getDialect()) && isMemoryEffectFree(op))
    return 1;
  // A small tile of read-only memory: the lines are in the cache.
  if (auto load = dyn_cast<tile::LoadOp>(op);
      load && tile::isReadOnlyMemory(load.getPointer()) && isa<RankedTensorType>(load.getType()))
    return 4;
  return std::nullopt;
}

/// What it takes to have one value in another layout.
class Slice {
public:
  /// Adds `value` in `layout`. Returns whether the price stays below `limit`.
  bool add(Value value, LayoutAttr layout, int64_t limit) {
    if (getLayout(value) == layout || !visited.insert({value, layout}).second)
      return true;
    Operation *op = value.getDefiningOp();
    auto type = cast<RankedTensorType>(value.getType());
    if (auto conversion = dyn_cast_or_null<ConvertLayoutOp>(op)) {
      if (!add(conversion.getSource(), layout, limit))
        return false;
      order.push_back({value, layout});
      return true;
    }
    std::optional<int64_t> each = op ? getRepetitionPrice(op) : std::nullopt;
    if (!each || isLargeLoad(op)) {
      order.push_back({value, layout});
      price += getConversionPrice(type, getLayout(value), layout);
      return price < limit;
    }
    price += *each * layout.getNumRegisters();
    if (price >= limit)
      return false;
    for (OpOperand &operand : op->getOpOperands())
      if (LayoutAttr need = getOperandLayout(operand, layout))
        if (!add(operand.get(), need, limit))
          return false;
    order.push_back({value, layout});
    return true;
  }

  /// Emits the operations; returns `value` in `layout`.
  Value materialise(Value value, LayoutAttr layout) {
    for (auto [next, to] : order)
      made[{next, to}] = repeat(next, to);
    return lookup(value, layout);
  }

private:
  Value lookup(Value value, LayoutAttr layout) const {
    return getLayout(value) == layout ? value : made.lookup({value, layout});
  }

  Value repeat(Value value, LayoutAttr layout) {
    Operation *op = value.getDefiningOp();
    if (auto conversion = dyn_cast_or_null<ConvertLayoutOp>(op))
      return lookup(conversion.getSource(), layout);
    Type type = withLayout(value.getType(), layout);
    OpBuilder builder(value.getContext());
    builder.setInsertionPointAfterValue(value);
    if (!op || !getRepetitionPrice(op) || isLargeLoad(op))
      return ConvertLayoutOp::create(builder, value.getLoc(), type, value);
    IRMapping mapping;
    for (OpOperand &operand : op->getOpOperands())
      if (LayoutAttr need = getOperandLayout(operand, layout))
        mapping.map(operand.get(), lookup(operand.get(), need));
    Operation *copy = builder.clone(*op, mapping);
    copy->getResult(0).setType(cast<RankedTensorType>(type));
    if (auto constant = dyn_cast<arith::ConstantOp>(copy))
      constant.setValueAttr(cast<DenseElementsAttr>(constant.getValue()).reshape(cast<ShapedType>(type)));
    return copy->getResult(0);
  }

  llvm::DenseSet<std::pair<Value, LayoutAttr>> visited;
  SmallVector<std::pair<Value, LayoutAttr>> order; // operands before their users
  llvm::DenseMap<std::pair<Value, LayoutAttr>, Value> made;
  int64_t price = 0;
};

struct RemoveConversionsPass : tile_gpu::impl::RemoveConversionsBase<RemoveConversionsPass> {
  void runOnOperation() override {
    SmallVector<ConvertLayoutOp> conversions;
    getOperation().walk([&](ConvertLayoutOp op) { conversions.push_back(op); });
    for (ConvertLayoutOp op : conversions) {
      RankedTensorType type = op.getSource().getType();
      LayoutAttr from = getLayout(type), to = getLayout(op.getResult());
      int64_t limit = getConversionPrice(type, from, to);
      Slice slice;
      if (from != to && !slice.add(op.getSource(), to, limit))
        continue;
      op.replaceAllUsesWith(slice.materialise(op.getSource(), to));
      op.erase();
    }
  }
};

} // namespace
