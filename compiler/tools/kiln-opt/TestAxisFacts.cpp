//===- TestAxisFacts.cpp - Shows axis facts as remarks ---------------------------------------------------===//

#include "TestPasses.h"

#include "kiln/Analysis/AxisFacts.h"

using namespace mlir;
using namespace kiln::tile;

namespace {

struct TestAxisFacts : PassWrapper<TestAxisFacts, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestAxisFacts)

  StringRef getArgument() const final { return "test-tile-axis-facts"; }
  StringRef getDescription() const final { return "Emit a remark with the axis facts of each value"; }

  void runOnOperation() override {
    const auto &analysis = getAnalysis<AxisFactsAnalysis>();
    markAllAnalysesPreserved();
    auto show = [&](Operation *op, StringRef what, unsigned index, Value value) {
      std::string text;
      llvm::raw_string_ostream os(text);
      analysis.get(value).print(os);
      op->emitRemark() << what << " " << index << ": " << text;
    };
    getOperation().walk([&](Operation *op) {
      for (OpResult result : op->getResults())
        show(op, "result", result.getResultNumber(), result);
      for (Region &region : op->getRegions())
        for (BlockArgument argument : region.getArguments())
          show(op, "argument", argument.getArgNumber(), argument);
    });
  }
};

} // namespace

void kiln::registerTestPasses() { PassRegistration<TestAxisFacts>(); }
