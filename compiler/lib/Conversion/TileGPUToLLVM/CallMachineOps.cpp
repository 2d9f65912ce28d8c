//===- CallMachineOps.cpp - Machine operations as calls of the emulator ---===//
//
//   %x, %y = tile_gpu.machine "op"(%a, %b)
//
// becomes
//
//   store the bits of %a and %b, each widened to 64, to operands[0] and operands[1]
//   call @kiln_emulator_execute(thread, site, operands, results)
//   %x, %y = the bits of results[0] and results[1], narrowed
//
// The operation may wait for other threads, which run meanwhile, so nothing but this thread's own stack may be taken to
// be the same after the call.
//
//===----------------------------------------------------------------------===//

#include "Steps.h"

#include "kiln/Conversion/TileGPUToLLVM/Passes.h"
#include "kiln/Conversion/TileGPUToThreads/AccessReport.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

class KernelCalls {
public:
  KernelCalls(func::FuncOp kernel, LLVM::LLVMFuncOp execute)
      : kernel(kernel), execute(execute), builder(kernel.getLoc(), kernel.getContext()),
        pointer(LLVM::LLVMPointerType::get(kernel.getContext())) {}

  void run() {
    SmallVector<MachineOp> ops;
    size_t operandWords = 0, resultWords = 0;
    kernel.walk([&](MachineOp op) {
      ops.push_back(op);
      operandWords = std::max<size_t>(operandWords, op.getInputs().size());
      resultWords = std::max<size_t>(resultWords, op.getNumResults());
    });
    dropTileAttributes(kernel);
    enter(operandWords, resultWords);
    SmallVector<Attribute> sites;
    for (MachineOp op : ops) {
      sites.push_back(describe(op));
      replace(op, sites.size() - 1);
    }
    kernel->setAttr(kSitesAttr, builder.getArrayAttr(sites));
  }

private:
  void enter(size_t operandWords, size_t resultWords);
  void raiseCounter(Block &block, Value counters, int64_t index);
  Attribute describe(MachineOp op);
  void replace(MachineOp op, int64_t site);

  Value constant(Type type, int64_t value) {
    return LLVM::ConstantOp::create(builder, type, builder.getIntegerAttr(type, value));
  }
  Value element(Type type, Value array, size_t index) {
    return index == 0 ? array
                      : LLVM::GEPOp::create(builder, pointer, type, array,
                                            ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(index)});
  }
  Value allocateWords(size_t count) {
    return count == 0 ? Value(LLVM::ZeroOp::create(builder, pointer))
                      : LLVM::AllocaOp::create(builder, pointer, builder.getI64Type(),
                                               constant(builder.getI32Type(), count), /*alignment=*/8);
  }
  Value toWord(Value value);
  Value fromWord(Value word, Type type);

  func::FuncOp kernel;
  LLVM::LLVMFuncOp execute;
  ImplicitLocOpBuilder builder;
  Type pointer;
  Value thread, operands, results;
};

/// Gives the kernel its new parameters, and every block its counter.
void KernelCalls::enter(size_t operandWords, size_t resultWords) {
  Block &entry = kernel.front();
  SmallVector<BlockArgument> parameters(entry.getArguments());
  thread = entry.addArgument(pointer, kernel.getLoc());
  Value arguments = entry.addArgument(pointer, kernel.getLoc());
  builder.setInsertionPointToStart(&entry);
  operands = allocateWords(operandWords);
  results = allocateWords(resultWords);
  for (auto [i, parameter] : llvm::enumerate(parameters)) {
    Type type = parameter.getType();
    Value address = LLVM::LoadOp::create(builder, pointer, element(pointer, arguments, i));
    // A bool is a byte in memory.
    Value value = LLVM::LoadOp::create(builder, type.isInteger(1) ? builder.getI8Type() : type, address);
    if (type.isInteger(1))
      value = arith::TruncIOp::create(builder, type, value);
    parameter.replaceAllUsesWith(value);
  }
  entry.eraseArguments(0, parameters.size());
  kernel.setFunctionType(builder.getFunctionType({pointer, pointer}, {}));

  Value counters = LLVM::LoadOp::create(builder, pointer, thread);
  Block::iterator afterCounters = builder.getInsertionPoint();
  for (auto [index, block] : llvm::enumerate(kernel.getBody())) {
    builder.setInsertionPoint(&block, index == 0 ? afterCounters : block.begin());
    Type i64 = builder.getI64Type();
    Value counter = element(i64, counters, index);
    Value raised = LLVM::AddOp::create(builder, LLVM::LoadOp::create(builder, i64, counter), constant(i64, 1));
    LLVM::StoreOp::create(builder, raised, counter);
  }
}

