// Compiling while the cache on disk fails: the program goes on, and gets the same code.
#include "../temporary_directory.h"
#include "failing_calls.h"

#include "kiln/kiln.h"
#include "kiln/runtime/assembler.h"
#include "kiln/runtime/disk_cache.h"

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>

using namespace kiln;
using kiln::runtime::test::plan;

namespace {

struct Config {
  int block = 128;
  int num_warps = 4;
};

void copy(const Config &c, ptr<const float> in, ptr<float> out, scalar<std::int32_t> n) {
  auto i = program_id(0) * c.block + arange(0, c.block);
  store(out + i, load(in + i, {.mask = i < n}), {.mask = i < n});
}

class CacheFailure : public testing::Test {
protected:
  static void SetUpTestSuite() {
    unsetenv("KILN_CACHE");
    setenv("KILN_CACHE_DIR", directory().c_str(), 1);
  }
  void SetUp() override {
    if (runtime::assembler_identity().empty())
      GTEST_SKIP() << "no assembler: nothing is kept on disk";
  }

  /// Missing at first.
  static const std::filesystem::path &directory() {
    static const TemporaryDirectory root;
    static const std::filesystem::path path = root / "kiln";
    return path;
  }

  /// What a new kernel is compiled to.
  static CompiledCode compile() { return Kernel{"copy", copy}.compile({}, Target::parse("sm_90a")); }

  static void expect_same(const CompiledCode &code, const CompiledCode &expected) {
    EXPECT_EQ(code.ptx, expected.ptx);
    EXPECT_EQ(code.cubin, expected.cubin);
    EXPECT_EQ(code.report.registers, expected.report.registers);
  }
};

TEST_F(CacheFailure, AnyCallMayFailWhileAKernelIsCompiled) {
  const CompiledCode expected = compile();
  ASSERT_FALSE(expected.cubin.empty());
  // What the entry is when a compile begins: it is missing, with its directory, or it is there.
  for (bool there : {false, true})
    for (int error : {ENOSPC, EIO, EACCES, EINTR}) // disk-cache-stress has more
      for (int at = 1;; ++at) {
        SCOPED_TRACE("call " + std::to_string(at) + " fails with " + std::to_string(error));
        std::filesystem::remove_all(directory());
        if (there)
          (void)compile();
        // One after another fails, in turns: some come back, others do not.
        plan = {.armed = true, .at = at, .error = error, .from_then_on = error != EINTR && at % 2 == 0};
        CompiledCode code;
        EXPECT_NO_THROW(code = compile());
        plan.armed = false;
        expect_same(code, expected);
        const CompiledCode later = compile();
        expect_same(later, expected);
        ASSERT_FALSE(HasFailure());
        if (plan.struck.empty()) {
          EXPECT_TRUE(later.report.from_disk);
          EXPECT_EQ(code.report.from_disk, there);
          EXPECT_GT(at, there ? 6 : 10);
          break;
        }
      }
}

} // namespace
