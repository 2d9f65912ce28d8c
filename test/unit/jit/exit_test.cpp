// The end of a process: kernels are launched and compiled while static objects are destroyed.
#include "kiln/kiln.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

using namespace kiln;

namespace {

struct Config {
  int value = 0;
};

void fill(const Config &c, ptr<int> out) {
  auto i = program_id(0) * 16 + arange(0, 16);
  store(out + i, i + c.value);
}
const auto &filler = *new Kernel{"fill", fill}; // a program's own objects are for the program to keep

// Made before anything that the library makes when it is first used, so destroyed after it.
struct Service {
  int out[1600] = {};

  /// Launches and compiles for each target, or ends the process with status 1.
  void run(int value) {
    try {
      for (const char *name : {"cpu", "interpreter", "emulated:sm_90a"}) {
        out[1599] = 0;
        filler.launch({.grid = 100, .device = Device::parse(name)}, {value}, out);
        if (out[1599] != 1599 + value)
          throw std::runtime_error(std::string(name) + " stores " + std::to_string(out[1599]));
      }
      filler.emit({value}, Target::parse("sm_90a"), "ptx");
    } catch (const std::exception &error) {
      std::fprintf(stderr, "%s\n", error.what());
      _exit(1);
    }
  }

  bool runs_at_the_end = false;
  ~Service() {
    if (!runs_at_the_end)
      return;
    run(0); // compiled already
    run(1);
    std::fprintf(stderr, "the service has ended\n");
  }
} service;

// The child begins anew, with the order of construction of a program of its own.
class Exit : public testing::Test {
protected:
  Exit() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(Exit, StaticObjectsLaunchAndCompileInTheirDestructors) {
  EXPECT_EXIT(
      {
        service.runs_at_the_end = true;
        service.run(0);
        std::exit(0);
      },
      testing::ExitedWithCode(0), "the service has ended");
}

TEST_F(Exit, OtherThreadsCompileWhileTheProcessEnds) {
  for (int wait = 0; wait < 10; ++wait)
    EXPECT_EXIT(
        {
          std::atomic<bool> begun{false};
          for (int worker = 0; worker < 2; ++worker)
            std::thread([worker, &begun] {
              Service own;
              for (int i = 0;; ++i) {
                own.run(1000 * worker + i);
                begun = true;
              }
            }).detach();
          while (!begun)
            std::this_thread::yield();
          std::this_thread::sleep_for(std::chrono::milliseconds(wait));
          std::exit(0);
        },
        testing::ExitedWithCode(0), "");
}

} // namespace
