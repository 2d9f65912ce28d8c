//===- CheckLowering.cpp - assert, assume and print -----------------------===//
//
// A failed check stops the grid with the message that the driver makes of __assertfail: place, kernel, block and
// thread. The owner of a false element reports it; the others wait at a barrier, so that nobody runs into what the
// check was to prevent.
//
// A print of a scalar is the line that the CPU prints. Of a tile, each element is a line, since only whole calls of
// vprintf keep together: the index of the element stands before its value.
//
//===----------------------------------------------------------------------===//

#include "Lowerings.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

namespace {

/// What a thread found of its elements of a tile.
struct Findings {
  Value failed;                 ///< i1: one that it owns does not hold
  SmallVector<Value> holds;     ///< of each register that was tested
  SmallVector<unsigned> places; ///< the numbers of these registers
};

} // namespace

/// The index of the first register that fails, which belongs to a tile of this type: nothing of a scalar. Made where
/// one is known to.
static SmallVector<Value> indexOfFailure(ThreadLowering &lowering, OpBuilder &b, Type type, const Findings &findings) {
  auto tile = dyn_cast<RankedTensorType>(type);
  if (!tile)
    return {};
  LinearLayout layout = getLayout(tile).getLinear();
  SmallVector<Value> index;
  for (int64_t dim = 0; dim < tile.getRank(); ++dim) {
    SmallVector<Value> along = lowering.getCoordinates(layout, Axis::dim(dim));
    Value result;
    for (auto [holds, place] : llvm::reverse(llvm::zip_equal(findings.holds, findings.places)))
      result = result ? arith::SelectOp::create(b, lowering.loc, holds, result, along[place]) : along[place];
    index.push_back(result);
  }
  return index;
}

/// Calls __assertfail where a thread found something, and makes all threads wait for each other. `type` is that of what
/// was tested.
static void stopWhere(ThreadLowering &lowering, Type type, const Findings &findings, StringRef message) {
  OpBuilder &b = lowering.builder;
  Location loc = lowering.loc;
  std::string file = "unknown";
  int32_t line = 0;
  loc->walk([&](Location part) {
    auto place = dyn_cast<FileLineColLoc>(part);
    if (!place)
      return WalkResult::advance();
    file = place.getFilename().str();
    line = place.getLine();
    return WalkResult::interrupt();
  });
  auto branch = scf::IfOp::create(b, loc, findings.failed, /*withElseRegion=*/false);
  OpBuilder inside = branch.getThenBodyBuilder();
  SmallVector<Value> index;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(branch);
    index = indexOfFailure(lowering, inside, type, findings);
  }
  createMachineOp(inside, loc, "__assertfail", index,
                  {b.getNamedAttr("message", b.getStringAttr(message)), b.getNamedAttr("file", b.getStringAttr(file)),
                   b.getNamedAttr("function", b.getStringAttr(lowering.getKernel().getSymName())),
                   b.getNamedAttr("line", b.getI32IntegerAttr(line))});
  lowering.barrier();
}

/// Which of the registers that this thread owns of `source` fail `test`, an i1 that is true where it holds.
static Findings findFailures(ThreadLowering &lowering, Value source, llvm::function_ref<Value(Value)> test) {
  Findings findings;
  Value holds;
  llvm::SmallPtrSet<void *, 8> tested; // registers often share their values
  for (auto [place, value] : llvm::enumerate(lowering.getRegisters(source)))
    if (tested.insert(value.getAsOpaquePointer()).second) {
      findings.holds.push_back(test(value));
      findings.places.push_back(place);
      holds = lowering.conjunction(holds, findings.holds.back());
    }
  Value failed = arith::XOrIOp::create(lowering.builder, lowering.loc, holds, lowering.i1(true));
  findings.failed = lowering.conjunction(lowering.isOwner(source), failed);
  return findings;
}

LogicalResult tile_gpu::lowerAssert(ThreadLowering &lowering, tile::AssertOp op) {
  stopWhere(lowering, op.getCondition().getType(),
            findFailures(lowering, op.getCondition(), [](Value value) { return value; }), op.getMessage());
  return success();
}

LogicalResult tile_gpu::lowerAssume(ThreadLowering &lowering, tile::AssumeOp op) {
  Value source = op.getSource();
  if (op.getChecked()) {
    OpBuilder &b = lowering.builder;
    Type i64 = b.getI64Type();
    // As 64 bits: the divisor need not fit the type of the value.
    auto isMultiple = [&](Value value) -> Value {
      if (!value.getType().isInteger(64))
        value = arith::ExtSIOp::create(b, lowering.loc, i64, value);
      Value divisor = lowering.i64(op.getDivisor());
      Value rest = isa<tile::PtrType>(tile::getElementOrSelf(source.getType()))
                       ? arith::RemUIOp::create(b, lowering.loc, value, divisor).getResult()
                       : arith::RemSIOp::create(b, lowering.loc, value, divisor).getResult();
      return arith::CmpIOp::create(b, lowering.loc, arith::CmpIPredicate::eq, rest, lowering.i64(0));
    };
    stopWhere(lowering, source.getType(), findFailures(lowering, source, isMultiple),
              ("a value is assumed to be a multiple of " + Twine(op.getDivisor())).str());
  }
  lowering.setResult(op.getResult(), lowering.getRegisters(source));
  return success();
}

