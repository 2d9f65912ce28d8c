//===- AxisFactsAnalysis.cpp - Axis facts of the values of a program -------------------------------------===//

#include "kiln/Analysis/AxisFacts.h"

#include "kiln/Dialect/Tile/IR/Tile.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"

#include "mlir/Analysis/DataFlow/SparseAnalysis.h"
#include "mlir/Analysis/DataFlow/Utils.h"
#include "mlir/Analysis/DataFlowFramework.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace kiln::tile;

namespace {

/// Larger constants are worth no look at their elements, unless these are all equal.
constexpr int64_t kMaxConstantElements = 1 << 14;

struct FactsLattice : dataflow::Lattice<AxisFacts> {
  using Lattice::Lattice;
};

using Operands = ArrayRef<AxisFacts>;

ArrayRef<int64_t> getShape(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? tensor.getShape() : ArrayRef<int64_t>();
}

/// Facts from the attributes of a kernel's argument.
AxisFacts visitArgument(Value value) {
  AxisFacts result = AxisFacts::unknown(value.getType());
  auto argument = dyn_cast<BlockArgument>(value);
  auto function = argument ? dyn_cast_or_null<func::FuncOp>(argument.getOwner()->getParentOp()) : nullptr;
  if (!function || !argument.getOwner()->isEntryBlock())
    return result;
  if (auto divisor = function.getArgAttrOfType<IntegerAttr>(argument.getArgNumber(), kDivisibilityAttr))
    result.setDivisibilityOfAll(divisor.getInt());
  return result;
}

AxisFacts visitConstant(arith::ConstantOp op) {
  Type type = op.getType();
  AxisFacts result = AxisFacts::unknown(type);
  auto read = [&](const APInt &value) {
    return result.getWidth() == 1 ? static_cast<int64_t>(value.getZExtValue()) : value.getSExtValue();
  };
  bool isInteger = result.getWidth() != 0;
  if (auto integer = dyn_cast<IntegerAttr>(op.getValue()); integer && isInteger)
    return facts::constant(getShape(type), result.getWidth(), read(integer.getValue()));
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!elements)
    return result;
  if (elements.isSplat())
    return isInteger ? facts::constant(getShape(type), result.getWidth(), read(elements.getSplatValue<APInt>()))
                     : facts::elementwise(result, {});
  if (!isInteger || elements.getNumElements() > kMaxConstantElements)
    return result;
  SmallVector<int64_t> values = llvm::map_to_vector(elements.getValues<APInt>(), read);
  return facts::elements(getShape(type), result.getWidth(), values);
}

AxisFacts visitCompare(arith::CmpIOp op, Operands operands) {
  const AxisFacts &lhs = operands[0], &rhs = operands[1];
  switch (op.getPredicate()) {
  case arith::CmpIPredicate::eq:
    return facts::equal(lhs, rhs);
  case arith::CmpIPredicate::ne: {
    AxisFacts result = facts::equal(lhs, rhs);
    if (std::optional<int64_t> value = result.getConstant())
      return facts::constant(getShape(op.getType()), 1, 1 - *value);
    return result;
  }
  case arith::CmpIPredicate::slt:
    return facts::less(lhs, rhs, /*isSigned=*/true);
  case arith::CmpIPredicate::sle:
    return facts::lessOrEqual(lhs, rhs, /*isSigned=*/true);
  case arith::CmpIPredicate::sgt:
    return facts::less(rhs, lhs, /*isSigned=*/true);
  case arith::CmpIPredicate::sge:
    return facts::lessOrEqual(rhs, lhs, /*isSigned=*/true);
  case arith::CmpIPredicate::ult:
    return facts::less(lhs, rhs, /*isSigned=*/false);
  case arith::CmpIPredicate::ule:
    return facts::lessOrEqual(lhs, rhs, /*isSigned=*/false);
  case arith::CmpIPredicate::ugt:
    return facts::less(rhs, lhs, /*isSigned=*/false);
  case arith::CmpIPredicate::uge:
    return facts::lessOrEqual(rhs, lhs, /*isSigned=*/false);
  }
  llvm_unreachable("a predicate of arith.cmpi");
}

/// To a wider or narrower integer; `index` has 64 bits.
AxisFacts visitCast(Operation *op, const AxisFacts &source, bool isSigned) {
  unsigned width = AxisFacts::unknown(op->getResult(0).getType()).getWidth();
  if (width == source.getWidth())
    return source;
  return width > source.getWidth() ? facts::extend(source, width, isSigned) : facts::truncate(source, width);
}