Attribute KernelCalls::describe(MachineOp op) {
  NamedAttrList entries;
  auto add = [&](StringRef name, const Twine &text) {
    if (!text.isTriviallyEmpty())
      entries.append(name, builder.getStringAttr(text));
  };
  const MachineRow &row = *lookupMachineOp(op.getName());
  add("operation", row.name);
  add("place", getSourcePlace(op.getLoc()));
  if (row.form == MachineForm::Print || row.form == MachineForm::Check) {
    add("text", op->getAttrOfType<StringAttr>(row.form == MachineForm::Print ? "format" : "exchange").getValue());
    std::string types;
    for (Type type : op.getInputs().getTypes())
      types += type.isF64() ? 'd' : type.isInteger(64) ? 'l' : 'i';
    add("types", types);
  } else if (row.form == MachineForm::AssertFail) {
    add("text", op->getAttrOfType<StringAttr>("message").getValue());
    if (!op.getInputs().empty())
      add("types", std::string(op.getInputs().size(), 'i'));
  }
  return entries.getDictionary(kernel.getContext());
}

Value KernelCalls::toWord(Value value) {
  unsigned width = value.getType().getIntOrFloatBitWidth();
  if (isa<FloatType>(value.getType()))
    value = arith::BitcastOp::create(builder, builder.getIntegerType(width), value);
  return width == 64 ? value : Value(arith::ExtUIOp::create(builder, builder.getI64Type(), value));
}

Value KernelCalls::fromWord(Value word, Type type) {
  unsigned width = type.getIntOrFloatBitWidth();
  if (width < 64)
    word = arith::TruncIOp::create(builder, builder.getIntegerType(width), word);
  return isa<FloatType>(type) ? Value(arith::BitcastOp::create(builder, type, word)) : word;
}

void KernelCalls::replace(MachineOp op, int64_t site) {
  builder.setLoc(op.getLoc());
  builder.setInsertionPoint(op);
  Type i64 = builder.getI64Type();
  for (auto [i, input] : llvm::enumerate(op.getInputs()))
    LLVM::StoreOp::create(builder, toWord(input), element(i64, operands, i));
  LLVM::CallOp::create(builder, execute, ValueRange{thread, constant(builder.getI32Type(), site), operands, results});
  for (auto [i, output] : llvm::enumerate(op.getOutputs())) {
    Value word = LLVM::LoadOp::create(builder, i64, element(i64, results, i));
    output.replaceAllUsesWith(fromWord(word, output.getType()));
  }
  op.erase();
}

/// `void kiln_emulator_execute(ptr thread, i32 site, ptr operands, ptr results)`. Once it has returned, it has no use
/// for what it was given, so the optimiser may keep other values where they are.
LLVM::LLVMFuncOp declareExecute(ModuleOp module) {
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  MLIRContext *context = module.getContext();
  Type pointer = LLVM::LLVMPointerType::get(context);
  auto type =
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), {pointer, builder.getI32Type(), pointer, pointer});
  auto function = LLVM::LLVMFuncOp::create(builder, module.getLoc(), kExecuteSymbol, type);
  for (unsigned words : {2, 3})
    function.setArgAttr(words, LLVM::LLVMDialect::getNoCaptureAttrName(), builder.getUnitAttr());
  function.setArgAttr(2, LLVM::LLVMDialect::getReadonlyAttrName(), builder.getUnitAttr());
  return function;
}

} // namespace

LogicalResult kiln::callMachineOps(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>()) {
    if (tile::isKernel(function))
      continue;
    WalkResult found = function.walk([](MachineOp op) {
      op.emitOpError("stands outside of a kernel");
      return WalkResult::interrupt();
    });
    if (found.wasInterrupted())
      return failure();
  }
  LLVM::LLVMFuncOp execute = declareExecute(module);
  for (auto function : module.getOps<func::FuncOp>()) {
    if (tile::isKernel(function))
      KernelCalls(function, execute).run();
    else
      dropTileAttributes(function);
  }
  return success();
}
