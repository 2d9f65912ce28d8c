// Launching through the public interface, on every device.
#include "../message_of.h"
#include "kiln/debug.h"
#include "kiln/kiln.h"

#include <atomic>
#include <gtest/gtest.h>
#include <numeric>
#include <pthread.h>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace kiln;

namespace {

struct Config {
  int block = 64;
  int factor = 3;
};

void scale(const Config &c, ptr<const float> x, ptr<float> out, scalar<std::int32_t> n) {
  auto i = program_id(0) * c.block + arange(0, c.block);
  auto value = load(x + i, {.mask = i < n});
  store(out + i, value * c.factor, {.mask = i < n});
}

class Launch : public testing::TestWithParam<Device> {
protected:
  Device device = GetParam();

  /// Launches `kernel` (a `scale`) and expects the result.
  template <typename K>
  void expect_scales(const K &kernel, const Config &c, int n = 100) {
    std::vector<float> x(n), out(n, -1);
    for (int i = 0; i < n; ++i)
      x[i] = static_cast<float>(i);
    kernel.launch({.grid = cdiv(n, c.block), .device = device}, c, x.data(), out.data(), n);
    for (int i = 0; i < n; ++i)
      ASSERT_EQ(out[i], static_cast<float>(i * c.factor)) << i;
  }
};

/// What differs on an emulated GPU (emulated_test.cpp).
class HostLaunch : public Launch {};

std::string case_name(const testing::TestParamInfo<Device> &info) {
  return info.param.name().substr(0, info.param.name().find(':'));
}

INSTANTIATE_TEST_SUITE_P(Devices, Launch,
                         testing::Values(Device::cpu(), Device::interpreter(), Device::emulated("sm_90a")), case_name);
INSTANTIATE_TEST_SUITE_P(Devices, HostLaunch, testing::Values(Device::cpu(), Device::interpreter()), case_name);

TEST_P(Launch, ASecondLaunchNeitherTracesNorCompiles) {
  Kernel kernel{"scale", scale};
  expect_scales(kernel, {});
  EXPECT_EQ(kernel.counters().traces, 1u);
  EXPECT_EQ(kernel.counters().compiles, 1u);
  EXPECT_EQ(kernel.counters().hits, 0u);
  expect_scales(kernel, {});
  expect_scales(kernel, {}, 7); // other arguments, another grid
  EXPECT_EQ(kernel.counters().traces, 1u);
  EXPECT_EQ(kernel.counters().compiles, 1u);
  EXPECT_EQ(kernel.counters().hits, 2u);
}

TEST_P(Launch, AnotherConfigIsAnotherCompile) {
  Kernel kernel{"scale", scale};
  for (int round = 0; round < 2; ++round)
    for (int block : {16, 32, 128})
      for (int factor : {1, -2})
        expect_scales(kernel, {.block = block, .factor = factor});
  EXPECT_EQ(kernel.counters().traces, 6u);
  EXPECT_EQ(kernel.counters().compiles, 6u);
  EXPECT_EQ(kernel.counters().hits, 6u);
}

// Those of functions that compiled code may call, and of what it defines, among them.
TEST_P(Launch, KernelsMayHaveAnyName) {
  for (const char *name : {"", "scale<float>-1 x", "1.f32", "gr\u00fcn", "\"", "main", "memcpy", "expf", "llvm.memcpy",
                           "kiln_cpu_check", "kiln_cpu_print", "__dso_handle"}) {
    Kernel kernel{name, scale};
    expect_scales(kernel, {});
    EXPECT_EQ(kernel.name(), name);
  }
}

TEST_P(Launch, CompileWarmsUpAndReports) {
  Kernel kernel{"scale", scale};
  CompileReport cold = kernel.compile({}, device);
  EXPECT_FALSE(cold.cached);
  EXPECT_GT(cold.trace_ms, 0);
  EXPECT_GT(cold.compile_ms, 0);
  EXPECT_FALSE(cold.target.empty());
  CompileReport warm = kernel.compile({}, device);
  EXPECT_TRUE(warm.cached);
  EXPECT_EQ(warm.compile_ms, cold.compile_ms);
  EXPECT_EQ(warm.target, cold.target);
  expect_scales(kernel, {});
  EXPECT_EQ(kernel.counters().traces, 1u);
  EXPECT_EQ(kernel.counters().hits, 2u);
}

TEST_P(Launch, SixteenThreadsCompileOnce) {
  Kernel kernel{"scale", scale};
  std::vector<std::thread> threads;
  std::atomic<int> arrived{0};
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([&] {
      ++arrived;
      while (arrived < 16)
        std::this_thread::yield();
      expect_scales(kernel, {});
    });
  for (auto &t : threads)
    t.join();
  EXPECT_EQ(kernel.counters().traces, 1u);
  EXPECT_EQ(kernel.counters().compiles, 1u);
  EXPECT_EQ(kernel.counters().hits, 15u);
}

TEST_P(Launch, ThreadsCompileDifferentConfigsInParallel) {
  Kernel kernel{"scale", scale};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int block : {32, 64})
        expect_scales(kernel, {.block = block, .factor = t});
    });
  for (auto &t : threads)
    t.join();
  EXPECT_EQ(kernel.counters().compiles, 16u);
}

