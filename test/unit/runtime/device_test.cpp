#include "kiln/device.h"

#include "kiln/cuda.h"
#include "kiln/error.h"
#include "kiln/stream.h"

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
}

// Whatever machine this runs on, here it has no driver. Before anything asks for it.
const int no_driver = setenv("KILN_CUDA_DRIVER", "/nowhere/libcuda.so.1", 1);

TEST(Device, CudaIsRefusedAndTheMessageSaysWhatIsMissing) {
  ASSERT_EQ(no_driver, 0);
  try {
    Device::cuda(1);
    FAIL() << "no error";
  } catch (const DeviceError &e) {
    EXPECT_STREQ(e.what(), "Device::cuda(1): there is no CUDA driver (/nowhere/libcuda.so.1: cannot open shared object "
                           "file: No such file or directory); Device::cpu() and Device::interpreter() are on every "
                           "machine");
  }
}

TEST(Device, AMachineWithoutADriverHasNoCudaDevices) {
  EXPECT_EQ(cuda::device_count(), 0);
  EXPECT_NE(cuda::unavailable_reason().find("there is no CUDA driver"), std::string::npos);
  EXPECT_EQ(cuda::current_device(), Device());
  EXPECT_THROW(cuda::properties(Device::cpu()), InvalidArgument);
  EXPECT_THROW(Stream{Device::cpu()}, InvalidArgument);
  EXPECT_THROW(GpuTimer{Device::interpreter()}, InvalidArgument);
  EXPECT_THROW(Graph().end(), InvalidArgument);
}

TEST(Errors, AreCaughtAcrossTheLibraryByBaseAndByKind) {
  EXPECT_THROW(Device::cuda(), Error);
  EXPECT_THROW(Device::cuda(), std::runtime_error);
  EXPECT_THROW(throw ContextLost("gone"), Error);
}

} // namespace
