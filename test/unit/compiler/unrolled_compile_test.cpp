// What the CPU's backend takes for long blocks.
#include "kiln/Dialect/Tile/IR/Tile.h"
#include "kiln/Target/CPU/CPUTarget.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "llvm/IR/PassTimingInfo.h"
#include "llvm/Pass.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>
#include <regex>
#include <sys/wait.h>
#include <unistd.h>

using namespace mlir;

namespace {

/// A kernel that adds `count` tiles up, without a loop.
std::string unrolled(int count) {
  std::string text = "func.func @sums(%x: !tile.ptr<f32>, %y: !tile.ptr<f32>) attributes {tile.kernel} {\n"
                     "  %i = tile.arange 0 to 64 : tensor<64xi32>\n"
                     "  %sum0 = arith.constant dense<0.0> : tensor<64xf32>\n";
  for (int k = 0; k < count; ++k) {
    const std::string n = std::to_string(k);
    text += "  %offset" + n + " = arith.constant " + std::to_string(64 * k) + " : i32\n" +                    //
            "  %base" + n + " = tile.addptr %x, %offset" + n + " : !tile.ptr<f32>, i32\n" +                   //
            "  %bases" + n + " = tile.splat %base" + n + " : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>>\n" + //
            "  %p" + n + " = tile.addptr %bases" + n + ", %i : tensor<64x!tile.ptr<f32>>, tensor<64xi32>\n" + //
            "  %v" + n + " = tile.load %p" + n + " : tensor<64x!tile.ptr<f32>> -> tensor<64xf32>\n" +         //
            "  %sum" + std::to_string(k + 1) + " = arith.addf %sum" + n + ", %v" + n + " : tensor<64xf32>\n";
  }
  return text +
         "  %ys = tile.splat %y : !tile.ptr<f32> -> tensor<64x!tile.ptr<f32>>\n"
         "  %q = tile.addptr %ys, %i : tensor<64x!tile.ptr<f32>>, tensor<64xi32>\n"
         "  tile.store %q, %sum" +
         std::to_string(count) + " : tensor<64x!tile.ptr<f32>>\n  return\n}\n";
}

void compile(const std::string &text) {
  DialectRegistry registry;
  registry.insert<arith::ArithDialect, func::FuncDialect, kiln::tile::TileDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  ASSERT_TRUE(module);
  ASSERT_TRUE(bool(kiln::cpu::compile(*module, {})));
}

/// Seconds of the processor that LLVM's schedulers take of the compile. The rest does not depend on the limit, and is
/// most of it where Kiln's own code runs under a sanitizer.
double schedulingTimeHere(const std::string &text) {
  llvm::TimePassesIsEnabled = true;
  compile(text);
  std::string report;
  llvm::raw_string_ostream stream(report);
  llvm::reportAndResetTimings(&stream);
  double seconds = 0;
  const std::regex row("([0-9.]+) \\([^\n]*Scheduler"); // the first number of a row is the user time
  for (std::sregex_iterator found(report.begin(), report.end(), row), end; found != end; ++found)
    seconds += std::stod((*found)[1]);
  return seconds;
}

/// The same, in a process of its own: LLVM knows passes by their addresses, so the times of a second compile would be
/// those of other passes. 0 where it fails.
double schedulingTime(const std::string &text) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const double seconds = schedulingTimeHere(text);
    _exit(write(ends[1], &seconds, sizeof seconds) == sizeof seconds ? 0 : 1);
  }
  close(ends[1]);
  double seconds = 0;
  if (read(ends[0], &seconds, sizeof seconds) != sizeof seconds)
    seconds = 0;
  close(ends[0]);
  waitpid(child, nullptr, 0);
  EXPECT_GT(seconds, 0);
  return seconds;
}

TEST(UnrolledCompile, DoesNotCompareAllAccesses) {
  compile(unrolled(1)); // sets the backend up
  auto found = llvm::cl::getRegisteredOptions().find("dag-maps-huge-region");
  ASSERT_NE(found, llvm::cl::getRegisteredOptions().end());
  auto &limit = *static_cast<llvm::cl::opt<unsigned> *>(found->second);
  const unsigned ours = limit;
  const std::string text = unrolled(250);
  const double bounded = schedulingTime(text);
  limit.setValue(1000); // LLVM's
  const double unbounded = schedulingTime(text);
  limit.setValue(ours);
  // It is a tenth.
  EXPECT_LT(bounded, 0.4 * unbounded);
}

} // namespace
