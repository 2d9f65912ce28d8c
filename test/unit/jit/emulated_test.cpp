// Kernels on emulated GPUs, through the public interface: what they are compiled to, and what is said of faulty ones.
#include "kiln/debug.h"
#include "kiln/device_memory.h"
#include "kiln/emulator.h"
#include "kiln/kiln.h"
#include "kiln/runtime/emulator.h"

#include "../environment.h"
#include "../message_of.h"
#include "../temporary_directory.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <vector>

using namespace kiln;

namespace {

const Device hopper = Device::emulated("sm_90a"), ampere = Device::emulated("sm_80");

struct Config {
  int block = 512;
  int factor = 3;
  int num_warps = 4;
};

constexpr int load_line = __LINE__ + 4, store_line = __LINE__ + 5;
void scale(const Config &c, ptr<const float> x, ptr<float> out, scalar<std::int32_t> n) {
  assume_multiple(n, 4);
  auto i = program_id(0) * c.block + arange(0, c.block);
  auto value = load(x + i, {.mask = i < n});
  store(out + i, value * c.factor, {.mask = i < n});
}

bool contains(const std::string &text, const std::string &part) { return text.find(part) != text.npos; }

/// "emulated_test.cpp:30:".
std::string place(int line) { return "emulated_test.cpp:" + std::to_string(line) + ":"; }

TEST(Emulated, GivesTheReportOfAGpu) {
  Kernel kernel{"scale", scale};
  for (Device device : {hopper, ampere}) {
    const CompileReport report = kernel.compile({}, device);
    EXPECT_EQ(report.target, device.name());
    EXPECT_EQ(report.threads, 128u);
    EXPECT_EQ(report.shared_bytes, 0u);
    EXPECT_GT(report.trace_ms, 0);
    EXPECT_GT(report.compile_ms, 0);
    ASSERT_EQ(report.accesses.size(), 2u);
    EXPECT_EQ(report.accesses[0].operation, "load");
    EXPECT_EQ(report.accesses[0].vector_bits, 128u) << report.accesses[0].reason;
    EXPECT_TRUE(contains(report.accesses[0].place, place(load_line))) << report.accesses[0].place;
    EXPECT_TRUE(contains(report.text(), "target          " + device.name() + "\n")) << report.text();
    EXPECT_TRUE(contains(report.text(), "threads         128\n")) << report.text();
    EXPECT_FALSE(contains(report.text(), "assembl")) << report.text();
  }
  EXPECT_EQ(kernel.counters().compiles, 2u);
}

TEST(Emulated, SharedMemoryIsInTheReport) {
  Kernel kernel{"total", [](const Config &c, ptr<const float> x, ptr<float> out) {
                  store(out, sum(load(x + arange(0, c.block)), 0));
                }};
  const CompileReport report = kernel.compile({}, hopper);
  EXPECT_GT(report.shared_bytes, 0u);
  ASSERT_FALSE(report.shared_buffers.empty());
  EXPECT_EQ(report.shared_buffers[0].use, "tile.reduce");
}

TEST(Emulated, ArgumentsChooseTheVariant) {
  Kernel kernel{"scale", scale};
  std::vector<float> x(1003), out(1003);
  for (int i = 0; i < 1003; ++i)
    x[i] = static_cast<float>(i);
  auto scales = [&](int offset, int n) {
    out.assign(1003, -1);
    kernel.launch({.grid = 2, .device = hopper}, {}, x.data() + offset, out.data(), n);
    for (int i = 0; i < 1003; ++i)
      ASSERT_EQ(out[i], i < n ? static_cast<float>(3 * (i + offset)) : -1) << i;
  };
  scales(0, 1000);
  EXPECT_EQ(kernel.counters().compiles, 1u);
  scales(0, 999);
  scales(1, 1000); // an address that is no multiple of 16
  scales(3, 1);
  EXPECT_EQ(kernel.counters().compiles, 2u);
  EXPECT_EQ(kernel.counters().hits, 2u);
}

TEST(Emulated, PrintsEveryStage) {
  Kernel kernel{"scale", scale};
  const std::pair<const char *, const char *> stages[] = {{"tile", "tile.load"},
                                                          {"tile_gpu", "#tile_gpu.layout"},
                                                          {"threads", "tile_gpu.machine"},
                                                          {"llvm", "kiln_emulator_execute"},
                                                          {"llvmir", "define"},
                                                          {"asm", "scale"},
                                                          {"report", "threads         128"},
                                                          {"json", "\"threads\": 128"}};
  for (auto [stage, part] : stages)
    EXPECT_TRUE(contains(kernel.emit({}, Target::parse("emulated:sm_90a"), stage), part)) << stage;
  EXPECT_EQ(message_of<InvalidArgument>([&] { kernel.emit({}, Target::parse("emulated:sm_80"), "ptx"); }),
            "error: there is no stage 'ptx' of emulated:sm_80; there are: tile, tile_gpu, threads, llvm, llvmir, asm, "
            "report, json");
}

class Dumps : public testing::Test {
protected:
  TemporaryDirectory directory;
};

TEST_F(Dumps, AreFilesBesideThoseOfTheGpu) {
  Kernel kernel{"scale", scale};
  Environment environment{{"KILN_DUMP", "all"}, {"KILN_DUMP_DIR", directory.path()}};
  kernel.compile({}, hopper);
  for (const char *stage :
       {"tile.mlir", "tile_gpu.mlir", "threads.mlir", "llvm.mlir", "llvmir.ll", "asm.s", "report.txt"})
    EXPECT_TRUE(std::filesystem::exists(directory / ("scale-512-3-4.emulated.sm_90a." + std::string(stage)))) << stage;
}

TEST_F(Dumps, TakeThePlaceOfTheKernel) {
  Kernel kernel{"scale", scale};
  std::string tile = kernel.emit({}, Target::parse("emulated:sm_90a"), "tile");
  const std::size_t three = tile.find("3.000000e+00");
  ASSERT_NE(three, tile.npos) << tile;
  std::ofstream(directory / "scale-512-3-4.emulated.sm_90a.tile.mlir") << tile.replace(three, 1, "5");
  Environment environment{{"KILN_OVERRIDE_DIR", directory.path()}};
  std::vector<float> x(4, 2), out(4);
  kernel.launch({.device = hopper}, {}, x.data(), out.data(), 4);
  EXPECT_EQ(out, std::vector<float>(4, 10));
}

TEST(EmulatedErrors, AFailedCompileNamesTheLineAndACommandThatRepeatsIt) {
  Kernel kernel{"transpose", [](const Config &, ptr<const float> x, ptr<float> out) {
                  auto i = arange(0, 512);
                  auto at = col(i) * 512 + row(i);
                  store(out + at, trans(load(x + at))); // must pass through shared memory, which is not so large
                }};
  const std::string said = message_of<CompileError>([&] { kernel.compile({}, hopper); });
  EXPECT_TRUE(contains(said, "emulated_test.cpp:")) << said;
  EXPECT_TRUE(contains(said, "bytes of shared memory, but a program has 232448 at most")) << said;
  EXPECT_TRUE(contains(said, "note: while compiling 'transpose' with {512, 3, 4}")) << said;
  const std::string command = "note: reproduce with: kiln-opt --tile-to-emulator='capability=90 shared-bytes=232448";
  ASSERT_TRUE(contains(said, command)) << said;
  const std::size_t path = said.find("' /", said.find(command)) + 2;
  std::filesystem::remove(said.substr(path, said.find('\n', path) - path));
  EXPECT_EQ(kernel.counters().compiles, 1u);
}

TEST(EmulatedErrors, AnAccessOutsideTheBuffersIsFoundAndTheProcessGoesOn) {
  Kernel kernel{"scale", scale};
  // What lies behind x is far from other buffers, so that all of it counts as past its end.
  std::vector<float> x(64 * 1024, 1), out(1024);
  debug::Buffer known_x(x.data(), 4000, "x"), known_out(out.data(), 4096, "out");
  // No check mode is needed, and nothing is compiled for it.
  auto run = [&](int n) { kernel.launch({.grid = 2, .device = hopper}, {}, x.data(), out.data(), n); };
  run(1000);
  for (int round = 0; round < 2; ++round) {
    const std::string said = message_of<CheckError>([&] { run(1024); });
    EXPECT_TRUE(contains(said, place(load_line))) << said;
    EXPECT_TRUE(contains(said, "error: load of 16 bytes at ")) << said;
    EXPECT_TRUE(contains(said, "bytes past the end of buffer 'x' (4000 bytes)")) << said;
    EXPECT_TRUE(contains(said, "note: in program (1, 0, 0) of 'scale', warp 3, lanes 26-31\n")) << said;
    EXPECT_TRUE(contains(said, "note: while running 'scale' with {512, 3, 4} on emulated:sm_90a")) << said;
  }
  run(1000);
  EXPECT_EQ(out[999], 3);
  EXPECT_EQ(kernel.counters().compiles, 1u);
}

TEST(EmulatedErrors, AWriteOutsideIsNotDone) {
  Kernel kernel{"scale", scale};
  std::vector<float> x(1024, 1), out(1024, -1);
  debug::Buffer known_x(x.data(), 4096, "x"), known_out(out.data(), 4000, "out");
  const std::string said =
      message_of<CheckError>([&] { kernel.launch({.grid = 2, .device = hopper}, {}, x.data(), out.data(), 1024); });
  EXPECT_TRUE(contains(said, place(store_line))) << said;
  EXPECT_TRUE(contains(said, "error: store of 16 bytes at ")) << said;
  EXPECT_EQ(out[1000], -1);
  EXPECT_EQ(out[1023], -1);
}

TEST(EmulatedErrors, ACheckErrorIsAnErrorButNoTrap) {
  Kernel kernel{"scale", scale};
  std::vector<float> x(4), out(4);
  debug::Buffer known(x.data(), 16, "x");
  auto run = [&] { kernel.launch({.device = hopper}, {}, x.data(), out.data(), 4); };
  EXPECT_THROW(run(), Error);
  EXPECT_THROW(run(), CheckError);
}

TEST(EmulatedErrors, AnOperationWithoutAMeaningIsNamed) {
  runtime::EmulatedKernel::Code code;
  code.name = "k";
  code.arch = "sm_90a";
  code.note = "note: while running 'k' with {4}";
  code.num_warps = 1;
  code.sites = {{"tid.x", "k.cpp:3:1", "", ""}, {"beam.up", "k.cpp:4:7", "", ""}};
  EXPECT_FALSE(runtime::emulates("beam.up"));
  EXPECT_TRUE(runtime::emulates("tid.x"));
  EXPECT_EQ(message_of<CompileError>([&] { runtime::EmulatedKernel kernel(code); }),
            "k.cpp:4:7: error: emulated:sm_90a does not know the machine operation 'beam.up'\n"
            "note: while running 'k' with {4}");
}

// The environment is read once in a process, so this happens in another one.
TEST(EmulatedErrors, ASeedThatIsNoNumberIsRefusedByTheFirstLaunch) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto ask = [] {
    setenv("KILN_EMULATOR_SEED", "7x", 1);
    Kernel kernel{"scale", scale};
    std::vector<float> x(4), out(4);
    std::fprintf(stderr, "%s\n", message_of<InvalidArgument>([&] {
                                   kernel.launch({.device = hopper}, {}, x.data(), out.data(), 4);
                                 }).c_str());
    std::exit(0);
  };
  EXPECT_EXIT(ask(), testing::ExitedWithCode(0),
              "error: KILN_EMULATOR_SEED is '7x', not a number from 0 to 2\\^64 - 1");
}

TEST(EmulatedErrors, AssertionsAreEvaluatedWhereTheyAreOn) {
  Kernel kernel{"asserting", [](const Config &, ptr<const std::int32_t> x, scalar<std::int32_t> limit) {
                  device_assert(load(x + program_id(0)) < limit, "index out of range");
                }};
  std::vector<std::int32_t> x{0, 1, 2, 3};
  const LaunchOptions options{.grid = 4, .device = hopper};
  auto run = [&] { kernel.launch(options, {}, x.data(), 3); };
  run();
  for (auto set : {debug::set_asserts, debug::set_checks}) {
    set(true);
    EXPECT_TRUE(contains(message_of<TrapError>(run), "index out of range"));
    set(false);
  }
  run();
  EXPECT_EQ(kernel.counters().compiles, 3u) << "check mode is a variant of its own";
}

} // namespace
