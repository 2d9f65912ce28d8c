//===- SettleAsserts.cpp - Asserts that are on or off ---------------------===//

#include "kiln/Dialect/Tile/IR/Tile.h"
#include "kiln/Dialect/Tile/Transforms/Passes.h"

namespace kiln::tile {
#define GEN_PASS_DEF_SETTLEASSERTS
#include "kiln/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace kiln::tile

using namespace mlir;
using namespace kiln;

namespace {

struct SettleAssertsPass : tile::impl::SettleAssertsBase<SettleAssertsPass> {
  using SettleAssertsBase::SettleAssertsBase;

  void runOnOperation() override {
    getOperation()->walk([&](Operation *op) {
      if (auto assume = dyn_cast<tile::AssumeOp>(op))
        assume.setChecked(asserts);
      else if (isa<tile::AssertOp>(op) && !asserts)
        op->erase();
    });
  }
};

} // namespace
