// Kernels as GPU code, without a GPU: stages, reports, the cache on disk, files that take the place of stages.
#include "kiln/any_kernel.h"
#include "kiln/debug.h"
#include "kiln/kiln.h"
#include "kiln/runtime/assembler.h"
#include "kiln/tool_arguments.h"

#include "../environment.h"
#include "../message_of.h"
#include "../temporary_directory.h"
#include "doubled.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace kiln;

namespace {

/// A directory of this process's own for the cache. A process that a test starts is given its parent's.
const std::filesystem::path cache_directory = [] {
  if (const char *parents = std::getenv("TARGET_TEST_CACHE")) {
    setenv("KILN_CACHE_DIR", parents, 1);
    return std::filesystem::path(parents);
  }
  static const TemporaryDirectory own;
  setenv("KILN_CACHE_DIR", own.path().c_str(), 1);
  setenv("KILN_CACHE", "on", 1);
  unsetenv("KILN_DUMP");
  unsetenv("KILN_OVERRIDE_DIR");
  return std::filesystem::path(own.path());
}();

const Target hopper = Target::parse("sm_90a");

bool assembler() { return !runtime::assembler_identity().empty(); }

struct Config {
  int block = 512;
  int factor = 3;
  int num_warps = 4;
};

constexpr int load_line = __LINE__ + 5;
void scale(const Config &c, ptr<const float> x, ptr<float> out, scalar<std::int32_t> n) {
  assume_multiple(n, 4);
  auto i = program_id(0) * c.block + arange(0, c.block);
  device_assert(i >= 0, "the grid is too large");
  auto value = load(x + i, {.mask = i < n});
  store(out + i, value * c.factor, {.mask = i < n});
}

std::string read_file(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const std::filesystem::path &path, const std::string &text) { std::ofstream(path) << text; }

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

bool contains(const std::string &text, const std::string &part) { return text.find(part) != text.npos; }

TEST(Target, AreFoundByName) {
  EXPECT_EQ(Target::parse("sm_80").name(), "sm_80");
  EXPECT_TRUE(Target::parse("cpu").is_cpu());
  EXPECT_EQ(Target::cpu(), Target::all().front());
  EXPECT_EQ(Target::all().size(), 13u);
  for (Target target : Target::all())
    EXPECT_EQ(Target::parse(target.name()), target);
  try {
    Target::parse("sm_90");
    FAIL() << "no error";
  } catch (const InvalidArgument &e) {
    EXPECT_STREQ(e.what(), "error: unknown target 'sm_90'; the targets are cpu, sm_80, sm_86, sm_89, sm_90a, sm_100a, "
                           "sm_120a, emulated:sm_80, emulated:sm_86, emulated:sm_89, emulated:sm_90a, "
                           "emulated:sm_100a, emulated:sm_120a");
  }
}

TEST(Target, KnowTheirArchitecture) {
  EXPECT_EQ(Target::cpu().arch(), "");
  EXPECT_EQ(hopper.arch(), "sm_90a");
  EXPECT_FALSE(hopper.is_emulated());
  const Target emulated = Target::parse("emulated:sm_90a");
  EXPECT_TRUE(emulated.is_emulated());
  EXPECT_FALSE(emulated.is_cpu());
  EXPECT_EQ(emulated.arch(), "sm_90a");
  EXPECT_NE(emulated, hopper);
}

TEST(Target, EveryGpuIsAnEmulatedDeviceToo) {
  std::string known;
  for (Target target : Target::all()) {
    if (target.is_cpu() || target.is_emulated())
      continue;
    const std::string name = "emulated:" + target.arch();
    EXPECT_EQ(Device::emulated(target.arch()).name(), name);
    EXPECT_EQ(Target::parse(name).arch(), target.arch());
    known += (known.empty() ? "" : ", ") + target.arch();
  }
  try {
    Device::emulated("");
    FAIL() << "no error";
  } catch (const InvalidArgument &e) {
    EXPECT_EQ(e.what(), "Device::emulated: unknown GPU architecture ''; there are " + known);
  }
}

TEST(CompileForTarget, GivesCodeAndAReportForEveryArchitecture) {
  Kernel kernel{"scale", scale};
  for (Target target : Target::all()) {
    if (target.is_cpu() || target.is_emulated())
      continue;
    SCOPED_TRACE(target.name());
    const CompiledCode code = kernel.compile({}, target);
    EXPECT_TRUE(contains(code.ptx, ".target " + target.name())) << code.ptx;
    EXPECT_TRUE(contains(code.ptx, ".entry scale("));
    const CompileReport &report = code.report;
    EXPECT_EQ(report.target, target.name());
    EXPECT_EQ(report.threads, 128u);
    EXPECT_GT(report.trace_ms, 0);
    EXPECT_GE(report.compile_ms, report.lower_ms + report.assemble_ms);
    ASSERT_EQ(report.accesses.size(), 2u);
    EXPECT_EQ(report.accesses[0].operation, "load");
    EXPECT_EQ(report.accesses[0].vector_bits, 128u) << report.accesses[0].reason;
    EXPECT_TRUE(contains(report.accesses[0].place, "target_test.cpp:" + std::to_string(load_line) + ":"))
        << report.accesses[0].place;
    EXPECT_EQ(report.accesses[1].operation, "store");
    if (!assembler())
      continue;
    EXPECT_EQ(report.assembler, runtime::assembler_identity());
    ASSERT_GT(code.cubin.size(), 4u);
    EXPECT_EQ(std::string(code.cubin.begin(), code.cubin.begin() + 4), "\177ELF");
    EXPECT_GT(report.registers, 0u);
    EXPECT_EQ(report.spill_store_bytes, 0u);
    EXPECT_GT(report.occupancy, 0);
    EXPECT_LE(report.occupancy, 1);
  }
}

TEST(CompileForTarget, KernelsMayHaveAnyName) {
  for (auto [name, entry] : {std::pair{"scale<float>-1 x", "kernel_scale_float__1_x"},
                             {"ns::scale", "kernel_ns__scale"},
                             {"1.f32", "kernel_1_f32"},
                             {"", "kernel_"},
                             {"gr\u00fcn", "kernel_gr__n"},
                             {"WARP_SZ", "kernel_WARP_SZ"},
                             {"kiln_shared", "kernel_kiln_shared"},
                             {"ret", "ret"}}) {
    Kernel kernel{name, [](const Config &c, ptr<float> x) {
                    auto p = x + arange(0, c.block);
                    store(x, sum(load(p), 0)); // through shared memory
                  }};
    const CompiledCode code = kernel.compile({}, hopper);
    EXPECT_TRUE(contains(code.ptx, ".entry " + std::string(entry) + "(")) << name << "\n" << code.ptx;
  }
}

TEST(CompileForTarget, CodeOfThisProcessIsNotGivenAway) {
  Kernel kernel{"scale", scale};
  auto message = [&](Target target) -> std::string {
    try {
      kernel.compile({}, target);
    } catch (const InvalidArgument &e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message(Target::cpu()), "cannot compile 'scale' for the target 'cpu': its code lives in this process; pass "
                                    "kiln::Device::cpu(), or call emit() for a stage of it");
  EXPECT_EQ(message(Target::parse("emulated:sm_80")),
            "cannot compile 'scale' for the target 'emulated:sm_80': its code lives in this process; pass "
            "kiln::Device::emulated(\"sm_80\"), or call emit() for a stage of it");
}

TEST(CompileForTarget, NarrowAccessesSayWhy) {
  Kernel kernel{"unaligned", [](const Config &c, ptr<const float> x, ptr<float> out, scalar<std::int32_t> shift) {
                  auto i = arange(0, c.block);
                  store(out + i, load(x + shift + i));
                }};
  const CompileReport report = kernel.compile({}, hopper).report;
  ASSERT_EQ(report.accesses.size(), 2u);
  EXPECT_EQ(report.accesses[0].vector_bits, 32u);
  EXPECT_TRUE(contains(report.accesses[0].reason, "alignment")) << report.accesses[0].reason;
  EXPECT_EQ(report.accesses[1].vector_bits, 128u);
  EXPECT_EQ(report.accesses[1].reason, "");
}

TEST(CompileForTarget, LineInformationIsThereWhenAskedForAndCostsNothing) {
  Kernel kernel{"scale", scale};
  const CompiledCode plain = kernel.compile({}, hopper);
  EXPECT_FALSE(contains(plain.ptx, ".loc"));
  debug::set_line_info(true);
  const CompiledCode lines = kernel.compile({}, hopper);
  debug::set_line_info(false);
  EXPECT_TRUE(contains(lines.ptx, "target_test.cpp"));
  EXPECT_TRUE(contains(lines.ptx, " " + std::to_string(load_line) + " ")) << lines.ptx;
  EXPECT_FALSE(contains(lines.ptx, ", debug"));
  EXPECT_EQ(lines.report.registers, plain.report.registers);
}

TEST(CompileForTarget, LinesOfHelpersInOtherFilesHaveTheNamesOfTheirFiles) {
  Kernel kernel{"helped", [](const Config &c, ptr<float> x) {
                  auto p = x + arange(0, c.block);
                  store(p, doubled(load(p)));
                }};
  debug::set_line_info(true);
  const std::string ptx = kernel.compile({}, hopper).ptx;
  debug::set_line_info(false);
  std::string number;
  for (std::size_t at = ptx.find("\t.file\t"); at != ptx.npos; at = ptx.find("\t.file\t", at + 1)) {
    const std::string line = ptx.substr(at + 7, ptx.find('\n', at) - at - 7);
    if (contains(line, "doubled.h"))
      number = line.substr(0, line.find(' '));
  }
  EXPECT_TRUE(contains(ptx, "\t.loc\t" + number + " " + std::to_string(doubled_line) + " ")) << ptx;
}

TEST(CompileForTarget, AFailureNamesTheLineAndACommandThatRepeatsIt) {
  Kernel kernel{"transpose", [](const Config &c, ptr<const float> x, ptr<float> out) {
                  auto i = arange(0, 512);
                  auto at = col(i) * 512 + row(i);
                  store(out + at, trans(load(x + at))); // must pass through shared memory, which is not so large
                }};
  try {
    kernel.compile({}, hopper);
    FAIL() << "no error";
  } catch (const CompileError &e) {
    const std::string said = e.what();
    EXPECT_TRUE(contains(said, "target_test.cpp:")) << said;
    EXPECT_TRUE(contains(said, "bytes of shared memory, but a program has 232448 at most")) << said;
    EXPECT_TRUE(contains(said, "note: while compiling 'transpose' with {512, 3, 4}")) << said;
    const std::string command = "note: reproduce with: kiln-opt --tile-to-gpu='capability=90 shared-bytes=232448";
    ASSERT_TRUE(contains(said, command)) << said;
    const std::size_t path = said.find("' /", said.find(command)) + 2;
    const std::filesystem::path file = said.substr(path, said.find('\n', path) - path);
    EXPECT_TRUE(contains(read_file(file), "func.func @transpose")) << file;
    std::filesystem::remove(file);
  }
  EXPECT_EQ(kernel.counters().compiles, 0u);
}

TEST(Emit, PrintsEveryStage) {
  Kernel kernel{"scale", scale};
  const std::pair<const char *, const char *> stages[] = {{"tile", "tile.load"},
                                                          {"tile_gpu", "#tile_gpu.layout"},
                                                          {"threads", "tile_gpu.machine"},
                                                          {"llvm", "llvm.func @scale"},
                                                          {"llvmir", "define"},
                                                          {"ptx", ".entry scale("},
                                                          {"report", "threads         128"},
                                                          {"json", "\"threads\": 128"}};
  for (auto [stage, part] : stages)
    EXPECT_TRUE(contains(kernel.emit({}, hopper, stage), part)) << stage << "\n" << kernel.emit({}, hopper, stage);
  if (assembler()) {
    EXPECT_EQ(kernel.emit({}, hopper, "cubin").substr(0, 4), "\177ELF");
  }
  EXPECT_TRUE(contains(kernel.emit({}, Target::cpu(), "asm"), "scale:"));
  try {
    kernel.emit({}, hopper, "asm");
    FAIL() << "no error";
  } catch (const InvalidArgument &e) {
    EXPECT_STREQ(e.what(),
                 "error: there is no stage 'asm' of sm_90a; there are: tile, tile_gpu, threads, llvm, llvmir, "
                 "ptx, cubin, report, json");
  }
}

TEST(AnyKernel, FindsTheMembersOfAConfig) {
  enum class Mode { a, b };
  struct Mixed {
    int block_n = 64;
    bool packed = true;
    double scale = 0.5;
    Mode mode = Mode::b;
    std::int64_t last_one2 = -7;
  };
  Kernel kernel{"mixed", [](const Mixed &c, ptr<float> out) {
                  store(out + arange(0, c.block_n), c.mode == Mode::a ? c.scale : 0.25 * c.packed);
                }};
  const AnyKernel any(kernel);
  EXPECT_EQ(any.name(), "mixed");
  std::string text;
  for (const ConfigMember &member : any.fields())
    text += std::string(member.name) + (member.kind == ConfigMember::Kind::boolean    ? "?"
                                        : member.kind == ConfigMember::Kind::floating ? "."
                                                                                      : "#");
  EXPECT_EQ(text, "block_n#packed?scale.mode#last_one2#");
  std::vector<ConfigValue> values = any.defaults();
  EXPECT_EQ(values, (std::vector<ConfigValue>{64, 1, 0.5, 1, -7}));
  EXPECT_EQ(any.trace(values), kernel.trace({}));
  values[0] = 32, values[3] = 0;
  EXPECT_EQ(any.trace(values), kernel.trace({.block_n = 32, .mode = Mode::a}));
  values.pop_back();
  EXPECT_THROW(any.trace(values), InvalidArgument);
}

TEST(AnyKernel, ConfigValuesAreExact) {
  struct Wide {
    std::int64_t seed = 9007199254740993, least = std::numeric_limits<std::int64_t>::min();
    std::uint64_t mask = ~std::uint64_t(0);
    std::int8_t small = -128;
  };
  Kernel kernel{"wide", [](const Wide &c, ptr<std::int64_t> out) {
                  store(out, c.seed);
                  store(out + 1, c.least);
                  store(out + 2, static_cast<std::int64_t>(c.mask));
                }};
  const AnyKernel any(kernel);
  std::vector<ConfigValue> values = any.defaults();
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i)
    text += member_text(any.fields()[i], values[i]) + " ";
  EXPECT_EQ(text, "seed=9007199254740993 least=-9223372036854775808 mask=18446744073709551615 small=-128 ");
  EXPECT_EQ(any.trace(values), kernel.trace({}));

  const Assignable config{"wide", "--set", "config field", any.fields()};
  assign(values, config, "seed=-9007199254740995");
  assign(values, config, "mask=18446744073709551614");
  EXPECT_EQ(any.trace(values), kernel.trace({.seed = -9007199254740995, .mask = ~std::uint64_t(1)}));

  const auto refused = [&](const char *assignment) {
    std::vector<ConfigValue> changed = any.defaults();
    return message_of<InvalidArgument>([&] {
      assign(changed, config, assignment);
      (void)any.trace(changed);
    });
  };
  EXPECT_EQ(refused("seed=9223372036854775808"), "error: config field 'seed' cannot hold 9223372036854775808");
  EXPECT_EQ(refused("mask=-1"), "error: config field 'mask' cannot hold -1");
  EXPECT_EQ(refused("small=128"), "error: config field 'small' cannot hold 128");
  EXPECT_EQ(refused("mask=18446744073709551616"),
            "error: --set 'mask=18446744073709551616': expected a number after '='");
}

class DiskLevel : public testing::Test {
protected:
  void SetUp() override {
    if (!assembler())
      GTEST_SKIP() << "no assembler: there is no code to keep";
  }

