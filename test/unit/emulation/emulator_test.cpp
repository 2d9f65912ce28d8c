//===- emulator_test.cpp - The emulator notices what a GPU would hide ------------------------------------===//

#include "thread_emulator.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace kiln;

namespace {

/// Runs thread-level code of `warps` warps that has 512 bytes of shared memory; %t is the thread, %own an address of
/// its own there and %next that of the next thread.
std::string run(const std::string &body, int warps = 2) {
  mlir::MLIRContext context;
  context.loadDialect<tile::TileDialect, tile_gpu::TileGPUDialect, mlir::arith::ArithDialect, mlir::func::FuncDialect,
                      mlir::scf::SCFDialect>();
  std::string text = R"(
func.func @k(%g: i64) attributes {tile.kernel, tile.num_warps = WARPS : i32, tile_gpu.shared_bytes = 512 : i64} {
  %t = tile_gpu.machine "tid.x"() : () -> i32
  %base = tile_gpu.machine "shared.base"() : () -> i32
  %c1 = arith.constant 1 : i32
  %c4 = arith.constant 4 : i32
  %offset = arith.muli %t, %c4 : i32
  %own = arith.addi %base, %offset : i32
  %last = arith.constant 63 : i32
  %up = arith.addi %t, %c1 : i32
  %wrapped = arith.andi %up, %last : i32
  %next_offset = arith.muli %wrapped, %c4 : i32
  %next = arith.addi %base, %next_offset : i32
)" + body + "  return\n}\n";
  text.replace(text.find("WARPS"), 5, std::to_string(warps));
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, mlir::ParserConfig(&context));
  EXPECT_TRUE(module) << text;
  if (!module)
    return "not parsed";
  ThreadEmulator emulator(module->lookupSymbol<mlir::func::FuncOp>("k"));
  static uint32_t memory[4];
  emulator.addBuffer(memory, sizeof memory);
  return emulator.run({uint64_t(memory)});
}

const std::string kWrite = "  tile_gpu.machine \"st.shared.b32\"(%own, %t) : (i32, i32) -> ()\n";
const std::string kRead = "  %x = tile_gpu.machine \"ld.shared.b32\"(%next) : (i32) -> i32\n";
const std::string kBarrier = "  tile_gpu.machine \"bar.sync\"() : () -> ()\n";
const std::string kWarpBarrier =
    "  %all = arith.constant -1 : i32\n  tile_gpu.machine \"bar.warp.sync\"(%all) : (i32) -> ()\n";

void expectError(const std::string &error, const std::string &part) {
  EXPECT_NE(error.find(part), std::string::npos) << "'" << error << "' lacks '" << part << "'";
}

TEST(Emulator, NeedsABarrierBetweenThreads) {
  EXPECT_EQ(run(kWrite + kBarrier + kRead), "");
  expectError(run(kWrite + kRead), "race for byte 4 ");
  // Of a warp, a barrier of the warp will do; of two it does not.
  expectError(run(kWrite + kWarpBarrier + kRead), "threads of warps 1 and 0 race for byte 128 ");
}

TEST(Emulator, NeedsABarrierBeforeTheNextWrite) {
  expectError(run(kWrite + kBarrier + kRead + kWrite), "race for byte 0 ");
  EXPECT_EQ(run(kWrite + kBarrier + kRead + kBarrier + kWrite), "");
}

TEST(Emulator, ReadsOfWhatNobodyWrote) { expectError(run(kRead), "thread 0 reads byte 4, which nobody wrote,"); }

TEST(Emulator, BarriersThatSomeThreadsMiss) {
  expectError(run("  %few = arith.cmpi ult, %t, %c4 : i32\n  scf.if %few {\n" + kBarrier + "  }\n"),
              "not all threads arrive");
}

TEST(Emulator, AccessesOutside) {
  std::string far = "  %far = arith.constant 32 : i64\n  %p = arith.addi %g, %far : i64\n";
  expectError(run(far + "  %x = tile_gpu.machine \"ld.global.b32\"(%p) : (i64) -> i32\n"), "outside of all buffers");
  expectError(run("  %far = arith.constant 512 : i32\n  %p = arith.addi %base, %far : i32\n"
                  "  tile_gpu.machine \"st.shared.b32\"(%p, %t) : (i32, i32) -> ()\n"),
              "outside of shared memory");
  expectError(run("  %p = arith.addi %base, %c1 : i32\n"
                  "  tile_gpu.machine \"st.shared.b32\"(%p, %t) : (i32, i32) -> ()\n"),
              "misaligned");
}

} // namespace
