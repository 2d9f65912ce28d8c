// Launches from packs, seen by a driver that only remembers, in a process without a compiler.
#include "pack_support.h"

#include "kiln/cuda.h"
#include "kiln/error.h"

#include "../message_of.h"
#include "../recorded_events.h"
#include "fake_cuda.h"

#include <atomic>
#include <cstdlib>
#include <thread>

using namespace kiln;
using namespace kiln::runtime::test;
using runtime::PackContent;

namespace {

const int use_fake = setenv("KILN_CUDA_DRIVER", fake::library().c_str(), 1);

class PackLaunch : public testing::Test {
protected:
  PackLaunch() {
    EXPECT_EQ(use_fake, 0);
    state.reset();
    fake::set_current(nullptr);
  }
  ~PackLaunch() override { fake::set_current(nullptr); }

  std::string path() const { return root_.path() + "/test.kpack"; }

  Pack pack(const std::vector<PackContent> &contents) {
    runtime::write_pack(path(), contents);
    return Pack(path());
  }
  /// Of sm_90a and sm_80.
  Pack both() { return pack({scale_content(), scale_content("block=128 num_warps=4", "sm_80"), fill_content()}); }

  template <class E>
  std::string message(const std::function<void()> &body) {
    const std::string prefix = "pack '" + path() + "': ", text = message_of<E>(body);
    EXPECT_TRUE(text.starts_with(prefix)) << text;
    return text.substr(std::min(prefix.size(), text.size()));
  }

  /// An address that is never accessed.
  static float *address(std::uintptr_t value) { return reinterpret_cast<float *>(value); }

  fake::State &state = fake::state();
  TemporaryDirectory root_;
};

TEST_F(PackLaunch, ReachesTheDriverAsItWasAskedFor) {
  const PackedKernel scale = both().find("scale", "block=128", Device::cuda(0)); // which keeps the pack open
  EXPECT_EQ(scale.device(), Device::cuda(0));
  EXPECT_EQ(scale.entry().arch, "sm_90a");
  EXPECT_EQ(state.libraries, 0);
  int stream = 0;
  scale.launch({.grid = {7, 2, 3}, .stream = &stream}, address(0x1000), address(0x2000), 64);
  ASSERT_EQ(state.launches.size(), 1u);
  const fake::Launch &seen = state.launches[0];
  EXPECT_EQ(std::vector<unsigned>(seen.grid, seen.grid + 3), (std::vector<unsigned>{7, 2, 3}));
  EXPECT_EQ(std::vector<unsigned>(seen.block, seen.block + 3), (std::vector<unsigned>{128, 1, 1}));
  EXPECT_EQ(seen.stream, &stream);
  EXPECT_EQ(seen.context, fake::primary_context(0));
  EXPECT_EQ(seen.first_argument, 0x1000);
  EXPECT_EQ(state.libraries, 1);
}

TEST_F(PackLaunch, IsAnEvent) {
  const PackedKernel scale = both().find("scale", {}, Device::cuda(0));
  EventRecorder events;
  int stream = 0;
  scale.launch({.grid = {7, 2, 3}, .stream = &stream}, address(0x1000), address(0x2000), 64);
  EXPECT_EQ(events.order(), "+launch -launch");
  const RecordedEvent launch = events.all().back();
  EXPECT_EQ(launch.kernel, "scale");
  EXPECT_EQ(launch.config, "{block=128 num_warps=4}");
  EXPECT_EQ(launch.target, "cuda:0");
  EXPECT_EQ(launch.grid, (std::array<unsigned, 3>{7, 2, 3}));
  EXPECT_EQ(launch.stream, &stream);
  EXPECT_GT(launch.ms, 0);
  EXPECT_EQ(launch.error, "");

  state.fail["cuLaunchKernelEx"] = 1;
  const std::string message = message_of<Error>([&] { scale.launch({}, address(0x1000), address(0x2000), 64); });
  EXPECT_NE(message, "no error");
  EXPECT_EQ(events.all().back().error, message);
}

TEST_F(PackLaunch, CallbacksComeAndGoWhileThreadsLaunch) {
  const PackedKernel scale = both().find("scale", {}, Device::cuda(0));
  std::atomic<bool> stop{false};
  std::atomic<int> seen{0}, wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      while (!stop)
        scale.launch({.grid = 5}, address(0x1000), address(0x2000), 64);
    });
  for (int round = 0; round < 100 || seen == 0; ++round) {
    const std::uint64_t number = add_event_callback(
        [&](const Event &event) {
          ++seen;
          wrong += event.kernel != "scale" || event.grid[0] != 5 || !event.error.empty();
        },
        EventKind::launch);
    std::this_thread::yield();
    remove_event_callback(number);
  }
  stop = true;
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(PackLaunch, FactsOfTheArgumentsChooseTheVariant) {
  const PackedKernel scale = both().find("scale", {}, Device::cuda(0));
  auto threads = [&](std::uintptr_t in, std::uintptr_t out, int n) {
    scale.launch({}, static_cast<const float *>(address(in)), address(out), n);
    return state.launches.back().block[0];
  };
  EXPECT_EQ(threads(0x1000, 0x2000, 64), 128u);
  EXPECT_EQ(state.libraries, 1) << "the generic one is not loaded before it is wanted";
  EXPECT_EQ(threads(0x1004, 0x2000, 64), 64u);
  EXPECT_EQ(threads(0x1000, 0x2008, 64), 64u);
  EXPECT_EQ(threads(0x1000, 0x2000, 63), 64u);
  EXPECT_EQ(threads(0x1000, 0x2000, -8), 128u);
  EXPECT_EQ(state.libraries, 2);
}

