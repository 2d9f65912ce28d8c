// Async copies whose wait is missing, or lets too much go on.

#include "library.h"

using namespace kiln;
using namespace kiln::test;

namespace {

/// Two warps copy 16 bytes a thread in each of two groups, and each thread reads what its neighbour has copied: of the
/// first group while the second one is under way, then of the second.
constexpr int code_line = __LINE__ + 1;
constexpr const char *code = R"(func.func @k(%g: i64, %out: i64)
    attributes {tile.kernel, tile.num_warps = 2 : i32, tile_gpu.shared_bytes = 2048 : i64} {
  %t = tile_gpu.machine "tid.x"() : () -> i32
  %base = tile_gpu.machine "shared.base"() : () -> i32
  %c1 = arith.constant 1 : i32
  %c4 = arith.constant 4 : i32
  %c16 = arith.constant 16 : i32
  %all = arith.constant 16 : i32
  %half = arith.constant 1024 : i32
  %half_out = arith.constant 256 : i64
  %half_in = arith.constant 1024 : i64
  %offset = arith.muli %t, %c16 : i32
  %wide = arith.extui %offset : i32 to i64
  %from = arith.addi %g, %wide : i64
  %from_2 = arith.addi %from, %half_in : i64
  %to = arith.addi %base, %offset : i32
  %to_2 = arith.addi %to, %half : i32
  tile_gpu.machine "cp.async.cg.16"(%to, %from, %all) : (i32, i64, i32) -> ()
  tile_gpu.machine "cp.async.commit_group"() : () -> ()
  tile_gpu.machine "cp.async.cg.16"(%to_2, %from_2, %all) : (i32, i64, i32) -> ()
  tile_gpu.machine "cp.async.commit_group"() : () -> ()
  %neighbour = arith.xori %offset, %c16 : i32
  %next = arith.addi %base, %neighbour : i32
  %next_2 = arith.addi %next, %half : i32
  %out_offset = arith.muli %t, %c4 : i32
  %out_wide = arith.extui %out_offset : i32 to i64
  %out_1 = arith.addi %out, %out_wide : i64
  %out_2 = arith.addi %out_1, %half_out : i64
  tile_gpu.machine "cp.async.wait_group.1"() : () -> ()
  tile_gpu.machine "bar.sync"() : () -> ()
  %x = tile_gpu.machine "ld.shared.b32"(%next) : (i32) -> i32
  tile_gpu.machine "st.global.b32"(%out_1, %x) : (i64, i32) -> ()
  tile_gpu.machine "cp.async.wait_group.0"() : () -> ()
  tile_gpu.machine "bar.sync"() : () -> ()
  %y = tile_gpu.machine "ld.shared.b32"(%next_2) : (i32) -> i32
  tile_gpu.machine "st.global.b32"(%out_2, %y) : (i64, i32) -> ()
  return
})";

/// The line of the code's text that has this part, and of those the one of this number.
std::string line_with(std::string_view part, int number = 0) {
  const std::string_view text = code;
  std::size_t at = text.find(part);
  for (; number > 0; --number)
    at = text.find(part, at + 1);
  return line_of(__FILE__, code_line + int(std::count(text.begin(), text.begin() + std::ptrdiff_t(at), '\n')));
}

class AsyncCopies : public testing::Test {
protected:
  AsyncCopies() : subject(__FILE__, code_line, code, {in.data(), out.data()}) {}

  static std::vector<std::int32_t> numbers() {
    std::vector<std::int32_t> values(512);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = std::int32_t(i);
    return values;
  }

  /// Changes the wait of that number; then what it waits for is read too early.
  void expect_read_too_early(int number, void (*change)(tile_gpu::MachineOp wait), const char *mutation) {
    const Report report = subject.run([&](mlir::ModuleOp module) {
      change(machine_ops(module, "cp.async.wait_group")[static_cast<std::size_t>(number)]);
    });
    EXPECT_TRUE(report.says("error: read of shared memory that an async copy is writing, before its wait"))
        << report.text;
    EXPECT_TRUE(report.names(line_with("\"ld.shared.b32\"", number))) << report.text;
    EXPECT_TRUE(report.names(line_with("\"cp.async.cg.16\"", number))) << report.text;
    note(mutation, report);
  }

