//===- CallHostFunctions.cpp - Device functions of an emulated thread -----===//
//
// The function of words that a thread calls (DeviceFunctions.h) gets a body that calls the host implementation for one
// element. A word and the element that it carries start at the same address, so one slot serves both.
//
//===----------------------------------------------------------------------===//

#include "Steps.h"

#include "kiln/Dialect/Tile/IR/DeviceFunctions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace kiln;

static void defineFunction(ModuleOp module, func::FuncOp function) {
  StringRef symbol = function.getName().drop_front(tile::kDeviceFunctionPrefix.size());
  Location loc = function.getLoc();
  OpBuilder top = OpBuilder::atBlockBegin(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(module.getContext()), i64 = top.getI64Type();
  std::string call = (tile::kHostCallPrefix + symbol).str(), callable = (tile::kHostCallablePrefix + symbol).str();
  func::FuncOp::create(top, loc, call, top.getFunctionType({pointer, i64, pointer, pointer}, {})).setPrivate();
  LLVM::GlobalOp::create(top, loc, top.getI8Type(), /*isConstant=*/false, LLVM::Linkage::External, callable,
                         Attribute());

  function->removeAttr("llvm.readnone"); // it reads what it has written
  Block *entry = function.addEntryBlock();
  OpBuilder b = OpBuilder::atBlockBegin(entry);
  Value one = arith::ConstantIntOp::create(b, loc, i64, 1);
  auto makeTable = [&](TypeRange words, ValueRange values) -> std::pair<Value, SmallVector<Value>> {
    SmallVector<Value> slots;
    if (words.empty())
      return {LLVM::ZeroOp::create(b, loc, pointer), slots};
    Value size = arith::ConstantIntOp::create(b, loc, i64, words.size());
    Value table = LLVM::AllocaOp::create(b, loc, pointer, pointer, size);
    for (auto [index, word] : llvm::enumerate(words)) {
      slots.push_back(LLVM::AllocaOp::create(b, loc, pointer, word, one));
      // A narrow result leaves the rest of its word as it was.
      Value content =
          values.empty() ? arith::ConstantOp::create(b, loc, b.getZeroAttr(word)).getResult() : values[index];
      LLVM::StoreOp::create(b, loc, content, slots.back());
      Value place =
          LLVM::GEPOp::create(b, loc, pointer, pointer, table, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
      LLVM::StoreOp::create(b, loc, slots.back(), place);
    }
    return {table, slots};
  };
  Value arguments = makeTable(function.getArgumentTypes(), entry->getArguments()).first;
  auto [results, slots] = makeTable(function.getResultTypes(), {});
  Value object = LLVM::AddressOfOp::create(b, loc, pointer, callable);
  func::CallOp::create(b, loc, call, TypeRange(), ValueRange{object, one, arguments, results});
  SmallVector<Value> words;
  for (auto [slot, type] : llvm::zip_equal(slots, function.getResultTypes()))
    words.push_back(LLVM::LoadOp::create(b, loc, type, slot));
  func::ReturnOp::create(b, loc, words);
}

void kiln::callHostFunctions(ModuleOp module) {
  SmallVector<func::FuncOp> functions;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.isExternal() && function.getName().starts_with(tile::kDeviceFunctionPrefix))
      functions.push_back(function);
  for (func::FuncOp function : functions)
    defineFunction(module, function);
}
