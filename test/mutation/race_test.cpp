// Kernels that are racy on purpose, and those of the library, which are not.

#include "library.h"

using namespace kiln;
using namespace kiln::test;

namespace {

constexpr int code_line = __LINE__ + 1;
constexpr const char *code = R"(func.func @k(%out: i64)
    attributes {tile.kernel, tile.num_warps = 2 : i32, tile_gpu.shared_bytes = 512 : i64} {
  %t = tile_gpu.machine "tid.x"() : () -> i32
  %base = tile_gpu.machine "shared.base"() : () -> i32
  %c4 = arith.constant 4 : i32
  %c32 = arith.constant 32 : i32
  %offset = arith.muli %t, %c4 : i32
  %other = arith.xori %t, %c32 : i32
  %other_offset = arith.muli %other, %c4 : i32
  %own = arith.addi %base, %offset : i32
  %others = arith.addi %base, %other_offset : i32
  %wide = arith.extui %offset : i32 to i64
  %other_wide = arith.extui %other_offset : i32 to i64
  %own_out = arith.addi %out, %wide : i64
  %others_out = arith.addi %out, %other_wide : i64
  tile_gpu.machine "st.shared.b32"(%own, %t) : (i32, i32) -> ()
  tile_gpu.machine "bar.sync"() : () -> ()
  tile_gpu.machine "st.shared.b32"(%others, %t) : (i32, i32) -> ()
  tile_gpu.machine "st.global.b32"(%own_out, %t) : (i64, i32) -> ()
  tile_gpu.machine "bar.sync"() : () -> ()
  tile_gpu.machine "st.global.b32"(%others_out, %t) : (i64, i32) -> ()
  tile_gpu.machine "bar.sync"() : () -> ()
  %x = tile_gpu.machine "ld.global.b32"(%own_out) : (i64) -> i32
  %y = tile_gpu.machine "ld.shared.b32"(%own) : (i32) -> i32
  %z = arith.addi %x, %y : i32
  tile_gpu.machine "bar.sync"() : () -> ()
  tile_gpu.machine "st.global.b32"(%others_out, %z) : (i64, i32) -> ()
  return
})";

int line_of_step(int lines_from_last_address) { return code_line + 14 + lines_from_last_address; }

TEST(Racy, WithoutOneBarrierOfEachKind) {
  Array<std::int32_t> out("out", std::vector<std::int32_t>(64), Array<std::int32_t>::Role::output);
  Subject subject(__FILE__, code_line, code, {out.data()});
  ASSERT_EQ(subject.run().text, "");
  const struct {
    const char *message;
    int line, earlier;
  } races[] = {
      {"error: write of shared memory races with write of byte ", 3, 1},
      {"races with a store", 6, 4},
      {"error: load of 4 bytes at ", 8, 6},
      {"error: store of 4 bytes at ", 12, 8},
  };
  for (std::size_t i = 0; i < 4; ++i) {
    const Report report = subject.run([&](mlir::ModuleOp module) { machine_ops(module, "bar.sync")[i].erase(); });
    EXPECT_TRUE(report.says(races[i].message)) << report.text;
    EXPECT_TRUE(report.names(line_of(__FILE__, line_of_step(races[i].line)))) << report.text;
    EXPECT_TRUE(report.names(line_of(__FILE__, line_of_step(races[i].earlier)))) << report.text;
    note("race " + std::to_string(i), report);
  }
}

class Seeds : public testing::TestWithParam<std::uint64_t> {
protected:
  void TearDown() override { set_emulator_options(before); }
  const EmulatorOptions before = emulator_options();
};

TEST_P(Seeds, FindNothingInTheLibrary) {
  for (const std::vector<Case> &cases : {library_cases(), exchange_cases()})
    for (const Case &c : cases) {
      const std::shared_ptr<Subject> subject = c.make();
      const Report in_order = subject->run();
      set_emulator_options({.seed = GetParam()});
      const Report permuted = subject->run();
      set_emulator_options(before);
      EXPECT_EQ(in_order.text, "") << c.name;
      EXPECT_EQ(permuted.text, "") << c.name;
      EXPECT_EQ(permuted.results, in_order.results) << c.name;
    }
}

INSTANTIATE_TEST_SUITE_P(Orders, Seeds, testing::Values(1, 77, 20260101));

} // namespace