// The one input of a kernel function is its config; this one breaks the rule, to fail once and then be traced again.
std::atomic<bool> scale_is_broken{false};

TEST_P(Launch, AFailureIsReportedAndNotKept) {
  Kernel kernel{"fragile", [](const Config &c, ptr<const float> x, ptr<float> out, scalar<std::int32_t> n) {
                  if (scale_is_broken)
                    store(out + arange(0, 64), arange(0, 32));
                  scale(c, x, out, n);
                }};
  scale_is_broken = true;
  for (int round = 0; round < 2; ++round) {
    try {
      kernel.launch({.device = device}, {}, nullptr, nullptr, 0);
      FAIL() << "no error";
    } catch (const TraceError &e) {
      EXPECT_NE(std::string(e.what()).find("launch_test.cpp:"), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find("note: while tracing 'fragile' with {64, 3}"), std::string::npos)
          << e.what();
    }
  }
  EXPECT_EQ(kernel.counters().traces, 2u);
  EXPECT_EQ(kernel.counters().compiles, 0u);
  scale_is_broken = false;
  expect_scales(kernel, {});
  EXPECT_EQ(kernel.counters().compiles, 1u);
}

// A loop of C++ that records 600 operations, compiled where the stack is small, as in many a server.
TEST_P(Launch, ALongKernelIsCompiledInAThreadWithASmallStack) {
  struct Chain {
    static void body(const Config &c, ptr<std::int32_t> x) {
      Tile value = load(x + arange(0, 1024));
      for (int i = 0; i < 600; ++i)
        value = value * c.factor + 1;
      store(x + arange(0, 1024), value);
    }
    Device device;
    std::vector<std::int32_t> x = std::vector<std::int32_t>(1024);
    std::string error = {};
  } chain{device};
  std::iota(chain.x.begin(), chain.x.end(), 7);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 512 << 10);
  const auto run = [](void *argument) -> void * {
    auto &[device, x, error] = *static_cast<Chain *>(argument);
    try {
      const Kernel kernel{"chain", Chain::body};
      kernel.launch({.device = device}, {}, x.data());
    } catch (const std::exception &e) {
      error = e.what();
    }
    return nullptr;
  };
  pthread_t thread;
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &chain), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  EXPECT_EQ(chain.error, "");
  for (std::uint32_t i = 0; i < 1024; ++i) {
    std::uint32_t expected = 7 + i;
    for (int step = 0; step < 600; ++step)
      expected = expected * 3 + 1;
    ASSERT_EQ(std::uint32_t(chain.x[i]), expected) << i;
  }
}

