#include "emulator/options.h"
#include "emulator/profile.h"
#include "kiln/error.h"
#include "message_of.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::emulator;

namespace {

/// A table of meanings of its own.
const Semantics *meaning_of(std::string_view operation) {
  static const std::map<std::string_view, Semantics> table = [] {
    std::map<std::string_view, Semantics> rows;
    rows["load"].kind = InstructionClass::global_load;
    rows["wait"].kind = InstructionClass::barrier;
    rows["matrix"].kind = InstructionClass::shared_load;
    rows["tid"].kind = InstructionClass::special;
    rows["cvt"].kind = InstructionClass::conversion;
    rows["check"].is_check = true;
    rows["cvt"].compute = [](const std::uint64_t *, std::uint64_t *) {};
    return rows;
  }();
  return &table.at(operation);
}

EmulatedSite site(const char *operation, const char *place) { return {operation, place, "", ""}; }

EmulatedKernel::Code code_of(std::vector<EmulatedSite> sites, std::vector<std::vector<EmulatedCount>> blocks = {}) {
  EmulatedKernel::Code code;
  code.name = "kernel";
  code.arch = "sm_90a";
  code.note = "note: while running 'kernel' with {4}";
  code.num_warps = 4;
  code.shared_bytes = 512;
  code.sites = std::move(sites);
  code.blocks = std::move(blocks);
  return code;
}

std::uint64_t count_of(const LineProfile &line, InstructionClass kind) {
  return line.instructions[static_cast<std::size_t>(kind)];
}

std::uint64_t count_of_all(const LineProfile &line) {
  std::uint64_t sum = 0;
  for (std::uint64_t count : line.instructions)
    sum += count;
  return sum;
}

TEST(EmulatorProfile, NamesTheLaunch) {
  const LaunchProfile launch = make_profile(code_of({}), Counters(0, 0), {3, 2, 1}, meaning_of);
  EXPECT_EQ(launch.kernel, "kernel");
  EXPECT_EQ(launch.arch, "sm_90a");
  EXPECT_EQ(launch.note, "note: while running 'kernel' with {4}");
  EXPECT_EQ(launch.grid, (std::array<unsigned, 3>{3, 2, 1}));
  EXPECT_EQ(launch.num_warps, 4U);
  EXPECT_EQ(launch.shared_bytes, 512U);
  EXPECT_TRUE(launch.lines.empty());
}

TEST(EmulatorProfile, SitesOfALineAddUp) {
  const auto code =
      code_of({site("load", "a.h:7:3"), site("load", "a.h:7:30"), site("matrix", "a.h:7:30"), site("wait", "a.h:9:1")});
  Counters counters(4, 0);
  counters.sites[0] = {.executions = 8, .lane_executions = 256, .traffic = {.sectors = 32, .sector_bytes_used = 1024}};
  counters.sites[1] = {.executions = 2, .lane_executions = 64, .traffic = {.sectors = 32, .sector_bytes_used = 512}};
  counters.sites[2] = {
      .executions = 5, .lane_executions = 160, .traffic = {.shared_passes = 40, .shared_passes_ideal = 20}};
  counters.sites[3] = {.executions = 4,
                       .lane_executions = 128,
                       .traffic = {.waits = 4, .bytes_before_wait = 800, .bytes_after_wait = 400}};
  const LaunchProfile launch = make_profile(code, counters, {1, 1, 1}, meaning_of);

  ASSERT_EQ(launch.lines.size(), 2U);
  const LineProfile &loads = launch.lines[0], &waits = launch.lines[1];
  EXPECT_EQ(loads.file, "a.h");
  EXPECT_EQ(loads.line, 7U);
  EXPECT_EQ(count_of(loads, InstructionClass::global_load), 10U);
  EXPECT_EQ(count_of(loads, InstructionClass::shared_load), 5U);
  EXPECT_EQ(count_of_all(loads), 15U);
  EXPECT_EQ(loads.sectors, 64U);
  EXPECT_EQ(loads.sector_bytes_used, 1536U);
  EXPECT_EQ(loads.global_efficiency(), 0.75);
  EXPECT_EQ(loads.shared_passes, 40U);
  EXPECT_EQ(loads.shared_passes_ideal, 20U);
  EXPECT_EQ(loads.waits, 0U);
  EXPECT_EQ(waits.line, 9U);
  EXPECT_EQ(count_of(waits, InstructionClass::barrier), 4U);
  EXPECT_EQ(waits.waits, 4U);
  EXPECT_EQ(waits.bytes_before_wait, 800U);
  EXPECT_EQ(waits.bytes_after_wait, 400U);
  EXPECT_EQ(waits.global_efficiency(), 1.0) << "of no access";
}

TEST(EmulatorProfile, ThreadsCountAsWarpsOnceALine) {
  // Two blocks, of which 40 threads took one and 24 the other: together the 64 threads of two warps.
  const auto code = code_of({site("tid", "a.h:1:1")},
                            {{{"a.h:1:1", InstructionClass::integer, 1}, {"a.h:2:1", InstructionClass::floating, 3}},
                             {{"a.h:1:9", InstructionClass::integer, 1}},
                             {{"a.h:3:1", InstructionClass::integer, 1}}});
  Counters counters(1, 3);
  counters.sites[0] = {.executions = 2, .lane_executions = 64};
  counters.blocks = {40, 24, 0};
  const LaunchProfile launch = make_profile(code, counters, {1, 1, 1}, meaning_of);

  ASSERT_EQ(launch.lines.size(), 2U) << "a block that nobody entered has no line";
  EXPECT_EQ(count_of(launch.lines[0], InstructionClass::integer), 2U);
  EXPECT_EQ(count_of(launch.lines[0], InstructionClass::special), 2U);
  EXPECT_EQ(count_of_all(launch.lines[0]), 4U);
  EXPECT_EQ(count_of(launch.lines[1], InstructionClass::floating), 4U) << "120 / 32, rounded up";
}

TEST(EmulatorProfile, OperationsOfOneThreadAreCountedByThreads) {
  const auto code = code_of({site("cvt", "a.h:1:1"), site("cvt", "a.h:1:5"), site("cvt", "a.h:2:1")},
                            {{{"a.h:1:2", InstructionClass::conversion, 1}}});
  Counters counters(3, 1);
  counters.sites[0].lane_executions = 16;
  counters.sites[1].lane_executions = 24;
  counters.blocks = {25};
  const LaunchProfile launch = make_profile(code, counters, {1, 1, 1}, meaning_of);
  ASSERT_EQ(launch.lines.size(), 1U);
  EXPECT_EQ(count_of(launch.lines[0], InstructionClass::conversion), 3U) << "65 / 32, rounded up";
}

TEST(EmulatorProfile, ChecksOfTheEmulatorAreNotCounted) {
  Counters counters(1, 0);
  counters.sites[0] = {.executions = 4, .lane_executions = 128};
  EXPECT_TRUE(make_profile(code_of({site("check", "a.h:1:1")}), counters, {1, 1, 1}, meaning_of).lines.empty());
}

TEST(EmulatorProfile, LinesAreInOrderOfFileAndNumber) {
  const auto code =
      code_of({site("tid", "b.h:2:1"), site("tid", "a.h:10:1"), site("tid", "a.h:9:1"), site("tid", "C:\\k.h:4:12"),
               site("tid", ""), site("tid", "no place"), site("tid", "a.h:8:1")});
  Counters counters(7, 0);
  for (std::size_t i = 0; i < 6; ++i) // the last one was never executed
    counters.sites[i] = {.executions = 1, .lane_executions = 7};
  const LaunchProfile launch = make_profile(code, counters, {1, 1, 1}, meaning_of);

  std::vector<std::pair<std::string, unsigned>> found;
  for (const LineProfile &line : launch.lines)
    found.emplace_back(line.file, line.line);
  EXPECT_EQ(found, (std::vector<std::pair<std::string, unsigned>>{
                       {"", 0}, {"C:\\k.h", 4}, {"a.h", 9}, {"a.h", 10}, {"b.h", 2}}));
  EXPECT_EQ(count_of_all(launch.lines[0]), 2U);
}

TEST(EmulatorProfile, EveryClassHasAName) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < instruction_class_count; ++i)
    names.insert(name_of(static_cast<InstructionClass>(i)));
  EXPECT_EQ(names.size(), instruction_class_count);
  EXPECT_EQ(name_of(InstructionClass::global_load), "global load");
  EXPECT_EQ(name_of(InstructionClass::call), "call") << "the last";
}

