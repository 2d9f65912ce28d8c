// What Kiln asks of the CUDA driver, seen by one that only remembers.
#include "kiln/cuda.h"
#include "kiln/device_memory.h"
#include "kiln/error.h"
#include "kiln/launch_timer.h"
#include "kiln/runtime/assembler.h"
#include "kiln/runtime/cuda_kernel.h"
#include "kiln/stream.h"

#include "../message_of.h"
#include "fake_cuda.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace kiln;
using kiln::runtime::CudaKernel;
using kiln::runtime::KernelImage;

namespace {

const int use_fake = setenv("KILN_CUDA_DRIVER", fake::library().c_str(), 1);

KernelImage image(std::uint32_t shared_bytes = 0) {
  KernelImage result;
  result.name = "scale";
  result.config = "{.block = 128}";
  result.arch = "sm_90a";
  result.num_warps = 4;
  result.threads = 128;
  result.shared_bytes = shared_bytes;
  result.parameters = {{runtime::ParameterKind::integer, 4}};
  result.cubin = {1, 2, 3};
  return result;
}

KernelImage image_with_asserts() {
  KernelImage result = image();
  for (char c : std::string("kiln_failure_record"))
    result.cubin.push_back(static_cast<unsigned char>(c));
  return result;
}

class CudaDriver : public testing::Test {
protected:
  CudaDriver() {
    EXPECT_EQ(use_fake, 0);
    fake::state().reset();
    fake::set_current(nullptr);
  }

  void launch(const CudaKernel &kernel, int value = 1, void *stream = nullptr) {
    const void *args[] = {&value, nullptr};
    kernel.launch({7, 2, 1}, stream, args);
  }

  /// Where the kernel that was loaded last writes of failed asserts, as the host sees it.
  std::uint32_t *record_of_kernel() {
    return reinterpret_cast<std::uint32_t *>(state.variables.at("kiln_failure_record") - fake::State::device_offset);
  }