TEST_P(Launch, RefusesGrids) {
  Kernel kernel{"scale", scale};
  auto message = [&](Grid grid) -> std::string {
    try {
      kernel.launch({.grid = grid, .device = device}, {}, nullptr, nullptr, 0);
    } catch (const LaunchError &e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message({0}), "cannot launch 'scale': the grid is (0, 1, 1), but its x must be from 1 to 2147483647");
  EXPECT_EQ(message({1, 0}), "cannot launch 'scale': the grid is (1, 0, 1), but its y must be from 1 to 65535");
  EXPECT_EQ(message({1, 1, 65536}),
            "cannot launch 'scale': the grid is (1, 1, 65536), but its z must be from 1 to 65535");
  EXPECT_EQ(kernel.counters().traces, 0u) << "something was compiled for a launch that cannot be";
}

/// Doubles what launches before it have written.
void scale_late(const Config &, ptr<const float> in, ptr<float> out, scalar<std::int32_t> n) {
  wait_for_launches();
  launch_dependents();
  auto i = arange(0, 64);
  store(out + i, 2 * load(in + i, {.mask = i < n}), {.mask = i < n});
}

TEST_P(Launch, ProgrammaticOnesWait) {
  Kernel late{"scale_late", scale_late};
  std::vector<float> x(64, 1), y(64), z(64);
  debug::Buffer buffers[] = {{x.data(), x.size() * sizeof(float), "x"},
                             {y.data(), y.size() * sizeof(float), "y"},
                             {z.data(), z.size() * sizeof(float), "z"}};
  late.launch({.device = device, .programmatic = true}, {}, x.data(), y.data(), 64);
  late.launch({.device = device, .programmatic = true}, {}, y.data(), z.data(), 64);
  EXPECT_EQ(z, std::vector<float>(64, 4));
  Kernel kernel{"scale", scale};
  try {
    kernel.launch({.device = device, .programmatic = true}, {}, x.data(), y.data(), 64);
    FAIL() << "no error";
  } catch (const LaunchError &e) {
    EXPECT_EQ(e.what(), "cannot launch 'scale': the launch is programmatic, but the kernel never calls "
                        "kiln::wait_for_launches(), and would read what launches before it have yet to write\n"
                        "note: while running 'scale' with " +
                            config_text(Config{}));
  }
}

/// Copies rows of n elements; the stride is declared to be a multiple of 4, the pointers to be 8-byte aligned.
void copy_rows(const Config &, ptr<const float> in, ptr<float> out, scalar<std::int32_t> stride,
               scalar<std::int32_t> n) {
  assume_multiple(stride, 4);
  assume_multiple(in, 8);
  auto i = arange(0, 64);
  auto at = program_id(0) * stride + i;
  store(out + at, load(in + at, {.mask = i < n}), {.mask = i < n});
}

TEST(Facts, DeclaredFactsChooseOneOfTwoVariants) {
  Kernel kernel{"copy_rows", copy_rows};
  auto copies = [&](int offset, int stride) {
    std::vector<float> in(256), out(256, -1);
    for (int i = 0; i < 256; ++i)
      in[i] = static_cast<float>(i);
    kernel.launch({.grid = 3, .device = Device::interpreter()}, {}, in.data() + offset, out.data(), stride, 5);
    for (int row = 0; row < 3; ++row)
      for (int i = 0; i < 5; ++i)
        ASSERT_EQ(out[row * stride + i], in[offset + row * stride + i]) << offset << " " << stride;
  };
  copies(0, 8);
  copies(2, 12);
  EXPECT_EQ(kernel.counters().compiles, 1u);
  copies(0, 7); // neither is there a third variant
  copies(1, 8);
  copies(1, 7);
  EXPECT_EQ(kernel.counters().compiles, 2u);
  copies(0, 64);
  EXPECT_EQ(kernel.counters().compiles, 2u);
  EXPECT_EQ(kernel.counters().hits, 4u);
}

TEST(Facts, TheGenericVariantMayComeFirst) {
  Kernel kernel{"copy_rows", copy_rows};
  std::vector<float> in(64), out(64);
  debug::set_asserts(true); // the interpreter tests what it may rely on
  kernel.launch({.device = Device::interpreter()}, {}, in.data(), out.data(), 7, 5);
  EXPECT_EQ(kernel.counters().traces, 1u);
  kernel.launch({.device = Device::interpreter()}, {}, in.data(), out.data(), 9, 5);
  EXPECT_EQ(kernel.counters().compiles, 1u);
  kernel.compile({}, Device::interpreter());
  EXPECT_EQ(kernel.counters().compiles, 2u);
  kernel.launch({.device = Device::interpreter()}, {}, in.data(), out.data(), 8, 5);
  debug::set_asserts(false);
  EXPECT_EQ(kernel.counters().compiles, 2u);
}

TEST(Facts, ThreadsThatWantDifferentVariantsGetThem) {
  Kernel kernel{"copy_rows", copy_rows};
  std::vector<std::thread> threads;
  std::atomic<int> arrived{0};
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      std::vector<float> in(64, 3), out(64);
      ++arrived;
      while (arrived < 8)
        std::this_thread::yield();
      kernel.launch({.device = Device::interpreter()}, {}, in.data(), out.data(), 7 + t % 2, 5);
      EXPECT_EQ(out[4], 3);
    });
  for (auto &t : threads)
    t.join();
  EXPECT_EQ(kernel.counters().compiles, 2u);
  EXPECT_EQ(kernel.counters().hits, 6u);
}