  /// What compiling changes of a kernel's counters: "2 traces, 1 compiles, 0 hits, 1 misses".
  template <class F>
  static std::string counts(F &&f) {
    const KernelCounters before = total_counters();
    f();
    const KernelCounters after = total_counters();
    return std::to_string(after.traces - before.traces) + " traces, " +
           std::to_string(after.compiles - before.compiles) + " compiles, " +
           std::to_string(after.disk_hits - before.disk_hits) + " hits, " +
           std::to_string(after.disk_misses - before.disk_misses) + " misses";
  }

  static constexpr const char *found = "1 traces, 0 compiles, 1 hits, 0 misses";
  static constexpr const char *made = "1 traces, 1 compiles, 0 hits, 1 misses";
};

TEST_F(DiskLevel, AHitTracesOnceAndCompilesNothing) {
  Kernel first{"disk_scale", scale}, second{"disk_scale", scale};
  CompiledCode cold, warm;
  EXPECT_EQ(counts([&] { cold = first.compile({}, hopper); }), made);
  EXPECT_FALSE(cold.report.from_disk);
  EXPECT_EQ(counts([&] { warm = second.compile({}, hopper); }), found);
  EXPECT_TRUE(warm.report.from_disk);
  EXPECT_EQ(warm.ptx, cold.ptx);
  EXPECT_EQ(warm.cubin, cold.cubin);
  EXPECT_EQ(warm.report.registers, cold.report.registers);
  EXPECT_EQ(warm.report.occupancy, cold.report.occupancy);
  ASSERT_EQ(warm.report.accesses.size(), cold.report.accesses.size());
  for (std::size_t i = 0; i < cold.report.accesses.size(); ++i) {
    EXPECT_EQ(warm.report.accesses[i].place, cold.report.accesses[i].place);
    EXPECT_EQ(warm.report.accesses[i].vector_bits, cold.report.accesses[i].vector_bits);
  }
}

TEST_F(DiskLevel, EverythingThatTheCodeDependsOnIsInTheKey) {
  Kernel kernel{"keyed", scale}, renamed{"renamed", scale};
  auto compile = [&](const auto &k, const Config &config, Target target) {
    return counts([&] { k.compile(config, target); });
  };
  EXPECT_EQ(compile(kernel, {}, hopper), made);
  EXPECT_EQ(compile(kernel, {.factor = 4}, hopper), made);
  EXPECT_EQ(compile(kernel, {.num_warps = 8}, hopper), made);
  EXPECT_EQ(compile(kernel, {}, Target::parse("sm_80")), made);
  EXPECT_EQ(compile(renamed, {}, hopper), made);
  debug::set_asserts(true);
  EXPECT_EQ(compile(kernel, {}, hopper), made);
  debug::set_asserts(false);
  debug::set_line_info(true);
  EXPECT_EQ(compile(kernel, {}, hopper), made);
  debug::set_line_info(false);
  EXPECT_EQ(compile(kernel, {}, hopper), found);
}

// Two kernels that are alike but for their places.
constexpr int early_line = __LINE__ + 3;
void early(const Config &c, ptr<const float> x, ptr<float> out) {
  auto i = arange(0, c.block);
  auto v = load(x + i);
  store(out + i, v);
}
constexpr int late_line = __LINE__ + 4;
void late(const Config &c, ptr<const float> x, ptr<float> out) {
  auto i = arange(0, c.block);

  auto v = load(x + i);
  store(out + i, v);
}

TEST_F(DiskLevel, MovingAKernelInItsFileChangesNothingButTheReport) {
  Kernel one{"moved", early}, other{"moved", late};
  CompiledCode cold, warm;
  EXPECT_EQ(counts([&] { cold = one.compile({}, hopper); }), made);
  EXPECT_EQ(counts([&] { warm = other.compile({}, hopper); }), found);
  EXPECT_TRUE(contains(cold.report.accesses.at(0).place, ":" + std::to_string(early_line) + ":"));
  EXPECT_TRUE(contains(warm.report.accesses.at(0).place, ":" + std::to_string(late_line) + ":"))
      << warm.report.accesses[0].place;
}

TEST_F(DiskLevel, WhatWasTracedBeforeDoesNotCount) {
  EXPECT_EQ(counts([] { Kernel{"pure", scale}.compile({}, hopper); }), made);
  for (int i = 1; i <= 20; ++i)
    Kernel{"other", scale}.trace({.factor = i});
  EXPECT_EQ(counts([] { Kernel{"pure", scale}.compile({}, hopper); }), found);
}

TEST_F(DiskLevel, AnotherProcessFindsIt) {
  Kernel kernel{"shared_scale", scale};
  if (std::getenv("TARGET_TEST_CACHE")) {
    EXPECT_EQ(counts([&] { kernel.compile({}, hopper); }), found);
    return;
  }
  EXPECT_EQ(counts([&] { kernel.compile({}, hopper); }), made);
  const std::string program = std::filesystem::read_symlink("/proc/self/exe");
  const std::string command = "TARGET_TEST_CACHE='" + cache_directory.string() + "' '" + program +
                              "' --gtest_brief=1 --gtest_filter=DiskLevel.AnotherProcessFindsIt > /dev/null";
  EXPECT_EQ(std::system(command.c_str()), 0);
}

TEST_F(DiskLevel, DamagedEntriesAreMadeAgain) {
  Kernel kernel{"damaged", scale};
  kernel.compile({}, hopper);
  for (const auto &entry : std::filesystem::recursive_directory_iterator(cache_directory))
    if (entry.is_regular_file())
      std::filesystem::resize_file(entry.path(), entry.file_size() / 2);
  CompiledCode again;
  EXPECT_EQ(counts([&] { again = kernel.compile({}, hopper); }), made);
  EXPECT_TRUE(contains(again.ptx, ".entry damaged("));
  EXPECT_EQ(counts([&] { kernel.compile({}, hopper); }), found);
}

TEST_F(DiskLevel, ThreadsMayCompileOneKernelAtTheSameTime) {
  Kernel kernel{"raced", scale};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] { EXPECT_TRUE(contains(kernel.compile({}, hopper).ptx, ".entry raced(")); });
  for (auto &thread : threads)
    thread.join();
  EXPECT_EQ(counts([&] { kernel.compile({}, hopper); }), found);
}

