// The peer in CUDA C++ compiles, where there is NVRTC, and says what is missing where there is none.
#include "benchmark/cuda_decode.h"

#include "environment.h"
#include "message_of.h"

#include "kiln/error.h"
#include "kiln/runtime/cuda_compiler.h"

#include <cstring>
#include <elf.h>
#include <gtest/gtest.h>

using namespace kiln;
using namespace kiln::bench;

namespace {

TEST(CudaDecode, CompilesForItsShapes) {
  if (runtime::nvrtc_identity().empty())
    GTEST_SKIP() << "no NVRTC";
  EXPECT_EQ(cuda_decode_name(), "cuda-c++-" + runtime::nvrtc_version());
  struct Shape {
    int head_dim, group, page_size, warps;
    bool bf16;
  };
  for (const Shape &s : {Shape{128, 4, 16, 4, false}, Shape{80, 5, 7, 8, true}, Shape{256, 64, 256, 4, false}}) {
    ASSERT_TRUE(cuda_decode_fits(s.head_dim, s.group, s.warps));
    const std::vector<std::uint8_t> cubin =
        compile_cuda_decode("sm_90a", s.head_dim, s.group, s.page_size, s.bf16, s.warps);
    ASSERT_GT(cubin.size(), SELFMAG);
    EXPECT_EQ(std::memcmp(cubin.data(), ELFMAG, SELFMAG), 0);
  }
}

TEST(CudaDecode, ErrorsNameTheLine) {
  if (runtime::nvrtc_identity().empty())
    GTEST_SKIP() << "no NVRTC";
  const std::string message = message_of<CompileError>(
      [] { runtime::compile_cuda_binary("\n__global__ void f() { return x; }", "text.cu", "sm_90a"); });
  EXPECT_TRUE(message.starts_with("text.cu:2: error: identifier \"x\" is undefined")) << message;
}

TEST(CudaDecode, SharedMemoryBoundsTheWarps) {
  EXPECT_TRUE(cuda_decode_fits(128, 4, 8));
  EXPECT_FALSE(cuda_decode_fits(256, 8, 8)); // 64 KiB
}

TEST(CudaDecode, MissingNvrtcIsNamed) {
  Environment environment{{"KILN_NVRTC", "/nowhere/libnvrtc.so"}};
  EXPECT_EQ(message_of<CompileError>(cuda_decode_name),
            "error: CUDA C++ needs NVRTC, which was not found: KILN_NVRTC names no file (/nowhere/libnvrtc.so)");
}

} // namespace