TEST(Facts, AreNothingToTheCpu) {
  Kernel kernel{"copy_rows", copy_rows};
  std::vector<float> in(64, 3), out(64);
  for (int stride : {8, 7, 4}) {
    kernel.launch({.device = Device::cpu()}, {}, in.data(), out.data(), stride, 5);
    EXPECT_EQ(out[4], 3);
  }
  EXPECT_EQ(kernel.counters().compiles, 1u);
}

std::string place(int line) { return "launch_test.cpp:" + std::to_string(line) + ":"; }

/// Stores 1 to out[0 .. 64 * programs).
constexpr int store_line = __LINE__ + 3;
void fill(const Config &c, ptr<float> out) {
  auto i = program_id(0) * c.block + arange(0, c.block);
  store(out + i, full({c.block}, 1, f32));
}

struct CheckMode {
  explicit CheckMode(bool on) { debug::set_checks(on); }
  ~CheckMode() { debug::set_checks(false); }
};

void count(const Config &c, ptr<int> out) { atomic_add(out + arange(0, c.block), 1); }

TEST_P(HostLaunch, CheckModeFindsAnAtomicOutsideTheBuffers) {
  Kernel kernel{"count", count};
  std::vector<int> out(64);
  CheckMode on(true);
  debug::Buffer buffer(out.data(), 20 * sizeof(int), "out");
  const std::string what = message_of<TrapError>([&] { kernel.launch({.device = device}, {}, out.data()); });
  EXPECT_NE(what.find("atomic of 4 bytes"), std::string::npos) << what;
  EXPECT_NE(what.find(", 0 bytes past the end of buffer 'out' (80 bytes)"), std::string::npos) << what;
}

TEST_P(HostLaunch, CheckModeFindsAnAccessOutsideTheBuffers) {
  Kernel kernel{"fill", fill};
  std::vector<float> out(256);
  kernel.launch({.grid = 4, .device = device}, {}, out.data());
  CheckMode on(true);
  debug::Buffer buffer(out.data(), 200 * sizeof(float), "out");
  kernel.launch({.grid = 3, .device = device}, {}, out.data());
  EXPECT_EQ(kernel.counters().compiles, 2u) << "check mode is a compile of its own";
  try {
    kernel.launch({.grid = 4, .device = device}, {}, out.data());
    FAIL() << "no trap";
  } catch (const TrapError &e) {
    std::string what = e.what();
    EXPECT_NE(what.find(place(store_line)), std::string::npos) << what;
    EXPECT_NE(what.find("store of 4 bytes"), std::string::npos) << what;
    EXPECT_NE(what.find(", 0 bytes past the end of buffer 'out' (800 bytes)"), std::string::npos) << what;
    EXPECT_NE(what.find("(3, 0, 0)"), std::string::npos) << what;
    EXPECT_NE(what.find("'fill'"), std::string::npos) << what;
  }
  debug::set_checks(false);
  kernel.launch({.grid = 4, .device = device}, {}, out.data());
  EXPECT_EQ(kernel.counters().compiles, 2u);
}

