// The runtime on a real GPU: what the driver that only remembers cannot tell.
#include "kiln/cuda.h"
#include "kiln/device_memory.h"
#include "kiln/error.h"
#include "kiln/runtime/assembler.h"
#include "kiln/runtime/cuda_kernel.h"
#include "kiln/stream.h"

#include <algorithm>
#include <chrono>
#include <gtest/gtest.h>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

using namespace kiln;
using namespace kiln::runtime;

namespace {

constexpr unsigned threads = 128;

// out[i] = in[i] + addend for each i below n, through shared memory.
const char *const add_ptx = R"(.version 7.0
.target sm_80
.address_size 64
.extern .shared .align 16 .b8 shared[];
.visible .entry add(.param .u64 in, .param .u64 out, .param .u32 n, .param .u32 addend) {
  .reg .pred %p;
  .reg .b32 %r<10>;
  .reg .b64 %rd<8>;
  ld.param.u64 %rd1, [in];
  ld.param.u64 %rd2, [out];
  ld.param.u32 %r1, [n];
  ld.param.u32 %r2, [addend];
  mov.u32 %r3, %ctaid.x;
  mov.u32 %r4, %ntid.x;
  mov.u32 %r5, %tid.x;
  mad.lo.s32 %r6, %r3, %r4, %r5;
  setp.ge.s32 %p, %r6, %r1;
  @%p bra DONE;
  mul.wide.s32 %rd3, %r6, 4;
  add.s64 %rd4, %rd1, %rd3;
  ld.global.u32 %r7, [%rd4];
  mov.u64 %rd6, shared;
  mul.wide.u32 %rd7, %r5, 4;
  add.s64 %rd6, %rd6, %rd7;
  st.shared.u32 [%rd6], %r7;
  ld.shared.u32 %r8, [%rd6];
  add.s32 %r9, %r8, %r2;
  add.s64 %rd5, %rd2, %rd3;
  st.global.u32 [%rd5], %r9;
DONE:
  ret;
}
)";

// Stores to an address that nobody has allocated.
const char *const fault_ptx = R"(.version 7.0
.target sm_80
.address_size 64
.visible .entry fault(.param .u64 address) {
  .reg .b64 %rd1;
  ld.param.u64 %rd1, [address];
  st.global.u64 [%rd1], %rd1;
  ret;
}
)";

KernelImage assembled(const char *name, const char *ptx, const std::string &arch, std::uint32_t shared_bytes,
                      Assembler assembler = Assembler::automatic) {
  KernelImage image;
  image.name = name;
  image.config = "{}";
  image.arch = arch;
  image.num_warps = threads / 32;
  image.threads = threads;
  image.shared_bytes = shared_bytes;
  image.cubin = assemble(ptx, arch, {.assembler = assembler}).cubin;
  return image;
}

class CudaDevice : public testing::Test {
protected:
  void SetUp() override {
    if (cuda::device_count() == 0)
      GTEST_SKIP() << cuda::unavailable_reason();
    device = Device::cuda(0);
    if (cuda::properties(device).compute_major < 8)
      GTEST_SKIP() << "cuda:0 is " << cuda::properties(device).arch << ", and the kernels are for sm_80 and later";
  }

  std::string arch() const { return cuda::properties(device).arch; }
  std::unique_ptr<CudaKernel> add_kernel(std::uint32_t shared_bytes = 4 * threads) const {
    return std::make_unique<CudaKernel>(assembled("add", add_ptx, arch(), shared_bytes), device);
  }

  static void launch_add(const CudaKernel &kernel, void *in, void *out, int n, int addend, void *stream = nullptr) {
    const void *args[] = {&in, &out, &n, &addend};
    kernel.launch({(static_cast<unsigned>(n) + threads - 1) / threads, 1, 1}, stream, args);
  }