//===----------------------------------------------------------------------===//
// Print
//===----------------------------------------------------------------------===//

namespace {

/// Prints the values of one tile.print.
class PrintLowering {
public:
  PrintLowering(ThreadLowering &lowering, tile::PrintOp op) : lowering(lowering), op(op) {
    // The kernel's name and the text of the author are no formats.
    auto addText = [this](StringRef text) {
      for (char c : text)
        start += c == '%' ? "%%" : std::string(1, c);
    };
    addText(lowering.getKernel().getSymName());
    start += "(%d, %d, %d) ";
    addText(op.getPrefix());
    for (StringRef axis : {"x", "y", "z"})
      program.push_back(lowering.machine(("ctaid." + axis).str()));
  }

  void printPrefix() { emit(lowering.isFirstThread(), "", {}); }
  LogicalResult print(unsigned index);

private:
  /// How a value is printed, and what vprintf takes for it.
  std::pair<StringRef, Value> convert(Value value, bool isPointer);
  /// A line, printed where `on`; null is everywhere.
  void emit(Value on, const Twine &format, ArrayRef<Value> operands);

  ThreadLowering &lowering;
  tile::PrintOp op;
  std::string start;
  SmallVector<Value> program;
};

std::pair<StringRef, Value> PrintLowering::convert(Value value, bool isPointer) {
  OpBuilder &b = lowering.builder;
  Location loc = lowering.loc;
  Type type = value.getType();
  if (isPointer)
    return {"0x%llx", value};
  if (isa<FloatType>(type)) {
    if (type.getIntOrFloatBitWidth() < 32)
      value = arith::ExtFOp::create(b, loc, b.getF32Type(), value);
    if (!type.isF64())
      value = arith::ExtFOp::create(b, loc, b.getF64Type(), value);
    return {type.isF64() ? "%.17g" : "%.9g", value}; // as many digits as tell each value from all others
  }
  if (type.isInteger(1))
    value = arith::ExtUIOp::create(b, loc, b.getI64Type(), value);
  else if (!type.isInteger(64))
    value = arith::ExtSIOp::create(b, loc, b.getI64Type(), value);
  return {"%lld", value};
}

void PrintLowering::emit(Value on, const Twine &format, ArrayRef<Value> operands) {
  OpBuilder at = lowering.builder;
  if (on)
    at = scf::IfOp::create(at, lowering.loc, on, /*withElseRegion=*/false).getThenBodyBuilder();
  SmallVector<Value> all(program);
  llvm::append_range(all, operands);
  createMachineOp(at, lowering.loc, "vprintf", all,
                  {at.getNamedAttr("format", at.getStringAttr(start + format + "\n"))});
}

LogicalResult PrintLowering::print(unsigned index) {
  Value value = op.getValues()[index];
  bool isPointer = isa<tile::PtrType>(tile::getElementOrSelf(value.getType()));
  auto tile = dyn_cast<RankedTensorType>(value.getType());
  if (tile && isPointer)
    return op.emitOpError("cannot print a tile of pointers; print the offsets instead");
  const std::string type = " [" + op.getPrintedType(index) + "] ";
  if (!tile) {
    auto [format, scalar] = convert(lowering.getScalar(value), isPointer);
    emit(lowering.isFirstThread(), type + format, scalar);
    return success();
  }

  LinearLayout layout = getLayout(tile).getLinear();
  SmallVector<SmallVector<Value>> coordinates;
  std::string place = "(";
  for (int64_t dim = 0; dim < tile.getRank(); ++dim) {
    coordinates.push_back(lowering.getCoordinates(layout, Axis::dim(dim)));
    place += dim ? ", %d" : "%d";
  }
  Value owner = lowering.isOwner(layout);
  for (auto [i, element] : llvm::enumerate(lowering.getRegisters(value))) {
    SmallVector<Value> operands;
    for (const SmallVector<Value> &along : coordinates)
      operands.push_back(along[i]);
    auto [format, scalar] = convert(element, isPointer);
    operands.push_back(scalar);
    emit(owner, type + place + "): " + format, operands);
  }
  return success();
}

} // namespace

LogicalResult tile_gpu::lowerPrint(ThreadLowering &lowering, tile::PrintOp op) {
  PrintLowering print(lowering, op);
  if (op.getValues().empty())
    print.printPrefix();
  for (unsigned index = 0; index < op.getValues().size(); ++index)
    if (failed(print.print(index)))
      return failure();
  return success();
}
