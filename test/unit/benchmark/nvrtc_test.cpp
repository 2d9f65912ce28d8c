// The peer in CUDA C++ compiles, where there is NVRTC, and says what is missing where there is none.
#include "benchmark/cuda_decode.h"
#include "benchmark/nvrtc.h"

#include "message_of.h"

#include "kiln/error.h"

#include <cstdlib>
#include <gtest/gtest.h>

using namespace kiln;
using namespace kiln::bench;

namespace {

TEST(Nvrtc, KernelCompilesForItsShapes) {
  try {
    nvrtc_version();
  } catch (const Error &error) {
    GTEST_SKIP() << error.what();
  }
  EXPECT_EQ(cuda_decode_name(), "cuda-c++-" + nvrtc_version());
  struct Shape {
    int head_dim, group, page_size, warps;
    bool bf16;
  };
  for (const Shape &s : {Shape{128, 4, 16, 4, false}, Shape{80, 5, 7, 8, true}, Shape{256, 64, 256, 4, false}}) {
    ASSERT_TRUE(cuda_decode_fits(s.head_dim, s.group, s.warps));
    EXPECT_FALSE(compile_cuda_decode("sm_90a", s.head_dim, s.group, s.page_size, s.bf16, s.warps).empty());
  }
  const std::string message =
      message_of<Error>([] { nvrtc_compile("__global__ void f() { return x; }", "sm_90a", {}); });
  EXPECT_NE(message.find("NVRTC: error 6 for sm_90a"), std::string::npos) << message;
  EXPECT_NE(message.find("identifier \"x\" is undefined"), std::string::npos) << message;
}

TEST(Nvrtc, SharedMemoryBoundsTheWarps) {
  EXPECT_TRUE(cuda_decode_fits(128, 4, 8));
  EXPECT_FALSE(cuda_decode_fits(256, 8, 8)); // 64 KiB
}

// In a process of its own: the library is loaded once.
TEST(NvrtcDeathTest, MissingLibraryIsNamed) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        setenv("KILN_NVRTC", "/nowhere/libnvrtc.so", 1);
        const std::string message = message_of<Error>([] { nvrtc_version(); });
        std::exit(message.starts_with("NVRTC: KILN_NVRTC names no library (/nowhere/libnvrtc.so: ") ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

} // namespace
