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
  Value writeArgument(Value argument);
  Value readResult(Value buffer, Type element);
  Value makeTable(ValueRange addresses);
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

Value HostCallLowering::writeArgument(Value argument) {
  Type element = getElementOrSelf(argument.getType());
  Value buffer = allocate(element);
  auto write = [&](OpBuilder &at, Value scalar, ValueRange indices) {
    if (scalar.getType() != stored(element))
      scalar = arith::ExtUIOp::create(at, loc, stored(element), scalar);
    memref::StoreOp::create(at, loc, scalar, buffer, indices);
  };
  if (!shape) {
    write(b, argument, index(0));
    return buffer;
  }
  // What is used only here need not exist as a tile.
  auto onlyHere = [](Operation *producer) { return producer->hasOneUse(); };
  SmallVector<Value> lower(shape.getRank(), index(0)), step(shape.getRank(), index(1)), upper;
  for (int64_t size : shape.getShape())
    upper.push_back(index(size));
  scf::buildLoopNest(b, loc, lower, upper, step, [&](OpBuilder &at, Location, ValueRange indices) {
    write(at, ElementEvaluator(at, loc, onlyHere).element(argument, indices), indices);
  });
  return buffer;
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

/// An array with the addresses of buffers.
Value HostCallLowering::makeTable(ValueRange addresses) {
  Type i64 = b.getI64Type();
  if (addresses.empty())
    return LLVM::ZeroOp::create(b, loc, pointer);
  Value table = memref::AllocOp::create(b, loc, MemRefType::get({static_cast<int64_t>(addresses.size())}, i64));
  for (auto [place, address] : llvm::enumerate(addresses))
    memref::StoreOp::create(b, loc, address, table, index(place));
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
  SmallVector<Value> arguments, buffers, results;
  for (Value argument : op.getArgs())
    arguments.push_back(addressOf(writeArgument(argument)));
  for (Type type : op.getResultTypes()) {
    buffers.push_back(allocate(getElementOrSelf(type)));
    results.push_back(addressOf(buffers.back()));
  }
  std::string name = (kHostCallPrefix + op.getSymbol()).str();
  Type i64 = b.getI64Type();
  if (!module.lookupSymbol(name)) {
    OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
    func::FuncOp::create(top, loc, name, top.getFunctionType({pointer, i64, pointer, pointer}, {})).setPrivate();
  }
  Value count = arith::ConstantIntOp::create(b, loc, i64, shape ? shape.getNumElements() : 1);
  func::CallOp::create(b, loc, name, TypeRange(),
                       ValueRange{callable(), count, makeTable(arguments), makeTable(results)});
  for (auto [result, buffer] : llvm::zip_equal(op.getResults(), buffers))
    result.replaceAllUsesWith(readResult(buffer, getElementOrSelf(result.getType())));
  op.erase();
}

} // namespace

void kiln::lowerHostCall(ExternCallOp op) { HostCallLowering(op).run(); }
