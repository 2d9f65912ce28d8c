// The search for the fastest config, with times that the test makes up.
#include "jit/tuner.h"

#include "../message_of.h"
#include "kiln/error.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <latch>
#include <mutex>
#include <set>
#include <thread>

using namespace kiln;
using namespace kiln::jit;

namespace {

/// Configs whose samples are scripted; the last one of a script repeats for ever.
class Search : public testing::Test {
protected:
  struct Script {
    std::vector<double> us;
    std::string compile_error = {}, launch_error = {}, wrong = {};
    bool context_lost = false;
  };

  detail::TuneOutcomes run() {
    const auto text = [](std::size_t i) { return "{" + std::to_string(i) + "}"; };
    const auto trace = text;
    const auto compile = [&](std::size_t i, Device device) {
      EXPECT_EQ(device, Device::cpu());
      {
        std::lock_guard lock(mutex);
        compiled.insert(i);
      }
      if (!scripts[i].compile_error.empty())
        throw CompileError(scripts[i].compile_error);
    };
    const auto prepare = [&](std::size_t i) { events.push_back("prepare " + std::to_string(i)); };
    std::size_t launched = 0;
    const auto launch = [&](std::size_t i, const TuneLaunch &at) {
      EXPECT_EQ(compiled.size(), scripts.size()) << "all are compiled before the first launch";
      EXPECT_EQ(at.set, 0);
      launched = i;
      events.push_back("launch " + std::to_string(i));
      if (scripts[i].context_lost)
        throw ContextLost("the context is lost");
      if (!scripts[i].launch_error.empty())
        throw LaunchError(scripts[i].launch_error);
    };
    const auto poison = [&] { events.push_back("poison"); };
    const auto compare = [&] { return scripts[launched].wrong; };
    const detail::TuneErased subject{.kernel = "made_up",
                                     .count = scripts.size(),
                                     .checks = true,
                                     .text = text,
                                     .trace = trace,
                                     .compile = compile,
                                     .prepare = prepare,
                                     .launch = launch,
                                     .poison = poison,
                                     .compare = compare};
    taken.assign(scripts.size(), 0);
    const auto sampler = [&](std::size_t i) -> Sampler {
      events.push_back("measure " + std::to_string(i));
      return [this, i] {
        const std::vector<double> &us = scripts[i].us;
        return us[std::min<std::size_t>(taken[i]++, us.size() - 1)];
      };
    };
    return search(subject, Device::cpu(), options, sampler);
  }

