#include "kiln/device.h"

#include "kiln/error.h"

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

TEST(Device, CudaIsRefusedAndTheMessageNamesTheOthers) {
  try {
    Device::cuda(1);
    FAIL() << "no error";
  } catch (const DeviceError &e) {
    EXPECT_STREQ(e.what(),
                 "Device::cuda(1): this build of Kiln has no CUDA target; use Device::cpu() or Device::interpreter()");
  }
}

TEST(Errors, AreCaughtAcrossTheLibraryByBaseAndByKind) {
  EXPECT_THROW(Device::cuda(), Error);
  EXPECT_THROW(Device::cuda(), std::runtime_error);
  EXPECT_THROW(throw ContextLost("gone"), Error);
}

} // namespace