  /// Runs the kernel over 1000 numbers and compares.
  void expect_adds(const CudaKernel &kernel, int addend, void *stream = nullptr) const {
    std::vector<int> in(1000), out(1000);
    std::iota(in.begin(), in.end(), 0);
    DeviceBuffer from(kernel.device(), 4000), to(kernel.device(), 4000);
    from.copy_from_host(in.data(), 4000);
    to.fill(0xff);
    launch_add(kernel, from.data(), to.data(), 1000, addend, stream);
    synchronize(kernel.device(), stream);
    to.copy_to_host(out.data(), 4000);
    for (int i = 0; i < 1000; ++i)
      ASSERT_EQ(out[static_cast<std::size_t>(i)], i + addend);
  }

  Device device;
};

TEST_F(CudaDevice, TellsWhatItIs) {
  const cuda::DeviceProperties &p = cuda::properties(device);
  RecordProperty("device", p.name);
  EXPECT_FALSE(p.name.empty());
  EXPECT_GT(p.multiprocessors, 0);
  EXPECT_GE(p.shared_bytes_per_block, 48u * 1024);
  EXPECT_GE(p.shared_bytes_per_multiprocessor, p.shared_bytes_per_block);
  EXPECT_GE(p.threads_per_multiprocessor, 1024);
  EXPECT_GE(p.registers_per_multiprocessor, 65536);
  EXPECT_GT(p.l2_bytes, 0u);
  EXPECT_GT(p.memory_bytes, p.l2_bytes);
  EXPECT_GE(p.driver_version, 12000);
}

TEST_F(CudaDevice, RunsAKernel) {
  auto kernel = add_kernel();
  expect_adds(*kernel, 5);
  EXPECT_GT(kernel->info().registers, 0);
  EXPECT_EQ(kernel->info().local_bytes, 0u);
  EXPECT_EQ(kernel->info().shared_bytes, 4u * threads);
  EXPECT_GE(kernel->info().max_threads, static_cast<int>(threads));
  EXPECT_GT(kernel->info().blocks_per_multiprocessor, 0);
  EXPECT_GT(kernel->info().occupancy, 0.0);
  EXPECT_LE(kernel->info().occupancy, 1.0);
  EXPECT_EQ(cuda::current_device(), device);
}

TEST_F(CudaDevice, RunsWhatEachAssemblerMakes) {
  for (Assembler assembler : {Assembler::nvjitlink, Assembler::ptxas, Assembler::driver}) {
    if (assembler != Assembler::driver && assembler_identity(assembler).empty())
      continue;
    CudaKernel kernel(assembled("add", add_ptx, arch(), 4 * threads, assembler), device);
    expect_adds(kernel, 9);
  }
  Assembled driver = assemble(add_ptx, arch(), {.assembler = Assembler::driver});
  EXPECT_GT(driver.registers, 0) << driver.log;
  EXPECT_FALSE(assembler_identity(Assembler::driver).empty());
}

TEST_F(CudaDevice, GivesABlockAllItsSharedMemory) {
  const auto most = static_cast<std::uint32_t>(cuda::properties(device).shared_bytes_per_block);
  auto kernel = add_kernel(most);
  expect_adds(*kernel, 1);
  EXPECT_EQ(kernel->info().blocks_per_multiprocessor, 1);
  EXPECT_THROW(add_kernel(most + 1), LaunchError);
}

TEST_F(CudaDevice, RefusesAnImageForAnotherArchitecture) {
  const std::string other = arch() == "sm_90a" ? "sm_100a" : "sm_90a";
  try {
    CudaKernel kernel(assembled("add", add_ptx, other, 4 * threads), device);
    FAIL() << "no error";
  } catch (const LaunchError &e) {
    EXPECT_NE(std::string(e.what()).find("it was compiled for " + other), std::string::npos) << e.what();
  }
}

TEST_F(CudaDevice, RefusesAnEntryPointThatIsNotThere) {
  KernelImage image = assembled("add", add_ptx, arch(), 0);
  image.name = "subtract";
  EXPECT_THROW(CudaKernel(image, device), LaunchError);
}

TEST_F(CudaDevice, RefusesAGridThatIsTooLarge) {
  auto kernel = add_kernel();
  void *null = nullptr;
  int zero = 0;
  const void *args[] = {&null, &null, &zero, &zero};
  try {
    kernel->launch({1, 70000, 1}, nullptr, args);
    FAIL() << "no error";
  } catch (const LaunchError &e) {
    EXPECT_NE(std::string(e.what()).find("CUDA_ERROR_INVALID_VALUE"), std::string::npos) << e.what();
  }
  expect_adds(*kernel, 2);
}

