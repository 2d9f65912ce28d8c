//===- CountOperations.cpp - What a thread executes, block by block -------===//
//
// Counted is what a GPU would be given, at the level of the IR: constants, renamed registers and jumps that are not
// conditional cost nothing. Machine operations are counted where they are executed.
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

ArrayAttr kiln::countOperations(func::FuncOp kernel) {
  Builder builder(kernel.getContext());
  SmallVector<Attribute> blocks;
  for (Block &block : kernel.getBody()) {
    llvm::MapVector<std::pair<Attribute, StringRef>, unsigned> counts;
    for (Operation &op : block)
      if (StringRef kind = classOf(&op); !kind.empty())
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
