// Threads that take each other's place.

#include "library.h"

#include <set>

using namespace kiln;
using namespace kiln::test;

namespace {

std::vector<Case> chosen(const std::set<std::string> &names) {
  std::vector<Case> cases;
  for (const std::vector<Case> &list : {exchange_cases(), library_cases()})
    for (const Case &c : list)
      if (names.contains(c.name))
        cases.push_back(c);
  EXPECT_EQ(cases.size(), names.size());
  return cases;
}

/// The accesses of shared memory by which conversions between layouts exchange elements.
MachineOps conversion_accesses(mlir::ModuleOp code) {
  MachineOps found;
  bool is_inside = false;
  code.walk([&](tile_gpu::MachineOp op) {
    const llvm::StringRef name = op.getName();
    if (name.starts_with("exchange."))
      is_inside = name == "exchange.sent";
    else if (is_inside &&
             (name.starts_with("st.shared") || name.starts_with("ld.shared") || name.starts_with("ldmatrix")))
      found.push_back(op);
  });
  return found;
}

TEST(WrongLanes, OnOneSideOfAConversion) {
  std::size_t harmless = 0, harmful = 0;
  for (const Case &c :
       chosen({"transposition", "dot f16", "matmul f16", "matmul bf16, columns first", "paged_attention f16"})) {
    const std::shared_ptr<Subject> subject = c.make();
    const Report whole = subject->run();
    ASSERT_EQ(whole.text, "") << c.name;
    MachineOps accesses = conversion_accesses(subject->code());
    EXPECT_FALSE(accesses.empty());
    for (std::size_t i = 0; i < accesses.size(); ++i)
      for (std::uint32_t mask : {1U, 16U, 32U}) {
        const std::string what = c.name + ", " + accesses[i].getName().str() + " as thread ^ " + std::to_string(mask);
        const std::string line = line_of(accesses[i]);
        SCOPED_TRACE(what + " at " + line);
        const Report report = subject->run(
            [&](mlir::ModuleOp module) { compute_for_thread(conversion_accesses(module)[i], 0, 0xffffffff, mask); });
        if (report.is_clean()) {
          // These threads access one and the same address.
          EXPECT_EQ(report.results, whole.results);
          ++harmless;
          continue;
        }
        ++harmful;
        EXPECT_TRUE(report.says("an exchange between threads gives element") || report.says("races with"))
            << report.text;
        EXPECT_TRUE(report.names(line)) << report.text;
        note(what, report);
      }
  }
  EXPECT_GT(harmful, 3 * harmless);
}

// What goes into a reduction does not come out of it, so there is nothing to compare.
TEST(WrongLanes, OfAReductionShowInTheNumbersOnly) {
  for (const Case &c : chosen({"reduction"})) {
    const std::shared_ptr<Subject> subject = c.make();
    const Report whole = subject->run();
    const std::size_t shuffles = machine_ops(subject->code(), "shfl").size();
    ASSERT_GT(shuffles, 0U);
    for (std::size_t i = 0; i < shuffles; ++i) {
      const Report report = subject->run([&](mlir::ModuleOp module) {
        tile_gpu::MachineOp shuffle = machine_ops(module, "shfl")[i];
        mlir::OpBuilder builder(shuffle);
        const mlir::Location loc = shuffle.getLoc();
        const mlir::Value four = mlir::arith::ConstantIntOp::create(builder, loc, builder.getI32Type(), 4);
        shuffle->setOperand(2, mlir::arith::XOrIOp::create(builder, loc, shuffle->getOperand(2), four));
      });
      EXPECT_EQ(report.text, "");
      EXPECT_NE(report.results, whole.results) << i;
    }
  }
}

TEST(WrongLanes, OfAStoreLeaveOutputsUnwritten) {
  for (const Case &c :
       chosen({"vector_add f32", "softmax f16", "rms_norm bf16", "matmul f16", "paged_attention f16"})) {
    const std::shared_ptr<Subject> subject = c.make();
    const MachineOps stores = machine_ops(subject->code(), "st.global");
    ASSERT_FALSE(stores.empty());
    for (std::size_t i = 0; i < stores.size(); ++i) {
      // Every second thread stores where its neighbour does.
      const Report report = subject->run(
          [&](mlir::ModuleOp module) { compute_for_thread(machine_ops(module, "st.global")[i], 0, ~1U, 0); });
      EXPECT_TRUE(report.says("is not written by the kernel")) << report.text;
      EXPECT_TRUE(report.names(line_of(stores[i]))) << report.text;
      note(c.name + ", store as thread & ~1", report);
    }
  }
}

// Any fragment is a valid one.
TEST(WrongFragments, ShowInTheNumbersOnly) {
  for (const Case &c : chosen({"dot f16", "matmul f16"})) {
    const std::shared_ptr<Subject> subject = c.make();
    const Report whole = subject->run();
    const std::size_t products = machine_ops(subject->code(), "mma").size();
    ASSERT_GT(products, 0U);
    for (std::size_t i = 0; i < products; ++i) {
      const Report report = subject->run([&](mlir::ModuleOp module) {
        tile_gpu::MachineOp product = machine_ops(module, "mma")[i];
        const mlir::Value first = product->getOperand(0);
        product->setOperand(0, product->getOperand(1));
        product->setOperand(1, first);
      });
      EXPECT_EQ(report.text, "");
      EXPECT_NE(report.results, whole.results);
    }
  }
}

} // namespace
