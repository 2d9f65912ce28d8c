// Exchanges between the lanes of a warp.
#include "emulated_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

using namespace kiln::test;

namespace {

constexpr std::uint32_t kAll = 0xffffffff;

std::uint64_t value_of(std::uint64_t lane) { return 0x9e3779b9u * (lane + 1) & 0xffffffff; }

/// All lanes shuffle with the same operands; `source` says where a lane reads.
void check_shuffle(const std::string &mode, std::uint64_t argument, std::uint64_t control,
                   const std::function<unsigned(unsigned)> &source) {
  SCOPED_TRACE(testing::Message() << mode << " " << argument << ", " << std::hex << control);
  std::array<Words, 32> operands;
  for (std::uint64_t lane = 0; lane < 32; ++lane)
    operands[lane] = {kAll, value_of(lane), argument, control};
  const WarpResults results = apply_warp("shfl.sync." + mode + ".b32", operands);
  ASSERT_EQ(results.found, "");
  for (unsigned lane = 0; lane < 32; ++lane)
    ASSERT_EQ(results[lane][0], value_of(source(lane))) << lane;
}

/// Segments of `width` lanes, as the functions of CUDA C++ make them.
std::uint64_t segments(unsigned width, unsigned clamp) { return (32 - width) << 8 | clamp; }

TEST(EmulatedShuffle, EveryDistanceInEverySegment) {
  for (unsigned width : {2, 4, 8, 16, 32}) {
    for (unsigned by = 0; by < width; ++by) {
      check_shuffle("bfly", by, segments(width, 31), [&](unsigned lane) { return lane ^ by; });
      check_shuffle("up", by, segments(width, 0), [&](unsigned lane) { return lane % width >= by ? lane - by : lane; });
      check_shuffle("down", by, segments(width, 31),
                    [&](unsigned lane) { return lane % width + by < width ? lane + by : lane; });
      check_shuffle("idx", by, segments(width, 31), [&](unsigned lane) { return lane / width * width + by; });
    }
  }
}

TEST(EmulatedShuffle, TheClampEndsASegmentEarly) {
  // Lanes read below 20 only, and those that would not read themselves.
  check_shuffle("bfly", 8, 19, [](unsigned lane) { return (lane ^ 8) <= 19 ? lane ^ 8 : lane; });
  check_shuffle("down", 3, 19, [](unsigned lane) { return lane + 3 <= 19 ? lane + 3 : lane; });
  check_shuffle("idx", 25, 19, [](unsigned lane) { return lane; });
  check_shuffle("idx", 7, 19, [](unsigned) { return 7; });
  check_shuffle("up", 3, 5, [](unsigned lane) { return lane >= 8 ? lane - 3 : lane; });
  // A segment of eight lanes that ends after its third.
  check_shuffle("down", 1, 24 << 8 | 2, [](unsigned lane) { return lane % 8 + 1 <= 2 ? lane + 1 : lane; });
}

TEST(EmulatedShuffle, OnlyFiveBitsCount) {
  check_shuffle("bfly", 32 + 5, segments(32, 31) | 0xffffe0e0, [](unsigned lane) { return lane ^ 5; });
  check_shuffle("idx", 0xffffffe3, segments(16, 31), [](unsigned lane) { return lane / 16 * 16 + 3; });
}

TEST(EmulatedShuffle, LanesNameTheirSourcesThemselves) {
  std::array<Words, 32> operands;
  for (std::uint64_t lane = 0; lane < 32; ++lane)
    operands[lane] = {kAll, value_of(lane), lane * 7 + 3, 31};
  const WarpResults results = apply_warp("shfl.sync.idx.b32", operands);
  for (std::uint64_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(results[lane][0], value_of((lane * 7 + 3) % 32));
}

TEST(EmulatedShuffle, ALaneThatTakesNoPartHasNothingToRead) {
  constexpr std::uint32_t members = 0x0000fff7; // without lane 3
  std::array<Words, 32> operands;
  for (std::uint64_t lane = 0; lane < 32; ++lane)
    operands[lane] = {members, value_of(lane), 1, 31};
  const WarpResults results = apply_warp("shfl.sync.bfly.b32", operands, members);
  ASSERT_EQ(results.found, "");
  for (unsigned lane = 0; lane < 16; ++lane) {
    if (!(members >> lane & 1))
      continue;
    EXPECT_EQ(results.is_defined(lane), lane != 2) << lane;
    if (lane != 2)
      EXPECT_EQ(results[lane][0], value_of(lane ^ 1));
  }
}

TEST(EmulatedShuffle, TwoGroupsOfOneWarp) {
  constexpr std::uint32_t even = 0x55555555;
  std::array<Words, 32> operands;
  for (std::uint64_t lane = 0; lane < 32; ++lane)
    operands[lane] = {lane % 2 ? ~even & kAll : even, value_of(lane), lane % 2 ? 2u : 3u, 31};
  const WarpResults results = apply_warp("shfl.sync.bfly.b32", operands);
  ASSERT_EQ(results.found, "");
  for (unsigned lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(results.is_defined(lane), lane % 2 == 1) << "an even lane reads an odd one";
    if (lane % 2)
      EXPECT_EQ(results[lane][0], value_of(lane ^ 2));
  }
}

/// Every lane alone, all, and some.
std::vector<std::uint32_t> patterns() {
  std::vector<std::uint32_t> masks = {kAll, 0x0000ffff, 0xffff0000, 0x80000001, 0x55555555};
  std::mt19937 random(1);
  for (unsigned lane = 0; lane < 32; ++lane)
    masks.push_back(1u << lane);
  for (int i = 0; i < 20; ++i)
    masks.push_back(std::uint32_t(random()) | 1u << random() % 32);
  return masks;
}

TEST(EmulatedVote, EveryPatternOfLanes) {
  for (std::uint32_t members : patterns()) {
    for (std::uint32_t holds : {0u, kAll, members, 0x0f0f0f0fu, members & (members - 1), 1u << 31}) {
      SCOPED_TRACE(testing::Message() << std::hex << members << " " << holds);
      std::array<Words, 32> operands;
      for (unsigned lane = 0; lane < 32; ++lane)
        operands[lane] = {members, holds >> lane & 1};
      const WarpResults any = apply_warp("vote.sync.any", operands, members),
                        all = apply_warp("vote.sync.all", operands, members),
                        ballot = apply_warp("vote.sync.ballot", operands, members);
      for (unsigned lane = 0; lane < 32; ++lane) {
        if (!(members >> lane & 1))
          continue;
        ASSERT_EQ(any[lane][0], (holds & members) != 0);
        ASSERT_EQ(all[lane][0], (holds & members) == members);
        ASSERT_EQ(ballot[lane][0], holds & members);
      }
    }
  }
}

template <class T>
void check_reduction(const std::string &operation, T (*combine)(T, T)) {
  std::mt19937 random(2);
  for (std::uint32_t members : patterns()) {
    SCOPED_TRACE(testing::Message() << operation << " " << std::hex << members);
    std::array<Words, 32> operands;
    T expected{};
    bool is_first = true;
    for (unsigned lane = 0; lane < 32; ++lane) {
      // Values around zero and around the ends of the range.
      const std::uint32_t value = lane % 3 == 0 ? random() : lane % 3 == 1 ? 0x7fffffffu + lane : 0u - lane;
      operands[lane] = {value, members};
      if (members >> lane & 1) {
        expected = is_first ? T(value) : combine(expected, T(value));
        is_first = false;
      }
    }
    const WarpResults results = apply_warp(operation, operands, members);
    ASSERT_EQ(results.found, "");
    for (unsigned lane = 0; lane < 32; ++lane)
      if (members >> lane & 1)
        ASSERT_EQ(results[lane][0], std::uint32_t(expected));
  }
}

TEST(EmulatedReduction, EveryPatternOfLanes) {
  using U = std::uint32_t;
  using S = std::int32_t;
  check_reduction<U>("redux.sync.add.s32", [](U a, U b) { return a + b; });
  check_reduction<S>("redux.sync.min.s32", [](S a, S b) { return a < b ? a : b; });
  check_reduction<S>("redux.sync.max.s32", [](S a, S b) { return a < b ? b : a; });
  check_reduction<U>("redux.sync.min.u32", [](U a, U b) { return a < b ? a : b; });
  check_reduction<U>("redux.sync.max.u32", [](U a, U b) { return a < b ? b : a; });
  check_reduction<U>("redux.sync.and.b32", [](U a, U b) { return a & b; });
  check_reduction<U>("redux.sync.or.b32", [](U a, U b) { return a | b; });
  check_reduction<U>("redux.sync.xor.b32", [](U a, U b) { return a ^ b; });
}

TEST(EmulatedMatch, FindsTheLanesWithTheSameValue) {
  for (const std::string operation : {"match.any.sync.b32", "match.any.sync.b64"}) {
    for (std::uint32_t members : patterns()) {
      SCOPED_TRACE(testing::Message() << operation << " " << std::hex << members);
      auto value = [&](unsigned lane) {
        return lane * lane % 5 | (operation.ends_with("64") ? std::uint64_t(lane % 2) << 40 : 0);
      };
      std::array<Words, 32> operands;
      for (unsigned lane = 0; lane < 32; ++lane)
        operands[lane] = {members, value(lane)};
      const WarpResults results = apply_warp(operation, operands, members);
      for (unsigned lane = 0; lane < 32; ++lane) {
        if (!(members >> lane & 1))
          continue;
        std::uint32_t expected = 0;
        for (unsigned other = 0; other < 32; ++other)
          expected |= std::uint32_t((members >> other & 1) && value(other) == value(lane)) << other;
        ASSERT_EQ(results[lane][0], expected);
      }
    }
  }
}

TEST(EmulatedMatch, AllOrNothing) {
  for (std::uint32_t members : patterns()) {
    for (unsigned odd_one : {0u, 13u, 31u, 32u}) {
      SCOPED_TRACE(testing::Message() << std::hex << members << " " << odd_one);
      std::array<Words, 32> operands;
      for (unsigned lane = 0; lane < 32; ++lane)
        operands[lane] = {members, lane == odd_one ? 8u : 7u};
      const bool same = odd_one == 32 || !(members >> odd_one & 1) || std::popcount(members) == 1;
      const WarpResults results = apply_warp("match.all.sync.b32", operands, members);
      for (unsigned lane = 0; lane < 32; ++lane) {
        if (!(members >> lane & 1))
          continue;
        ASSERT_EQ(results[lane][0], same ? members : 0);
        ASSERT_EQ(results[lane][1], same);
      }
    }
  }
}

} // namespace
