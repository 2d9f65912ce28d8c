//===- emulator_test.cpp - The emulator notices what a GPU would hide ------------------------------------===//

#include "emulation_test.h"

using namespace kiln;

namespace {

/// Runs thread-level code of `warps` warps that has 512 bytes of shared memory; %t is the thread, %own an address of
/// its own there and %next that of the next thread; %out is its own in global memory.
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
  %out_offset = arith.extui %offset : i32 to i64
  %out = arith.addi %g, %out_offset : i64
)" + body + "  return\n}\n";
  text.replace(text.find("WARPS"), 5, std::to_string(warps));
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, mlir::ParserConfig(&context));
  EXPECT_TRUE(module) << text;
  if (!module)
    return "not parsed";
  static uint32_t memory[64];
  return emulate(*module, {uint64_t(memory)}, {{memory, sizeof memory}});
}

const std::string kWrite = "  tile_gpu.machine \"st.shared.b32\"(%own, %t) : (i32, i32) -> ()\n";
const std::string kRead = "  %x = tile_gpu.machine \"ld.shared.b32\"(%next) : (i32) -> i32\n"
                          "  tile_gpu.machine \"st.global.b32\"(%out, %x) : (i64, i32) -> ()\n";
const std::string kBarrier = "  tile_gpu.machine \"bar.sync\"() : () -> ()\n";
const std::string kWarpBarrier =
    "  %all = arith.constant -1 : i32\n  tile_gpu.machine \"bar.warp.sync\"(%all) : (i32) -> ()\n";

void expectError(const std::string &error, const std::string &part) {
  EXPECT_NE(error.find(part), std::string::npos) << "'" << error << "' lacks '" << part << "'";
}

TEST(Emulator, NeedsABarrierBetweenThreads) {
  EXPECT_EQ(run(kWrite + kBarrier + kRead), "");
  expectError(run(kWrite + kRead), "read of shared memory races with write of byte 4\n");
  // Of a warp, a barrier of the warp will do; of two it does not.
  EXPECT_EQ(run(kWrite + kWarpBarrier +
                "  %c31 = arith.constant 31 : i32\n  %in_warp = arith.cmpi ult, %t, %c31 : i32\n"
                "  scf.if %in_warp {\n" +
                kRead + "  }\n"),
            "");
  std::string error = run(kWrite + kWarpBarrier + kRead);
  expectError(error, "write of shared memory races with read of byte 128\n");
  expectError(error, "note: the read by warp 0, lane 31, with no barrier in between\n");
  expectError(error, "warp 1, lane 0\n");
}

TEST(Emulator, NeedsABarrierBeforeTheNextWrite) {
  expectError(run(kWrite + kBarrier + kRead + kWrite), "write of shared memory races with read of byte 132\n");
  EXPECT_EQ(run(kWrite + kBarrier + kRead + kBarrier + kWrite), "");
}

TEST(Emulator, ReadsOfWhatNobodyWrote) {
  expectError(run(kRead), "note: shared memory that nobody has written is read here");
}

TEST(Emulator, BarriersThatSomeThreadsMiss) {
  std::string few = "  %few = arith.cmpi ult, %t, %c4 : i32\n  scf.if %few {\n" + kBarrier;
  std::string error = run(few + "  }\n");
  expectError(error, "'bar.sync' is not reached by all threads that it waits for\n");
  expectError(error, "has ended\n");
  error = run(few + "  } else {\n" + kBarrier + "  }\n");
  expectError(error, "'bar.sync' is not reached by all threads that it waits for\n");
  expectError(error, "waits at 'bar.sync'\n");
}

TEST(Emulator, AccessesOutside) {
  std::string far = "  %far = arith.constant 256 : i64\n  %p = arith.addi %g, %far : i64\n";
  expectError(run(far + "  %x = tile_gpu.machine \"ld.global.b32\"(%p) : (i64) -> i32\n"
                        "  tile_gpu.machine \"st.global.b32\"(%out, %x) : (i64, i32) -> ()\n"),
              "past the end of buffer 'buffer 0' (256 bytes)");
  expectError(run("  %far = arith.constant 512 : i32\n  %p = arith.addi %base, %far : i32\n"
                  "  tile_gpu.machine \"st.shared.b32\"(%p, %t) : (i32, i32) -> ()\n"),
              "write of 4 bytes at byte 512 of shared memory, of which the program has 512\n");
  expectError(run("  %p = arith.addi %base, %c1 : i32\n"
                  "  tile_gpu.machine \"st.shared.b32\"(%p, %t) : (i32, i32) -> ()\n"),
              "write of shared memory at byte 1, which is not a multiple of 4\n");
}

} // namespace