  Array<std::int32_t> in{"in", numbers()};
  Array<std::int32_t> out{"out", std::vector<std::int32_t>(128), Array<std::int32_t>::Role::output};
  Subject subject;
};

/// Lets one group more go on after a wait.
void weaken(tile_gpu::MachineOp wait) {
  const llvm::StringRef name = wait.getName();
  const int groups = name.back() - '0' + 1;
  wait.setName((name.drop_back() + llvm::Twine(groups)).str());
}

TEST_F(AsyncCopies, AreFinishedByTheirWait) {
  EXPECT_EQ(subject.run().text, "");
  EXPECT_EQ(out.values()[0], 4);
  EXPECT_EQ(out.values()[64], 256 + 4);
}

TEST_F(AsyncCopies, AreReadBeforeTheirWaitWhereItIsMissing) {
  for (int number : {0, 1})
    expect_read_too_early(number, [](tile_gpu::MachineOp wait) { wait.erase(); }, "wait left out");
}

TEST_F(AsyncCopies, AreReadBeforeTheirWaitWhereItLetsOneGroupTooManyGoOn) {
  for (int number : {0, 1})
    expect_read_too_early(number, weaken, "wait that lets one group more go on");
}

TEST_F(AsyncCopies, BelongToTheThreadUntilTheBarrier) {
  const Report report = subject.run([&](mlir::ModuleOp module) { machine_ops(module, "bar.sync")[0].erase(); });
  // Each thread has waited for its own copies only.
  EXPECT_TRUE(report.says("read of shared memory races with write") ||
              report.says("read of shared memory that an async copy is writing, before its wait"))
      << report.text;
  EXPECT_TRUE(report.names(line_with("\"ld.shared.b32\""))) << report.text;
  note("barrier behind the wait left out", report);
}

TEST_F(AsyncCopies, ThatAreNotCommittedAreNotWaitedFor) {
  const Report report =
      subject.run([&](mlir::ModuleOp module) { machine_ops(module, "cp.async.commit_group")[1].erase(); });
  EXPECT_TRUE(report.says("error: read of shared memory that an async copy is writing, before its wait"))
      << report.text;
  EXPECT_TRUE(report.names(line_with("\"cp.async.cg.16\""))) << report.text;
  note("commit left out", report);
}

TEST(AsyncCopiesOfTheLibrary, AreMetBeforeTheirWaitWhereItIsMissingOrTooWeak) {
  std::size_t waits = 0;
  for (const Case &c : library_cases()) {
    const std::shared_ptr<Subject> subject = c.make();
    const Report whole = subject->run();
    MachineOps found = machine_ops(subject->code(), "cp.async.wait_group");
    for (std::size_t i = 0; i < found.size(); ++i, ++waits) {
      const std::string what = c.name + ", wait " + std::to_string(i);
      SCOPED_TRACE(what);
      const auto find = [i](mlir::ModuleOp module) { return machine_ops(module, "cp.async.wait_group")[i]; };
      const Report missing = subject->run([&](mlir::ModuleOp module) { find(module).erase(); });
      const Report weak = subject->run([&](mlir::ModuleOp module) { weaken(find(module)); });
      for (const Report &report : {missing, weak}) {
        if (!found[i]->getParentOfType<mlir::scf::ForOp>() && report.is_clean()) {
          // Behind the loop: what is still under way is of use to nobody, and nothing else takes its place.
          EXPECT_EQ(report.results, whole.results);
          continue;
        }
        EXPECT_TRUE(report.says(" of shared memory that an async copy is writing, before its wait")) << report.text;
        EXPECT_TRUE(report.says("note: the copy")) << report.text;
        note(what, report);
      }
    }
  }
  if (waits == 0)
    GTEST_SKIP() << "no kernel of the library is pipelined";
}

} // namespace