  fake::State &state = fake::state();
};

using Calls = std::vector<std::string>;

TEST_F(CudaDriver, DevicesAndTheirProperties) {
  EXPECT_EQ(cuda::device_count(), 2);
  EXPECT_EQ(cuda::unavailable_reason(), "");
  const cuda::DeviceProperties &a = cuda::properties(Device::cuda(0)), &b = cuda::properties(Device::cuda(1));
  EXPECT_EQ(a.name, "Fake A");
  EXPECT_EQ(a.arch, "sm_90a");
  EXPECT_EQ(b.arch, "sm_80");
  EXPECT_EQ(a.shared_bytes_per_block, 232448u);
  EXPECT_EQ(a.threads_per_multiprocessor, 2048);
  EXPECT_EQ(a.multiprocessors, 1016);
  EXPECT_EQ(a.l2_bytes, 1038u);
  EXPECT_EQ(a.driver_version, 13000);
  EXPECT_EQ(&a, &cuda::properties(Device::cuda(0)));
  EXPECT_EQ(Device::cuda(1).name(), "cuda:1");
}

TEST_F(CudaDriver, ADeviceThatDoesNotExistIsRefused) {
  EXPECT_EQ(message_of<DeviceError>([] { Device::cuda(2); }),
            "Device::cuda(2): there is no such device: the CUDA driver finds 2; Device::cpu() and "
            "Device::interpreter() are on every machine");
  EXPECT_THROW(Device::cuda(-1), DeviceError);
}

TEST_F(CudaDriver, TheCurrentDeviceIsThatOfTheCurrentContext) {
  EXPECT_EQ(cuda::current_device(), Device());
  fake::set_current(fake::primary_context(1));
  EXPECT_EQ(cuda::current_device(), Device::cuda(1));
}

TEST_F(CudaDriver, WhereNoContextIsCurrentThePrimaryOneIsMadeCurrentAndStays) {
  CudaKernel kernel(image(), Device::cuda(1));
  EXPECT_EQ(fake::current(), fake::primary_context(1));
  fake::set_current(nullptr);
  launch(kernel);
  EXPECT_EQ(fake::current(), fake::primary_context(1));
  ASSERT_EQ(state.launches.size(), 1u);
  EXPECT_EQ(state.launches[0].context, fake::primary_context(1));
}

TEST_F(CudaDriver, TheCurrentContextIsUsedWhereItIsOfTheDevice) {
  void *mine = fake::create_context(0);
  fake::set_current(mine);
  CudaKernel kernel(image(), Device::cuda(0));
  launch(kernel);
  EXPECT_EQ(fake::current(), mine);
  EXPECT_EQ(state.launches.at(0).context, mine);
}

TEST_F(CudaDriver, AContextOfAnotherDeviceIsLeftAlone) {
  CudaKernel kernel(image(), Device::cuda(0));
  void *other = fake::create_context(1);
  fake::set_current(other);
  launch(kernel);
  launch(kernel);
  EXPECT_EQ(fake::current(), other);
  ASSERT_EQ(state.launches.size(), 2u);
  EXPECT_EQ(state.launches[1].context, fake::primary_context(0));
  EXPECT_EQ(state.count("cuCtxPushCurrent"), state.count("cuCtxPopCurrent"));
}

TEST_F(CudaDriver, ALaunchAsksTheDriverForNothingButTheLaunch) {
  CudaKernel kernel(image(1000), Device::cuda(0));
  state.calls.clear();
  int stream = 0;
  launch(kernel, 42, &stream);
  EXPECT_EQ(state.calls, (Calls{"cuCtxGetCurrent", "cuLaunchKernelEx"}));
  const fake::Launch &l = state.launches.at(0);
  EXPECT_EQ(l.grid[0], 7u);
  EXPECT_EQ(l.grid[1], 2u);
  EXPECT_EQ(l.grid[2], 1u);
  EXPECT_EQ(l.block[0], 128u);
  EXPECT_EQ(l.block[1] * l.block[2], 1u);
  EXPECT_EQ(l.shared_bytes, 1000u);
  EXPECT_EQ(l.stream, &stream);
  EXPECT_EQ(l.attributes.size(), 0u);
  EXPECT_EQ(l.first_argument, 42);
}

TEST_F(CudaDriver, AProgrammaticLaunchMayStartEarlyWhereTheDeviceCan) {
  for (int device : {0, 1}) { // sm_90a and sm_80
    CudaKernel kernel(image(), Device::cuda(device));
    int value = 7;
    const void *const args[] = {&value};
    kernel.launch({1, 1, 1}, nullptr, args, /*programmatic=*/true);
    launch(kernel);
  }
  const std::vector<std::pair<int, int>> early{{6 /*CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION*/, 1}}, none;
  ASSERT_EQ(state.launches.size(), 4u);
  EXPECT_EQ(state.launches[0].attributes, early);
  for (std::size_t i : {1, 2, 3})
    EXPECT_EQ(state.launches[i].attributes, none) << i;
  // Also in a context that the kernel was not loaded into.
  CudaKernel kernel(image(), Device::cuda(0));
  fake::set_current(fake::create_context(0));
  int value = 7;
  const void *const args[] = {&value};
  kernel.launch({1, 1, 1}, nullptr, args, /*programmatic=*/true);
  EXPECT_EQ(state.launches.at(4).attributes, early);
}

TEST_F(CudaDriver, LoadingIsFinishedBeforeTheFirstLaunchAndAllowedDuringACapture) {
  CudaKernel kernel(image(), Device::cuda(0));
  EXPECT_EQ(state.count("cuFuncLoad"), 1u);
  for (const char *call : {"cuLibraryLoadData", "cuLibraryGetKernel", "cuKernelGetFunction", "cuFuncLoad"})
    EXPECT_EQ(state.capture_mode[call], 2) << call;
  launch(kernel);
  EXPECT_EQ(state.capture_mode["cuLaunchKernelEx"], 0);
  EXPECT_EQ(state.count("cuFuncLoad"), 1u);
}

TEST_F(CudaDriver, AnotherContextOfTheDeviceLoadsTheKernelOnce) {
  CudaKernel kernel(image(), Device::cuda(0));
  fake::set_current(fake::create_context(0));
  state.calls.clear();
  launch(kernel);
  EXPECT_EQ(state.count("cuFuncLoad"), 1u);
  EXPECT_EQ(state.capture_mode["cuFuncLoad"], 2);
  state.calls.clear();
  launch(kernel);
  EXPECT_EQ(state.calls, (Calls{"cuCtxGetCurrent", "cuLaunchKernelEx"}));
}

TEST_F(CudaDriver, MoreThan48KiBOfSharedMemoryIsAskedFor) {
  std::optional<CudaKernel> small, large;
  small.emplace(image(48 * 1024), Device::cuda(0));
  EXPECT_TRUE(state.dynamic_shared.empty());
  large.emplace(image(48 * 1024 + 4), Device::cuda(1));
  ASSERT_EQ(state.dynamic_shared.size(), 1u);
  EXPECT_EQ(state.dynamic_shared.begin()->first.second, 1);
  EXPECT_EQ(state.dynamic_shared.begin()->second, 48 * 1024 + 4);

  state.dynamic_shared.clear();
  state.attributes[1] = 512; // static
  CudaKernel both(image(48 * 1024), Device::cuda(0));
  EXPECT_EQ(state.dynamic_shared.size(), 1u);
  EXPECT_EQ(both.info().shared_bytes, 48u * 1024 + 512);
}

TEST_F(CudaDriver, MoreSharedMemoryThanTheDeviceHasIsRefused) {
  EXPECT_EQ(message_of<LaunchError>([] { CudaKernel(image(200000), Device::cuda(1)); }),
            "cannot load kernel 'scale' on cuda:1: it needs 200000 bytes of shared memory, and a block has at most "
            "166912; smaller tiles or fewer stages need less\nnote: while running 'scale' with {.block = 128}");
  EXPECT_EQ(state.libraries, 0);
}

TEST_F(CudaDriver, TheDriversFigures) {
  state.attributes = {{0, 640}, {1, 16}, {3, 24}, {4, 96}};
  CudaKernel kernel(image(1000), Device::cuda(0));
  EXPECT_EQ(kernel.info().registers, 96);
  EXPECT_EQ(kernel.info().local_bytes, 24u);
  EXPECT_EQ(kernel.info().shared_bytes, 1016u);
  EXPECT_EQ(kernel.info().max_threads, 640);
  EXPECT_EQ(kernel.info().blocks_per_multiprocessor, 4);
  EXPECT_DOUBLE_EQ(kernel.info().occupancy, 0.25);
}

TEST_F(CudaDriver, MoreThreadsThanTheRegistersAllowAreRefused) {
  state.attributes[0] = 64;
  EXPECT_EQ(message_of<LaunchError>([] { CudaKernel(image(), Device::cuda(0), "note: here"); }),
            "cannot load kernel 'scale' on cuda:0: it needs 128 threads a block, and at 40 registers a thread the "
            "device runs at most 64\nnote: here");
  EXPECT_EQ(state.libraries, 0);
}

TEST_F(CudaDriver, AnImageForAnotherArchitectureIsRefused) {
  state.fail["cuLibraryLoadData"] = 209;
  EXPECT_EQ(message_of<LaunchError>([] { CudaKernel(image(), Device::cuda(1)); }),
            "cannot load kernel 'scale' on cuda:1: it was compiled for sm_90a, and the device 'Fake B' is sm_80 "
            "(CUDA_ERROR_NO_BINARY_FOR_GPU: the description)\nnote: while running 'scale' with {.block = 128}");
  state.fail = {{"cuKernelGetFunction", 209}};
  EXPECT_THROW(CudaKernel(image(), Device::cuda(1)), LaunchError);
  EXPECT_EQ(state.libraries, 0);
}

TEST_F(CudaDriver, ACubinWithoutTheEntryPointIsRefused) {
  state.fail["cuLibraryGetKernel"] = 500;
  EXPECT_EQ(message_of<LaunchError>([] { CudaKernel(image(), Device::cuda(0)); }),
            "cannot load kernel 'scale' on cuda:0: its code has no entry point of that name\n"
            "note: while running 'scale' with {.block = 128}");
  EXPECT_EQ(state.libraries, 0);
}

TEST_F(CudaDriver, AnImpossibleImageIsRefused) {
  KernelImage bad = image();
  bad.threads = 0;
  EXPECT_THROW(CudaKernel(bad, Device::cuda(0)), LaunchError);
  EXPECT_THROW(CudaKernel(image(), Device::cpu()), InvalidArgument);
}

TEST_F(CudaDriver, AFailureToLoadForLackOfMemory) {
  state.fail["cuLibraryLoadData"] = 2;
  EXPECT_EQ(message_of<OutOfMemory>([] { CudaKernel(image(), Device::cuda(0)); }),
            "cuda:0: cannot load kernel 'scale': CUDA_ERROR_OUT_OF_MEMORY: the description; free some, or use smaller "
            "buffers");
}

TEST_F(CudaDriver, ALaunchThatTheDriverRefusesTellsWhatWasAskedFor) {
  CudaKernel kernel(image(4096), Device::cuda(0));
  state.fail["cuLaunchKernelEx"] = 701;
  EXPECT_EQ(message_of<LaunchError>([&] { launch(kernel); }),
            "cuda:0: cannot launch 'scale': CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES: the description (7 x 2 x 1 blocks of "
            "128 threads, 40 registers a thread, 4096 bytes of shared memory)\n"
            "note: while running 'scale' with {.block = 128}");
  state.fail["cuLaunchKernelEx"] = 12345;
  EXPECT_NE(message_of<LaunchError>([&] { launch(kernel); }).find("CUDA error 12345"), std::string::npos);
}

const std::string lost =
    "; nothing works in this CUDA context any more, and it can only be destroyed. The host, the CPU and other devices "
    "go on. To find the launch to blame, set CUDA_LAUNCH_BLOCKING=1, or run under compute-sanitizer";

TEST_F(CudaDriver, AFaultLosesTheContext) {
  CudaKernel kernel(image(), Device::cuda(0));
  state.fail["cuLaunchKernelEx"] = 700;
  EXPECT_EQ(message_of<ContextLost>([&] { launch(kernel); }),
            "cuda:0: cannot launch 'scale': CUDA_ERROR_ILLEGAL_ADDRESS: the description; it comes from this kernel or "
            "one before it" +
                lost +
                "\n"
                "note: while running 'scale' with {.block = 128}");
}

TEST_F(CudaDriver, EveryFaultThatStaysIsContextLost) {
  CudaKernel kernel(image(), Device::cuda(0));
  for (int status : {214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 721}) {
    state.fail["cuLaunchKernelEx"] = status;
    EXPECT_THROW(launch(kernel), ContextLost) << status;
  }
  for (int status : {1, 2, 3, 100, 200, 201, 400, 600, 701, 720, 900, 906}) {
    state.fail["cuLaunchKernelEx"] = status;
    EXPECT_THROW(launch(kernel), LaunchError) << status;
  }
}

TEST_F(CudaDriver, AFailedAssertIsInTheMessage) {
  CudaKernel kernel(image_with_asserts(), Device::cuda(1));
  // It may be loaded while a stream is being captured that the default one waits for.
  EXPECT_EQ(std::ranges::count(state.calls, "cuMemcpyHtoDAsync"), 1);
  EXPECT_EQ(std::ranges::count(state.calls, "cuMemcpyHtoD"), 0);
  // As a kernel does.
  std::uint32_t *words = record_of_kernel();
  const std::uint32_t record[] = {0, 3, 2, 1, 77, 2, 5, 6};
  std::copy(std::begin(record), std::end(record), words);
  std::strcpy(reinterpret_cast<char *>(words + 14), "paged.cpp:12: error: assertion failed: page out of range");
  state.fail["cuLaunchKernelEx"] = 710;
  EXPECT_EQ(message_of<ContextLost>([&] { launch(kernel); }).find("cuda:1: cannot launch 'scale'"), 0u);
  words[0] = 1;
  EXPECT_EQ(message_of<ContextLost>([&] { launch(kernel); }),
            "paged.cpp:12: error: assertion failed: page out of range, at element (5, 6)\n"
            "note: in program (3, 2, 1), thread 77\n"
            "note: cuda:1: cannot launch 'scale': CUDA_ERROR_ASSERT: the description; it comes from this kernel or one "
            "before it" +
                lost + "\nnote: while running 'scale' with {.block = 128}");
  state.fail["cuCtxSynchronize"] = 710;
  words[5] = 0;
  EXPECT_EQ(
      message_of<ContextLost>([] { synchronize(Device::cuda(1)); })
          .find("paged.cpp:12: error: assertion failed: page out of range\nnote: in program (3, 2, 1), thread 77\n"
                "note: cuda:1: a fault was found"),
      0u);
  words[0] = 0;
}

TEST_F(CudaDriver, AFailedAssertIsOfItsContextAlone) {
  auto fail = [&](std::uint32_t *words) {
    std::strcpy(reinterpret_cast<char *>(words + 14), "a.cpp:1: error: assertion failed: first");
    words[0] = 1;
  };
  auto message = [&](const CudaKernel &kernel, int status) {
    state.fail["cuLaunchKernelEx"] = status;
    return message_of<ContextLost>([&] { launch(kernel); });
  };
  void *first = fake::create_context(0), *second = fake::create_context(0);
  fake::set_current(first);
  CudaKernel kernel(image_with_asserts(), Device::cuda(0)), beside(image_with_asserts(), Device::cuda(0));
  std::uint32_t *const words = record_of_kernel();
  fail(words);
  EXPECT_EQ(message(kernel, 710).find("a.cpp:1"), 0u);
  EXPECT_EQ(message(beside, 710).find("a.cpp:1"), 0u); // whoever asks next is told, too
  // Another context beside it.
  fake::set_current(second);
  CudaKernel other(image_with_asserts(), Device::cuda(0));
  EXPECT_NE(record_of_kernel(), words);
  EXPECT_EQ(message(other, 700).find("cuda:0: cannot launch"), 0u);
  // One that has its handle, before and after it gets kernels with asserts.
  fake::recreate_context(first);
  fake::set_current(first);
  CudaKernel plain(image(), Device::cuda(0));
  EXPECT_EQ(message(plain, 700).find("cuda:0: cannot launch"), 0u);
  state.variables.clear();
  CudaKernel again(image_with_asserts(), Device::cuda(0));
  ASSERT_NE(state.variables["kiln_failure_record"], 0u);
  EXPECT_EQ(message(again, 700).find("cuda:0: cannot launch"), 0u);
  fail(record_of_kernel());
  EXPECT_EQ(message(again, 710).find("a.cpp:1"), 0u);
  *record_of_kernel() = 0;
}

TEST_F(CudaDriver, AFaultFoundWhileWaitingNamesTheLastKernel) {
  {
    CudaKernel kernel(image(), Device::cuda(0), "note: while running 'scale' with {1}");
    launch(kernel);
    state.fail["cuCtxSynchronize"] = 710;
    EXPECT_EQ(message_of<ContextLost>([] { synchronize(Device::cuda(0)); }),
              "cuda:0: a fault was found while waiting for the device: CUDA_ERROR_ASSERT: the description" + lost +
                  "\n"
                  "note: the last kernel that was launched there: 'scale'\nnote: while running 'scale' with {1}");
    state.fail["cuStreamSynchronize"] = 710;
    EXPECT_THROW(synchronize(Device::cuda(0), nullptr), ContextLost);
  }
  EXPECT_EQ(message_of<ContextLost>([] { synchronize(Device::cuda(0)); }).find("the last kernel"), std::string::npos);
  state.fail["cuCtxSynchronize"] = 1;
  EXPECT_THROW(synchronize(Device::cuda(0)), DeviceError);
}

TEST_F(CudaDriver, KernelsAreUnloaded) {
  const int before = state.libraries;
  {
    CudaKernel a(image(), Device::cuda(0)), b(image(), Device::cuda(1));
    EXPECT_EQ(state.libraries, before + 2);
  }
  EXPECT_EQ(state.libraries, before);
}

TEST_F(CudaDriver, ThreadsLaunchOnTwoDevicesAtOnce) {
  constexpr int threads = 8, rounds = 500;
  CudaKernel kernels[] = {{image(), Device::cuda(0)}, {image(), Device::cuda(1)}};
  state.calls.clear();
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t)
    pool.emplace_back([&, t] {
      for (int i = 0; i < rounds; ++i)
        launch(kernels[(t + i) % 2], t);
      fake::set_current(nullptr);
    });
  for (std::thread &thread : pool)
    thread.join();
  ASSERT_EQ(state.launches.size(), std::size_t{threads} * rounds);
  std::set<std::pair<void *, void *>> places;
  for (const fake::Launch &l : state.launches)
    places.emplace(l.kernel, l.context);
  ASSERT_EQ(places.size(), 2u); // each kernel always in the same context
  EXPECT_NE(places.begin()->second, places.rbegin()->second);
  EXPECT_EQ(state.count("cuDevicePrimaryCtxRetain"), 0u);
}

