// Places in shared memory: on one side of an exchange only, and on both.

#include "library.h"

using namespace kiln;
using namespace kiln::test;

namespace {

/// Adds bits 8 to 10 of the address, counted from the beginning of shared memory, to bits 4 to 6.
void swizzle(tile_gpu::MachineOp op) {
  mlir::OpBuilder builder(op);
  const mlir::Location loc = op.getLoc();
  const auto constant = [&](unsigned value) {
    return mlir::arith::ConstantIntOp::create(builder, loc, builder.getI32Type(), value).getResult();
  };
  const mlir::Value base = machine_ops(op->getParentOfType<mlir::ModuleOp>(), "shared.base").at(0).getResult(0);
  const mlir::Value offset = mlir::arith::SubIOp::create(builder, loc, op->getOperand(0), base);
  const mlir::Value row = mlir::arith::ShRUIOp::create(builder, loc, offset, constant(4));
  const mlir::Value bits = mlir::arith::AndIOp::create(builder, loc, row, constant(0x70));
  const mlir::Value moved = mlir::arith::XOrIOp::create(builder, loc, offset, bits);
  op->setOperand(0, mlir::arith::AddIOp::create(builder, loc, base, moved));
}

void swizzle_all(mlir::ModuleOp module, std::initializer_list<const char *> prefixes) {
  for (const char *prefix : prefixes)
    for (tile_gpu::MachineOp op : machine_ops(module, prefix))
      swizzle(op);
}

/// Of the line, or of all.
std::uint64_t conflicts(const LaunchProfile &profile, const std::string &line = "") {
  std::uint64_t sum = 0;
  for (const LineProfile &of : profile.lines)
    if (line.empty() || line_of(of.file.c_str(), int(of.line)) == line)
      sum += of.shared_passes - of.shared_passes_ideal;
  return sum;
}

std::shared_ptr<Subject> make(const std::string &name) {
  for (const std::vector<Case> &cases : {exchange_cases(), library_cases()})
    for (const Case &c : cases)
      if (c.name == name)
        return c.make();
  throw std::runtime_error("there is no " + name);
}

TEST(WrongSwizzle, OfOneSideIsFound) {
  for (const char *name : {"transposition", "dot f16", "matmul f16"}) {
    SCOPED_TRACE(name);
    const std::shared_ptr<Subject> subject = make(name);
    const std::string line = line_of(machine_ops(subject->code(), "st.shared").at(0));
    const Report stores = subject->run([](mlir::ModuleOp module) { swizzle_all(module, {"st.shared"}); });
    const Report loads = subject->run([](mlir::ModuleOp module) { swizzle_all(module, {"ld.shared", "ldmatrix"}); });
    for (const Report &report : {stores, loads}) {
      EXPECT_TRUE(report.says("error: an exchange between threads gives element ")) << report.text;
      EXPECT_TRUE(report.names(line)) << report.text;
      note(std::string(name) + ", one side", report);
    }
  }
}

TEST(WrongSwizzle, OfBothSidesCostsBankConflictsAtItsLine) {
  for (const char *name : {"transposition", "dot f16", "matmul f16"}) {
    SCOPED_TRACE(name);
    const std::shared_ptr<Subject> subject = make(name);
    const std::string line = line_of(machine_ops(subject->code(), "st.shared").at(0));
    const auto mutation = [](mlir::ModuleOp module) {
      swizzle_all(module, {"st.shared", "cp.async.ca", "cp.async.cg", "ld.shared", "ldmatrix"});
    };
    EXPECT_EQ(subject->run(mutation).results, subject->run().results);
    EXPECT_EQ(conflicts(subject->profile(), line), 0U);
    const std::uint64_t after = conflicts(subject->profile(mutation), line);
    EXPECT_GT(after, 0U);
    RecordProperty(std::string(name) + ", conflicts", std::to_string(after));
  }
}

// A dot without tensor cores stages its operands as they are asked for most; the rest is free of conflicts.
TEST(WrongSwizzle, IsNoneInTheKernels) {
  for (const std::vector<Case> &cases : {library_cases(), exchange_cases()})
    for (const Case &c : cases) {
      const LaunchProfile profile = c.make()->profile();
      std::uint64_t passes = 0;
      for (const LineProfile &line : profile.lines)
        passes += line.shared_passes;
      RecordProperty(c.name, std::to_string(passes) + " passes, " + std::to_string(conflicts(profile)) + " conflicts");
      if (c.name != "dot f32" && c.name != "paged_attention f32")
        EXPECT_EQ(conflicts(profile), 0U) << c.name;
    }
}

} // namespace