class Override : public testing::Test {
protected:
  TemporaryDirectory directory;
  Environment environment{{"KILN_OVERRIDE_DIR", directory.path()}};
  Kernel<Config, ptr<const float>, ptr<float>, scalar<std::int32_t>> kernel{"scale", scale};
};

TEST_F(Override, AFileTakesThePlaceOfAStage) {
  const std::string tile = kernel.emit({}, hopper, "tile");
  ASSERT_TRUE(contains(tile, "dense<3.0") || contains(tile, "3.000000e+00")) << tile;
  const std::string ptx = kernel.compile({}, hopper).ptx;
  ASSERT_TRUE(contains(ptx, "0f40400000")) << ptx; // 3.0

  write_file(directory / "scale-512-3-4.sm_90a.tile.mlir", replaced(tile, "3.000000e+00", "5.000000e+00"));
  const KernelCounters before = kernel.counters();
  testing::internal::CaptureStderr();
  const CompiledCode five = kernel.compile({}, hopper);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(contains(said, "kiln: warning: tile of 'scale' with {512, 3, 4} is taken from ")) << said;
  EXPECT_TRUE(contains(five.ptx, "0f40A00000")) << five.ptx;
  EXPECT_EQ(kernel.counters().disk_hits, before.disk_hits) << "the cache was asked";
  EXPECT_EQ(kernel.counters().disk_misses, before.disk_misses) << "the cache was asked";

  write_file(directory / "scale-512-3-4.sm_90a.ptx", replaced(ptx, "0f40400000", "0f40E00000"));
  EXPECT_TRUE(contains(kernel.compile({}, hopper).ptx, "0f40E00000"));
  write_file(directory / "scale-512-3-4.sm_90a.cubin", "not a cubin");
  const CompiledCode last = kernel.compile({}, hopper);
  EXPECT_EQ(std::string(last.cubin.begin(), last.cubin.end()), "not a cubin");

  // Another config has other files.
  EXPECT_TRUE(contains(kernel.compile({.block = 256}, hopper).ptx, "0f40400000"));
}

