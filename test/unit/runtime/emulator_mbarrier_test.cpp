// Barriers in shared memory.
#include "emulated_threads.h"

#include "kiln/emulator.h"

#include <gtest/gtest.h>

#include <array>

using namespace kiln;
using namespace kiln::test;

namespace {

enum Site : std::uint32_t {
  tid,
  base,
  init,
  inval,
  sync,
  arrive,
  expect_tx,
  test_wait,
  test_parity,
  try_wait,
  try_parity,
  copy,
  arrive_copies,
  read,
  write,
  warp_sync,
  wait_copies,
};
const std::vector<std::string> kSites = {"tid.x",
                                         "shared.base",
                                         "mbarrier.init",
                                         "mbarrier.inval",
                                         "bar.sync",
                                         "mbarrier.arrive",
                                         "mbarrier.arrive.expect_tx",
                                         "mbarrier.test_wait",
                                         "mbarrier.test_wait.parity",
                                         "mbarrier.try_wait",
                                         "mbarrier.try_wait.parity",
                                         "cp.async.ca.16",
                                         "cp.async.mbarrier.arrive.noinc",
                                         "ld.shared.b32",
                                         "st.shared.b32",
                                         "bar.warp.sync",
                                         "cp.async.wait_group.0"};

constexpr std::uint64_t kAll = 0xffffffff;
constexpr std::uint64_t kData = 64; // where data lies, behind the mbarriers

/// Under plain order and several permuted ones.
template <class Body>
void expect_clean(unsigned warps, Body body, std::vector<std::uint64_t> arguments = {}) {
  const EmulatorOptions before = emulator_options();
  for (std::uint64_t seed : {0, 1, 2, 3}) {
    set_emulator_options({.seed = seed});
    EXPECT_EQ(run_checked(emulated_kernel(kSites, warps, 4096, body), arguments), "") << "seed " << seed;
  }
  set_emulator_options(before);
}

template <class Body>
std::string find(unsigned warps, Body body, std::vector<std::uint64_t> arguments = {}) {
  return run_checked(emulated_kernel(kSites, warps, 4096, body), arguments);
}

void expect_contains(const std::string &text, const std::string &part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

/// One thread initialises, and all see it.
void start(const EmulatedThread &t, std::uint64_t arrivals, std::uint64_t offset = 0) {
  if (t(tid) == 0)
    t(init, {t(base) + offset, arrivals});
  t(sync);
}

/// Thread by thread, the first half of the warps hands a word over to the second, several times, with two mbarriers:
/// "full" at 0 and "empty" at 8.
template <Site wait>
void hand_over(EmulatedThread t) {
  const std::uint64_t thread = t(tid), at = t(base);
  start(t, 64);
  start(t, 64, 8);
  const bool is_producer = thread < 64;
  const std::uint64_t word = at + kData + 4 * (thread % 64), beside = at + kData + 4 * ((thread + 40) % 64);
  for (std::uint64_t round = 0; round < 5; ++round) {
    if (is_producer) {
      // The first wait is for the phase before the first, which counts as ended.
      while (!t(wait, {at + 8, (round & 1) ^ 1}))
        ;
      t(write, {word, 100 * round + thread});
      t(arrive, {at});
    } else {
      while (!t(wait, {at, round & 1}))
        ;
      EXPECT_EQ(t(read, {beside}), 100 * round + (thread + 40) % 64);
      t(arrive, {at + 8});
    }
  }
}

TEST(EmulatedMbarrier, ProducersAndConsumers) {
  expect_clean(4, [](EmulatedThread t) { hand_over<try_parity>(t); });
  expect_clean(4, [](EmulatedThread t) { hand_over<test_parity>(t); });
}

TEST(EmulatedMbarrier, PhasesAreNamedByWhatAnArrivalYields) {
  expect_clean(2, [](EmulatedThread t) {
    const std::uint64_t thread = t(tid), at = t(base);
    start(t, 64);
    for (std::uint64_t round = 0; round < 4; ++round) {
      t(write, {at + kData + 4 * thread, round});
      const std::uint64_t state = t(arrive, {at});
      const Site wait = round % 2 ? test_wait : try_wait;
      while (!t(wait, {at, state}))
        ;
      EXPECT_EQ(t(test_wait, {at, state}), 1U) << "the phase before the current one";
      EXPECT_EQ(t(read, {at + kData + 4 * ((thread + 33) % 64)}), round);
      t(sync);
    }
  });
}

TEST(EmulatedMbarrier, AWaitThatFailsOrdersNothing) {
  const std::string found = find(2, [](EmulatedThread t) {
    const std::uint64_t thread = t(tid), at = t(base);
    start(t, 64);
    t(write, {at + kData + 4 * thread, 1});
    t(test_wait, {at, t(arrive, {at})});
    t(read, {at + kData + 4 * ((thread + 33) % 64)});
  });
  expect_contains(found, "races with");
}

TEST(EmulatedMbarrier, AnArrivalReleasesWhatCameBefore) {
  const std::string found = find(2, [](EmulatedThread t) {
    const std::uint64_t thread = t(tid), at = t(base);
    start(t, 64);
    const std::uint64_t state = t(arrive, {at});
    t(write, {at + kData + 4 * thread, 1});
    while (!t(try_wait, {at, state}))
      ;
    t(read, {at + kData + 4 * ((thread + 33) % 64)});
  });
  expect_contains(found, "races with write");
}

/// Warp 0 copies, warp 1 reads.
template <bool waits>
void copy_and_read(EmulatedThread t) {
  const std::uint64_t thread = t(tid), at = t(base);
  start(t, 32);
  if (thread < 32) {
    t(copy, {at + kData + 16 * thread, t.arg(0) + 16 * thread, 16});
    t(arrive_copies, {at});
  } else {
    while (waits && !t(try_parity, {at, 0}))
      ;
    EXPECT_EQ(t(read, {at + kData + 16 * (thread - 32) + 4}), waits ? 1000 + 4 * (thread - 32) + 1 : 0);
  }
}

std::uint64_t numbers() {
  alignas(16) static const std::array<std::uint32_t, 128> source = [] {
    std::array<std::uint32_t, 128> values;
    for (std::uint32_t i = 0; i < 128; ++i)
      values[i] = 1000 + i;
    return values;
  }();
  return reinterpret_cast<std::uintptr_t>(source.data());
}

TEST(EmulatedMbarrier, AsyncCopiesArriveWhenTheyAreDone) {
  expect_clean(2, [](EmulatedThread t) { copy_and_read<true>(t); }, {numbers()});
}

TEST(EmulatedMbarrier, AnArrivalOfCopiesIsNoWait) {
  auto kernel = [](EmulatedThread t) {
    const std::uint64_t thread = t(tid), at = t(base);
    start(t, 32);
    t(copy, {at + kData + 16 * thread, t.arg(0) + 16 * thread, 16});
    t(arrive_copies, {at});
    t(warp_sync, {kAll});
    t(read, {at + kData + 16 * thread});
  };
  expect_contains(find(1, kernel, {numbers()}), "before its wait");
}

TEST(EmulatedMbarrier, CopiesBegunLaterAreNotWaitedFor) {
  auto kernel = [](EmulatedThread t) {
    const std::uint64_t thread = t(tid), at = t(base);
    start(t, 32);
    t(copy, {at + kData + 16 * thread, t.arg(0) + 16 * thread, 16});
    t(arrive_copies, {at});
    t(copy, {at + 1024 + 16 * thread, t.arg(0) + 16 * thread, 16});
    while (!t(try_parity, {at, 0}))
      ;
    EXPECT_EQ(t(read, {at + kData + 16 * thread}), 1000 + 4 * thread);
    t(read, {at + 1024 + 16 * thread});
  };
  const std::string found = find(1, kernel, {numbers()});
  expect_contains(found, "before its wait");
  expect_contains(found, "test.cpp:13:1"); // the read
}

TEST(EmulatedMbarrier, CopiesThatWereWaitedForMayArriveToo) {
  expect_clean(2,
               [](EmulatedThread t) {
                 const std::uint64_t thread = t(tid), at = t(base);
                 start(t, 64);
                 t(copy, {at + kData + 16 * thread, t.arg(0) + 8 * (thread % 32) * 2, 16});
                 t(arrive_copies, {at});
                 t(wait_copies);
                 while (!t(try_parity, {at, 0}))
                   ;
                 EXPECT_EQ(t(read, {at + kData + 16 * ((thread + 40) % 64)}), 1000 + 4 * ((thread + 40) % 32));
               },
               {numbers()});
}

TEST(EmulatedMbarrier, ExpectedBytesKeepAPhaseOpen) {
  const std::string found = find(1, [](EmulatedThread t) {
    const std::uint64_t at = t(base);
    start(t, 32);
    const std::uint64_t state = t(tid) == 5 ? t(expect_tx, {at, 16}) : t(arrive, {at});
    EXPECT_EQ(t(test_wait, {at, state}), 0U);
    while (!t(try_wait, {at, state}))
      ;
  });
  expect_contains(found, "'mbarrier.try_wait' is not reached by all threads that it waits for");
}

TEST(EmulatedMbarrier, AnArrivalThatNobodyMakesIsFound) {
  const std::string found = find(2, [](EmulatedThread t) {
    const std::uint64_t at = t(base);
    start(t, 64);
    if (t(tid) != 40)
      t(arrive, {at});
    while (!t(try_parity, {at, 0}))
      ;
  });
  expect_contains(found, "'mbarrier.try_wait.parity' is not reached by all threads that it waits for");
}

TEST(EmulatedMbarrier, EveryUseNeedsOne) {
  for (Site use : {inval, arrive, expect_tx, test_wait, test_parity, try_wait, try_parity, arrive_copies}) {
    SCOPED_TRACE(kSites[use]);
    static Site site;
    site = use;
    const std::string found = find(1, [](EmulatedThread t) { t.all(site, {t(base) + 24, 0}); });
    expect_contains(found, "there is no mbarrier at byte 24 of shared memory");
    expect_contains(found, "test.cpp:" + std::to_string(use) + ":1");
  }
}

TEST(EmulatedMbarrier, InvalEndsIt) {
  expect_clean(1, [](EmulatedThread t) {
    const std::uint64_t thread = t(tid), at = t(base);
    for (int round = 0; round < 2; ++round) {
      start(t, 32);
      t(arrive, {at});
      t(sync);
      if (thread == 0)
        t(inval, {at});
      t(sync);
    }
    if (thread == 0)
      t(write, {at, 7});
  });
  expect_contains(find(1,
                       [](EmulatedThread t) {
                         start(t, 32);
                         t(arrive, {t(base)});
                         t(sync);
                         if (t(tid) == 0)
                           t(inval, {t(base)});
                         t(sync);
                         t(arrive, {t(base)});
                       }),
                  "there is no mbarrier at byte 0 of shared memory");
}

TEST(EmulatedMbarrier, InitAndUseNeedABarrierBetween) {
  expect_contains(find(2,
                       [](EmulatedThread t) {
                         if (t(tid) == 0)
                           t(init, {t(base), 64});
                         t(arrive, {t(base)});
                       }),
                  "races");
}

TEST(EmulatedMbarrier, AnOrdinaryWriteOverwritesIt) {
  expect_contains(find(1,
                       [](EmulatedThread t) {
                         start(t, 32);
                         if (t(tid) == 3)
                           t(write, {t(base) + 4, 0});
                         t(sync);
                         t(arrive, {t(base)});
                       }),
                  "the mbarrier at byte 0 of shared memory has been overwritten");
}

TEST(EmulatedMbarrier, WhatIsOutOfRangeIsFound) {
  static std::uint64_t count;
  for (std::uint64_t arrivals : {std::uint64_t(0), std::uint64_t(1) << 20}) {
    count = arrivals;
    expect_contains(find(1, [](EmulatedThread t) { start(t, count); }),
                    "mbarrier for " + std::to_string(arrivals) + " arrivals; there can be 1 to 1048575");
  }
  expect_contains(find(1,
                       [](EmulatedThread t) {
                         start(t, 32);
                         start(t, 32);
                       }),
                  "mbarrier at byte 0 of shared memory, which holds one already");
  expect_contains(find(1,
                       [](EmulatedThread t) {
                         start(t, 32);
                         t(expect_tx, {t(base), 40000});
                       }),
                  "an mbarrier's phase can expect 1048575 bytes, not 1080000");
  // 31 arrivals would end the phase, but it still expects bytes.
  expect_contains(find(1,
                       [](EmulatedThread t) {
                         start(t, 31);
                         t(expect_tx, {t(base), 4});
                       }),
                  "more arrivals in a phase than the 31 of its mbarrier");
  expect_contains(find(1,
                       [](EmulatedThread t) {
                         start(t, 32);
                         t(test_parity, {t(base), 2});
                       }),
                  "a phase's parity is 0 or 1, not 2");
  expect_contains(find(1,
                       [](EmulatedThread t) {
                         start(t, 32);
                         const std::uint64_t state = t(arrive, {t(base)});
                         t(arrive, {t(base)});
                         t(test_wait, {t(base), state});
                       }),
                  "wait for a phase of an mbarrier that is neither the current one nor the one before it");
  expect_contains(find(1,
                       [](EmulatedThread t) {
                         if (t(tid) == 0)
                           t(init, {t(base) + 4, 1});
                       }),
                  "write of shared memory at byte 4, which is not a multiple of 8");
}

TEST(EmulatedMbarrier, LanesMayWaitForSeveralAtOnce) {
  // The two halves of a warp wait for different mbarriers, of which the second ends first.
  expect_clean(2, [](EmulatedThread t) {
    const std::uint64_t thread = t(tid), at = t(base);
    start(t, 1);
    start(t, 1, 8);
    if (thread < 32) {
      const std::uint64_t mine = at + (thread < 16 ? 0 : 8);
      while (!t(try_parity, {mine, 0}))
        ;
      t(warp_sync, {kAll});
    } else if (thread == 32) {
      t(arrive, {at + 8});
    } else if (thread == 33) {
      t(arrive, {at});
    }
    t(sync);
  });
}

} // namespace