TEST_F(CudaDriver, BuffersAreCopiedFilledAndFreedInTheirContext) {
  int in[4] = {1, 2, 3, 4}, out[4] = {};
  void *mine = fake::create_context(1);
  {
    fake::set_current(mine);
    DeviceBuffer buffer(Device::cuda(1), sizeof(in));
    EXPECT_EQ(state.memory.size(), 1u);
    EXPECT_EQ(state.memory_context[buffer.data()], mine);
    fake::set_current(fake::primary_context(0));
    buffer.copy_from_host(in, sizeof(in));
    // The driver's copy may still be under way when it returns.
    EXPECT_EQ(state.calls[state.calls.size() - 2], "cuStreamSynchronize");
    buffer.copy_to_host(out, sizeof(out));
    EXPECT_TRUE(std::equal(in, in + 4, out));
    buffer.fill(0);
    buffer.copy_to_host(out, 8, 8);
    EXPECT_EQ(out[0], 0);
    EXPECT_EQ(out[3], 4);
    EXPECT_EQ(fake::current(), fake::primary_context(0));
    EXPECT_THROW(buffer.copy_to_host(out, 4, 16), InvalidArgument);
  }
  EXPECT_TRUE(state.memory.empty());
  EXPECT_EQ(fake::current(), fake::primary_context(0));
}

