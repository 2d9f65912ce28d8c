//===- MachineOps.cpp - The table of machine operations -------------------===//

#include "kiln/Dialect/TileGPU/IR/MachineOps.h"

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"

using namespace mlir;
using namespace kiln::tile_gpu;

LogicalResult MachineOp::verify() {
  if (getName() != "tid.x")
    return emitOpError() << "names '" << getName() << "', which is no machine operation";
  return success();
}

void MachineOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &) {}

ValueRange kiln::tile_gpu::createMachineOp(OpBuilder &builder, Location loc, StringRef name, ValueRange operands) {
  return MachineOp::create(builder, loc, TypeRange{builder.getI32Type()}, name, operands).getResults();
}
