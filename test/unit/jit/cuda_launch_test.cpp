// Launches on CUDA devices, as far as they can be seen without one: a driver that only remembers takes the calls.
#include "../environment.h"
#include "../message_of.h"
#include "../recorded_events.h"
#include "../temporary_directory.h"
#include "kiln/cuda.h"
#include "kiln/debug.h"
#include "kiln/kiln.h"
#include "kiln/runtime/assembler.h"
#include "kiln/tune.h"

#include "fake_cuda.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <new>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace kiln;

// Counts what each thread allocates. A sanitizer has its own allocator, which must have all of it.
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define COUNTS_ALLOCATIONS 0
#else
#define COUNTS_ALLOCATIONS 1
static thread_local std::size_t allocations = 0;
void *operator new(std::size_t bytes) {
  ++allocations;
  if (void *memory = std::malloc(bytes ? bytes : 1))
    return memory;
  throw std::bad_alloc();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace {

const int use_fake = setenv("KILN_CUDA_DRIVER", fake::library().c_str(), 1) + setenv("KILN_CACHE", "off", 1);

struct Config {
  int block = 512;
  int num_warps = 4;
};

void copy(const Config &c, ptr<const float> in, ptr<float> out, scalar<std::int32_t> n) {
  assume_multiple(n, 4);
  auto i = program_id(0) * c.block + arange(0, c.block);
  store(out + i, load(in + i, {.mask = i < n}), {.mask = i < n});
}

class CudaLaunch : public testing::Test {
protected:
  void SetUp() override {
    if (runtime::assembler_identity().empty())
      GTEST_SKIP() << "no assembler: kernels cannot be loaded";
    EXPECT_EQ(use_fake, 0);
    state.reset();
    fake::set_current(nullptr);
  }
  void TearDown() override { fake::set_current(nullptr); }

  /// An address that is never accessed.
  static float *address(std::uintptr_t value) { return reinterpret_cast<float *>(value); }

  void launch(const LaunchOptions &options, std::uintptr_t in = 0x1000, std::uintptr_t out = 0x2000, int n = 64) {
    kernel.launch(options, {}, address(in), address(out), n);
  }

  fake::State &state = fake::state();
  Kernel<Config, ptr<const float>, ptr<float>, scalar<std::int32_t>> kernel{"copy", copy};
};

TEST_F(CudaLaunch, ReachesTheDriverAsItWasAskedFor) {
  int stream = 0;
  launch({.grid = {7, 2, 3}, .device = Device::cuda(1), .stream = &stream});
  ASSERT_EQ(state.launches.size(), 1u);
  const fake::Launch &seen = state.launches[0];
  EXPECT_EQ(std::vector<unsigned>(seen.grid, seen.grid + 3), (std::vector<unsigned>{7, 2, 3}));
  EXPECT_EQ(std::vector<unsigned>(seen.block, seen.block + 3), (std::vector<unsigned>{128, 1, 1}));
  EXPECT_EQ(seen.stream, &stream);
  EXPECT_EQ(seen.context, fake::primary_context(1));
  EXPECT_EQ(seen.first_argument, 0x1000);
}

void copy_late(const Config &c, ptr<const float> in, ptr<float> out, scalar<std::int32_t> n) {
  wait_for_launches();
  launch_dependents();
  copy(c, in, out, n);
}

TEST_F(CudaLaunch, AProgrammaticOneMayStartEarly) {
  Kernel late{"copy_late", copy_late};
  for (bool programmatic : {false, true})
    late.launch({.device = Device::cuda(0), .programmatic = programmatic}, {}, address(0x1000), address(0x2000), 64);
  ASSERT_EQ(state.launches.size(), 2u);
  EXPECT_EQ(state.launches[0].attributes.size(), 0u);
  EXPECT_EQ(state.launches[1].attributes.size(), 1u);
  EXPECT_EQ(state.launches[0].kernel, state.launches[1].kernel);
  EXPECT_THROW(launch({.device = Device::cuda(0), .programmatic = true}), LaunchError);
  EXPECT_EQ(state.launches.size(), 2u);
}

TEST_F(CudaLaunch, EventsNameDeviceArchitectureAndVariant) {
  EventRecorder events;
  int stream = 0;
  launch({.device = Device::cuda(1), .stream = &stream});
  const std::string compile = "+compile +trace -trace +lower -lower +assemble -assemble +load -load -compile";
  EXPECT_EQ(events.order(), "+launch " + compile + " -launch");
  EXPECT_EQ(events.all().back().target, "cuda:1");
  EXPECT_EQ(events.all().back().stream, &stream);
  launch({.device = Device::cuda(1)}, 0x1000, 0x2000, 63); // for which a declared fact does not hold
  launch({.device = Device::cuda(1)}, 0x1000, 0x2000, 65);
  EXPECT_EQ(events.ends(EventKind::launch).size(), 3u);
  const std::vector<RecordedEvent> compiles = events.ends(EventKind::compile);
  ASSERT_EQ(compiles.size(), 2u);
  EXPECT_FALSE(compiles[0].generic);
  EXPECT_TRUE(compiles[1].generic);
  for (const RecordedEvent &event : compiles) {
    EXPECT_EQ(event.target, "sm_80");
    EXPECT_EQ(event.config, "{512, 4}");
    EXPECT_FALSE(event.kept);
    EXPECT_GT(event.ms, 0);
  }
}

TEST_F(CudaLaunch, WithoutADeviceTheCurrentContextsIsTaken) {
  EXPECT_EQ(message_of<LaunchError>([&] { launch({}); }),
            "cannot launch 'copy': no device was given, and there is no current CUDA context; pass .device = "
            "kiln::Device::cpu()");
  EXPECT_THROW(kernel.compile({}), DeviceError);
  void *mine = fake::create_context(1);
  fake::set_current(mine);
  EXPECT_EQ(kernel.compile({}).target, "sm_80");
  launch({});
  ASSERT_EQ(state.launches.size(), 1u);
  EXPECT_EQ(state.launches[0].context, mine);
  EXPECT_EQ(fake::current(), mine);
}

TEST_F(CudaLaunch, CompileLoadsSoThatALaunchOnlyLaunches) {
  const CompileReport report = kernel.compile({}, Device::cuda(0));
  EXPECT_EQ(report.target, "sm_90a");
  EXPECT_FALSE(report.cached);
  EXPECT_GT(report.registers, 0u);
  launch({.device = Device::cuda(0)}); // makes the context current
  state.reset();
  launch({.device = Device::cuda(0)});
  for (const std::string &call : state.calls)
    EXPECT_TRUE(call == "cuLaunchKernelEx" || call == "cuCtxGetCurrent" || call == "cuCtxGetDevice") << call;
  EXPECT_EQ(kernel.counters().traces, 1u);
  EXPECT_EQ(kernel.counters().compiles, 1u);
  EXPECT_TRUE(kernel.compile({}, Device::cuda(0)).cached);
}

#if COUNTS_ALLOCATIONS
TEST_F(CudaLaunch, ALaunchAllocatesNothing) {
  launch({.device = Device::cuda(0)});
  state.launches.reserve(10);
  state.calls.reserve(10);
  const std::size_t before = allocations;
  launch({.device = Device::cuda(0)});
  const std::size_t made = allocations - before;
  // The driver in our place makes three strings of the name of a call, which allocate where it is long.
  EXPECT_EQ(made, 3 * state.count("cuLaunchKernelEx") - 3);
  EXPECT_EQ(state.launches.size(), 2u);
}
#endif

TEST_F(CudaLaunch, MisalignedPointersAndOddSizesRunTheGenericVariant) {
  const Device device = Device::cuda(0);
  launch({.device = device});
  launch({.device = device}, 0x1010, 0x2030, 128);
  EXPECT_EQ(kernel.counters().compiles, 1u);
  launch({.device = device}, 0x1004);
  launch({.device = device}, 0x1000, 0x2008);
  launch({.device = device}, 0x1000, 0x2000, 63);
  EXPECT_EQ(kernel.counters().compiles, 2u);
  ASSERT_EQ(state.launches.size(), 5u);
  EXPECT_EQ(state.launches[0].kernel, state.launches[1].kernel);
  EXPECT_NE(state.launches[0].kernel, state.launches[2].kernel);
  EXPECT_EQ(state.launches[2].kernel, state.launches[3].kernel);
  EXPECT_EQ(state.launches[2].kernel, state.launches[4].kernel);
}

TEST_F(CudaLaunch, BothVariantsAreDumped) {
  TemporaryDirectory directory;
  Environment environment{{"KILN_DUMP", "tile,ptx"}, {"KILN_DUMP_DIR", directory.path()}};
  launch({.device = Device::cuda(0)});
  launch({.device = Device::cuda(0)}, 0x1004);
  auto read = [&](const char *name) {
    std::ostringstream text;
    text << std::ifstream(directory / name).rdbuf();
    return text.str();
  };
  EXPECT_NE(read("copy-512-4.sm_90a.tile.mlir").find("divisibility"), std::string::npos);
  EXPECT_NE(read("copy-512-4.sm_90a.ptx").find(".v4.b32"), std::string::npos);
  EXPECT_NE(read("copy-512-4.generic.sm_90a.tile.mlir").find("func.func @copy"), std::string::npos);
  EXPECT_EQ(read("copy-512-4.generic.sm_90a.tile.mlir").find("divisibility"), std::string::npos);
  EXPECT_NE(read("copy-512-4.generic.sm_90a.ptx").find(".entry copy("), std::string::npos);
  EXPECT_EQ(read("copy-512-4.generic.sm_90a.ptx").find(".v4.b32"), std::string::npos);
}

TEST_F(CudaLaunch, DevicesHaveKernelsOfTheirOwn) {
  launch({.device = Device::cuda(0)});
  launch({.device = Device::cuda(1)});
  launch({.device = Device::cuda(0)});
  EXPECT_EQ(kernel.counters().compiles, 2u);
  ASSERT_EQ(state.launches.size(), 3u);
  EXPECT_NE(state.launches[0].kernel, state.launches[1].kernel);
  EXPECT_EQ(state.launches[0].kernel, state.launches[2].kernel);
}

TEST_F(CudaLaunch, GridsBeyondWhatTheDriverTakesAreRefusedBeforeAnythingIsCompiled) {
  auto message = [&](Grid grid) {
    return message_of<LaunchError>([&] { launch({.grid = grid, .device = Device::cuda(0)}); });
  };
  EXPECT_EQ(message({1, 65536}), "cannot launch 'copy': the grid is (1, 65536, 1), but its y must be from 1 to 65535");
  EXPECT_EQ(message({1, 1, 70000}),
            "cannot launch 'copy': the grid is (1, 1, 70000), but its z must be from 1 to 65535");
  EXPECT_EQ(message({0}), "cannot launch 'copy': the grid is (0, 1, 1), but its x must be from 1 to 2147483647");
  EXPECT_EQ(kernel.counters().traces, 0u);
}

TEST_F(CudaLaunch, WhatTheDriverRefusesNamesKernelAndConfig) {
  state.fail["cuLaunchKernelEx"] = 701;
  const std::string said = message_of<LaunchError>([&] { launch({.device = Device::cuda(0)}); });
  EXPECT_NE(said.find("CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"), std::string::npos) << said;
  EXPECT_NE(said.find("note: while running 'copy' with {512, 4}"), std::string::npos) << said;
}

TEST_F(CudaLaunch, ThreadsLoadOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] { launch({.device = Device::cuda(0)}); });
  for (auto &thread : threads)
    thread.join();
  EXPECT_EQ(kernel.counters().compiles, 1u);
  EXPECT_EQ(state.launches.size(), 8u);
  EXPECT_EQ(state.libraries, 1);
}

