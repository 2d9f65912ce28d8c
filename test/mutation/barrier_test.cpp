// Barriers left out, one at a time.

#include "library.h"

#include <map>

using namespace kiln;
using namespace kiln::test;

namespace {

bool is_access(tile_gpu::MachineOp op) {
  return op.getName().starts_with("ld") || op.getName().starts_with("st.") || op.getName().starts_with("atom.");
}

/// Whether something at the barrier's line accesses memory. Else the barrier stands in front of a loop, for what is in
/// it, and at the loop's line.
bool is_of_an_access(tile_gpu::MachineOp barrier, mlir::ModuleOp code) {
  bool found = false;
  code.walk([&](tile_gpu::MachineOp op) { found |= is_access(op) && line_of(op) == line_of(barrier); });
  return found;
}

/// Barriers that these kernels could do without, by the number of the barrier in the code: they keep stores apart that
/// go through different pointers, which never meet, but the compiler does not know that.
const std::map<std::string, std::vector<std::size_t>> spare = {
    {"softmax f32, in chunks", {2}},          // pieces of a row
    {"rms_norm f32, in chunks", {1}},         // pieces of a row
    {"kv_cache_store f16", {0, 1, 2, 3}},     // the parts of a head, in two caches
    {"paged_attention f16", {8}},             // the result and the sums
    {"paged_attention bf16, odd sizes", {7}}, // the result and the sums
    {"paged_attention f32", {6}},             // the result and the sums
};

/// Leaves out each barrier of each kernel. Each time a race must be found, at the line of the operation that the
/// barrier belongs to.
void drop_each_barrier(const std::vector<Case> &cases) {
  for (const Case &c : cases) {
    const std::shared_ptr<Subject> subject = c.make();
    ASSERT_EQ(subject->run().text, "") << c.name;
    const MachineOps barriers = machine_ops(subject->code(), "bar.sync");
    std::vector<std::size_t> not_missed;
    for (std::size_t i = 0; i < barriers.size(); ++i) {
      const std::string line = line_of(barriers[i]);
      SCOPED_TRACE(testing::Message() << c.name << ", barrier " << i << " at " << line);
      const Report report = subject->run([&](mlir::ModuleOp module) { machine_ops(module, "bar.sync")[i].erase(); });
      if (report.is_clean()) {
        not_missed.push_back(i);
        continue;
      }
      EXPECT_TRUE(report.says("races with") && report.says("with no barrier in between")) << report.text;
      if (is_of_an_access(barriers[i], subject->code()))
        EXPECT_TRUE(report.names(line)) << report.text;
      note(c.name + ", barrier " + std::to_string(i), report);
    }
    const auto expected = spare.find(c.name);
    EXPECT_EQ(not_missed, expected == spare.end() ? std::vector<std::size_t>() : expected->second) << c.name;
  }
}

TEST(DroppedBarrier, OfKernelsOfTheLibrary) { drop_each_barrier(library_cases()); }

TEST(DroppedBarrier, OfExchanges) { drop_each_barrier(exchange_cases()); }

} // namespace
