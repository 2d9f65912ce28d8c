//===- FillFirstWait.cpp - tile-gpu-fill-first-wait -----------------------===//
//
// Invariant code motion gathers what loops share in front of the outermost one, often behind loops and branches that
// need what memory holds. The assembler does not move it across those, so a program waits for its first load, does
// some hundred instructions, and loads again.
//
//===----------------------------------------------------------------------===//

#include "kiln/Dialect/TileGPU/IR/MachineOps.h"
#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Dialect/TileGPU/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace kiln::tile_gpu {
#define GEN_PASS_DEF_FILLFIRSTWAIT
#include "kiln/Dialect/TileGPU/Transforms/Passes.h.inc"
} // namespace kiln::tile_gpu

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

namespace {

const MachineRow *getRow(Operation *op) {
  auto machine = dyn_cast<MachineOp>(op);
  return machine ? lookupMachineOp(machine.getName()) : nullptr;
}

bool waitsForLaunches(Operation *op) {
  auto machine = dyn_cast<MachineOp>(op);
  return machine && machine.getName() == "griddepcontrol.wait";
}

bool loadsGlobal(Operation *op) {
  const MachineRow *row = getRow(op);
  return row && row->effect == MachineEffect::Read && row->space == MachineSpace::Global;
}

/// An exchange between the threads of a warp stays where it is.
bool isMovable(Operation *op) {
  const MachineRow *row = getRow(op);
  return op->getNumRegions() == 0 && !op->hasTrait<OpTrait::IsTerminator>() && isPure(op) && !(row && row->convergent);
}

/// In front of the first op that waits for other launches: nothing is loaded before it. Otherwise behind the first
/// load, so that it does not start later.
Operation *findPlace(Block &body) {
  for (Operation &op : body) {
    if (waitsForLaunches(&op))
      return &op;
    if (loadsGlobal(&op))
      return op.getNextNode();
    if (op.getNumRegions() != 0)
      return nullptr;
  }
  return nullptr;
}

void fill(Block &body) {
  Operation *place = findPlace(body);
  if (!place)
    return;
  llvm::SmallPtrSet<Operation *, 32> staying;
  for (Operation &op : llvm::make_early_inc_range(llvm::make_range(place->getIterator(), body.end()))) {
    bool waits = llvm::any_of(op.getOperands(), [&](Value operand) {
      Operation *definition = operand.getDefiningOp();
      return definition && staying.contains(definition);
    });
    if (waits || !isMovable(&op))
      staying.insert(&op);
    else if (&op == place)
      place = op.getNextNode();
    else
      op.moveBefore(place);
  }
}

struct FillFirstWaitPass : tile_gpu::impl::FillFirstWaitBase<FillFirstWaitPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isDeclaration())
        fill(function.getBody().front());
  }
};

} // namespace