TEST_F(CudaLaunch, BoundsAreNotChecked) {
  debug::set_checks(true); // asserts, and offsets
  launch({.device = Device::cuda(0)});
  debug::set_checks(false);
  EXPECT_EQ(state.launches.size(), 1u);
}

TEST_F(CudaLaunch, ConfigsAreMeasuredInAGraphThatRotates) {
  std::vector<int> sets;
  TuneSubject<Config> subject{.kernel = kernel, .launch = [&](const Config &c, const TuneLaunch &at) {
                                sets.push_back(at.set);
                                kernel.launch({.grid = 1, .device = at.device, .stream = at.stream}, c, address(0x1000),
                                              address(0x2000), 64);
                              }};
  const TuneResult<Config> result = tune<Config>({{512, 4}, {1024, 4}, {1024, 3}}, subject,
                                                 {.device = Device::cuda(0), .sets = 2, .samples = 4, .keep = false});
  // Eight calls, made once and recorded once; again for the second round, as both are as fast.
  EXPECT_EQ(sets.size(), 2u * 2 * 16);
  EXPECT_EQ(std::ranges::count(sets, 1), std::ssize(sets) / 2);
  EXPECT_EQ(state.launches.size(), sets.size());
  EXPECT_EQ(state.count("cuGraphLaunch"), 4 * (1u + 4)); // one before the samples
  ASSERT_EQ(result.measurements.size(), 2u);
  EXPECT_DOUBLE_EQ(result.measurements[0].us, 2500.0 / 8); // what the driver that only remembers says
  EXPECT_EQ(result.measurements[0].samples, 8);
  EXPECT_EQ(result.best().block, 512);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_TRUE(result.failures[0].reason.starts_with("it does not compile: ")) << result.failures[0].reason;
}

TEST_F(CudaLaunch, TuningEndsWithTheContext) {
  TuneSubject<Config> subject{.kernel = kernel, .launch = [&](const Config &c, const TuneLaunch &at) {
                                kernel.launch({.grid = 1, .device = at.device, .stream = at.stream}, c, address(0x1000),
                                              address(0x2000), 64);
                              }};
  state.fail["cuStreamSynchronize"] = 700;
  EXPECT_THROW(tune<Config>({{512, 4}, {1024, 4}}, subject, {.device = Device::cuda(0), .keep = false}), ContextLost);
}

} // namespace
