// The events of kernels, as a program sees them.
#include "kiln/events.h"

#include "../message_of.h"
#include "../recorded_events.h"
#include "kiln/kiln.h"
#include "kiln/runtime/assembler.h"
#include "kiln/runtime/disk_cache.h"
#include "kiln/tune.h"

#include <atomic>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

using namespace kiln;

namespace {

struct Config {
  int block = 64;
};

void twice(const Config &c, ptr<const float> in, ptr<float> out, scalar<int> n) {
  Tile i = program_id(0) * c.block + arange(0, c.block);
  store(out + i, load(in + i, {.mask = i < n}) * 2.0F, {.mask = i < n});
}

class Observe : public testing::Test {
protected:
  void launch(Config config = {}) {
    kernel.launch({.grid = {cdiv(n, config.block), 1, 1}, .device = Device::cpu()}, config,
                  static_cast<const float *>(in.data()), out.data(), n);
  }

  static constexpr int n = 100;
  const Kernel<Config, ptr<const float>, ptr<float>, scalar<int>> kernel{"twice", twice};
  std::vector<float> in = std::vector<float>(n, 1.5F), out = std::vector<float>(n);
};

TEST_F(Observe, AFirstLaunchCompilesAndASecondDoesNot) {
  EventRecorder events;
  launch();
  EXPECT_EQ(events.order(), "+launch +compile +trace -trace +lower -lower -compile -launch");
  launch();
  EXPECT_EQ(events.order(), "+launch +compile +trace -trace +lower -lower -compile -launch +launch -launch");
  EXPECT_EQ(out[99], 3.0F);
}

TEST_F(Observe, EventsSayWhatHappens) {
  EventRecorder events;
  launch({.block = 32});
  const std::vector<RecordedEvent> all = events.all();
  ASSERT_EQ(all.size(), 8u);
  const RecordedEvent &launched = all[0], &compile = all[1], &trace = all[2], &lower = all[4];
  EXPECT_EQ(launched.parent, 0u);
  EXPECT_EQ(compile.parent, launched.id);
  EXPECT_EQ(trace.parent, compile.id);
  EXPECT_EQ(lower.parent, compile.id);
  EXPECT_EQ(launched.grid, (std::array<unsigned, 3>{4, 1, 1}));
  for (const RecordedEvent &event : all) {
    EXPECT_EQ(event.kernel, "twice");
    EXPECT_EQ(event.config, "{32}");
    EXPECT_EQ(event.target, "cpu");
    EXPECT_EQ(event.error, "");
    EXPECT_FALSE(event.kept);
    EXPECT_EQ(event.ms > 0, !event.begins);
  }
  // What happens in something else takes no longer.
  const double traced = all[3].ms, lowered = all[5].ms, compiled = all[6].ms;
  EXPECT_GE(compiled, traced + lowered);
  EXPECT_GE(all[7].ms, compiled);
}

TEST_F(Observe, ACompileByItself) {
  EventRecorder events;
  const CompileReport report = kernel.compile({}, Device::cpu());
  EXPECT_EQ(events.order(), "+compile +trace -trace +lower -lower -compile");
  EXPECT_GE(events.ends(EventKind::compile)[0].ms, report.compile_ms);
  kernel.compile({}, Device::cpu());
  EXPECT_EQ(events.all().size(), 6u) << "it was ready";
}

TEST_F(Observe, AFailedCompileHasTheError) {
  const Kernel<Config, ptr<float>> wrong{"wrong",
                                         [](const Config &, ptr<float> out) { store(out + arange(0, 3), 1.0F); }};
  EventRecorder events;
  const std::string message = message_of<Error>([&] { wrong.compile({}, Device::cpu()); });
  EXPECT_EQ(events.order(), "+compile +trace -trace -compile");
  ASSERT_EQ(events.all().size(), 4u);
  EXPECT_EQ(events.all()[2].error, message);
  EXPECT_EQ(events.all()[3].error, message);
  EXPECT_NE(message.find("every dimension of a tile is a power of two, got [3]"), std::string::npos) << message;
  EXPECT_GT(events.all()[3].ms, 0);
  // The next one is as good as any.
  launch();
  EXPECT_EQ(events.ends(EventKind::launch)[0].error, "");
}

TEST_F(Observe, AFailedLaunchHasTheError) {
  EventRecorder events(EventKind::launch);
  const std::string message = message_of<LaunchError>([&] {
    kernel.launch({.grid = {0, 1, 1}, .device = Device::cpu()}, {}, static_cast<const float *>(in.data()), out.data(),
                  n);
  });
  ASSERT_EQ(events.all().size(), 2u);
  EXPECT_EQ(events.all()[1].error, message);
  EXPECT_NE(message.find("cannot launch 'twice'"), std::string::npos) << message;
}

TEST_F(Observe, OtherTargetsAreNamed) {
  EventRecorder events(EventKind::compile);
  kernel.compile({}, Device::interpreter());
  kernel.compile({}, Device::emulated("sm_90a"));
  const std::vector<RecordedEvent> ends = events.ends(EventKind::compile);
  ASSERT_EQ(ends.size(), 2u);
  EXPECT_EQ(ends[0].target, "interpreter");
  EXPECT_EQ(ends[1].target, "emulated:sm_90a");
}

TEST_F(Observe, WhatTheCacheHasIsKept) {
  const Target hopper = Target::parse("sm_90a");
  const bool keeps = !runtime::assembler_identity().empty() && runtime::process_cache().unusable().empty();
  kernel.compile({}, hopper);
  EventRecorder events;
  EXPECT_EQ(kernel.compile({}, hopper).report.from_disk, keeps);
  const std::vector<RecordedEvent> compiles = events.ends(EventKind::compile);
  ASSERT_EQ(compiles.size(), 1u);
  EXPECT_EQ(compiles[0].kept, keeps);
  EXPECT_EQ(compiles[0].target, "sm_90a");
  if (keeps) {
    EXPECT_EQ(events.order(), "+compile +trace -trace +lookup -lookup -compile");
  }
}

TEST_F(Observe, TuningTellsHowFarItIs) {
  EventRecorder events(EventKind::tune | EventKind::tune_step);
  DeviceBuffer output(Device::cpu(), n * sizeof(float));
  const std::vector<Config> configs{{.block = 16}, {.block = 3}, {.block = 64}};
  const TuneResult<Config> result =
      tune(configs,
           {.kernel = kernel,
            .launch =
                [&](const Config &c, const TuneLaunch &at) {
                  kernel.launch({.grid = cdiv(n, c.block), .device = at.device, .stream = at.stream}, c,
                                static_cast<const float *>(in.data()), output.as<float>(), n);
                },
            .output = &output},
           {.device = Device::cpu(), .threads = 2, .keep = false});
  const std::vector<RecordedEvent> all = events.all(), tunings = events.ends(EventKind::tune);
  ASSERT_EQ(tunings.size(), 1u);
  EXPECT_EQ(tunings[0].kernel, "twice");
  EXPECT_EQ(tunings[0].target, "cpu");
  EXPECT_EQ(tunings[0].total, 3u);
  EXPECT_EQ(tunings[0].config, result.best().block == 16 ? "{16}" : "{64}");
  EXPECT_FALSE(tunings[0].kept);
  EXPECT_TRUE(all.front().kind == EventKind::tune && all.front().begins);
  EXPECT_TRUE(all.back().kind == EventKind::tune && !all.back().begins);

  std::size_t compiled = 0, measured = 0;
  double sum = 0;
  for (const RecordedEvent &step : events.ends(EventKind::tune_step)) {
    EXPECT_EQ(step.parent, tunings[0].id) << "threads of their own make no difference";
    EXPECT_EQ(step.kernel, "twice");
    if (step.step == "compile") {
      ++compiled;
      EXPECT_EQ(step.total, 3u);
      EXPECT_EQ(step.error.empty(), step.config != "{3}") << step.error;
    } else if (step.step == "measure") {
      EXPECT_EQ(step.done, ++measured);
      EXPECT_EQ(step.total, 2u);
      EXPECT_GT(step.us, 0);
      EXPECT_EQ(step.error, "");
      sum += step.ms;
    } else {
      EXPECT_EQ(step.step, "measure again");
    }
  }
  EXPECT_EQ(compiled, 3u);
  EXPECT_EQ(measured, 2u);
  EXPECT_GE(tunings[0].ms, sum);
}

TEST_F(Observe, ATuningOfWhichAllFailsHasNoConfig) {
  EventRecorder events(EventKind::tune);
  const std::vector<Config> configs{{.block = 3}, {.block = 5}};
  (void)tune(configs, {.kernel = kernel, .launch = [](const Config &, const TuneLaunch &) {}},
             {.device = Device::cpu(), .keep = false});
  ASSERT_EQ(events.ends(EventKind::tune).size(), 1u);
  EXPECT_EQ(events.ends(EventKind::tune)[0].config, "");
}

TEST_F(Observe, CallbacksComeAndGoWhileThreadsLaunch) {
  launch();
  std::atomic<bool> stop{false};
  std::atomic<std::size_t> seen{0}, wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      std::vector<float> mine(n);
      while (!stop)
        kernel.launch({.grid = cdiv(n, 64), .device = Device::cpu()}, {}, static_cast<const float *>(in.data()),
                      mine.data(), n);
    });
  for (int round = 0; round < 200 || seen == 0; ++round) {
    const std::uint64_t number = add_event_callback(
        [&](const Event &event) {
          ++seen;
          wrong += event.kernel != "twice" || event.grid[0] != 2 || !event.error.empty();
        },
        EventKind::launch);
    std::this_thread::yield();
    remove_event_callback(number);
  }
  stop = true;
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_GT(seen, 0u);
  EXPECT_EQ(wrong, 0u);
}

} // namespace
