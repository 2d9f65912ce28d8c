// The measuring part of kiln-tune-decode, on the processor.
#include "tools/decode_sweep.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

using namespace kiln;
using namespace kiln::tools;
using kernels::PagedSchedule;

namespace {

TEST(DecodeSweep, MeasuresEveryConfigInEveryMode) {
  const SweepPlan plan{
      .shapes = {{.head_dim = 64, .group = 2, .most_group = 8, .heads = {8, 16}, .tokens = {16, 40, 4096}}},
      .tiles = {{PagedSchedule::rows, 32, 2, 4, 2},
                {PagedSchedule::shares, 32, 1, 4, 2},
                {PagedSchedule::shares, 48, 1, 4, 2}}, // no power of two
      .most_bytes = 1'000'000};                        // 4096 tokens are more
  const DecodeSweep sweep = [&] {
    testing::internal::CaptureStderr();
    DecodeSweep result = measure(plan, Device::cpu(), stderr);
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_NE(log.find("config.block_n is 48, must be a power of two from 1 to 65536"), std::string::npos) << log;
    EXPECT_NE(log.find("head_dim 64, group 2: 16 times in "), std::string::npos) << log;
    return result;
  }();
  // One mode for a batch of one and three for two sequences, two sizes, two configs that run.
  EXPECT_EQ(sweep.samples.size(), 16u);
  std::set<std::string> modes;
  for (const DecodeSample &sample : sweep.samples) {
    EXPECT_EQ(sample.most_group, 8);
    EXPECT_LE(sample.tokens, 40);
    EXPECT_GT(sample.us, 0);
    EXPECT_EQ(sample.tiles.block_n, 32);
    modes.insert(sample.mode + std::to_string(sample.heads));
  }
  EXPECT_EQ(modes, (std::set<std::string>{"ragged16", "skewed16", "uniform16", "uniform8"}));
  EXPECT_NE(decode_table(sweep).find("{{2, 64, 8, any_size"), std::string::npos);
}

TEST(DecodeSweep, TheUsualPlanHasWhatTheTableNeeds) {
  const SweepPlan plan = usual_plan();
  std::set<std::pair<int, int>> shapes;
  for (const SweepShape &shape : plan.shapes)
    shapes.emplace(shape.head_dim, shape.most_group);
  EXPECT_EQ(shapes,
            (std::set<std::pair<int, int>>{{64, 1}, {64, 16}, {128, 1}, {128, 2}, {128, 8}, {128, 16}, {256, 16}}));
  std::set<PagedSchedule> schedules;
  for (std::size_t i = 0; i < plan.tiles.size(); ++i) {
    schedules.insert(plan.tiles[i].schedule);
    EXPECT_EQ(std::ranges::count(plan.tiles, plan.tiles[i]), 1);
  }
  EXPECT_EQ(schedules.size(), 2u);
}

} // namespace
