//===- ExternCallLowering.cpp - Device functions --------------------------===//
//
// A thread calls the function for what it holds: a pure one for every register, one with effects for the elements that
// the thread owns, once for each. Where others hold these elements too and a result is used, they read it from shared
// memory, as they do the old values of atomics.
//
//===----------------------------------------------------------------------===//

#include "Lowerings.h"

#include "kiln/Dialect/Tile/IR/DeviceFunctions.h"
#include "kiln/Dialect/TileGPU/Transforms/SharedBytes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

Type getBitsType(Type scalar) { return IntegerType::get(scalar.getContext(), scalar.getIntOrFloatBitWidth()); }

Value toWord(OpBuilder &b, Location loc, Value scalar) {
  Type type = scalar.getType(), word = tile::getWordType(type);
  if (word == type)
    return scalar;
  if (isa<FloatType>(type))
    scalar = arith::BitcastOp::create(b, loc, getBitsType(type), scalar);
  return scalar.getType() == word ? scalar : arith::ExtUIOp::create(b, loc, word, scalar).getResult();
}

Value fromWord(OpBuilder &b, Location loc, Value word, Type type) {
  if (word.getType() == type)
    return word;
  Type bits = getBitsType(type);
  if (word.getType() != bits)
    word = arith::TruncIOp::create(b, loc, bits, word);
  return bits == type ? word : arith::BitcastOp::create(b, loc, type, word).getResult();
}

/// The calls of one operation.
class ExternCallLowering {
public:
  ExternCallLowering(ThreadLowering &lowering, tile::ExternCallOp op)
      : lowering(lowering), op(op), model(op.getModel()) {
    for (Value argument : op.getArgs())
      arguments.push_back(lowering.getRegisters(argument));
    for (Type type : op.getResultTypes())
      types.push_back(tile::getElementOrSelf(type));
  }

  void run();

private:
  void declare();
  SmallVector<Value> call(OpBuilder &b, unsigned index);
  SmallVector<Value> callWhere(Value condition, unsigned index);

  ThreadLowering &lowering;
  tile::ExternCallOp op;
  Value model;
  std::string callee = (tile::kDeviceFunctionPrefix + op.getSymbol()).str();
  SmallVector<SmallVector<Value>> arguments; // by argument and register
  SmallVector<Type> types;                   // of the elements of each result
};

/// Declares the function of words at the end of the module.
void ExternCallLowering::declare() {
  auto module = lowering.getKernel()->getParentOfType<ModuleOp>();
  if (module.lookupSymbol(callee))
    return;
  SmallVector<Type> inputs, outputs;
  for (Type type : op.getArgs().getTypes())
    inputs.push_back(tile::getWordType(tile::getElementOrSelf(type)));
  for (Type type : types)
    outputs.push_back(tile::getWordType(type));
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  auto function = func::FuncOp::create(builder, op.getLoc(), callee, builder.getFunctionType(inputs, outputs));
  function.setPrivate();
  if (op.getPure()) // as the conversion to the LLVM dialect understands it
    function->setAttr("llvm.readnone", builder.getUnitAttr());
}

SmallVector<Value> ExternCallLowering::call(OpBuilder &b, unsigned index) {
  SmallVector<Value> words;
  for (const SmallVector<Value> &registers : arguments)
    words.push_back(toWord(b, lowering.loc, registers[index]));
  SmallVector<Type> outputs = llvm::map_to_vector(types, tile::getWordType);
  auto made = func::CallOp::create(b, lowering.loc, callee, outputs, words);
  SmallVector<Value> results;
  for (auto [word, type] : llvm::zip_equal(made.getResults(), types))
    results.push_back(fromWord(b, lowering.loc, word, type));
  return results;
}

SmallVector<Value> ExternCallLowering::callWhere(Value condition, unsigned index) {
  if (!condition)
    return call(lowering.builder, index);
  Location loc = lowering.loc;
  SmallVector<Value> zeros = llvm::map_to_vector(types, [&](Type type) { return lowering.zero(type); });
  auto branch = scf::IfOp::create(lowering.builder, loc, types, condition, /*withElseRegion=*/!types.empty());
  OpBuilder on = branch.getThenBodyBuilder();
  SmallVector<Value> results = call(on, index);
  if (!types.empty()) {
    scf::YieldOp::create(on, loc, results);
    OpBuilder off = branch.getElseBodyBuilder();
    scf::YieldOp::create(off, loc, zeros);
  }
  return llvm::to_vector(ValueRange(branch.getResults()));
}

void ExternCallLowering::run() {
  declare();
  LayoutAttr layout = model ? getLayout(model) : LayoutAttr();
  unsigned count = layout ? layout.getNumRegisters() : 1;
  Value owner = op.getPure() ? Value() : model ? lowering.isOwner(model) : lowering.isFirstThread();

  SmallVector<SmallVector<Value>> results(types.size()); // by result and register
  // A pure function is called once for equal arguments, one with effects once for an element: a thread may hold either
  // in several registers.
  llvm::DenseMap<SmallVector<void *, 4>, SmallVector<Value>> ofArguments;
  llvm::SmallDenseMap<uint64_t, SmallVector<Value>> ofElements;
  for (unsigned index = 0; index < count; ++index) {
    SmallVector<void *, 4> key;
    for (const SmallVector<Value> &registers : arguments)
      key.push_back(registers[index].getAsOpaquePointer());
    bool isNew = false;
    SmallVector<Value> *made = nullptr;
    if (op.getPure()) {
      auto [it, inserted] = ofArguments.try_emplace(key);
      made = &it->second, isNew = inserted;
    } else {
      auto [it, inserted] = ofElements.try_emplace(layout ? layout.getLinear().apply(index) : 0);
      made = &it->second, isNew = inserted;
    }
    if (isNew)
      *made = callWhere(owner, index);
    for (auto [values, value] : llvm::zip_equal(results, *made))
      values.push_back(value);
  }

  int64_t bytes;
  for (auto [result, values, offset] : llvm::zip_equal(op.getResults(), results, getCallOffsets(op, bytes))) {
    if (offset >= 0)
      shareOwnedValues(lowering, result, values, owner,
                       lowering.add(lowering.getSharedAddress(op), lowering.i32(offset)));
    lowering.setResult(result, values);
  }
}

} // namespace

LogicalResult tile_gpu::lowerExternCall(ThreadLowering &lowering, tile::ExternCallOp op) {
  ExternCallLowering(lowering, op).run();
  return success();
}