TEST_F(PackLaunch, PreparedNothingIsLeftForALaunchToLoad) {
  const Pack open = both();
  const PackedKernel scale = open.find("scale", {}, Device::cuda(0));
  scale.prepare();
  EXPECT_EQ(state.libraries, 2);
  scale.launch({}, address(0x1000), address(0x2000), 64); // makes the context current
  state.reset();
  open.find("scale", {}, Device::cuda(0)).launch({}, address(0x1004), address(0x2000), 64);
  for (const std::string &call : state.calls)
    EXPECT_TRUE(call == "cuLaunchKernelEx" || call == "cuCtxGetCurrent") << call;
}

TEST_F(PackLaunch, DevicesGetCodeOfTheirArchitecture) {
  const Pack open = both();
  EXPECT_EQ(open.find("scale", {}, Device::cuda(1)).entry().arch, "sm_80");
  EXPECT_EQ(message<LaunchError>([&] { (void)open.find("fill", {}, Device::cuda(0)); }),
            "it has 'fill' for sm_80, and the device 'Fake A' is sm_90a");
  fake::set_current(fake::create_context(1));
  const PackedKernel current = open.find("scale");
  EXPECT_EQ(current.device(), Device::cuda(1));
  current.launch({}, address(0x1000), address(0x2000), 64);
  EXPECT_EQ(state.launches.back().context, fake::current());
}

TEST_F(PackLaunch, TheLibraryGoesWithTheLastHandle) {
  {
    std::optional<Pack> open = both();
    std::optional<PackedKernel> scale = open->find("scale", {}, Device::cuda(0));
    scale->prepare();
    open.reset();
    scale->launch({}, address(0x1000), address(0x2000), 64);
    EXPECT_EQ(state.libraries, 2);
  }
  EXPECT_EQ(state.libraries, 0);
}

