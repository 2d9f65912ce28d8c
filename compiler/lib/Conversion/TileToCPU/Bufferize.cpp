//===- Bufferize.cpp - tile-bufferize -------------------------------------===//

#include "kiln/Conversion/TileToCPU/Passes.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Bufferization/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace kiln {
#define GEN_PASS_DEF_TILEBUFFERIZE
#include "kiln/Conversion/TileToCPU/Passes.h.inc"
} // namespace kiln

using namespace mlir;

namespace {

/// Copies that kept apart what is written through a buffer. From here on the analysis knows of every write, and copies
/// where one is needed.
void dropCopiesOfBuffers(Operation *root) {
  root->walk([](bufferization::ToBufferOp op) {
    auto copy = op.getTensor().getDefiningOp<bufferization::AllocTensorOp>();
    if (!copy || !copy.getCopy() || !copy->hasOneUse())
      return;
    op.getTensorMutable().assign(copy.getCopy());
    copy.erase();
  });
}

struct BufferizePass : kiln::impl::TileBufferizeBase<BufferizePass> {
  void runOnOperation() override {
    dropCopiesOfBuffers(getOperation());
    bufferization::OneShotBufferizationOptions options;
    options.allowUnknownOps = true; // pointers and program ids; none of them touches a tensor
    options.setFunctionBoundaryTypeConversion(bufferization::LayoutMapOption::IdentityLayoutMap);
    options.unknownTypeConverterFn = [](TensorType type, Attribute memorySpace,
                                        const bufferization::BufferizationOptions &) {
      return bufferization::getMemRefTypeWithStaticIdentityLayout(type, memorySpace);
    };
    // Scratch memory is reused across programs: nothing is ever freed, and every buffer is placed at compile time.
    options.memCpyFn = [](OpBuilder &builder, Location loc, Value from, Value to) {
      if (from != to)
        linalg::CopyOp::create(builder, loc, from, to);
      return success();
    };
    bufferization::BufferizationState state;
    if (failed(bufferization::runOneShotBufferize(getOperation(), options, state)))
      return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    bufferization::ToBufferOp::getCanonicalizationPatterns(patterns, &getContext());
    bufferization::ToTensorOp::getCanonicalizationPatterns(patterns, &getContext());
    scf::ForOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    getOperation()->walk([](linalg::CopyOp copy) {
      if (copy.getInputs()[0] == copy.getOutputs()[0])
        copy.erase();
    });
  }
};

} // namespace
