// tune(), with kernels that run on the processor.
#include "kiln/tune.h"

#include "../message_of.h"
#include "kiln/kiln.h"
#include "kiln/runtime/disk_cache.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <numeric>
#include <set>
#include <unistd.h>

using namespace kiln;

namespace {

struct Config {
  int block = 64;
  int added = 1; // what a config must not change, for a result that is wrong
};

void add(const Config &c, ptr<const float> in, ptr<float> out, scalar<int> n) {
  Tile i = program_id(0) * c.block + arange(0, c.block);
  store(out + i, load(in + i, {.mask = i < n}) + float(c.added), {.mask = i < n});
}

class Tune : public testing::Test {
protected:
  Tune() {
    std::vector<float> values(n);
    std::iota(values.begin(), values.end(), 0.0F);
    in.copy_from_host(values.data(), in.bytes());
  }

  TuneSubject<Config> subject() {
    return {.kernel = kernel,
            .launch =
                [this](const Config &c, const TuneLaunch &at) {
                  ++launches;
                  EXPECT_EQ(at.device, Device::cpu());
                  kernel.launch({.grid = cdiv(n, c.block), .device = at.device, .stream = at.stream}, c, in.as<float>(),
                                out.as<float>(), n);
                },
            .output = &out};
  }
  TuneOptions options(std::string problem = "") { return {.device = Device::cpu(), .problem = std::move(problem)}; }