TEST_F(CudaDevice, RunsInAStreamAndIsTimed) {
  auto kernel = add_kernel();
  Stream stream(device);
  expect_adds(*kernel, 3, stream.handle());
  GpuTimer timer(device);
  timer.start(stream.handle());
  expect_adds(*kernel, 4, stream.handle());
  timer.stop(stream.handle());
  EXPECT_GT(timer.milliseconds(), 0.0);
  EXPECT_LT(timer.milliseconds(), 10000.0);
}

TEST_F(CudaDevice, IsCapturedInAGraphEvenWhenTheKernelIsLoadedMeanwhile) {
  Stream stream(device);
  DeviceBuffer a(device, 4000), b(device, 4000), c(device, 4000);
  a.fill(0);
  KernelImage image = assembled("add", add_ptx, arch(), 4 * threads);
  std::unique_ptr<CudaKernel> kernel;
  Graph graph;
  graph.begin(stream);
  kernel = std::make_unique<CudaKernel>(image, device);
  launch_add(*kernel, a.data(), b.data(), 1000, 1, stream.handle());
  launch_add(*kernel, b.data(), c.data(), 1000, 10, stream.handle());
  launch_add(*kernel, c.data(), a.data(), 1000, 0, stream.handle());
  graph.end();
  for (int i = 0; i < 3; ++i)
    graph.launch(stream);
  stream.synchronize();
  std::vector<int> out(1000);
  a.copy_to_host(out.data(), 4000);
  EXPECT_EQ(out.front(), 33);
  EXPECT_EQ(out.back(), 33);
}

TEST_F(CudaDevice, IsLaunchedFromManyThreads) {
  auto kernel = add_kernel();
  std::vector<std::thread> pool;
  std::vector<int> failures(8);
  for (int t = 0; t < 8; ++t)
    pool.emplace_back([&, t] {
      try {
        Stream stream(device);
        for (int i = 0; i < 20; ++i)
          expect_adds(*kernel, t * 100 + i, stream.handle());
      } catch (const Error &) {
        failures[static_cast<std::size_t>(t)] = 1;
      }
    });
  for (std::thread &thread : pool)
    thread.join();
  EXPECT_EQ(failures, std::vector<int>(8));
}

TEST_F(CudaDevice, HasOthersBesideIt) {
  if (cuda::device_count() < 2)
    GTEST_SKIP() << "there is one CUDA device";
  auto first = add_kernel();
  const Device other = Device::cuda(1);
  CudaKernel second(assembled("add", add_ptx, cuda::properties(other).arch, 4 * threads), other);
  for (int i = 0; i < 3; ++i) {
    expect_adds(*first, i);
    expect_adds(second, i);
  }
}

TEST_F(CudaDevice, RefusesMoreMemoryThanThereIs) {
  EXPECT_THROW(DeviceBuffer(device, std::size_t{1} << 50), OutOfMemory);
}

// A fault destroys the context of the process, so it happens in another one, which this program starts anew.
TEST_F(CudaDevice, IsLostAfterAFaultAndTheHostGoesOn) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto fault = [this] {
    CudaKernel kernel(assembled("fault", fault_ptx, arch(), 0), device, "note: while running 'fault' with {1}");
    std::uint64_t address = 0x40;
    const void *args[] = {&address};
    kernel.launch({1, 1, 1}, nullptr, args);
    int lost = 0;
    try {
      synchronize(device);
    } catch (const ContextLost &e) {
      std::fprintf(stderr, "%s\n", e.what());
      ++lost;
    }
    try {
      kernel.launch({1, 1, 1}, nullptr, args);
    } catch (const ContextLost &) {
      ++lost;
    }
    std::exit(lost == 2 ? 0 : 1);
  };
  EXPECT_EXIT(fault(), testing::ExitedWithCode(0),
              "CUDA_ERROR_ILLEGAL_ADDRESS.*\nnote: the last kernel that was launched there: 'fault'\n"
              "note: while running 'fault' with \\{1\\}");
}

} // namespace
