#include "kiln/device.h"

#include "kiln/cuda.h"
#include "kiln/error.h"
#include "kiln/stream.h"

#include "../message_of.h"

#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>

using namespace kiln;

namespace {

TEST(Device, HasANameAndComparesByValue) {
  EXPECT_EQ(Device().name(), "none");
  EXPECT_EQ(Device::cpu().name(), "cpu");
  EXPECT_EQ(Device::interpreter().name(), "interpreter");
  EXPECT_FALSE(Device());
  EXPECT_TRUE(Device::cpu());
  EXPECT_EQ(Device::cpu(), Device::cpu());
  EXPECT_NE(Device::cpu(), Device::interpreter());
  EXPECT_EQ(Device::cpu().arch(), "");
}

TEST(Device, EmulatedOnesDifferByArchitecture) {
  const Device hopper = Device::emulated("sm_90a");
  EXPECT_TRUE(hopper);
  EXPECT_EQ(hopper.kind(), Device::Kind::emulated);
  EXPECT_EQ(hopper.name(), "emulated:sm_90a");
  EXPECT_EQ(hopper.arch(), "sm_90a");
  EXPECT_EQ(hopper, Device::emulated("sm_90a"));
  EXPECT_NE(hopper, Device::emulated("sm_80"));
  EXPECT_EQ(Device::emulated("sm_80").arch(), "sm_80");
}

TEST(Device, EmulatedRefusesArchitecturesThatItDoesNotKnow) {
  try {
    Device::emulated("sm_90");
    FAIL() << "no error";
  } catch (const InvalidArgument &e) {
    EXPECT_STREQ(e.what(), "Device::emulated: unknown GPU architecture 'sm_90'; there are sm_80, sm_86, sm_89, sm_90a, "
                           "sm_100a, sm_120a");
  }
}

TEST(Device, IsFoundByItsName) {
  for (Device device : {Device::cpu(), Device::interpreter(), Device::emulated("sm_80"), Device::emulated("sm_90a")})
    EXPECT_EQ(Device::parse(device.name()), device);
  auto message = [](const char *name) { return message_of<InvalidArgument>([&] { Device::parse(name); }); };
  for (const char *name : {"", "none", "gpu", "cuda:", "cuda:x", "cuda:1x", "emulated", "CPU"})
    EXPECT_EQ(message(name), "unknown device '" + std::string(name) +
                                 "'; there are cpu, interpreter, cuda:N and emulated:ARCH, such as emulated:sm_90a");
  EXPECT_EQ(message("emulated:sm_1").find("Device::emulated: unknown GPU architecture 'sm_1'"), 0u);
  EXPECT_THROW(Device::parse("cuda:-1"), Error);
}

TEST(Device, WhatIsOfCudaAloneRefusesOtherDevices) {
  EXPECT_THROW(cuda::properties(Device::cpu()), InvalidArgument);
  EXPECT_THROW(cuda::properties(Device::emulated("sm_90a")), InvalidArgument);
  EXPECT_THROW(Stream{Device::cpu()}, InvalidArgument);
  EXPECT_THROW(GpuTimer{Device::interpreter()}, InvalidArgument);
  EXPECT_THROW(Graph().end(), InvalidArgument);
}

// The driver is looked for once in a process, so this happens in another one: whatever machine it runs on, there it has
// no driver.
TEST(Device, CudaIsRefusedWithoutADriverAndTheMessageSaysWhatIsMissing) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto ask = [] {
    setenv("KILN_CUDA_DRIVER", "/nowhere/libcuda.so.1", 1);
    int refused = 0;
    try {
      Device::cuda(1);
    } catch (const DeviceError &e) {
      std::fprintf(stderr, "%s\n", e.what());
      ++refused;
    }
    refused += cuda::device_count() == 0 && cuda::current_device() == Device();
    refused += cuda::unavailable_reason().starts_with("there is no CUDA driver (/nowhere/libcuda.so.1: ");
    std::exit(refused);
  };
  EXPECT_EXIT(
      ask(), testing::ExitedWithCode(3),
      "Device::cuda\\(1\\): there is no CUDA driver \\(/nowhere/libcuda.so.1: cannot open shared object file: No "
      "such file or directory\\); Device::cpu\\(\\) and Device::interpreter\\(\\) are on every machine");
}

TEST(Errors, AreCaughtAcrossTheLibraryByBaseAndByKind) {
  EXPECT_THROW(Stream{Device::cpu()}, Error);
  EXPECT_THROW(Stream{Device::cpu()}, std::runtime_error);
  EXPECT_THROW(throw ContextLost("gone"), Error);
}

} // namespace
