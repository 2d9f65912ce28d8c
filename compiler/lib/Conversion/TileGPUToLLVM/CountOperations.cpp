//===- CountOperations.cpp - What a thread executes, block by block -------===//
//
// Counted is what a GPU would be given, at the level of the IR: constants, renamed registers and jumps that are not
// conditional cost nothing. Machine operations are counted where they are executed. What is computed for the emulator's
// own checks is not counted: a GPU has nothing there.
//
//===----------------------------------------------------------------------===//

#include "Steps.h"

#include "kiln/Conversion/TileGPUToThreads/AccessReport.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace kiln;

/// The class of an operation, or nothing where it costs nothing.
static StringRef classOf(Operation *op) {
  if (op->hasTrait<OpTrait::ConstantLike>() ||
      isa<tile_gpu::MachineOp, ub::PoisonOp, arith::BitcastOp, cf::BranchOp>(op))
    return {};
  if (op->hasTrait<OpTrait::IsTerminator>() || isa<CallOpInterface>(op))
    return "control";
  if (isa<CastOpInterface>(op))
    return "conversion";
  auto isFloat = [](Type type) { return isa<FloatType>(type); };
  bool floats = llvm::any_of(op->getOperandTypes(), isFloat) || llvm::any_of(op->getResultTypes(), isFloat);
  return floats ? "floating" : "integer";
}

/// The emulator's checks, and operations of which nothing else uses a result.
static DenseSet<Operation *> findChecks(func::FuncOp kernel) {
  SmallVector<Operation *> worklist;
  DenseSet<Operation *> checks;
  kernel.walk([&](tile_gpu::MachineOp op) {
    const tile_gpu::MachineRow *row = tile_gpu::lookupMachineOp(op.getName());
    if (row && row->form == tile_gpu::MachineForm::Check) {
      checks.insert(op);
      worklist.push_back(op);
    }
  });
  while (!worklist.empty())
    for (Value operand : worklist.pop_back_val()->getOperands()) {
      Operation *op = operand.getDefiningOp();
      if (op && isMemoryEffectFree(op) && !checks.contains(op) &&
          llvm::all_of(op->getUsers(), [&](Operation *user) { return checks.contains(user); })) {
        checks.insert(op);
        worklist.push_back(op);
      }
    }
  return checks;
}

ArrayAttr kiln::countOperations(func::FuncOp kernel) {
  Builder builder(kernel.getContext());
  const DenseSet<Operation *> checks = findChecks(kernel);
  SmallVector<Attribute> blocks;
  for (Block &block : kernel.getBody()) {
    llvm::MapVector<std::pair<Attribute, StringRef>, unsigned> counts;
    for (Operation &op : block)
      if (StringRef kind = classOf(&op); !kind.empty() && !checks.contains(&op))
        ++counts[{builder.getStringAttr(tile_gpu::getSourcePlace(op.getLoc())), kind}];
    SmallVector<Attribute> list;
    for (auto [key, count] : counts)
      list.push_back(builder.getDictionaryAttr({builder.getNamedAttr("count", builder.getI32IntegerAttr(count)),
                                                builder.getNamedAttr("kind", builder.getStringAttr(key.second)),
                                                builder.getNamedAttr("place", key.first)}));
    blocks.push_back(builder.getArrayAttr(list));
  }
  return builder.getArrayAttr(blocks);
}