TEST_F(CudaDriver, MemoryThatTheDeviceDoesNotHave) {
  state.fail["cuMemAlloc"] = 2;
  EXPECT_EQ(message_of<OutOfMemory>([] { DeviceBuffer(Device::cuda(0), 4096); }),
            "cuda:0: cannot allocate 4096 bytes: CUDA_ERROR_OUT_OF_MEMORY: the description; free some, or use smaller "
            "buffers");
}

TEST_F(CudaDriver, MemoryCanBeAllocatedDuringACapture) {
  DeviceBuffer buffer(Device::cuda(0), 64);
  EXPECT_EQ(state.capture_mode["cuMemAlloc"], 2);
}

TEST_F(CudaDriver, StreamsTimersAndGraphs) {
  {
    Stream stream(Device::cuda(0));
    EXPECT_NE(stream.handle(), nullptr);
    stream.synchronize();
    GpuTimer timer(Device::cuda(0));
    timer.start(stream.handle());
    timer.stop(stream.handle());
    EXPECT_DOUBLE_EQ(timer.milliseconds(), 2.5);
    Graph graph;
    EXPECT_THROW(graph.launch(stream), InvalidArgument);
    graph.begin(stream);
    EXPECT_THROW(graph.begin(stream), InvalidArgument);
    graph.end();
    EXPECT_THROW(graph.end(), InvalidArgument);
    graph.launch(stream);
    Graph abandoned;
    abandoned.begin(stream);
  }
  EXPECT_EQ(state.count("cuStreamDestroy"), 1u);
  EXPECT_EQ(state.count("cuEventDestroy"), 2u);
  EXPECT_EQ(state.count("cuGraphLaunch"), 1u);
  EXPECT_EQ(state.count("cuGraphDestroy"), 2u);
  EXPECT_EQ(state.count("cuGraphExecDestroy"), 1u);
}