TEST_F(Override, SaysOnceThatThereIsNoSuchDirectory) {
  const std::string missing = directory / "missing";
  environment.set("KILN_OVERRIDE_DIR", missing);
  testing::internal::CaptureStderr();
  kernel.compile({}, hopper);
  kernel.compile({}, hopper);
  const std::string said = testing::internal::GetCapturedStderr();
  const std::string warning = "kiln: warning: KILN_OVERRIDE_DIR: there is no directory " + missing + "\n";
  const std::size_t at = said.find(warning);
  EXPECT_NE(at, std::string::npos) << said;
  EXPECT_EQ(said.find(warning, at + 1), std::string::npos) << said;
}

TEST_F(Override, FilesThatAreNoKernelAreRefused) {
  auto message = [&](const std::string &text) -> std::string {
    write_file(directory / "scale-512-3-4.sm_90a.tile.mlir", text);
    try {
      kernel.compile({}, hopper);
    } catch (const CompileError &e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_TRUE(contains(message("nonsense"), "error: ")) << message("nonsense");
  EXPECT_TRUE(contains(message("nonsense"), "note: while compiling 'scale'"));
  EXPECT_EQ(message("module {}"), "error: KILN_OVERRIDE_DIR: the file holds no kernel 'scale'");
}

TEST_F(Override, DumpsHaveTheNamesOfOverrides) {
  const std::filesystem::path dumps = directory / "dumps";
  environment.set("KILN_DUMP", "all");
  environment.set("KILN_DUMP_DIR", dumps);
  kernel.compile({}, hopper);
  for (const char *name : {"tile.mlir", "tile_gpu.mlir", "threads.mlir", "llvm.mlir", "llvmir.ll", "ptx", "report.txt"})
    EXPECT_FALSE(read_file(dumps / ("scale-512-3-4.sm_90a." + std::string(name))).empty()) << name;
  if (assembler()) {
    EXPECT_EQ(read_file(dumps / "scale-512-3-4.sm_90a.cubin").substr(0, 4), "\177ELF");
  }
}

} // namespace