  static constexpr int n = 1000;
  Kernel<Config, ptr<const float>, ptr<float>, scalar<int>> kernel{"add", add};
  DeviceBuffer in{Device::cpu(), n * sizeof(float)}, out{Device::cpu(), n * sizeof(float)};
  std::atomic<int> launches{0};
  /// No other run of this test has kept anything for these words.
  const std::string unique = std::to_string(getpid()) + " " + std::to_string(reinterpret_cast<std::uintptr_t>(this)) +
                             testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(Tune, FindsTheFastestAndReportsEveryConfig) {
  const std::vector<Config> configs = {{.block = 1}, {.block = 1024}, {.block = 3}, {.block = 64, .added = 2}};
  TuneOptions o = options();
  o.keep = false;
  const TuneResult<Config> result = tune(configs, subject(), o);
  EXPECT_EQ(result.best().block, 1024); // one program instead of a thousand
  EXPECT_FALSE(result.kept);
  ASSERT_EQ(result.measurements.size(), 2u);
  EXPECT_EQ(result.fastest, 1u);
  EXPECT_EQ(result.measurements[0].config.block, 1);
  EXPECT_GT(result.measurements[0].us, result.measurements[1].us);
  EXPECT_EQ(result.measurements[1].samples, 15);
  ASSERT_EQ(result.failures.size(), 2u);
  EXPECT_EQ(result.failures[0].config.block, 3);
  EXPECT_NE(result.failures[0].reason.find("it does not compile: "), std::string::npos);
  EXPECT_NE(result.failures[0].reason.find("power of two"), std::string::npos) << result.failures[0].reason;
  EXPECT_EQ(result.failures[1].config.added, 2);
  EXPECT_TRUE(result.failures[1].reason.starts_with("its result is wrong: byte ")) << result.failures[1].reason;
  EXPECT_TRUE(result.failures[1].reason.ends_with(" is not what it is with the first config"));
  EXPECT_EQ(result.configs.size(), 4u);
  EXPECT_NE(result.table.find("{1024, 1}"), std::string::npos);
}

TEST_F(Tune, WhatTheFirstComputesIsNotWhatFailedBefore) {
  // The first config that runs, not the first of the list.
  const TuneResult<Config> result =
      tune<Config>({{.block = 3}, {.block = 64}, {.block = 128}}, subject(), options(unique));
  EXPECT_EQ(result.measurements.size(), 2u);
  EXPECT_EQ(result.failures.size(), 1u);
}

TEST_F(Tune, AResultIsCheckedByTheUsersRule) {
  TuneSubject<Config> s = subject();
  s.check = within<float>(1.5);
  const std::vector<Config> configs = {{.block = 64}, {.added = 2}, {.added = 3}};
  const TuneResult<Config> result = tune(configs, s, options(unique));
  EXPECT_EQ(result.measurements.size(), 2u);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_EQ(result.failures[0].reason,
            "its result is wrong: element 0 is 3, but 1 with the first config; they may differ by 1.5");
}

TEST_F(Tune, AnOutputThatNobodyWritesIsWrong) {
  TuneSubject<Config> s = subject();
  const auto launch = s.launch;
  s.launch = [&](const Config &c, const TuneLaunch &at) {
    if (c.block != 128)
      launch(c, at);
  };
  const TuneResult<Config> result = tune<Config>({{.block = 64}, {.block = 128}}, s, options(unique));
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_EQ(result.failures[0].reason, "its result is wrong: byte 0 is not what it is with the first config");
}

TEST_F(Tune, WithoutAnOutputNothingIsCompared) {
  TuneSubject<Config> s = subject();
  s.output = nullptr;
  EXPECT_EQ((tune<Config>({{.block = 64}, {.added = 2}}, s, options(unique)).measurements.size()), 2u);
}

TEST_F(Tune, WhereNoneWorksTheReasonsAreNamed) {
  TuneSubject<Config> s = subject();
  s.launch = [](const Config &, const TuneLaunch &) { throw LaunchError("the launch is refused"); };
  const TuneResult<Config> result = tune<Config>({{.block = 64}, {.block = 128}}, s, options(unique));
  EXPECT_EQ(message_of<TuneError>([&] { result.best(); }), "none of the configs works:\n"
                                                           "{64, 1}: it does not run: the launch is refused\n"
                                                           "{128, 1}: it does not run: the launch is refused");
  // Such a result is not kept: the next one may find better luck.
  EXPECT_EQ((tune<Config>({{.block = 64}, {.block = 128}}, subject(), options(unique)).measurements.size()), 2u);
}

TEST_F(Tune, AHostFunctionMayCompileAnotherConfigThanItIsGiven) {
  TuneSubject<Config> s = subject();
  s.output = nullptr;
  s.compiled = [](Config c) {
    c.added = 0;
    return c;
  };
  s.launch = [this](Config c, const TuneLaunch &at) {
    c.added = 0;
    kernel.launch({.grid = cdiv(n, c.block), .device = at.device}, c, in.as<float>(), out.as<float>(), n);
  };
  tune<Config>({{.block = 64, .added = 1}, {.block = 64, .added = 2}}, s, options(unique));
  EXPECT_EQ(kernel.counters().compiles, 1u);
}

TEST_F(Tune, EverySetHasItsTurnAndEveryConfigIsPrepared) {
  std::vector<int> prepared;
  std::set<int> sets;
  TuneSubject<Config> s = subject();
  const auto launch = s.launch;
  s.prepare = [&](const Config &c) { prepared.push_back(c.block); };
  s.launch = [&](const Config &c, const TuneLaunch &at) {
    EXPECT_EQ(c.block, prepared.back());
    sets.insert(at.set);
    launch(c, at);
  };
  TuneOptions o = options(unique);
  o.sets = 3;
  tune<Config>({{.block = 1}, {.block = 1024}}, s, o);
  EXPECT_EQ(sets, (std::set{0, 1, 2}));
  EXPECT_GE(prepared.size(), 2u);
}

TEST_F(Tune, NoLaunchIsNamed) {
  auto s = subject();
  s.launch = {};
  EXPECT_EQ(message_of<InvalidArgument>([&] { tune<Config>({{}}, s, options(unique)); }),
            "cannot tune 'add': TuneSubject::launch is empty; it has to enqueue a launch with the config it is given");
}

TEST_F(Tune, NoDeviceIsNamed) {
  TuneOptions o;
  EXPECT_EQ(message_of<DeviceError>([&] { tune<Config>({{}}, subject(), o); }),
            "cannot tune 'add': no device was given, and there is no current CUDA context; pass .device = "
            "kiln::Device::cpu()");
  o.device = Device::emulated("sm_90a");
  EXPECT_EQ(
      message_of<InvalidArgument>([&] { tune<Config>({{}}, subject(), o); }),
      "cannot tune 'add': the device is emulated:sm_90a, whose launches take no time that means anything; tune on "
      "the CPU or on a CUDA device");
}

/// With a cache that is on.
class TuneKept : public Tune {
protected:
  void SetUp() override {
    if (const std::string why = runtime::process_cache().unusable(); !why.empty())
      GTEST_SKIP() << why;
  }
  const std::vector<Config> configs = {{.block = 64}, {.block = 256}, {.block = 3}};

