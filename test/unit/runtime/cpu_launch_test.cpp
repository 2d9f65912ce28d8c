#include "kiln/runtime/cpu_launch.h"

#include "kiln/debug.h"
#include "kiln/error.h"

#include <atomic>
#include <cfenv>
#include <chrono>
#include <cstring>
#include <gtest/gtest.h>
#include <numeric>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace kiln;
using namespace kiln::runtime;

namespace {

template <typename T>
T arg(const void *const *args, int index) {
  T value;
  std::memcpy(&value, args[index], sizeof(T));
  return value;
}

/// Adds 1 to the counter of its program.
std::int32_t count_entry(const void *const *args, const ProgramInfo *p, void *, void *) {
  auto *counters = arg<std::atomic<int> *>(args, 0);
  std::size_t index = (std::size_t{static_cast<unsigned>(p->id[2])} * p->num[1] + p->id[1]) * p->num[0] + p->id[0];
  counters[index].fetch_add(1, std::memory_order_relaxed);
  return 0;
}

void expect_each_once(std::array<unsigned, 3> grid) {
  CpuKernel kernel{.name = "count", .entry = count_entry};
  std::vector<std::atomic<int>> counters(std::size_t{grid[0]} * grid[1] * grid[2]);
  auto *data = counters.data();
  const void *args[] = {&data};
  // Twice: the second launch knows how long a program takes and may stay in this thread.
  for (int round = 1; round <= 2; ++round) {
    launch_cpu(kernel, grid, args);
    for (std::size_t i = 0; i < counters.size(); ++i)
      ASSERT_EQ(counters[i].load(), round) << "program " << i;
  }
}

TEST(CpuLaunch, RunsEveryProgramOnce) {
  for (unsigned n : {1u, 2u, 3u, 7u, 64u, 1000u, 100'003u})
    expect_each_once({n, 1, 1});
  expect_each_once({3, 5, 7});
  expect_each_once({1, 65535, 2});
  expect_each_once({1, 1, 65535});
  expect_each_once({129, 1, 33});
}

TEST(CpuLaunch, RefusesGrids) {
  CpuKernel kernel{.name = "count", .entry = count_entry};
  for (std::array<unsigned, 3> grid :
       {std::array<unsigned, 3>{0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {1, 65536, 1}, {1, 1, 65536}, {1u << 31, 1, 1}})
    EXPECT_THROW(launch_cpu(kernel, grid, nullptr), LaunchError);
  try {
    launch_cpu(kernel, {4, 0, 1}, nullptr);
    FAIL();
  } catch (const LaunchError &e) {
    EXPECT_STREQ(e.what(), "cannot launch 'count': the grid is (4, 0, 1), but its y must be from 1 to 65535");
  }
}

struct ScratchUse {
  std::mutex mutex;
  std::set<void *> in_use;
  std::atomic<bool> clash{false};
};

/// Fills its scratch with its own id and finds it unchanged after a while.
std::int32_t scratch_entry(const void *const *args, const ProgramInfo *p, void *scratch, void *) {
  auto *use = arg<ScratchUse *>(args, 0);
  auto bytes = arg<std::size_t>(args, 1);
  {
    std::lock_guard lock(use->mutex);
    if (!use->in_use.insert(scratch).second)
      use->clash = true;
  }
  if (reinterpret_cast<std::uintptr_t>(scratch) % 64 != 0)
    use->clash = true;
  auto *data = static_cast<unsigned char *>(scratch);
  std::memset(data, p->id[0] & 0xff, bytes);
  std::this_thread::yield();
  for (std::size_t i = 0; i < bytes; ++i)
    if (data[i] != (p->id[0] & 0xff))
      use->clash = true;
  std::lock_guard lock(use->mutex);
  use->in_use.erase(scratch);
  return 0;
}

TEST(CpuLaunch, ScratchIsAlignedGrowsAndBelongsToOneProgram) {
  ScratchUse use;
  for (std::size_t bytes : {64, 100'000, 10, 1'000'000}) {
    CpuKernel kernel{.name = "scratch", .entry = scratch_entry, .scratch_bytes = bytes};
    auto *pointer = &use;
    const void *args[] = {&pointer, &bytes};
    launch_cpu(kernel, {200, 1, 1}, args);
    EXPECT_FALSE(use.clash) << bytes;
  }
}

TEST(CpuLaunch, NoMemoryForScratchIsAnException) {
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "the sanitizers end the process where the system's allocator returns";
#endif
  CpuKernel kernel{.name = "huge", .entry = count_entry, .scratch_bytes = std::size_t{1} << 62};
  EXPECT_THROW(launch_cpu(kernel, {1, 1, 1}, nullptr), std::bad_alloc);
  EXPECT_THROW(launch_cpu(kernel, {100, 1, 1}, nullptr), std::bad_alloc);
}

struct Latch {
  std::atomic<unsigned> arrived{0};
  unsigned expected;
};

/// Returns when `expected` programs are running at the same time, or after ten seconds.
std::int32_t meet_entry(const void *const *args, const ProgramInfo *, void *, void *) {
  auto *latch = arg<Latch *>(args, 0);
  latch->arrived.fetch_add(1);
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (latch->arrived.load() < latch->expected && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  return 0;
}

TEST(CpuLaunch, ProgramsRunInParallel) {
  ASSERT_GE(cpu_threads(), 4u) << "the test is run with KILN_NUM_THREADS=4";
  CpuKernel kernel{.name = "meet", .entry = meet_entry};
  Latch latch{.expected = 4};
  auto *pointer = &latch;
  const void *args[] = {&pointer};
  auto start = std::chrono::steady_clock::now();
  launch_cpu(kernel, {4, 1, 1}, args);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10))
      << "four programs never ran at the same time";
}

TEST(CpuLaunch, ManyThreadsLaunchAtOnce) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 24; ++t) // more than the pool has places for jobs
    threads.emplace_back([&wrong, t] {
      CpuKernel kernel{.name = "count", .entry = count_entry};
      for (unsigned round = 0; round < 50; ++round) {
        unsigned n = 1 + (round * 37 + static_cast<unsigned>(t) * 11) % 500;
        std::vector<std::atomic<int>> counters(n);
        auto *data = counters.data();
        const void *args[] = {&data};
        launch_cpu(kernel, {n, 1, 1}, args);
        for (auto &c : counters)
          wrong += c.load() != 1;
      }
    });
  for (auto &t : threads)
    t.join();
  EXPECT_EQ(wrong, 0);
}

TEST(CpuLaunch, AForkedChildHasNoWorkersAndLaunchesAllTheSame) {
  expect_each_once({1000, 1, 1}); // the pool is running
  pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    expect_each_once({1000, 1, 1});
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

struct TrapPlan {
  std::atomic<int> ran{0};
  int victim;
};

std::int32_t assert_entry(const void *const *args, const ProgramInfo *p, void *, void *context) {
  auto *plan = arg<TrapPlan *>(args, 0);
  plan->ran.fetch_add(1);
  if (p->id[0] == plan->victim)
    return cpu_assert_failed(context, p, "page out of range", "paged.cpp:12:3", 13, "2x2x4");
  return 0;
}

TEST(CpuLaunch, ATrapStopsTheLaunchAndNamesTheProgram) {
  TrapPlan plan{.victim = 5};
  CpuKernel kernel{.name = "gather", .entry = assert_entry, .note = "note: while running 'gather' with {64, 4}"};
  auto *pointer = &plan;
  const void *args[] = {&pointer};
  try {
    launch_cpu(kernel, {1u << 24, 1, 1}, args);
    FAIL() << "no trap";
  } catch (const TrapError &e) {
    EXPECT_STREQ(e.what(), "paged.cpp:12:3: error: assertion failed: page out of range, at element (1, 1, 1)\n"
                           "note: in program (5, 0, 0) of 'gather'\n"
                           "note: while running 'gather' with {64, 4}");
  }
  EXPECT_LT(plan.ran.load(), 1 << 22) << "the other programs went on";

  // The pool is none the worse for it.
  expect_each_once({1000, 1, 1});
}

TEST(CpuLaunch, OneTrapOfMany) {
  CpuKernel kernel{.name = "all", .entry = [](const void *const *, const ProgramInfo *p, void *, void *context) {
                     return cpu_assert_failed(context, p, "always", "a.cpp:1:1", 0, "");
                   }};
  EXPECT_THROW(launch_cpu(kernel, {1000, 1, 1}, nullptr), TrapError);
}

TEST(CpuLaunch, AnUnexplainedTrapCodeIsStillAnError) {
  CpuKernel kernel{.name = "odd", .entry = [](const void *const *, const ProgramInfo *, void *, void *) { return 7; }};
  try {
    launch_cpu(kernel, {1, 1, 1}, nullptr);
    FAIL();
  } catch (const TrapError &e) {
    EXPECT_STREQ(e.what(), "the kernel stopped with trap code 7\nnote: in program (0, 0, 0) of 'odd'");
  }
}

/// Stores 4 bytes at base + id, checked.
std::int32_t checked_entry(const void *const *args, const ProgramInfo *p, void *, void *context) {
  auto *address = arg<float *>(args, 0) + p->id[0];
  if (std::int32_t code = cpu_check(context, p, address, 4, "store", "store.cpp:7:9"))
    return code;
  *address = 1;
  return 0;
}

TEST(CpuLaunch, ChecksAccessesAgainstRegisteredBuffers) {
  std::vector<float> out(16);
  auto *data = out.data();
  const void *args[] = {&data};
  debug::Buffer buffer(data, 60, "out");
  CpuKernel kernel{.name = "fill", .entry = checked_entry, .checked = true};
  launch_cpu(kernel, {15, 1, 1}, args);
  EXPECT_EQ(std::accumulate(out.begin(), out.end(), 0.f), 15);
  try {
    launch_cpu(kernel, {16, 1, 1}, args);
    FAIL() << "no trap";
  } catch (const TrapError &e) {
    std::string what = e.what();
    EXPECT_EQ(what.find("store.cpp:7:9: error: store of 4 bytes at 0x"), 0u) << what;
    EXPECT_NE(what.find(", 0 bytes past the end of buffer 'out' (60 bytes)"), std::string::npos) << what;
    EXPECT_NE(what.find("note: in program (15, 0, 0) of 'fill'"), std::string::npos) << what;
  }
  EXPECT_EQ(out[15], 0.f) << "the access outside was made";
}

std::int32_t nested_entry(const void *const *args, const ProgramInfo *p, void *scratch, void *) {
  auto *counters = arg<std::atomic<int> *>(args, 0);
  std::memset(scratch, p->id[0], 64);
  CpuKernel inner{.name = "inner", .entry = scratch_entry, .scratch_bytes = 64};
  ScratchUse use;
  auto *pointer = &use;
  std::size_t bytes = 64;
  const void *inner_args[] = {&pointer, &bytes};
  launch_cpu(inner, {8, 1, 1}, inner_args);
  bool untouched = true;
  for (int i = 0; i < 64; ++i)
    untouched &= static_cast<unsigned char *>(scratch)[i] == static_cast<unsigned char>(p->id[0]);
  if (!use.clash && untouched)
    counters[p->id[0]].fetch_add(1);
  return 0;
}

TEST(CpuLaunch, ALaunchFromInsideAProgramRunsThere) {
  CpuKernel kernel{.name = "outer", .entry = nested_entry, .scratch_bytes = 64};
  std::vector<std::atomic<int>> counters(64);
  auto *data = counters.data();
  const void *args[] = {&data};
  launch_cpu(kernel, {64, 1, 1}, args);
  for (auto &c : counters)
    EXPECT_EQ(c.load(), 1);
}

std::int32_t third_entry(const void *const *args, const ProgramInfo *p, void *, void *) {
  volatile float one = 1, three = 3;
  arg<float *>(args, 0)[p->id[0]] = one / three;
  return 0;
}

TEST(CpuLaunch, ProgramsIgnoreTheCallersRoundingMode) {
  std::vector<float> out(100);
  auto *data = out.data();
  const void *args[] = {&data};
  CpuKernel kernel{.name = "third", .entry = third_entry};
  std::fesetround(FE_UPWARD);
  launch_cpu(kernel, {100, 1, 1}, args);
  int after = std::fegetround();
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(after, FE_UPWARD);
  for (float value : out)
    EXPECT_EQ(value, 0x1.555556p-2f);
}

std::int32_t print_entry(const void *const *, const ProgramInfo *p, void *, void *context) {
  std::int64_t ints[] = {p->id[0], -7};
  double floats[] = {0.5, 1e-9, -2};
  cpu_print(context, p, "n", 0, ints, 1, "i32");
  cpu_print(context, p, "x", 1, floats, 3, "tensor<3xf32>");
  cpu_print(context, p, "p", 2, ints + 1, 1, "i64");
  cpu_print(context, p, "here", 0, nullptr, 0, "");
  return 0;
}

TEST(CpuLaunch, APrintHandlerMayPrintAndLaunchAndBeReplaced) {
  struct Printed {
    CpuKernel kernel{.name = "show", .entry = print_entry};
    int depth = 0, lines = 0, others = 0;
  } printed;
  debug::set_print_handler(
      [](void *user, const char *, std::size_t) {
        auto &printed = *static_cast<Printed *>(user);
        ++printed.lines;
        if (printed.depth++ == 0) {
          debug::print_line("nested");
          launch_cpu(printed.kernel, {50, 1, 1}, nullptr);
          debug::set_print_handler(
              [](void *user, const char *, std::size_t) { ++static_cast<Printed *>(user)->others; }, &printed);
        }
      },
      &printed);
  launch_cpu(printed.kernel, {50, 1, 1}, nullptr);
  debug::set_print_handler(nullptr, nullptr);
  EXPECT_EQ(printed.lines, 1 + 1 + 200);
  EXPECT_EQ(printed.others, 199);
}

TEST(CpuLaunch, PrintsWholeLinesWithKernelAndProgram) {
  std::multiset<std::string> lines;
  debug::set_print_handler(
      [](void *user, const char *text, std::size_t size) {
        static_cast<std::multiset<std::string> *>(user)->emplace(text, size);
      },
      &lines);
  CpuKernel kernel{.name = "show", .entry = print_entry};
  launch_cpu(kernel, {50, 1, 1}, nullptr);
  debug::set_print_handler(nullptr, nullptr);
  EXPECT_EQ(lines.size(), 200u);
  for (int i = 0; i < 50; ++i) {
    std::string who = "show(" + std::to_string(i) + ", 0, 0) ";
    EXPECT_EQ(lines.count(who + "n [i32] " + std::to_string(i) + "\n"), 1u);
    EXPECT_EQ(lines.count(who + "x [tensor<3xf32>] 0.5 1e-09 -2\n"), 1u);
    EXPECT_EQ(lines.count(who + "here\n"), 1u);
    EXPECT_EQ(lines.count(who + "p [i64] 0xfffffffffffffff9\n"), 1u);
  }
}

} // namespace
