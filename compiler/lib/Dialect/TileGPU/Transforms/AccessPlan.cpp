//===- AccessPlan.cpp - How each access to memory will be done ------------===//

#include "kiln/Dialect/TileGPU/Transforms/AccessPlan.h"

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/Layout/Vectors.h"

using namespace mlir;
using namespace kiln;
using namespace kiln::tile_gpu;

static AccessPlan planAccess(Value pointer, Value mask, const tile::AxisFactsAnalysis &facts, Value other = Value()) {
  AccessPlan plan;
  plan.isConstant = tile::isConstantMemory(pointer);
  tile::AxisFacts pointerFacts = facts.get(pointer);
  std::optional<tile::AxisFacts> maskFacts;
  if (mask) {
    maskFacts = facts.get(mask);
    plan.isMasked = maskFacts->getConstant() != 1;
  }
  auto type = dyn_cast<RankedTensorType>(pointer.getType());
  LayoutAttr layout = getLayout(pointer);
  if (!type || !layout)
    return plan;

  LinearLayout linear = layout.getLinear();
  int64_t bytes = cast<tile::PtrType>(type.getElementType()).getElementBytes();
  plan.vector.elements = 0;
  for (unsigned axis : tile::getAccessOrder(pointerFacts)) {
    tile::VectorLimit vector = tile::getVectorLimit(pointerFacts, plan.isMasked ? &*maskFacts : nullptr, axis, bytes);
    if (int64_t held = getVectorLength(linear, axis); held < vector.elements)
      vector = {held, tile::AccessLimit::Layout};
    if (vector.elements > plan.vector.elements) {
      plan.axis = axis;
      plan.vector = vector;
    }
  }
  for (unsigned axis = 0; axis < pointerFacts.getNumAxes(); ++axis) {
    int64_t run = pointerFacts.getConstancy(axis);
    if (plan.isMasked)
      run = std::min(run, maskFacts->getConstancy(axis));
    if (plan.isMasked && other)
      run = std::min(run, facts.get(other).getConstancy(axis));
    plan.sameRuns.push_back(run);
  }
  return plan;
}

AccessPlans::AccessPlans(func::FuncOp kernel) {
  tile::AxisFactsAnalysis facts(kernel);
  kernel.walk([&](Operation *op) {
    if (auto load = dyn_cast<tile::LoadOp>(op))
      plans[op] = planAccess(load.getPointer(), load.getMask(), facts, load.getOther());
    else if (auto load = dyn_cast<AsyncLoadOp>(op))
      plans[op] = planAccess(load.getPointer(), load.getMask(), facts);
    else if (auto store = dyn_cast<tile::StoreOp>(op))
      plans[op] = planAccess(store.getPointer(), store.getMask(), facts);
  });
}