AxisFacts visitBitcast(BitcastOp op, const AxisFacts &source) {
  AxisFacts result = AxisFacts::unknown(op.getType());
  if (result.getUnit() == source.getUnit() && result.getWidth() == source.getWidth())
    return source;
  if (isa<PtrType>(getElementOrSelf(op.getType())))
    result.setDivisibilityOfAll(source.getDivisibilityOfAll());
  return facts::elementwise(result, source);
}

/// What is constant along the other axes stays so.
AxisFacts visitReduce(Type type, unsigned reduced, Operands sources) {
  AxisFacts result = AxisFacts::unknown(type);
  if (!isa<RankedTensorType>(type))
    return result;
  for (unsigned axis = 0; axis < result.getNumAxes(); ++axis) {
    int64_t constancy = result.getAxis(axis).size;
    for (const AxisFacts &source : sources)
      constancy = std::min(constancy, source.getConstancy(axis < reduced ? axis : axis + 1));
    result.setAxis(axis, 1, 1, constancy);
  }
  return result;
}

AxisFacts visitScan(Type type, unsigned scanned, Operands sources) {
  AxisFacts result = facts::elementwise(AxisFacts::unknown(type), sources);
  return result.setAxis(scanned, 1, 1, 1);
}

/// The facts of the result that an operation with one result has; where nothing better is known, what its kind allows.
AxisFacts visitOp(Operation *op, Operands in) {
  Type type = op->getResult(0).getType();
  return TypeSwitch<Operation *, AxisFacts>(op)
      .Case([&](arith::ConstantOp op) { return visitConstant(op); })
      .Case([&](arith::AddIOp) { return facts::add(in[0], in[1]); })
      .Case([&](arith::SubIOp) { return facts::sub(in[0], in[1]); })
      .Case([&](arith::MulIOp) { return facts::mul(in[0], in[1]); })
      .Case([&](arith::DivSIOp) { return facts::div(in[0], in[1], /*isSigned=*/true); })
      .Case([&](arith::DivUIOp) { return facts::div(in[0], in[1], /*isSigned=*/false); })
      .Case([&](arith::RemSIOp) { return facts::rem(in[0], in[1], /*isSigned=*/true); })
      .Case([&](arith::RemUIOp) { return facts::rem(in[0], in[1], /*isSigned=*/false); })
      .Case([&](arith::AndIOp) { return facts::bitAnd(in[0], in[1]); })
      .Case([&](arith::OrIOp) { return facts::bitOr(in[0], in[1]); })
      .Case([&](arith::ShLIOp) { return facts::shiftLeft(in[0], in[1]); })
      .Case([&](arith::ShRSIOp) { return facts::shiftRight(in[0], in[1], /*isSigned=*/true); })
      .Case([&](arith::ShRUIOp) { return facts::shiftRight(in[0], in[1], /*isSigned=*/false); })
      .Case([&](arith::MinSIOp) { return facts::minimum(in[0], in[1]); })
      .Case([&](arith::MaxSIOp) { return facts::maximum(in[0], in[1]); })
      .Case<arith::ExtSIOp, arith::IndexCastOp>([&](Operation *op) { return visitCast(op, in[0], /*isSigned=*/true); })
      .Case<arith::ExtUIOp, arith::IndexCastUIOp>(
          [&](Operation *op) { return visitCast(op, in[0], /*isSigned=*/false); })
      .Case([&](arith::TruncIOp op) { return visitCast(op, in[0], /*isSigned=*/true); })
      .Case([&](arith::CmpIOp op) { return visitCompare(op, in); })
      .Case([&](arith::SelectOp) { return facts::select(in[0], in[1], in[2]); })
      // Grids have at most 2^31 - 1 programs along an axis.
      .Case([&](ProgramIdOp) { return AxisFacts::unknown(type).setRange(0, INT32_MAX - 1); })
      .Case([&](NumProgramsOp) { return AxisFacts::unknown(type).setRange(1, INT32_MAX); })
      .Case([&](ArangeOp op) {
        return facts::arange(op.getEnd() - op.getStart(), AxisFacts::unknown(type).getWidth(), op.getStart());
      })
      .Case([&](SplatOp) { return facts::splat(in[0], getShape(type)); })
      .Case([&](ExpandDimsOp op) { return facts::expandDims(in[0], op.getAxis()); })
      .Case([&](BroadcastOp) { return facts::broadcast(in[0], getShape(type)); })
      .Case([&](TransOp op) { return facts::trans(in[0], op.getOrder()); })
      .Case([&](ReshapeOp) { return facts::reshape(in[0], getShape(type)); })
      .Case([&](BitcastOp op) { return visitBitcast(op, in[0]); })
      .Case([&](AddPtrOp) { return facts::addPointer(in[0], in[1]); })
      .Case([&](kiln::tile_gpu::ConvertLayoutOp) { return in[0]; })
      .Case([&](AssumeOp op) { return AxisFacts(in[0]).setDivisibilityOfAll(op.getDivisor()); })
      // Lanes that read one address under one mask read one value.
      .Case([&](LoadOp) { return facts::elementwise(AxisFacts::unknown(type), in); })
      .Case([&](ExternCallOp op) {
        return op.getPure() ? facts::elementwise(AxisFacts::unknown(type), in) : AxisFacts::unknown(type);
      })
      .Case([&](ScanOp op) { return visitScan(type, op.getAxis(), in); })
      .Default([&](Operation *op) {
        AxisFacts result = AxisFacts::unknown(type);
        return OpTrait::hasElementwiseMappableTraits(op) ? facts::elementwise(result, in) : result;
      });
}