  /// Whether tuning made no launch.
  bool kept(const TuneOptions &o) {
    launches = 0;
    const TuneResult<Config> result = tune(configs, subject(), o);
    EXPECT_EQ(result.kept, launches == 0);
    return result.kept;
  }
};

TEST_F(TuneKept, TheSameQuestionIsAnsweredFromTheCache) {
  const TuneResult<Config> first = tune(configs, subject(), options(unique));
  EXPECT_FALSE(first.kept);
  launches = 0;
  const std::uint64_t compiles = kernel.counters().compiles;
  const TuneResult<Config> second = tune(configs, subject(), options(unique));
  EXPECT_TRUE(second.kept);
  EXPECT_EQ(launches, 0);
  EXPECT_EQ(kernel.counters().compiles, compiles);
  EXPECT_EQ(second.best().block, first.best().block);
  ASSERT_EQ(second.measurements.size(), first.measurements.size());
  for (std::size_t i = 0; i < first.measurements.size(); ++i) {
    EXPECT_EQ(second.measurements[i].us, first.measurements[i].us);
    EXPECT_EQ(second.measurements[i].samples, first.measurements[i].samples);
  }
  ASSERT_EQ(second.failures.size(), 1u);
  EXPECT_EQ(second.failures[0].reason, first.failures[0].reason);
  EXPECT_EQ(second.table, first.table);
}

TEST_F(TuneKept, AnotherKernelObjectWithTheSameCodeIsTheSameQuestion) {
  EXPECT_FALSE(kept(options(unique)));
  Kernel<Config, ptr<const float>, ptr<float>, scalar<int>> twin{"add", add};
  TuneSubject<Config> s{.kernel = twin, .launch = [](const Config &, const TuneLaunch &) { FAIL(); }};
  EXPECT_TRUE(tune(configs, s, options(unique)).kept);
}

TEST_F(TuneKept, AnyOtherQuestionIsAnother) {
  EXPECT_FALSE(kept(options(unique)));
  EXPECT_TRUE(kept(options(unique)));
  EXPECT_FALSE(kept(options(unique + "!")));
  TuneOptions o = options(unique);
  o.samples = 7;
  EXPECT_FALSE(kept(o));
  o = options(unique);
  o.give_up = 3;
  EXPECT_FALSE(kept(o));
  o = options(unique);
  o.sets = 2;
  EXPECT_FALSE(kept(o));
  EXPECT_FALSE((tune<Config>({{.block = 64}, {.block = 256}}, subject(), options(unique)).kept));
  EXPECT_FALSE((tune<Config>({{.block = 256}, {.block = 64}, {.block = 3}}, subject(), options(unique)).kept));
  // The same name and configs, and other code.
  Kernel changed{"add", [](const Config &c, ptr<const float> in, ptr<float> out, scalar<int> count) {
                   Tile i = program_id(0) * c.block + arange(0, c.block);
                   store(out + i, load(in + i, {.mask = i < count}) + 7.0F, {.mask = i < count});
                 }};
  TuneSubject<Config> s{.kernel = changed, .launch = [&](const Config &c, const TuneLaunch &at) {
                          changed.launch({.grid = cdiv(n, c.block), .device = at.device}, c, in.as<float>(),
                                         out.as<float>(), n);
                        }};
  EXPECT_FALSE(tune(configs, s, options(unique)).kept);
}

TEST_F(TuneKept, OnRequestNothingIsKeptOrTaken) {
  TuneOptions o = options(unique);
  o.keep = false;
  EXPECT_FALSE(kept(o));
  EXPECT_FALSE(kept(options(unique)));
  EXPECT_FALSE(kept(o));
}

TEST_F(TuneKept, ADamagedFileIsAnAbsentOne) {
  EXPECT_FALSE(kept(options(unique)));
  const runtime::DiskCache &cache = runtime::process_cache();
  int damaged = 0;
  for (const runtime::CacheFile &file : cache.files()) {
    const runtime::CacheEntry entry = cache.inspect(file.key);
    if (!entry.tuning || entry.tuning->problem != unique)
      continue;
    ++damaged;
    EXPECT_EQ(entry.tuning->kernel, "add");
    std::ofstream(cache.settings().directory + "/" + runtime::to_hex(file.key) + ".kiln", std::ios::app) << "!";
  }
  EXPECT_EQ(damaged, 1);
  EXPECT_FALSE(kept(options(unique)));
  EXPECT_TRUE(kept(options(unique)));
}

} // namespace
