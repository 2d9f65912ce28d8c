// Threads, warps, barriers and shared memory of the emulator.
#include "emulated_threads.h"

#include "kiln/emulator.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>

using namespace kiln;
using namespace kiln::test;

namespace {

constexpr std::uint64_t kAll = 0xffffffff;

/// Under plain order and several permuted ones.
template <class F>
void for_each_order(F &&f) {
  const EmulatorOptions before = emulator_options();
  for (std::uint64_t seed : {0, 1, 2, 3}) {
    set_emulator_options({.seed = seed});
    SCOPED_TRACE(seed);
    f();
  }
  set_emulator_options(before);
}

TEST(EmulatedProgram, EveryThreadOfEveryProgramRuns) {
  for_each_order([] {
    static std::array<std::atomic<int>, 4 * 3 * 64> runs;
    for (auto &count : runs)
      count = 0;
    auto kernel = emulated_kernel({"tid.x", "ctaid.x", "ctaid.y", "nctaid.x"}, 2, 0,
                                  [](EmulatedThread t) { ++runs[((t(2) * t(3)) + t(1)) * 64 + t(0)]; });
    EXPECT_EQ(run_checked(kernel, {}, {4, 3, 1}), "");
    for (auto &count : runs)
      EXPECT_EQ(count, 2); // once for each poison
  });
}

/// Each thread writes its word of shared memory and reads that of the thread `distance` behind.
template <bool with_barrier, unsigned distance>
std::string exchange(const char *barrier = "bar.sync") {
  static std::array<std::uint32_t, 128> seen;
  auto kernel = emulated_kernel({"tid.x", "shared.base", "st.shared.b32", barrier, "ld.shared.b32"}, 4, 512,
                                [](EmulatedThread t) {
                                  const std::uint64_t tid = t(0), base = t(1);
                                  t(2, {base + 4 * tid, tid + 1});
                                  if (with_barrier)
                                    t(3, {kAll}); // the lanes of a barrier of a warp
                                  seen[tid] = std::uint32_t(t(4, {base + 4 * ((tid + distance) % 128)}));
                                });
  std::string found = run_checked(kernel);
  if (found.empty())
    for (std::uint32_t tid = 0; tid < 128; ++tid)
      EXPECT_EQ(seen[tid], (tid + distance) % 128 + 1);
  return found;
}

TEST(EmulatedProgram, BarriersOrderSharedMemory) {
  for_each_order([] { EXPECT_EQ((exchange<true, 40>()), ""); });
}

TEST(EmulatedProgram, AMissingBarrierIsARaceBetweenWarps) {
  for_each_order([] {
    const std::string found = exchange<false, 40>();
    EXPECT_NE(found.find("of shared memory races with"), std::string::npos) << found;
    EXPECT_NE(found.find("test.cpp:4:1"), std::string::npos) << found;
    EXPECT_NE(found.find("test.cpp:2:1"), std::string::npos) << found;
    EXPECT_NE(found.find("in program (0, 0, 0) of 'k', warp "), std::string::npos) << found;
    EXPECT_NE(found.find("note: while running 'k' with {} on emulated:sm_90a"), std::string::npos) << found;
  });
}

TEST(EmulatedProgram, AMissingBarrierIsARaceBetweenLanes) {
  for_each_order([] {
    EXPECT_NE((exchange<false, 1>().find("races")), std::string::npos);
    // What each thread wrote itself needs no barrier.
    EXPECT_EQ((exchange<false, 0>()), "");
  });
}

TEST(EmulatedProgram, BarriersOfAWarpOrderItsLanesOnly) {
  for_each_order([] {
    const std::string found = exchange<true, 1>("bar.warp.sync"); // lane 31 reads what the next warp wrote
    EXPECT_NE(found.find("races"), std::string::npos) << found;
    EXPECT_NE(found.find("lane 31"), std::string::npos) << found;
    EXPECT_EQ(found.find("lanes 0-"), std::string::npos) << found;
  });
}

TEST(EmulatedProgram, ReadersMustBeDoneBeforeTheNextWrite) {
  for_each_order([] {
    auto kernel = emulated_kernel({"tid.x", "shared.base", "st.shared.b32.pred", "bar.sync", "ld.shared.b32"}, 2, 16,
                                  [](EmulatedThread t) {
                                    const std::uint64_t tid = t(0), base = t(1);
                                    for (int i = 0; i < 2; ++i) {
                                      t(2, {base, tid == 0, std::uint64_t(i)});
                                      t(3);
                                      t(4, {base});
                                    }
                                  });
    const std::string found = run_checked(kernel);
    EXPECT_NE(found.find("races"), std::string::npos) << found;
  });
}

TEST(EmulatedProgram, ABarrierThatSomeThreadsPassByIsFound) {
  for_each_order([] {
    auto kernel = emulated_kernel({"tid.x", "bar.sync"}, 2, 0, [](EmulatedThread t) {
      if (t(0) < 32)
        t(1);
    });
    EXPECT_EQ(run_checked(kernel), "test.cpp:1:1: error: 'bar.sync' is not reached by all threads that it waits for\n"
                                   "note: warp 1, lane 0 has ended\n"
                                   "note: in program (0, 0, 0) of 'k', warp 0, all lanes\n"
                                   "note: while running 'k' with {} on emulated:sm_90a");
  });
}

/// The first threads wait at one barrier and all others at another.
template <std::uint64_t first>
std::string wait_apart(unsigned num_warps) {
  return run_checked(emulated_kernel({"tid.x", "bar.sync", "bar.sync"}, num_warps, 0,
                                     [](EmulatedThread t) { t(t(0) < first ? 1 : 2); }));
}

TEST(EmulatedProgram, LanesThatTakeDifferentWaysToABarrierAreFound) {
  EXPECT_EQ(wait_apart<8>(1), "test.cpp:1:1: error: 'bar.sync' is not reached by all threads that it waits for\n"
                              "test.cpp:2:1: note: warp 0, lane 8 waits at 'bar.sync'\n"
                              "note: in program (0, 0, 0) of 'k', warp 0, lanes 0-7\n"
                              "note: while running 'k' with {} on emulated:sm_90a");
}

TEST(EmulatedProgram, WarpsThatMeetAtDifferentBarriersAreFound) {
  const std::string found = wait_apart<32>(2);
  EXPECT_NE(found.find("test.cpp:2:1: error: warps of the program meet at different barriers\n"
                       "test.cpp:1:1: note: the other barrier"),
            std::string::npos)
      << found;
}

TEST(EmulatedProgram, LanesThatDivergeMeetAgain) {
  for_each_order([] {
    auto kernel = emulated_kernel({"tid.x", "shared.base", "st.shared.b32", "bar.sync"}, 2, 256, [](EmulatedThread t) {
      const std::uint64_t tid = t(0), base = t(1);
      for (std::uint64_t i = 0; i < tid; ++i) // a different number of times in each lane
        t(2, {base + 4 * tid, i});
      t(3);
    });
    EXPECT_EQ(run_checked(kernel), "");
  });
}

TEST(EmulatedProgram, AccessesOutsideOfSharedMemoryAreFound) {
  auto kernel = emulated_kernel({"tid.x", "shared.base", "st.shared.b32"}, 1, 64,
                                [](EmulatedThread t) { t(2, {t(1) + 4 * t(0), 0}); });
  EXPECT_EQ(run_checked(kernel),
            "test.cpp:2:1: error: write of 4 bytes at byte 64 of shared memory, of which the program has 64\n"
            "note: in program (0, 0, 0) of 'k', warp 0, lanes 16-31\n"
            "note: while running 'k' with {} on emulated:sm_90a");
}

TEST(EmulatedProgram, MisalignedSharedAccessesAreFound) {
  auto kernel = emulated_kernel({"tid.x", "shared.base", "st.shared.b64"}, 1, 256,
                                [](EmulatedThread t) { t(2, {t(1) + 4 * t(0), 0}); });
  EXPECT_NE(run_checked(kernel).find("write of shared memory at byte 4, which is not a multiple of 8"),
            std::string::npos);
}

TEST(EmulatedProgram, AnOperationWithoutMeaningIsRefused) {
  try {
    emulated_kernel({"tid.x", "frobnicate.b32"}, 1, 0, [](EmulatedThread) {});
    FAIL();
  } catch (const CompileError &error) {
    EXPECT_STREQ(error.what(), "test.cpp:1:1: error: emulated:sm_90a does not know the machine operation "
                               "'frobnicate.b32'\nnote: while running 'k' with {}");
  }
}

//===----------------------------------------------------------------------===//
// Named barriers
//===----------------------------------------------------------------------===//

TEST(EmulatedProgram, NamedBarriersOrderWhoMeetsThere) {
  for_each_order([] {
    // Warps 0 and 1 exchange through barrier 3 while warp 2 goes on without them.
    auto kernel = emulated_kernel({"tid.x", "shared.base", "st.shared.b32", "bar.sync.id", "ld.shared.b32"}, 3, 512,
                                  [](EmulatedThread t) {
                                    const std::uint64_t tid = t(0), base = t(1);
                                    if (tid >= 64)
                                      return;
                                    t(2, {base + 4 * tid, tid});
                                    t(3, {3, 64});
                                    t(4, {base + 4 * (63 - tid)});
                                  });
    EXPECT_EQ(run_checked(kernel), "");
  });
}

TEST(EmulatedProgram, NamedBarriersOrderNobodyElse) {
  for_each_order([] {
    auto kernel = emulated_kernel({"tid.x", "shared.base", "st.shared.b32", "bar.sync.id", "ld.shared.b32"}, 3, 512,
                                  [](EmulatedThread t) {
                                    const std::uint64_t tid = t(0), base = t(1);
                                    if (tid < 64) {
                                      t(2, {base + 4 * tid, tid});
                                      t(3, {3, 64});
                                    } else {
                                      t(4, {base});
                                    }
                                  });
    EXPECT_NE(run_checked(kernel).find("races"), std::string::npos);
  });
}

TEST(EmulatedProgram, WhoArrivesDoesNotWait) {
  for_each_order([] {
    // Warp 0 produces and arrives; warp 1 waits and consumes.
    auto kernel =
        emulated_kernel({"tid.x", "shared.base", "st.shared.b32", "bar.arrive", "bar.sync.id", "ld.shared.b32"}, 2, 128,
                        [](EmulatedThread t) {
                          const std::uint64_t tid = t(0), base = t(1);
                          if (tid < 32) {
                            t(2, {base + 4 * tid, tid});
                            t(3, {1, 64});
                          } else {
                            t(4, {1, 64});
                            t(5, {base + 4 * (63 - tid)});
                          }
                        });
    EXPECT_EQ(run_checked(kernel), "");
  });
}

//===----------------------------------------------------------------------===//
// Async copies
//===----------------------------------------------------------------------===//

enum class Wait { all, all_but_one, none };

/// Each thread copies two rows of 16 bytes in a group each, waits, and reads the second, or that of its neighbour.
template <Wait wait, bool neighbour, bool is_hinted = false>
std::string copy_rows() {
  alignas(16) static std::array<std::uint32_t, 256> source;
  static std::array<std::uint64_t, 32> seen;
  for (std::uint32_t i = 0; i < source.size(); ++i)
    source[i] = i;
  auto kernel = emulated_kernel({"tid.x", "shared.base", is_hinted ? "cp.async.cg.16.hint" : "cp.async.cg.16",
                                 "cp.async.commit_group", "cp.async.wait_group.0", "cp.async.wait_group.1",
                                 "ld.shared.b32", "createpolicy.L2.evict_first"},
                                1, 1024, [](EmulatedThread t) {
                                  const std::uint64_t tid = t(0), base = t(1), policy = t(7);
                                  for (std::uint64_t row : {tid, tid + 32}) {
                                    if (is_hinted)
                                      t(2, {base + 16 * row, t.arg(0) + 16 * row, 12, policy});
                                    else
                                      t(2, {base + 16 * row, t.arg(0) + 16 * row, 12});
                                    t(3);
                                  }
                                  if (wait != Wait::none)
                                    t(wait == Wait::all ? 4 : 5);
                                  const std::uint64_t row = 32 + (neighbour ? (tid + 1) % 32 : tid);
                                  seen[tid] = t(6, {base + 16 * row + 8}) + (t(6, {base + 16 * row + 12}) << 32);
                                });
  std::string found = run_checked(kernel, {reinterpret_cast<std::uint64_t>(source.data())});
  if (found.empty())
    for (std::uint64_t tid = 0; tid < 32; ++tid)
      EXPECT_EQ(seen[tid], 4 * (32 + tid) + 2); // the last word is filled with zero
  return found;
}

TEST(EmulatedProgram, AsyncCopiesAreThereAfterTheirWait) {
  for_each_order([] { EXPECT_EQ((copy_rows<Wait::all, false>()), ""); });
}

TEST(EmulatedProgram, CopiesWithAPolicyAreLikeOthers) {
  for_each_order([] {
    EXPECT_EQ((copy_rows<Wait::all, false, true>()), "");
    EXPECT_NE((copy_rows<Wait::none, false, true>().find("before its wait")), std::string::npos);
  });
}

TEST(EmulatedProgram, AsyncCopiesAreNotThereBeforeTheirWait) {
  for_each_order([] {
    for (const std::string &found : {copy_rows<Wait::none, false>(), copy_rows<Wait::all_but_one, false>()})
      EXPECT_NE(found.find("test.cpp:6:1: error: read of shared memory that an async copy is writing, before its "
                           "wait\ntest.cpp:2:1: note: the copy"),
                std::string::npos)
          << found;
  });
}

TEST(EmulatedProgram, TheWaitOfAThreadIsNoBarrierForOthers) {
  for_each_order([] { EXPECT_NE((copy_rows<Wait::all, true>().find("races")), std::string::npos); });
}

//===----------------------------------------------------------------------===//
// Poison
//===----------------------------------------------------------------------===//

TEST(EmulatedProgram, ResultsThatDependOnUnwrittenSharedMemoryAreFound) {
  static std::array<std::uint32_t, 32> out;
  auto kernel =
      emulated_kernel({"tid.x", "shared.base", "ld.shared.b32", "st.global.b32"}, 1, 128, [](EmulatedThread t) {
        const std::uint64_t tid = t(0), value = t(2, {t(1) + 4 * tid});
        t(3, {t.arg(0) + 4 * tid, tid == 5 ? value : 0});
      });
  const std::string found = run_checked(kernel, {reinterpret_cast<std::uint64_t>(out.data())});
  EXPECT_NE(found.find("test.cpp:3:1: error: "), std::string::npos) << found;
  EXPECT_NE(found.find("test.cpp:2:1: note: shared memory that nobody has written is read here"), std::string::npos)
      << found;
}

TEST(EmulatedProgram, ReadingUnwrittenSharedMemoryToNoEffectIsNoFault) {
  static std::array<std::uint32_t, 32> out;
  auto kernel =
      emulated_kernel({"tid.x", "shared.base", "ld.shared.b32", "st.global.b32"}, 1, 128, [](EmulatedThread t) {
        const std::uint64_t tid = t(0);
        t(2, {t(1) + 4 * tid});
        t(3, {t.arg(0) + 4 * tid, tid});
      });
  EXPECT_EQ(run_checked(kernel, {reinterpret_cast<std::uint64_t>(out.data())}), "");
}

} // namespace
