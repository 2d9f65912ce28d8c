//===- HostCalls.cpp - Device functions on the host -----------------------===//

#include "HostCalls.h"

#include "ElementEvaluator.h"
#include "kiln/Dialect/Tile/IR/DeviceFunctions.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile;

namespace {

class HostCallLowering {
public:
  explicit HostCallLowering(ExternCallOp op)
      : op(op), b(op), loc(op.getLoc()), module(op->getParentOfType<ModuleOp>()),
        pointer(LLVM::LLVMPointerType::get(op.getContext())) {
    if (Value model = op.getModel())
      if (auto type = dyn_cast<RankedTensorType>(model.getType()))
        shape = type;
  }

  void run();

private:
  Value allocate(Type element);
  Value addressOf(Value buffer);
  void writeArgument(Value argument, Value buffer);
  Value readResult(Value buffer, Type element);
  Value allocateTable(size_t size);
  Value fillTable(Value table, ArrayRef<Value> buffers);
  Value callable();

  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, loc, value); }
  /// How an element lies in memory: an i1 is a byte.
  Type stored(Type element) { return element.isInteger(1) ? b.getI8Type() : element; }

  ExternCallOp op;
  OpBuilder b;
  Location loc;
  ModuleOp module;
  Type pointer;
  RankedTensorType shape; // null where the call is of scalars
};

Value HostCallLowering::allocate(Type element) {
  auto type = MemRefType::get(shape ? shape.getShape() : ArrayRef<int64_t>{1}, stored(element));
  return memref::AllocOp::create(b, loc, type);
}

/// As an i64.
Value HostCallLowering::addressOf(Value buffer) {
  Value address = memref::ExtractAlignedPointerAsIndexOp::create(b, loc, buffer);
  return arith::IndexCastOp::create(b, loc, b.getI64Type(), address);
}

void HostCallLowering::writeArgument(Value argument, Value buffer) {
  Type element = getElementOrSelf(argument.getType());
  auto write = [&](OpBuilder &at, Value scalar, ValueRange indices) {
    if (scalar.getType() != stored(element))
      scalar = arith::ExtUIOp::create(at, loc, stored(element), scalar);
    memref::StoreOp::create(at, loc, scalar, buffer, indices);
  };
  if (!shape) {
    write(b, argument, index(0));
    return;
  }
  // What is used only here need not exist as a tile.
  auto onlyHere = [](Operation *producer) { return producer->hasOneUse(); };
  SmallVector<Value> lower(shape.getRank(), index(0)), step(shape.getRank(), index(1)), upper;
  for (int64_t size : shape.getShape())
    upper.push_back(index(size));
  scf::buildLoopNest(b, loc, lower, upper, step, [&](OpBuilder &at, Location, ValueRange indices) {
    write(at, ElementEvaluator(at, loc, onlyHere).element(argument, indices), indices);
  });
}

Value HostCallLowering::readResult(Value buffer, Type element) {
  Value value;
  if (shape)
    value = bufferization::ToTensorOp::create(b, loc, shape.clone(stored(element)), buffer, /*restrict=*/true,
                                              /*writable=*/true);
  else
    value = memref::LoadOp::create(b, loc, buffer, index(0));
  if (stored(element) == element)
    return value;
  return arith::TruncIOp::create(b, loc, shape ? Type(shape.clone(element)) : element, value);
}

/// For the addresses of that many buffers; null for none.
Value HostCallLowering::allocateTable(size_t size) {
  if (size == 0)
    return {};
  return memref::AllocOp::create(b, loc, MemRefType::get({static_cast<int64_t>(size)}, b.getI64Type()));
}

Value HostCallLowering::fillTable(Value table, ArrayRef<Value> buffers) {
  if (!table)
    return LLVM::ZeroOp::create(b, loc, pointer);
  for (auto [place, buffer] : llvm::enumerate(buffers))
    memref::StoreOp::create(b, loc, addressOf(buffer), table, index(place));
  return LLVM::IntToPtrOp::create(b, loc, pointer, addressOf(table));
}

Value HostCallLowering::callable() {
  std::string name = (kHostCallablePrefix + op.getSymbol()).str();
  if (!module.lookupSymbol(name)) {
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    LLVM::GlobalOp::create(top, loc, top.getI8Type(), /*isConstant=*/false, LLVM::Linkage::External, name, Attribute());
  }
  return LLVM::AddressOfOp::create(b, loc, pointer, name);
}

void HostCallLowering::run() {
  // tile-plan-scratch does not follow addresses: to it a buffer lives until its address is taken. So all of them are
  // there before the first is.
  SmallVector<Value> arguments, results;
  for (Value argument : op.getArgs())
    arguments.push_back(allocate(getElementOrSelf(argument.getType())));
  for (Type type : op.getResultTypes())
    results.push_back(allocate(getElementOrSelf(type)));
  Value argumentTable = allocateTable(arguments.size()), resultTable = allocateTable(results.size());
  for (auto [argument, buffer] : llvm::zip_equal(op.getArgs(), arguments))
    writeArgument(argument, buffer);
  std::string name = (kHostCallPrefix + op.getSymbol()).str();
  Type i64 = b.getI64Type();
  if (!module.lookupSymbol(name)) {
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    func::FuncOp::create(top, loc, name, top.getFunctionType({pointer, i64, pointer, pointer}, {})).setPrivate();
  }
  Value count = arith::ConstantIntOp::create(b, loc, i64, shape ? shape.getNumElements() : 1);
  Value object = callable();
  Value from = fillTable(argumentTable, arguments), to = fillTable(resultTable, results);
  func::CallOp::create(b, loc, name, TypeRange(), ValueRange{object, count, from, to});
  for (auto [result, buffer] : llvm::zip_equal(op.getResults(), results))
    result.replaceAllUsesWith(readResult(buffer, getElementOrSelf(result.getType())));
  op.erase();
}

} // namespace

void kiln::lowerHostCall(ExternCallOp op) { HostCallLowering(op).run(); }
