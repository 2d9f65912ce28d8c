// Times of launches on the CPU. On CUDA devices they are tested with the driver, real or not.
#include "kiln/launch_timer.h"

#include "../message_of.h"
#include "kiln/error.h"

#include <chrono>
#include <gtest/gtest.h>
#include <thread>

using namespace kiln;

namespace {

TEST(LaunchTimer, EnoughSetsOverflowTheCache) {
  EXPECT_EQ(sets_to_rotate(1'000'000'000), 1);
  EXPECT_EQ(sets_to_rotate(256'000'000), 1);
  EXPECT_EQ(sets_to_rotate(255'999'999), 2);
  EXPECT_EQ(sets_to_rotate(1'000'000), 256);
  EXPECT_EQ(sets_to_rotate(1000), 600);
  EXPECT_EQ(sets_to_rotate(0), 600);
}

TEST(LaunchTimer, OnTheCpuItTakesTheTimeOfALaunch) {
  int launches = 0;
  LaunchTimer timer(Device::cpu(), 0, [&](int set, void *stream) {
    EXPECT_EQ(set, 0);
    EXPECT_EQ(stream, nullptr);
    ++launches;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  EXPECT_EQ(launches, 2);
  EXPECT_GE(timer.sample_us(), 1000);
  EXPECT_EQ(launches, 3); // one of them is a sample
}

TEST(LaunchTimer, ShortLaunchesShareASampleAndEverySetHasItsTurn) {
  int turns[3] = {};
  LaunchTimer timer(Device::cpu(), 3, [&](int set, void *) { ++turns[set]; });
  turns[0] = turns[1] = turns[2] = 0;
  EXPECT_LT(timer.sample_us(), 100);
  EXPECT_GT(turns[0], 10);
  EXPECT_EQ(turns[0], turns[1]);
  EXPECT_EQ(turns[0], turns[2]);
}

TEST(LaunchTimer, MisuseIsNamed) {
  const auto message = [](Device device, int sets) {
    return message_of<InvalidArgument>([&] { LaunchTimer timer(device, sets, [](int, void *) {}); });
  };
  EXPECT_EQ(message(Device::emulated("sm_90a"), 1),
            "LaunchTimer: the device is emulated:sm_90a, whose launches take no time that means anything; the CPU and "
            "CUDA devices have times");
  EXPECT_EQ(message(Device::cpu(), -1), "LaunchTimer: the number of sets is -1, must not be negative");
  EXPECT_FALSE(has_times(Device::interpreter()));
  EXPECT_TRUE(has_times(Device::cpu()));
}

} // namespace
