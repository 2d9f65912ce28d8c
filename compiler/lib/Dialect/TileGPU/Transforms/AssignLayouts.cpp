//===- AssignLayouts.cpp - tile-gpu-assign-layouts ------------------------===//
//
// Every tile gets one layout, its home, in three steps.
//
//   Forward: memory accesses, dots and scans say in which layout they yield their results. What is computed from these
//   stays where it is; where operands differ, the result of a tensor core wins over what was loaded, because it is the
//   one that is larger or comes round in a loop.
//   Backward: what has no home yet (indices, masks, pointers, broadcasts of small tiles, accumulators that start from a
//   constant) is made where it is used.
//   The rest gets a layout of no particular merit.
//
// Then an operand whose home is not what its operation needs is converted in front of it. Most of these conversions are
// of cheap values: `tile-gpu-remove-conversions` makes them anew instead.
//
// A tile of which a thread would hold far more than its registers do is refused: the assembler spills it, in a time
// that grows faster than the tile, from seconds to hours.
//
// The values that a loop carries, and what the branches of an if yield, have one home together.
//
//===----------------------------------------------------------------------===//

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Dialect/TileGPU/Transforms/Passes.h"
#include "kiln/Dialect/TileGPU/Transforms/ScanLayout.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/TypeSwitch.h"

namespace kiln::tile_gpu {
#define GEN_PASS_DEF_ASSIGNLAYOUTS
#include "kiln/Dialect/TileGPU/Transforms/Passes.h.inc"
} // namespace kiln::tile_gpu

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

/// How much a home is worth keeping.
enum class Merit { Arbitrary, Demanded, Access, TensorCore };

struct Home {
  LayoutAttr layout;
  Merit merit = Merit::Arbitrary;
};

/// The elements of a tile that a thread may hold. It has 255 registers of 32 bits.
constexpr int64_t kMaxElements = 2048;

bool isTile(Value value) { return isa<RankedTensorType>(value.getType()); }

class LayoutAssignment {
public:
  explicit LayoutAssignment(func::FuncOp kernel) : kernel(kernel), numWarps(getNumWarps(kernel)) {
    kernel.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (op != kernel)
        ops.push_back(op);
    });
  }

  LogicalResult run() {
    do
      propagate();
    while (giveSomethingAHome());
    if (failed(verifySizes()))
      return failure();
    rewrite();
    return success();
  }

private:
  Value representative(Value value) const;
  LayoutAttr homeOf(Value value) const;
  bool propose(Value value, LayoutAttr layout, Merit merit);
  LayoutAttr getNeed(OpOperand &use) const;
  bool forward(Operation *op);
  bool forwardValues(Operation *op);
  bool backward(Value value);
  void propagate();
  bool giveSomethingAHome();
  LayoutAttr getDefaultLayout(RankedTensorType type) const;
  LogicalResult verifySizes() const;
  void rewrite();
  void setType(Value value);

  func::FuncOp kernel;
  int64_t numWarps;
  SmallVector<Operation *> ops; // parents before what they contain
  llvm::DenseMap<Value, Home> homes;
};

//===----------------------------------------------------------------------===//
// Values that have one home
//===----------------------------------------------------------------------===//

/// The value under which the home of `value` is kept: the result of a loop for what the loop carries, the first of the
/// results of a call.
Value LayoutAssignment::representative(Value value) const {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument) {
    auto call = value.getDefiningOp<tile::ExternCallOp>();
    return call ? call.getModel() : value;
  }
  Operation *parent = argument.getOwner()->getParentOp();
  if (auto loop = dyn_cast<scf::ForOp>(parent))
    return argument.getArgNumber() == 0 ? value : loop.getResult(argument.getArgNumber() - 1);
  if (auto loop = dyn_cast<scf::WhileOp>(parent))
    return argument.getOwner() == loop.getAfterBody() ? loop.getResult(argument.getArgNumber()) : value;
  return value;
}

LayoutAttr LayoutAssignment::homeOf(Value value) const { return homes.lookup(representative(value)).layout; }