TEST_F(PackLaunch, ConfigsAreFoundByAnyOfTheirMembers) {
  const Pack open = pack({scale_content("block=128 fast=1"), scale_content("block=128 fast=0"),
                          scale_content("block=64 fast=0"), scale_content("block=64 fast=1", "sm_80")});
  auto found = [&](std::string_view config) { return open.find("scale", config, Device::cuda(0)).entry().config; };
  EXPECT_EQ(found("block=64"), "block=64 fast=0");
  EXPECT_EQ(found(" fast=true,  block=128 "), "block=128 fast=1");
  EXPECT_EQ(found("block=128 fast=false"), "block=128 fast=0");
  EXPECT_EQ(message<InvalidArgument>([&] { found("block=128"); }),
            "several of its kernels are 'scale' with block=128: those with block=128 fast=0; block=128 fast=1");
  EXPECT_EQ(message<InvalidArgument>([&] { found(""); }),
            "several of its kernels are 'scale': those with block=128 fast=0; block=128 fast=1; block=64 fast=0");
  EXPECT_EQ(message<InvalidArgument>([&] { found("block=32"); }),
            "it has no 'scale' with block=32; it has it with block=128 fast=0; block=128 fast=1; block=64 fast=0; "
            "block=64 fast=1");
  EXPECT_EQ(message<InvalidArgument>([&] { found("slow=1"); }).find("it has no 'scale' with slow=1"), 0u);
  EXPECT_EQ(message<InvalidArgument>([&] { found("block"); }),
            "the config 'block' is not of the form NAME=VALUE NAME=VALUE");
}

TEST_F(PackLaunch, WhatIsNotThereIsNamed) {
  const Pack open = both();
  EXPECT_EQ(message<InvalidArgument>([&] { (void)open.find("sale", {}, Device::cuda(0)); }),
            "it has no kernel 'sale'; it has fill, scale");
  EXPECT_EQ(message<InvalidArgument>([&] { (void)open.find("scale"); }),
            "no device was given for 'scale', and there is no current CUDA context");
  EXPECT_EQ(message<InvalidArgument>([&] { (void)open.find("scale", {}, Device::cpu()); }),
            "it holds code for GPUs, which the device 'cpu' does not run");
}

TEST_F(PackLaunch, ArgumentsAreThoseOfTheKernel) {
  const PackedKernel scale = both().find("scale", {}, Device::cuda(0));
  float *x = address(0x1000), *y = address(0x2000);
  auto refusal = [&](auto... args) { return message_of<InvalidArgument>([&] { scale.launch({}, args...); }); };
  EXPECT_EQ(refusal(x, y),
            "cannot launch 'scale': it takes 3 arguments (ptr<const f32>, ptr<f32>, scalar<i32>), and was given 2");
  EXPECT_EQ(refusal(reinterpret_cast<double *>(x), y, 4),
            "cannot launch 'scale': argument 0 is ptr<f64>, and the kernel takes ptr<const f32>");
  EXPECT_EQ(refusal(x, static_cast<const float *>(y), 4),
            "cannot launch 'scale': argument 1 is ptr<const f32>, and the kernel takes ptr<f32>");
  EXPECT_EQ(refusal(x, static_cast<const void *>(y), 4),
            "cannot launch 'scale': argument 1 is ptr<const void>, and the kernel takes ptr<f32>");
  EXPECT_EQ(refusal(x, y, std::int64_t{4}),
            "cannot launch 'scale': argument 2 is scalar<i64>, and the kernel takes scalar<i32>");
  EXPECT_EQ(refusal(x, 4, y), "cannot launch 'scale': argument 1 is scalar<i32>, and the kernel takes ptr<f32>");
  EXPECT_EQ(refusal(x, y, static_cast<void *>(y)),
            "cannot launch 'scale': argument 2 is ptr<void>, and the kernel takes scalar<i32>");
  EXPECT_TRUE(state.launches.empty());
  scale.launch({}, static_cast<const void *>(x), static_cast<void *>(y), 4);
  EXPECT_EQ(state.launches.size(), 1u);

  const PackedKernel fill = both().find("fill", {}, Device::cuda(1));
  fill.launch({}, reinterpret_cast<bfloat16 *>(x), bfloat16(1.0f), true, std::int64_t{5});
  EXPECT_EQ(message_of<InvalidArgument>(
                [&] { fill.launch({}, reinterpret_cast<bfloat16 *>(x), half(1.0f), true, std::int64_t{5}); }),
            "cannot launch 'fill': argument 1 is scalar<f16>, and the kernel takes scalar<bf16>");
}