class FactsAnalysis : public dataflow::SparseForwardDataFlowAnalysis<FactsLattice> {
public:
  using SparseForwardDataFlowAnalysis::SparseForwardDataFlowAnalysis;

  void setToEntryState(FactsLattice *lattice) override {
    propagateIfChanged(lattice, lattice->join(visitArgument(lattice->getAnchor())));
  }

  LogicalResult visitOperation(Operation *op, ArrayRef<const FactsLattice *> operands,
                               ArrayRef<FactsLattice *> results) override {
    SmallVector<AxisFacts> in;
    for (const FactsLattice *operand : operands) {
      if (operand->getValue().isUninitialized())
        return success(); // visited again once it is known
      in.push_back(operand->getValue());
    }
    for (auto [index, lattice] : llvm::enumerate(results)) {
      Type type = lattice->getAnchor().getType();
      AxisFacts result;
      if (auto reduce = dyn_cast<ReduceOp>(op))
        result = visitReduce(type, reduce.getAxis(), in);
      else if (auto scan = dyn_cast<ScanOp>(op))
        result = visitScan(type, scan.getAxis(), in);
      else
        result = results.size() == 1 ? visitOp(op, in) : AxisFacts::unknown(type);
      propagateIfChanged(lattice, lattice->join(result));
    }
    return success();
  }

  /// The induction variable of a loop.
  void visitNonControlFlowArguments(Operation *op, const RegionSuccessor &successor, ArrayRef<FactsLattice *> lattices,
                                    unsigned firstIndex) override {
    auto loop = dyn_cast<scf::ForOp>(op);
    if (!loop)
      return SparseForwardDataFlowAnalysis::visitNonControlFlowArguments(op, successor, lattices, firstIndex);
    ProgramPoint *point = getProgramPointBefore(&loop.getRegion().front());
    const AxisFacts &lower = getLatticeElementFor(point, loop.getLowerBound())->getValue();
    const AxisFacts &upper = getLatticeElementFor(point, loop.getUpperBound())->getValue();
    const AxisFacts &step = getLatticeElementFor(point, loop.getStep())->getValue();
    if (lower.isUninitialized() || upper.isUninitialized() || step.isUninitialized())
      return;
    AxisFacts result = AxisFacts::unknown(loop.getInductionVar().getType());
    result.setDivisibilityOfAll(std::min(lower.getDivisibilityOfAll(), step.getDivisibilityOfAll()));
    if (!loop.getUnsignedCmp() && lower.getMin() < upper.getMax())
      result.setRange(lower.getMin(), upper.getMax() - 1);
    FactsLattice *lattice = getLatticeElement(loop.getInductionVar());
    propagateIfChanged(lattice, lattice->join(result));
  }
};

} // namespace

AxisFactsAnalysis::AxisFactsAnalysis(Operation *root) : solver(std::make_unique<DataFlowSolver>()) {
  dataflow::loadBaselineAnalyses(*solver);
  solver->load<FactsAnalysis>();
  // It fails only if an analysis that it loaded does, and these do not.
  (void)solver->initializeAndRun(root);
}

AxisFactsAnalysis::~AxisFactsAnalysis() = default;

AxisFacts AxisFactsAnalysis::get(Value value) const {
  const auto *lattice = solver->lookupState<FactsLattice>(value);
  return lattice && !lattice->getValue().isUninitialized() ? lattice->getValue() : AxisFacts::unknown(value.getType());
}
