//===- RemoveOverlap.cpp - Launches one after the other -------------------===//

#include "kiln/Dialect/Tile/IR/Tile.h"
#include "kiln/Dialect/Tile/Transforms/Passes.h"

namespace kiln::tile {
#define GEN_PASS_DEF_REMOVEOVERLAP
#include "kiln/Dialect/Tile/Transforms/Passes.h.inc"
} // namespace kiln::tile

using namespace mlir;
using namespace kiln;

namespace {

struct RemoveOverlapPass : tile::impl::RemoveOverlapBase<RemoveOverlapPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      function->removeAttr(tile::kOverlapsAttr);
    getOperation()->walk([](Operation *op) {
      if (isa<tile::WaitForLaunchesOp, tile::LaunchDependentsOp>(op))
        op->erase();
    });
  }
};

} // namespace