TEST_P(HostLaunch, MaskedLanesAreNotAccesses) {
  Kernel kernel{"scale", scale};
  CheckMode on(true);
  std::vector<float> x(50), out(50);
  debug::Buffer bx(x.data(), x.size() * 4, "x"), bo(out.data(), out.size() * 4, "out");
  kernel.launch({.grid = 2, .device = device}, {}, x.data(), out.data(), 50);
  EXPECT_THROW(kernel.launch({.grid = 2, .device = device}, {}, x.data(), out.data(), 51), TrapError);
}

constexpr int assert_line = __LINE__ + 2;
void assert_below(const Config &, ptr<const std::int32_t> x, scalar<std::int32_t> limit) {
  device_assert(load(x + program_id(0)) < limit, "index out of range");
}

TEST_P(Launch, AssertsTrapWhereTheyAreOn) {
  Kernel kernel{"assert_below", assert_below};
  std::vector<std::int32_t> x{0, 1, 2, 3};
  LaunchOptions options{.grid = 4, .device = device};
  kernel.launch(options, {}, x.data(), 3);
  debug::set_asserts(true);
  kernel.launch(options, {}, x.data(), 4);
  try {
    kernel.launch(options, {}, x.data(), 3);
    ADD_FAILURE() << "no trap";
  } catch (const TrapError &e) {
    std::string what = e.what();
    EXPECT_NE(what.find("index out of range"), std::string::npos) << what;
    EXPECT_NE(what.find(place(assert_line)), std::string::npos) << what;
    EXPECT_NE(what.find("(3, 0, 0)"), std::string::npos) << what;
    EXPECT_EQ(what.find("at element"), std::string::npos) << what; // of a scalar
    EXPECT_NE(what.find("note: while running 'assert_below' with {64, 3}"), std::string::npos) << what;
  }
  debug::set_asserts(false);
}

void show(const Config &, ptr<const float> x) {
  auto i = program_id(0) * 2 + arange(0, 2);
  device_print("x", {load(x + i)});
}

TEST_P(HostLaunch, PrintsALineForEachValueWithKernelAndProgram) {
  Kernel kernel{"show", show};
  std::vector<float> x{0.5f, -1, 2, 3};
  std::multiset<std::string> lines;
  debug::set_print_handler(
      [](void *user, const char *text, std::size_t size) {
        static_cast<std::multiset<std::string> *>(user)->emplace(text, size);
      },
      &lines);
  kernel.launch({.grid = 2, .device = device}, {}, x.data());
  debug::set_print_handler(nullptr, nullptr);
  ASSERT_EQ(lines.size(), 2u);
  const std::string &first = *lines.begin(), &second = *lines.rbegin();
  EXPECT_EQ(first.find("show(0, 0, 0) x ["), 0u) << first;
  EXPECT_NE(first.find("] 0.5 -1\n"), std::string::npos) << first;
  EXPECT_EQ(second.find("show(1, 0, 0) x ["), 0u) << second;
  EXPECT_NE(second.find("] 2 3\n"), std::string::npos) << second;
}

void show_types(const Config &, scalar<double> third) {
  auto i = arange(0, 2);
  auto x = i.to(f32) / 3;
  device_print("values", {i, i < 1, x, x.to(f16), x.to(bf16), x.to(f8e4m3), x.to(f8e5m2), third, third.to(f8e4m3)});
}

TEST_P(Launch, PrintsTheTypesOfTheProgramAndAllDigits) {
  Kernel kernel{"show_types", show_types};
  std::string text;
  debug::set_print_handler(
      [](void *user, const char *line, std::size_t size) { static_cast<std::string *>(user)->append(line, size); },
      &text);
  kernel.launch({.grid = 1, .device = device}, {}, 1.0 / 3);
  debug::set_print_handler(nullptr, nullptr);
  // Emulated devices print as GPUs do, a line for each element: "(1): 5".
  text = std::regex_replace(text, std::regex("\\(0\\): (.*)\n.*\\(1\\): "), "$1 ");
  EXPECT_EQ(std::regex_replace(text, std::regex("show_types\\(0, 0, 0\\) values "), ""),
            "[tensor<2xi32>] 0 1\n"
            "[tensor<2xi1>] 1 0\n"
            "[tensor<2xf32>] 0 0.333333343\n"
            "[tensor<2xf16>] 0 0.333251953\n"
            "[tensor<2xbf16>] 0 0.333984375\n"
            "[tensor<2xf8E4M3FN>] 0 0.34375\n"
            "[tensor<2xf8E5M2>] 0 0.3125\n"
            "[f64] 0.33333333333333331\n"
            "[f8E4M3FN] 0.34375\n");
}

