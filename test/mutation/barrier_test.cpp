// Barriers left out, one at a time.

#include "library.h"

#include <iostream>

using namespace kiln;
using namespace kiln::test;

namespace {

/// Leaves out each barrier of each kernel, and expects a race between accesses on its two sides, one of which is the
/// operation that the barrier belongs to.
void drop_each_barrier(const std::vector<Case> &cases) {
  for (const Case &c : cases) {
    SCOPED_TRACE(c.name);
    const std::shared_ptr<Subject> subject = c.make();
    ASSERT_EQ(subject->run().text, "");
    const MachineOps barriers = machine_ops(subject->code(), "bar.sync");
    std::cout << c.name << ": " << barriers.size() << " barriers\n";
    for (std::size_t i = 0; i < barriers.size(); ++i) {
      const std::string line = line_of(barriers[i]);
      const Report report = subject->run([&](mlir::ModuleOp module) { machine_ops(module, "bar.sync")[i].erase(); });
      std::cout << "  " << i << " " << line << (report.names(line) ? "" : " NOT NAMED") << ": " << report.first() << "\n";
      EXPECT_FALSE(report.is_clean()) << "barrier " << i << " at " << line;
      EXPECT_TRUE(report.says("races with")) << report.text;
      EXPECT_TRUE(report.names(line)) << line << "\n" << report.text;
    }
  }
}

TEST(DroppedBarrier, OfKernelsOfTheLibrary) { drop_each_barrier(library_cases()); }

TEST(DroppedBarrier, OfExchanges) { drop_each_barrier(exchange_cases()); }

} // namespace
