// Barriers left out, one at a time.

#include "library.h"

#include <map>

using namespace kiln;
using namespace kiln::test;

namespace {

/// Whether an operation at the barrier's line has a name that begins so.
bool is_of(tile_gpu::MachineOp barrier, mlir::ModuleOp code, std::initializer_list<const char *> prefixes) {
  for (const char *prefix : prefixes)
    for (tile_gpu::MachineOp op : machine_ops(code, prefix))
      if (line_of(op) == line_of(barrier))
        return true;
  return false;
}

/// How many barriers these kernels could do without: they keep stores to global memory apart that go through different
/// pointers, which never meet, but the compiler does not know that.
const std::map<std::string, std::size_t> spare = {
    {"softmax f32, in chunks", 1},          // pieces of a row
    {"rms_norm f32, in chunks", 1},         // pieces of a row
    {"kv_cache_store f16", 4},              // the parts of a head, in two caches
    {"paged_attention f16", 1},             // the result and the sums
    {"paged_attention bf16, odd sizes", 1}, // the result and the sums
    {"paged_attention f32", 1},             // the result and the sums
};

/// Leaves out each barrier of each kernel. Each time a race must be found, at the line of the operation that the
/// barrier belongs to.
void drop_each_barrier(const std::vector<Case> &cases) {
  for (const Case &c : cases) {
    const std::shared_ptr<Subject> subject = c.make();
    ASSERT_EQ(subject->run().text, "") << c.name;
    const MachineOps barriers = machine_ops(subject->code(), "bar.sync");
    const bool is_pipelined = !machine_ops(subject->code(), "cp.async").empty();
    std::size_t not_missed = 0;
    for (std::size_t i = 0; i < barriers.size(); ++i) {
      const std::string line = line_of(barriers[i]);
      SCOPED_TRACE(testing::Message() << c.name << ", barrier " << i << " at " << line);
      const Report report = subject->run([&](mlir::ModuleOp module) { machine_ops(module, "bar.sync")[i].erase(); });
      if (report.is_clean()) {
        ++not_missed;
        EXPECT_TRUE(is_of(barriers[i], subject->code(), {"st.global"}));
        EXPECT_FALSE(is_of(barriers[i], subject->code(), {"st.shared", "ld.shared", "ldmatrix"}));
        continue;
      }
      EXPECT_TRUE(report.says("races with") && report.says("with no barrier in between")) << report.text;
      // Else it stands in front of a loop, for what is in there. One of a pipelined loop serves all of an iteration.
      if (!is_pipelined && is_of(barriers[i], subject->code(), {"ld", "st.", "atom."}))
        EXPECT_TRUE(report.names(line)) << report.text;
      note(c.name + ", barrier " + std::to_string(i), report);
    }
    const auto expected = spare.find(c.name);
    EXPECT_EQ(not_missed, expected == spare.end() ? 0 : expected->second) << c.name;
  }
}

TEST(DroppedBarrier, OfKernelsOfTheLibrary) { drop_each_barrier(library_cases()); }

TEST(DroppedBarrier, OfExchanges) { drop_each_barrier(exchange_cases()); }

} // namespace
