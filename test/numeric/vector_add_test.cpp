#include "support.h"
#include "vector_add/reference.h"

using namespace kiln;
using namespace kiln::test;

namespace {

class VectorAdd : public OnDevice {
protected:
  template <class T>
  void run(std::int64_t n, int block) {
    SCOPED_TRACE("n = " + std::to_string(n) + ", block = " + std::to_string(block));
    Buffer<T> x(n, "x"), y(n, "y"), out(n, "out", /*is_output=*/true);
    x.fill_normal(random);
    y.fill_normal(random);
    const kernels::VectorAdd<T> problem{.x = x.data(), .y = y.data(), .out = out.data(), .n = n};
    run_on_device(problem, [&](const auto &p, const auto &on) { kernels::vector_add(p, {.block = block}, on); });
    // The reference adds exactly, so what is left is one rounding.
    expect_close(
        kernels::reference::vector_add(problem), [&](std::size_t i) { return float(out[i]); }, 1e-7,
        unit_roundoff<T>());
    out.expect_only([](std::size_t) { return true; });
  }
};

TEST_P(VectorAdd, SizesAroundABlock) {
  for_each_type([&]<class T>() {
    for (std::int64_t n : {0, 1, 63, 64, 65, 128, 200})
      run<T>(n, 64);
  });
}

TEST_P(VectorAdd, ManyPrograms) {
  if (!small())
    run<half>(1'000'003, 1024);
}

TEST_P(VectorAdd, DefaultConfig) {
  for (std::int64_t n : {1, 100, 5000}) {
    kernels::VectorAdd<float> problem{.n = n};
    const auto config = kernels::default_config(problem, where().device);
    run<float>(n, config.block);
  }
}

TEST(VectorAddInvalid, Messages) {
  float a[4] = {}, b[4] = {};
  const kernels::VectorAdd<float> good{.x = a, .y = a, .out = b, .n = 4};
  const auto message = [](auto problem, kernels::VectorAddConfig config) {
    return invalid_argument([&] { kernels::vector_add(problem, config, {.device = Device::cpu()}); });
  };
  auto bad = good;
  bad.n = -1;
  EXPECT_EQ(message(bad, {}), "vector_add: n is -1, must be at least 0");
  bad = good;
  bad.y = nullptr;
  EXPECT_EQ(message(bad, {}), "vector_add: y is null");
  bad = good;
  bad.out = a + 1;
  EXPECT_EQ(message(bad, {}), "vector_add: out overlaps x");
  EXPECT_EQ(message(good, {.block = 96}), "vector_add: config.block is 96, must be a power of two from 1 to 65536");
  EXPECT_EQ(message(good, {.num_warps = 3}), "vector_add: config.num_warps is 3, must be a power of two from 1 to 32");
}

KILN_ON_EACH_DEVICE(VectorAdd);

} // namespace