TEST(EmulatorProfiler, TheInnermostCollects) {
  EXPECT_EQ(EmulatorProfiler::current(), nullptr);
  {
    EmulatorProfiler outer;
    EXPECT_EQ(EmulatorProfiler::current(), &outer);
    {
      EmulatorProfiler inner;
      LaunchProfile launch;
      launch.kernel = "first";
      EmulatorProfiler::current()->add(launch);
      launch.kernel = "second";
      EmulatorProfiler::current()->add(launch);
      ASSERT_EQ(inner.launches().size(), 2U);
      EXPECT_EQ(inner.launches()[1].kernel, "second");
    }
    EXPECT_EQ(EmulatorProfiler::current(), &outer);
    EXPECT_TRUE(outer.launches().empty());
  }
  EXPECT_EQ(EmulatorProfiler::current(), nullptr);
}

TEST(EmulatorOptions, TheSeedOfTheEnvironment) {
  EXPECT_EQ(options_from_seed(nullptr).seed, 0U);
  EXPECT_EQ(options_from_seed("").seed, 0U);
  EXPECT_EQ(options_from_seed("42").seed, 42U);
  EXPECT_EQ(options_from_seed("18446744073709551615").seed, UINT64_MAX);
  EXPECT_TRUE(options_from_seed("42").compare_poison);
  for (const char *wrong : {"x", "-1", "1.5", "7 ", "18446744073709551616"})
    EXPECT_EQ(message_of<InvalidArgument>([&] { options_from_seed(wrong); }),
              "error: KILN_EMULATOR_SEED is '" + std::string(wrong) + "', not a number from 0 to 2^64 - 1");
}

TEST(EmulatorOptions, AreThoseThatWereSetLast) {
  const EmulatorOptions before = emulator_options();
  set_emulator_options({.seed = 7, .compare_poison = false});
  EXPECT_EQ(emulator_options().seed, 7U);
  EXPECT_FALSE(emulator_options().compare_poison);
  set_emulator_options(before);
  EXPECT_EQ(emulator_options().seed, before.seed);
}

} // namespace