TEST_P(Launch, WhatAPrintHandlerThrowsReachesTheCaller) {
  Kernel kernel{"show", show};
  DeviceBuffer x(device, 400 * sizeof(float));
  x.fill(0);
  for (const unsigned grid : {1u, 200u}) {
    debug::set_print_handler([](void *, const char *, std::size_t) { throw std::out_of_range("no more lines"); },
                             nullptr);
    try {
      kernel.launch({.grid = grid, .device = device}, {}, x.as<const float>());
      ADD_FAILURE() << "nothing is thrown";
    } catch (const std::out_of_range &error) {
      EXPECT_STREQ(error.what(), "no more lines");
    }
    debug::set_print_handler([](void *, const char *, std::size_t) {}, nullptr);
    kernel.launch({.grid = grid, .device = device}, {}, x.as<const float>());
    debug::set_print_handler(nullptr, nullptr);
  }
}

TEST_P(Launch, APrintHandlerMayLaunchTheKernelThatPrints) {
  struct Printed {
    Kernel<Config, ptr<const float>> kernel{"show", show};
    DeviceBuffer x;
    int depth = 0, lines = 0;
    explicit Printed(Device device) : x(device, 400 * sizeof(float)) {}
    void launch() { kernel.launch({.grid = 200, .device = x.device()}, {}, x.as<const float>()); }
  } printed(device);
  printed.x.fill(0);
  debug::set_print_handler(
      [](void *user, const char *, std::size_t) {
        auto &printed = *static_cast<Printed *>(user);
        ++printed.lines;
        if (printed.depth++ == 0)
          printed.launch();
      },
      &printed);
  printed.launch();
  const int lines = std::exchange(printed.lines, 0);
  printed.launch();
  debug::set_print_handler(nullptr, nullptr);
  EXPECT_GE(printed.lines, 200);
  EXPECT_EQ(lines, 2 * printed.lines);
}

TEST(LaunchErrors, WithoutADeviceTheMessageNamesTheCpu) {
  Kernel kernel{"scale", scale};
  try {
    kernel.launch({}, {}, nullptr, nullptr, 0);
    FAIL() << "no error";
  } catch (const LaunchError &e) {
    EXPECT_STREQ(e.what(),
                 "cannot launch 'scale': no device was given, and there is no current CUDA context; pass .device = "
                 "kiln::Device::cpu()");
  }
  try {
    kernel.compile({});
    FAIL() << "no error";
  } catch (const DeviceError &e) {
    EXPECT_STREQ(
        e.what(),
        "cannot compile 'scale': no device was given, and there is no current CUDA context; pass kiln::Device::cpu()");
  }
}

TEST(LaunchErrors, AKernelMayNotLaunchItselfWhileTraced) {
  static const Kernel<Config, ptr<float>> *self = nullptr;
  Kernel<Config, ptr<float>> kernel{"self",
                                    [](const Config &c, ptr<float>) { self->compile(c, Device::interpreter()); }};
  self = &kernel;
  EXPECT_THROW(kernel.compile({}, Device::interpreter()), LaunchError);
}

TEST(Counters, OfTheProcessAreSumsOverKernels) {
  KernelCounters before = total_counters();
  Kernel a{"a", scale}, b{"b", scale};
  a.compile({}, Device::interpreter());
  b.compile({}, Device::interpreter());
  b.compile({}, Device::interpreter());
  KernelCounters after = total_counters();
  EXPECT_EQ(after.traces - before.traces, 2u);
  EXPECT_EQ(after.compiles - before.compiles, 2u);
  EXPECT_EQ(after.hits - before.hits, 1u);
}

} // namespace