/// Gives `value` a home, or a better one. Returns whether anything changed.
bool LayoutAssignment::propose(Value value, LayoutAttr layout, Merit merit) {
  if (!layout)
    return false;
  Home &home = homes[representative(value)];
  if (home.layout && (home.merit >= merit || home.layout == layout))
    return false;
  home = {layout, merit};
  return true;
}

//===----------------------------------------------------------------------===//
// What operations need and yield
//===----------------------------------------------------------------------===//

/// The layout in which the owner of `use` needs this operand, as far as it is known: null where any layout will do.
LayoutAttr LayoutAssignment::getNeed(OpOperand &use) const {
  Operation *op = use.getOwner();
  unsigned index = use.getOperandNumber();
  if (!isTile(use.get()))
    return {};
  // A dot on FMA units takes its factors as they come.
  if (isa<tile::DotOp>(op) && index < 2)
    return {};
  if (auto chosen = op->getAttrOfType<LayoutAttr>(kLayoutAttr))
    return chosen;
  return TypeSwitch<Operation *, LayoutAttr>(op)
      .Case<scf::ForOp>([&](auto loop) { return homeOf(loop.getResult(index - loop.getNumControlOperands())); })
      .Case<scf::WhileOp>([&](auto loop) { return homeOf(loop.getBeforeArguments()[index]); })
      .Case<scf::ConditionOp>([&](auto) { return homeOf(op->getParentOp()->getResult(index - 1)); })
      .Case<scf::YieldOp>([&](auto) {
        auto loop = dyn_cast<scf::WhileOp>(op->getParentOp());
        return loop ? homeOf(loop.getBeforeArguments()[index]) : homeOf(op->getParentOp()->getResult(index));
      })
      .Case<MmaOp>([&](MmaOp mma) {
        auto type = cast<RankedTensorType>(use.get().getType());
        return LayoutAttr::get(op->getContext(), index == 2 ? mmaResultLayout(type.getShape(), mma.getWarps())
                                                            : mmaOperandLayout(index, type.getShape(), mma.getWarps(),
                                                                               type.getElementTypeBitWidth()));
      })
      .Case<tile::ReduceOp>([&](auto) { return index == 0 ? LayoutAttr() : homeOf(op->getOperand(0)); })
      .Case<tile::ScanOp>([&](tile::ScanOp scan) {
        auto type = cast<RankedTensorType>(use.get().getType());
        return LayoutAttr::get(op->getContext(), getScanLayout(type.getShape(), scan.getAxis(), numWarps));
      })
      .Case<tile::ExternCallOp>([&](tile::ExternCallOp call) { return homeOf(call.getModel()); })
      .Case<tile::StoreOp>([&](auto) {
        // Too small for a choice: where the first operand is that has a home.
        for (Value operand : op->getOperands())
          if (LayoutAttr home = homeOf(operand))
            return home;
        return LayoutAttr();
      })
      .Default([&](Operation *) {
        LayoutAttr home = op->getNumResults() == 1 ? homeOf(op->getResult(0)) : LayoutAttr();
        return home ? getOperandLayout(use, home) : LayoutAttr();
      });
}

/// Homes for the results of an operation whose results do not simply follow its operands, and for those which do.
bool LayoutAssignment::forward(Operation *op) {
  MLIRContext *context = op->getContext();
  if (auto chosen = op->getAttrOfType<LayoutAttr>(kLayoutAttr))
    return op->getNumResults() == 1 && propose(op->getResult(0), chosen, Merit::Access);
  return TypeSwitch<Operation *, bool>(op)
      .Case<MmaOp>([&](MmaOp mma) {
        auto type = cast<RankedTensorType>(mma.getType());
        return propose(mma, LayoutAttr::get(context, mmaResultLayout(type.getShape(), mma.getWarps())),
                       Merit::TensorCore);
      })
      .Case<tile::ScanOp>([&](tile::ScanOp scan) {
        bool changed = false;
        for (OpOperand &source : op->getOpOperands())
          changed |= propose(op->getResult(source.getOperandNumber()), getNeed(source), Merit::Access);
        return changed;
      })
      .Case<tile::ReduceOp>([&](tile::ReduceOp reduce) {
        Home source = homes.lookup(representative(op->getOperand(0)));
        if (!source.layout || !isTile(op->getResult(0)))
          return false;
        auto layout = LayoutAttr::get(context, sliceLayout(source.layout.getLinear(), reduce.getAxis()));
        bool changed = false;
        for (Value result : op->getResults())
          changed |= propose(result, layout, source.merit);
        return changed;
      })
      .Default([&](Operation *) { return forwardValues(op); });
}