TEST_F(PackLaunch, OptionsAreChecked) {
  const Pack open = both();
  const PackedKernel scale = open.find("scale", {}, Device::cuda(0));
  auto launch = [&](const LaunchOptions &options) { scale.launch(options, address(0x1000), address(0x2000), 4); };
  launch({.device = Device::cuda(0)});
  EXPECT_EQ(message_of<InvalidArgument>([&] { launch({.device = Device::cuda(1)}); }),
            "cannot launch 'scale': it was found for cuda:0, and the launch is for cuda:1");
  EXPECT_EQ(message_of<LaunchError>([&] { launch({.grid = {1, 65536}}); }),
            "cannot launch 'scale': the grid is (1, 65536, 1), but its y must be from 1 to 65535");
  EXPECT_EQ(message_of<LaunchError>([&] {
              launch({.programmatic = true});
            }).find("cannot launch 'scale': the launch is programmatic, but the kernel never calls"),
            0u);
  open.find("fill", {}, Device::cuda(1))
      .launch({.programmatic = true}, static_cast<void *>(address(0x1000)), bfloat16(1.0f), false, std::int64_t{1});
}

TEST_F(PackLaunch, WhatTheDriverRefusesNamesKernelConfigAndPack) {
  const PackedKernel scale = both().find("scale", {}, Device::cuda(0));
  const std::string note = "note: while running 'scale' with {block=128 num_warps=4}, of the pack '" + path() + "'";
  state.fail["cuLibraryLoadData"] = 209;
  const std::string loading = message_of<LaunchError>([&] { scale.prepare(); });
  EXPECT_TRUE(loading.ends_with(note)) << loading;
  state.fail.clear();
  scale.prepare(); // a failure is not kept
  state.fail["cuLaunchKernelEx"] = 700;
  const std::string launching = message_of<ContextLost>([&] { scale.launch({}, address(0x1000), address(0x2000), 4); });
  EXPECT_TRUE(launching.ends_with(note)) << launching;
}

TEST_F(PackLaunch, DamagedCodeIsRefusedWhenItIsWanted) {
  (void)both();
  std::string bytes = read_file(path());
  bytes[bytes.size() - 1] ^= 1; // of the generic variant for sm_90a, the last
  write_file(path(), bytes);
  const PackedKernel scale = Pack(path()).find("scale", {}, Device::cuda(0));
  scale.launch({}, address(0x1000), address(0x2000), 64);
  EXPECT_EQ(message<PackError>([&] { scale.launch({}, address(0x1004), address(0x2000), 64); }),
            "the code of 'scale' with {block=128 num_warps=4} for sm_90a is damaged: its checksum does not match; make "
            "the pack with this version's kiln-compile --pack");
  scale.launch({}, address(0x1000), address(0x2000), 64);
}

TEST_F(PackLaunch, ThreadsLoadOnce) {
  const Pack open = both();
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back(
        [&] { open.find("scale", {}, Device::cuda(0)).launch({}, address(0x1000), address(0x2000), 64); });
  for (auto &thread : threads)
    thread.join();
  EXPECT_EQ(state.launches.size(), 8u);
  EXPECT_EQ(state.libraries, 1);
}

TEST_F(PackLaunch, NoCompilerIsInTheProcess) {
  both().find("scale", {}, Device::cuda(0)).launch({}, address(0x1000), address(0x2000), 64);
  const std::string maps = read_file("/proc/self/maps");
  EXPECT_NE(maps.find("libkiln_runtime.so"), std::string::npos);
  for (const char *library : {"LLVM", "MLIR", "libkiln.so", "nvJitLink"})
    EXPECT_EQ(maps.find(library), std::string::npos) << library;
}

} // namespace