  std::vector<Script> scripts;
  TuneOptions options{.device = Device::cpu(), .samples = 5, .give_up = 1.2, .threads = 1};
  std::vector<std::string> events;
  std::vector<std::size_t> taken;
  std::set<std::size_t> compiled;
  std::mutex mutex;
};

TEST_F(Search, TheLowestMedianWins) {
  scripts = {{{10}}, {{8, 20, 20, 8, 8}}, {{9}}};
  const detail::TuneOutcomes found = run();
  EXPECT_EQ(found.best, 1u);
  EXPECT_FALSE(found.kept);
  EXPECT_EQ(found.outcomes[1].us, 8);
  EXPECT_EQ(found.outcomes[0].us, 10);
  EXPECT_EQ(found.outcomes[2].us, 9);
  for (const detail::TuneOutcome &outcome : found.outcomes)
    EXPECT_EQ(outcome.samples, 5);
}

TEST_F(Search, ASingleFastSampleDoesNot) {
  scripts = {{{10}}, {{2, 12, 12, 12, 12}}};
  const detail::TuneOutcomes found = run();
  EXPECT_EQ(found.best, 0u);
  EXPECT_EQ(found.outcomes[1].us, 12);
  EXPECT_EQ(found.outcomes[1].fastest_us, 2);
}

TEST_F(Search, EachConfigIsCheckedBeforeItIsMeasured) {
  scripts = {{{10}}, {{20}}};
  run();
  EXPECT_EQ(events, (std::vector<std::string>{"prepare 0", "poison", "launch 0", "measure 0", //
                                              "prepare 1", "poison", "launch 1", "measure 1"}));
}

TEST_F(Search, LosersAreGivenUpAfterThreeSamples) {
  scripts = {{{10}}, {{12.1}}, {{100}}, {{11.9}}};
  const detail::TuneOutcomes found = run();
  EXPECT_EQ(taken, (std::vector<std::size_t>{5, 3, 3, 5}));
  EXPECT_TRUE(found.outcomes[1].given_up);
  EXPECT_TRUE(found.outcomes[2].given_up);
  EXPECT_EQ(found.outcomes[2].us, 100);
  EXPECT_FALSE(found.outcomes[3].given_up);
  EXPECT_EQ(found.best, 0u);
}

TEST_F(Search, OneSlowSampleLosesNothing) {
  scripts = {{{10}}, {{50, 50, 9, 9, 9}}};
  EXPECT_EQ(run().best, 1u);
}

TEST_F(Search, WhatIsGivenUpNeverWins) {
  options.samples = 6;
  scripts = {{{10}}, {{13, 13, 13, 1, 1, 1}}};
  const detail::TuneOutcomes found = run();
  EXPECT_TRUE(found.outcomes[1].given_up);
  EXPECT_EQ(found.best, 0u);
}

TEST_F(Search, OfEqualConfigsTheFirstWins) {
  scripts = {{{10}}, {{7}}, {{7}}, {{7}}};
  EXPECT_EQ(run().best, 1u);
}

TEST_F(Search, CloseOnesAreMeasuredAgainInTheOppositeOrder) {
  // The second looks better until it has been looked at for longer.
  scripts = {{{10}}, {{9.9, 9.9, 9.9, 9.9, 9.9, 10.4}}, {{10.2}}, {{10.5}}};
  const detail::TuneOutcomes found = run();
  EXPECT_EQ(found.best, 0u);
  EXPECT_EQ(taken, (std::vector<std::size_t>{10, 10, 5, 5}));
  const std::vector<std::string> last(events.end() - 4, events.end());
  EXPECT_EQ(last, (std::vector<std::string>{"prepare 1", "measure 1", "prepare 0", "measure 0"}));
}

TEST_F(Search, FailuresHaveTheirReasonsAndTheOthersGoOn) {
  scripts = {{{1}, "too much shared memory"}, {{2}, "", "the grid is empty"}, {{3}, "", "", "byte 7 differs"}, {{40}}};
  const detail::TuneOutcomes found = run();
  EXPECT_EQ(found.outcomes[0].failure, "it does not compile: too much shared memory");
  EXPECT_EQ(found.outcomes[1].failure, "it does not run: the grid is empty");
  EXPECT_EQ(found.outcomes[2].failure, "its result is wrong: byte 7 differs");
  EXPECT_EQ(found.outcomes[3].failure, "");
  EXPECT_EQ(found.best, 3u);
  EXPECT_EQ(taken, (std::vector<std::size_t>{0, 0, 0, 5}));
}

TEST_F(Search, WithoutOneThatWorksThereIsNoBest) {
  scripts = {{{1}, "no"}, {{2}, "", "no"}};
  EXPECT_EQ(run().best, 2u);
}

TEST_F(Search, ALostContextEndsIt) {
  scripts = {{{1}}, {{2}}, {{3}}};
  scripts[1].context_lost = true;
  EXPECT_EQ(message_of<ContextLost>([&] { run(); }), "the context is lost");
  EXPECT_EQ(taken[2], 0u);
}

TEST(SearchInParallel, CompilesAsManyAtATimeAsThereAreThreads) {
  // Each compile waits for all others: it ends only when they run at the same time.
  constexpr unsigned count = 4;
  std::latch together(count);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  const auto nothing = [](std::size_t) {};
  const auto text = [](std::size_t) { return std::string(); };
  const auto compile = [&](std::size_t, Device) {
    together.arrive_and_wait();
    std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  };
  const auto launch = [](std::size_t, const TuneLaunch &) {};
  const detail::TuneErased subject{.kernel = "k",
                                   .count = count,
                                   .text = text,
                                   .trace = text,
                                   .compile = compile,
                                   .prepare = nothing,
                                   .launch = launch};
  const auto sampler = [](std::size_t i) -> Sampler { return [i] { return double(i); }; };
  search(subject, Device::cpu(), {.device = Device::cpu(), .threads = count}, sampler);
  EXPECT_EQ(threads.size(), count);
}

TEST(TuneOptionsCheck, EveryMisuseIsNamed) {
  const auto message = []<class E>(E *, std::size_t count, Device device, const TuneOptions &options) {
    return message_of<E>([&] { check_tuning({.kernel = "matvec", .count = count}, device, options); });
  };
  constexpr InvalidArgument *invalid = nullptr;
  const Device cpu = Device::cpu();
  EXPECT_EQ(message(invalid, 0, cpu, {}), "cannot tune 'matvec': there are no configs to choose from");
  EXPECT_EQ(message(static_cast<DeviceError *>(nullptr), 1, Device(), {}),
            "cannot tune 'matvec': no device was given, and there is no current CUDA context; pass .device = "
            "kiln::Device::cpu()");
  EXPECT_EQ(
      message(invalid, 1, Device::emulated("sm_90a"), {}),
      "cannot tune 'matvec': the device is emulated:sm_90a, whose launches take no time that means anything; tune "
      "on the CPU or on a CUDA device");
  EXPECT_EQ(message(invalid, 1, Device::interpreter(), {}),
            "cannot tune 'matvec': the device is interpreter, whose launches take no time that means anything; tune on "
            "the CPU or on a CUDA device");
  EXPECT_EQ(message(invalid, 1, cpu, {.samples = 2}), "cannot tune 'matvec': samples is 2, must be at least 3");
  EXPECT_EQ(message(invalid, 1, cpu, {.give_up = 0.5}), "cannot tune 'matvec': give_up is 0.5, must be at least 1");
  EXPECT_EQ(message(invalid, 1, cpu, {.give_up = NAN}), "cannot tune 'matvec': give_up is nan, must be at least 1");
  EXPECT_EQ(message(invalid, 1, cpu, {.sets = -1}), "cannot tune 'matvec': sets is -1, must not be negative");
  EXPECT_EQ(message(invalid, 1, cpu, {}), "no error");
}

detail::TuneOutcomes some_outcomes() {
  return {.outcomes = {{.us = 12.3456789012345, .fastest_us = 0.1, .samples = 15},
                       {.us = 20, .fastest_us = 19, .samples = 3, .given_up = true},
                       {.failure = "it does not compile: \"a\"\nb\tc"}},
          .best = 0};
}

const auto numbered = [](std::size_t i) { return "{" + std::to_string(i) + ", 64}"; };

TEST(Outcomes, AreReadAsTheyWereWritten) {
  const detail::TuneOutcomes out = some_outcomes();
  const std::optional<detail::TuneOutcomes> in = read_outcomes(write_outcomes(out, numbered), 3);
  ASSERT_TRUE(in);
  EXPECT_TRUE(in->kept);
  EXPECT_EQ(in->best, 0u);
  ASSERT_EQ(in->outcomes.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(in->outcomes[i].us, out.outcomes[i].us);
    EXPECT_EQ(in->outcomes[i].fastest_us, out.outcomes[i].fastest_us);
    EXPECT_EQ(in->outcomes[i].samples, out.outcomes[i].samples);
    EXPECT_EQ(in->outcomes[i].given_up, out.outcomes[i].given_up);
    EXPECT_EQ(in->outcomes[i].failure, out.outcomes[i].failure);
  }
}

TEST(Outcomes, WhatIsSomethingElseCountsAsAbsent) {
  const std::string good = write_outcomes(some_outcomes(), numbered);
  EXPECT_FALSE(read_outcomes(good, 2));
  EXPECT_FALSE(read_outcomes(good, 4));
  for (std::size_t size = 0; size + 2 < good.size(); ++size)
    EXPECT_FALSE(read_outcomes(good.substr(0, size), 3)) << size;
  const auto replaced = [&](const std::string &from, const std::string &to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  EXPECT_FALSE(read_outcomes(replaced("\"best\": 0", "\"best\": 3"), 3));
  EXPECT_FALSE(read_outcomes(replaced("\"best\": 0", "\"best\": -1"), 3));
  EXPECT_FALSE(read_outcomes(replaced("\"best\": 0", "\"best\": 2"), 3)); // which failed
  EXPECT_FALSE(read_outcomes(replaced("\"samples\"", "\"simples\""), 3));
  EXPECT_FALSE(read_outcomes(replaced("\"us\": ", "\"us\": 1e999, \"was\": "), 3)); // more than a double holds
  EXPECT_FALSE(read_outcomes("[]", 0));
}

TEST(Outcomes, AsATable) {
  EXPECT_EQ(detail::tune_table(some_outcomes(), numbered), "config         us   fastest  samples\n"
                                                           "{0, 64}     12.35      0.10       15  best\n"
                                                           "{1, 64}     20.00     19.00        3  given up\n"
                                                           "{2, 64}  it does not compile: \"a\"\n");
}

} // namespace
