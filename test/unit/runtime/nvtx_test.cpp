// Events as NVTX ranges, seen by a profiler that only remembers.
#include "kiln/events.h"
#include "kiln/runtime/observe.h"

#include "fake_nvtx.h"

#include <cstdlib>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <map>
#include <stdexcept>

using namespace kiln;
using namespace kiln::runtime;

namespace {

/// The library that this program is linked with, under the name that it was loaded by.
std::string fake_library() {
  Dl_info info{};
  dladdr(reinterpret_cast<void *>(&fake_nvtx::state), &info);
  return info.dli_fname;
}

const int use_fake = setenv("NVTX_INJECTION64_PATH", fake_library().c_str(), 1);

Event event_of(EventKind kind) {
  Event event{.kind = kind};
  event.kernel = "softmax";
  event.config = "{1024}";
  event.target = "cpu";
  return event;
}

/// "(launch softmax {1024} (compile softmax {1024} (trace ) ) )" of the calling thread, since the last call.
std::string ranges() {
  fake_nvtx::State &state = fake_nvtx::state();
  std::lock_guard lock(state.mutex);
  std::string text;
  for (const fake_nvtx::Record &record : state.records)
    if (record.thread == std::this_thread::get_id()) {
      EXPECT_EQ(record.domain, "kiln");
      text += record.begins ? "(" + record.name + " " : ") ";
    }
  state.records.clear();
  return text;
}

TEST(Nvtx, EveryEventIsARange) {
  ASSERT_EQ(use_fake, 0);
  observe(event_of(EventKind::launch), [](EventScope &) {
    observe(event_of(EventKind::compile), [](EventScope &) {
      observe_stage("trace", [] {});
      observe_stage("lower", [] {});
    });
  });
  EXPECT_EQ(ranges(), "(launch softmax {1024} (compile softmax {1024} (trace ) (lower ) ) ) ");
  EXPECT_EQ(fake_nvtx::state().attached, 1);
}

TEST(Nvtx, StepsOfTuningAreNamed) {
  Event tuning = event_of(EventKind::tune), step = event_of(EventKind::tune_step);
  tuning.config = "";
  step.step = "measure again";
  observe(tuning, [&](EventScope &) { EventScope inner(step); });
  EXPECT_EQ(ranges(), "(tune softmax (tune: measure again softmax {1024} ) ) ");
}

TEST(Nvtx, ARangeEndsWhereABodyThrows) {
  EXPECT_THROW(observe(event_of(EventKind::launch), [](EventScope &) { throw std::runtime_error("no"); }),
               std::runtime_error);
  EXPECT_EQ(ranges(), "(launch softmax {1024} ) ");
}

TEST(Nvtx, ThreadsHaveTheirOwn) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 200; ++i)
        EventScope scope(event_of(EventKind::launch));
    });
  for (std::thread &thread : threads)
    thread.join();
  fake_nvtx::State &state = fake_nvtx::state();
  std::map<std::thread::id, int> depth, count;
  for (const fake_nvtx::Record &record : state.records) {
    depth[record.thread] += record.begins ? 1 : -1;
    EXPECT_TRUE(depth[record.thread] == 0 || depth[record.thread] == 1);
    ++count[record.thread];
  }
  EXPECT_EQ(count.size(), 4u);
  for (const auto &[thread, records] : count)
    EXPECT_EQ(records, 400);
  state.records.clear();
}

/// How many ranges a process of its own makes in which the variable is this.
void expect_ranges(const char *name, const char *value, int expected) {
  const auto body = [&] {
    value ? setenv(name, value, 1) : unsetenv(name);
    EventScope scope(event_of(EventKind::launch));
    std::exit(observed_kinds == 0 ? 10 : 20 + static_cast<int>(fake_nvtx::state().records.size()));
  };
  testing::GTEST_FLAG(death_test_style) = "threadsafe"; // which starts the program anew
  EXPECT_EXIT(body(), testing::ExitedWithCode(expected), "") << name << "=" << (value ? value : "(not set)");
}

TEST(NvtxDeathTest, TheEnvironmentTurnsThemOff) {
  expect_ranges("KILN_NVTX", "", 21);
  expect_ranges("KILN_NVTX", "1", 21);
  expect_ranges("KILN_NVTX", "0", 10); // and launches cost nothing
}

TEST(NvtxDeathTest, WithoutAProfilerThereIsNothingToPay) { expect_ranges("NVTX_INJECTION64_PATH", nullptr, 10); }

} // namespace