/// Carried and yielded values go where they come from; elementwise results where an operand is.
bool LayoutAssignment::forwardValues(Operation *op) {
  bool changed = false;
  auto follow = [&](Value to, Value from) {
    if (!isTile(to))
      return;
    Home home = homes.lookup(representative(from));
    if (home.merit >= Merit::Access)
      changed |= propose(to, home.layout, home.merit);
  };
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    for (auto [result, init] : llvm::zip_equal(loop.getResults(), loop.getInitArgs()))
      follow(result, init);
  } else if (auto loop = dyn_cast<scf::WhileOp>(op)) {
    for (auto [argument, init] : llvm::zip_equal(loop.getBeforeArguments(), loop.getInits()))
      follow(argument, init);
  } else if (auto yield = dyn_cast<scf::YieldOp>(op)) {
    auto loop = dyn_cast<scf::WhileOp>(op->getParentOp());
    for (auto [index, value] : llvm::enumerate(yield.getOperands()))
      follow(loop ? Value(loop.getBeforeArguments()[index]) : Value(op->getParentOp()->getResult(index)), value);
  } else if (auto condition = dyn_cast<scf::ConditionOp>(op)) {
    for (auto [result, value] : llvm::zip_equal(op->getParentOp()->getResults(), condition.getArgs()))
      follow(result, value);
  } else if ((op->getNumResults() == 1 || (isa<tile::ExternCallOp>(op) && op->getNumResults() != 0)) &&
             isTile(op->getResult(0)) && !isa<tile::LoadOp>(op)) {
    // A broadcast is made where it is needed, of a source that is smaller.
    if (isa<tile::BroadcastOp, tile::ExpandDimsOp>(op))
      return false;
    Value result = op->getResult(0);
    // Of the operands of a dot only the accumulator has the shape of the result.
    for (Value operand : op->getOperands().drop_front(isa<tile::DotOp>(op) ? 2 : 0)) {
      Home home = homes.lookup(representative(operand));
      if (!isTile(operand) || home.merit < Merit::Access)
        continue;
      LayoutAttr layout = home.layout;
      if (auto trans = dyn_cast<tile::TransOp>(op))
        layout = LayoutAttr::get(op->getContext(), transposeLayout(layout.getLinear(), trans.getOrder()));
      else if (isa<tile::ReshapeOp>(op))
        layout = LayoutAttr::get(
            op->getContext(), reshapeLayout(layout.getLinear(), cast<RankedTensorType>(result.getType()).getShape()));
      changed |= propose(result, layout, home.merit);
    }
  }
  return changed;
}

/// A home for `value`, which has none, where it is used.
bool LayoutAssignment::backward(Value value) {
  // What a reduction yields lies where its operand does, whoever uses it.
  if (!isTile(value) || homeOf(value) || value.getDefiningOp<tile::ReduceOp>())
    return false;
  for (OpOperand &use : value.getUses())
    if (propose(value, getNeed(use), Merit::Demanded))
      return true;
  return false;
}

void LayoutAssignment::propagate() {
  for (bool changed = true; changed;) {
    changed = false;
    for (Operation *op : ops)
      changed |= forward(op);
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (Operation *op : llvm::reverse(ops)) {
      for (Value result : op->getResults())
        changed |= backward(result);
      for (Region &region : op->getRegions())
        for (BlockArgument argument : region.getArguments())
          changed |= backward(argument);
      // What a reduction yields follows its operand, which may have found its home just now.
      if (isa<tile::ReduceOp>(op))
        changed |= forward(op);
    }
  }
}

//===----------------------------------------------------------------------===//
// The rest
//===----------------------------------------------------------------------===//