TEST_F(CudaDriver, LaunchesAreTimedInAGraphThatRotates) {
  std::vector<int> sets;
  LaunchTimer timer(Device::cuda(0), 3, [&](int set, void *stream) {
    EXPECT_NE(stream, nullptr);
    sets.push_back(set);
  });
  // At least 8 launches and every set equally often: 9, once before they are recorded and once to record them.
  EXPECT_EQ(sets, (std::vector<int>{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(state.count("cuGraphLaunch"), 1u);
  EXPECT_DOUBLE_EQ(timer.sample_us(), 2500.0 / 9);
  EXPECT_EQ(state.count("cuGraphLaunch"), 2u);
  EXPECT_EQ(state.count("cuMemsetD8Async"), 0u);
  EXPECT_EQ(sets.size(), 18u);
}

TEST_F(CudaDriver, WithoutSetsTheCacheIsOverwrittenBeforeEachSample) {
  int launches = 0;
  LaunchTimer timer(Device::cuda(0), 0, [&](int set, void *) {
    EXPECT_EQ(set, 0);
    ++launches;
  });
  EXPECT_EQ(launches, 2);
  EXPECT_DOUBLE_EQ(timer.sample_us(), 2500);
  EXPECT_DOUBLE_EQ(timer.sample_us(), 2500);
  EXPECT_EQ(state.count("cuMemsetD8Async"), 2u);
}

TEST_F(CudaDriver, TheDriverAssemblesForItsOwnDevices) {
  using namespace kiln::runtime;
  // As an H100 with driver 580 has it.
  state.link_log =
      "info    : 0 bytes gmem\ninfo    : Function properties for 'add':\n"
      "info    : used 12 registers, used 0 barriers, 0 stack, 1024 bytes smem, 552 bytes cmem[0], 0 bytes lmem\n";
  Assembled result = assemble("some PTX", "sm_80", {.assembler = Assembler::driver});
  EXPECT_EQ(std::string(result.cubin.begin(), result.cubin.end()), "cubin of some PTX");
  EXPECT_EQ(result.registers, 12);
  EXPECT_EQ(result.static_shared_bytes, 0u); // what it names is what the system reserves
  EXPECT_EQ(result.assembler, "driver libkiln_fake_cuda.so");
  EXPECT_EQ(assembler_identity(Assembler::driver), result.assembler);
  EXPECT_EQ(fake::current(), fake::primary_context(1)); // the device that is sm_80
  EXPECT_EQ(state.capture_mode["cuLinkCreate"], 2);

  EXPECT_EQ(message_of<CompileError>([] { assemble("some PTX", "sm_120a", {.assembler = Assembler::driver}); }),
            "nothing on this machine turns PTX into machine code for sm_120a; install a CUDA toolkit, or name one in "
            "CUDA_HOME:\n"
            "  driver: it compiles for the devices of this machine alone, and none is sm_120a");
  state.link_log = "line 3: bad";
  state.fail["cuLinkAddData"] = 218;
  EXPECT_EQ(message_of<CompileError>([] { assemble("some PTX", "sm_80", {.assembler = Assembler::driver}); }),
            "driver libkiln_fake_cuda.so cannot assemble for sm_80:\nline 3: bad");
  state.link_log = "";
  state.fail = {{"cuLinkComplete", 2}};
  EXPECT_EQ(message_of<CompileError>([] { assemble("some PTX", "sm_80", {.assembler = Assembler::driver}); }),
            "driver libkiln_fake_cuda.so cannot assemble for sm_80:\nCUDA_ERROR_OUT_OF_MEMORY: the description");
  EXPECT_EQ(state.count("cuLinkCreate"), state.count("cuLinkDestroy"));
}

TEST_F(CudaDriver, TheChildOfAForkIsToldSo) {
  CudaKernel kernel(image(), Device::cuda(0));
  pid_t child = fork();
  if (child == 0) {
    const std::string expected = "Device::cuda(0): CUDA was initialised before this process was forked";
    bool told = message_of<DeviceError>([] { Device::cuda(0); }).starts_with(expected);
    told = told && cuda::device_count() == 0 && cuda::current_device() == Device();
    fake::set_current(nullptr);
    told = told && message_of<DeviceError>([&] { launch(kernel); }).starts_with("CUDA was initialised before");
    _exit(told ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Device::cuda(0).name(), "cuda:0");
}

// What a program keeps in variables of static duration.
struct Kept {
  std::unique_ptr<CudaKernel> kernel;
  std::unique_ptr<Stream> stream;
  std::unique_ptr<GpuTimer> timer;
  DeviceBuffer buffer;
} kept;

TEST(CudaAtExit, NothingIsAskedOfADriverThatHasEnded) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto use = [] {
    fake::state().reset();
    kept.kernel = std::make_unique<CudaKernel>(image(), Device::cuda(0));
    kept.stream = std::make_unique<Stream>(Device::cuda(0));
    kept.timer = std::make_unique<GpuTimer>(Device::cuda(0));
    kept.buffer = DeviceBuffer(Device::cuda(0), 64);
    std::exit(0);
  };
  EXPECT_EXIT(use(), testing::ExitedWithCode(0), "^$");
}

// A driver is looked at once in a process, so each of these needs one of its own.
class UnusableDriver : public testing::Test {
protected:
  UnusableDriver() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }

  [[noreturn]] static void report(const char *name, const char *value) {
    setenv(name, value, 1);
    std::fprintf(stderr, "%d devices: %s.\n", cuda::device_count(), cuda::unavailable_reason().c_str());
    try {
      Device::cuda(0);
    } catch (const DeviceError &e) {
      std::fprintf(stderr, "%s\n", e.what());
    }
    std::exit(0);
  }
};

TEST_F(UnusableDriver, ThatIsTooOld) {
  EXPECT_EXIT(report("FAKE_CUDA_VERSION", "11080"), testing::ExitedWithCode(0),
              "0 devices: the CUDA driver is too old: it supports CUDA 11.8, and Kiln needs 12.0 or later");
}

TEST_F(UnusableDriver, ThatFindsNoDevice) {
  EXPECT_EXIT(report("FAKE_CUDA_INIT", "100"), testing::ExitedWithCode(0),
              "0 devices: the CUDA driver finds no device .CUDA_VISIBLE_DEVICES may hide some..");
  EXPECT_EXIT(report("FAKE_CUDA_DEVICES", "0"), testing::ExitedWithCode(0),
              "Device::cuda\\(0\\): the CUDA driver finds no device .CUDA_VISIBLE_DEVICES may hide some.; Device::cpu");
}

TEST_F(UnusableDriver, ThatDoesNotStart) {
  EXPECT_EXIT(report("FAKE_CUDA_INIT", "1"), testing::ExitedWithCode(0),
              "the CUDA driver cannot be initialised: CUDA_ERROR_INVALID_VALUE: the description");
}

TEST_F(UnusableDriver, ThatLacksAFunction) {
  EXPECT_EXIT(report("FAKE_CUDA_MISSING", "cuLibraryLoadData"), testing::ExitedWithCode(0),
              "the CUDA driver lacks cuLibraryLoadData");
}

TEST_F(UnusableDriver, ButAnOlderOneWithoutCuFuncLoadWorks) {
  auto use = [] {
    setenv("FAKE_CUDA_VERSION", "12000", 1);
    fake::state().reset();
    CudaKernel kernel(image(), Device::cuda(0));
    std::fprintf(stderr, "%zu loads", fake::state().count("cuFuncLoad"));
    std::exit(0);
  };
  EXPECT_EXIT(use(), testing::ExitedWithCode(0), "0 loads");
}

} // namespace
