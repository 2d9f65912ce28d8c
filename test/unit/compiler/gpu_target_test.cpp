#include "kiln/Target/NVPTX/GPUTarget.h"

#include <gtest/gtest.h>

using namespace kiln::gpu;

TEST(GPUTarget, ParsesTheNamesOfAll) {
  ASSERT_EQ(GPUTarget::all().size(), 6u);
  for (const GPUTarget &target : GPUTarget::all()) {
    llvm::Expected<GPUTarget> parsed = GPUTarget::parse(target.name);
    ASSERT_TRUE(bool(parsed)) << target.name.str();
    EXPECT_EQ(parsed->capability, target.capability);
  }
}

TEST(GPUTarget, ListsTheNamesWhenOneIsUnknown) {
  for (const char *name : {"sm_75", "sm_90", "", "hopper"}) {
    llvm::Expected<GPUTarget> parsed = GPUTarget::parse(name);
    ASSERT_FALSE(bool(parsed)) << name;
    EXPECT_EQ(llvm::toString(parsed.takeError()), std::string("unknown GPU architecture '") + name +
                                                      "'; Kiln generates code for sm_80, sm_86, sm_89, sm_90a, "
                                                      "sm_100a, sm_120a");
  }
}

TEST(GPUTarget, ChoosesCodeThatRunsOnADevice) {
  auto chosen = [](unsigned major, unsigned minor) {
    llvm::Expected<GPUTarget> target = GPUTarget::forDevice(major, minor);
    return target ? target->name.str() : llvm::toString(target.takeError());
  };
  EXPECT_EQ(chosen(8, 0), "sm_80");
  EXPECT_EQ(chosen(8, 6), "sm_86");
  EXPECT_EQ(chosen(8, 7), "sm_86"); // runs the code of every 8.x before it
  EXPECT_EQ(chosen(8, 9), "sm_89");
  EXPECT_EQ(chosen(9, 0), "sm_90a");
  EXPECT_EQ(chosen(10, 0), "sm_100a");
  EXPECT_EQ(chosen(12, 0), "sm_120a");
  // "a" code runs on one compute capability alone.
  EXPECT_EQ(chosen(10, 3), "a GPU of compute capability 10.3 runs none of the architectures that Kiln generates code "
                           "for: sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120a");
  EXPECT_NE(chosen(7, 5), "sm_80");
}