/// Rows over lanes, with up to four neighbours in a thread.
LayoutAttr LayoutAssignment::getDefaultLayout(RankedTensorType type) const {
  unsigned rank = type.getRank();
  int64_t perThread = std::max<int64_t>(1, type.getNumElements() / (32 * numWarps));
  Blocking blocking;
  blocking.elements.assign(rank, 1);
  blocking.lanes.assign(rank, 1);
  blocking.warps.assign(rank, 1);
  int64_t lanes = 32, warps = numWarps;
  for (unsigned dim = rank; dim-- > 0;) {
    blocking.order.push_back(dim);
    int64_t left = type.getDimSize(dim);
    if (dim == rank - 1)
      blocking.elements[dim] = std::min<int64_t>({4, perThread, left});
    left /= blocking.elements[dim];
    // The slowest dimension takes what is left over, and replicates if it must.
    blocking.lanes[dim] = dim == 0 ? lanes : std::min(lanes, left);
    lanes /= blocking.lanes[dim];
    left = std::max<int64_t>(1, left / blocking.lanes[dim]);
    blocking.warps[dim] = dim == 0 ? warps : std::min(warps, left);
    warps /= blocking.warps[dim];
  }
  return LayoutAttr::get(type.getContext(), blockedLayout(type.getShape(), blocking));
}

/// Gives one value the default layout, if one is without a home. Sources of reductions come first: others follow them.
bool LayoutAssignment::giveSomethingAHome() {
  auto give = [&](Value value) {
    return isTile(value) && !homeOf(value) &&
           propose(value, getDefaultLayout(cast<RankedTensorType>(value.getType())), Merit::Arbitrary);
  };
  for (Operation *op : ops)
    if (isa<tile::ReduceOp>(op) && give(op->getOperand(0)))
      return true;
  for (Operation *op : llvm::reverse(ops)) {
    for (Value result : op->getResults())
      if (give(result))
        return true;
    for (Region &region : op->getRegions())
      for (BlockArgument argument : region.getArguments())
        if (give(argument))
          return true;
  }
  return false;
}

//===----------------------------------------------------------------------===//
// Limits
//===----------------------------------------------------------------------===//

/// Of the first tile that is too large, in the order of the program.
LogicalResult LayoutAssignment::verifySizes() const {
  for (Operation *op : ops)
    for (Value result : op->getResults()) {
      if (!isTile(result))
        continue;
      int64_t elements = homeOf(result).getNumRegisters();
      if (elements > kMaxElements)
        return op->emitOpError() << "has a result of type " << result.getType() << ", of which each of "
                                 << (numWarps << kLaneBits) << " threads holds " << elements
                                 << " elements, but a thread can hold " << kMaxElements
                                 << ": use smaller tiles or raise num_warps";
    }
  return success();
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

void LayoutAssignment::setType(Value value) {
  if (!isTile(value))
    return;
  RankedTensorType type = withLayout(value.getType(), homeOf(value));
  value.setType(type);
  if (auto constant = value.getDefiningOp<arith::ConstantOp>())
    constant.setValueAttr(cast<DenseElementsAttr>(constant.getValue()).reshape(type));
}

void LayoutAssignment::rewrite() {
  // All needs are read before the first type changes.
  SmallVector<std::pair<OpOperand *, LayoutAttr>> needs;
  for (Operation *op : ops)
    for (OpOperand &use : op->getOpOperands())
      if (LayoutAttr need = getNeed(use))
        needs.push_back({&use, need});
  for (Operation *op : ops) {
    for (Value result : op->getResults())
      setType(result);
    for (Region &region : op->getRegions())
      if (!isa<tile::ReduceOp, tile::ScanOp>(op))
        for (BlockArgument argument : region.getArguments())
          setType(argument);
    op->removeAttr(kLayoutAttr);
  }
  // A conversion for each use: equal ones become one when common subexpressions are eliminated.
  for (auto [use, need] : needs) {
    if (getLayout(use->get()) == need)
      continue;
    OpBuilder builder(use->getOwner());
    Type type = withLayout(use->get().getType(), need);
    use->set(ConvertLayoutOp::create(builder, use->getOwner()->getLoc(), type, use->get()));
  }
}

struct AssignLayoutsPass : tile_gpu::impl::AssignLayoutsBase<AssignLayoutsPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (tile::isKernel(function) && failed(LayoutAssignment(function).run()))
        return signalPassFailure();
  }
};

} // namespace
