// Softmax and RMSNorm: one row a program, whole or in chunks.
#include "rms_norm/reference.h"
#include "softmax/reference.h"
#include "support.h"

using namespace kiln;
using namespace kiln::test;

namespace {

/// Elements of a matrix with gaps between its rows.
struct Rows {
  std::int64_t rows, cols, stride;
  std::size_t size() const { return rows > 0 && cols > 0 ? (rows - 1) * stride + cols : 0; }
  std::size_t at(std::size_t dense) const { return dense / cols * stride + dense % cols; }
  bool holds(std::size_t i) const { return std::int64_t(i) % stride < cols; }
};

struct RowCase {
  std::int64_t rows, cols, gap;
  int block;
  bool chunked;
};

const RowCase cases[] = {
    {3, 1, 0, 16, false},  {3, 15, 0, 16, false}, {3, 16, 0, 16, false}, {5, 50, 7, 64, false},
    {2, 64, 0, 64, false}, {3, 1, 3, 16, true},   {3, 15, 0, 16, true},  {2, 16, 1, 16, true},
    {2, 17, 0, 16, true},  {3, 100, 5, 32, true}, {0, 10, 0, 16, false}, {2, 0, 0, 16, false},
};

std::string text(const RowCase &c) {
  std::ostringstream out;
  out << c.rows << " x " << c.cols << ", gap " << c.gap << ", block " << c.block << (c.chunked ? ", chunked" : "");
  return out.str();
}

class Softmax : public OnDevice {
protected:
  template <class T>
  void run(const RowCase &c) {
    SCOPED_TRACE(text(c));
    const Rows in_rows{c.rows, c.cols, c.cols + c.gap}, out_rows{c.rows, c.cols, c.cols + 2 * c.gap};
    Buffer<T> in(in_rows.size(), "in"), out(out_rows.size(), "out", /*is_output=*/c.gap == 0);
    std::normal_distribution<float> normal(0, 3);
    for (std::size_t i = 0; i < std::size_t(c.rows * c.cols); ++i)
      in[in_rows.at(i)] = T(normal(random));
    const kernels::Softmax<T> problem{.in = in.data(),
                                      .out = out.data(),
                                      .rows = c.rows,
                                      .cols = c.cols,
                                      .in_stride = in_rows.stride,
                                      .out_stride = out_rows.stride};
    run_on_device(problem, [&](const auto &p, const auto &on) {
      kernels::softmax(p, {.block = c.block, .chunked = c.chunked}, on);
    });
    // Results are at most 1; the f32 work errs by a few units in 2^-24 for each of x - max, exp, sum and the division.
    expect_close(
        kernels::reference::softmax(problem), [&](std::size_t i) { return float(out[out_rows.at(i)]); }, 1e-6,
        unit_roundoff<T>() + 2e-6);
    out.expect_only([&](std::size_t i) { return out_rows.holds(i); });
  }
};

TEST_P(Softmax, Shapes) {
  for_each_type([&]<class T>() {
    for (const RowCase &c : cases)
      run<T>(c);
  });
}

TEST_P(Softmax, LongRows) {
  if (small())
    return;
  run<half>({.rows = 3, .cols = 10000, .gap = 0, .block = 2048, .chunked = true});
  run<bfloat16>({.rows = 2, .cols = 5000, .gap = 3, .block = 8192, .chunked = false});
}

TEST_P(Softmax, InfinitiesAndNaN) {
  constexpr float inf = INFINITY;
  for (bool chunked : {false, true}) {
    SCOPED_TRACE(chunked);
    // A row that begins with more than a block of -inf; one of -inf only; one with +inf; one with NaN.
    Buffer<float> in(4 * 40, "in"), out(4 * 40, "out");
    for (int i = 0; i < 160; ++i)
      in[i] = float(i % 7);
    for (int i = 0; i < 40; ++i) {
      if (i < 33)
        in[i] = -inf;
      in[40 + i] = -inf;
    }
    in[80 + 5] = inf;
    in[120 + 39] = NAN;
    const kernels::Softmax<float> problem{
        .in = in.data(), .out = out.data(), .rows = 4, .cols = 40, .in_stride = 40, .out_stride = 40};
    run_on_device(problem, [&](const auto &p, const auto &on) {
      kernels::softmax(p, {.block = chunked ? 16 : 64, .chunked = chunked}, on);
    });
    const auto expected = kernels::reference::softmax(problem);
    for (int i = 0; i < 40; ++i) {
      EXPECT_NEAR(out[i], expected[i], 1e-6) << i;
      EXPECT_TRUE(std::isnan(out[40 + i])) << i;
      EXPECT_TRUE(std::isnan(out[120 + i])) << i;
    }
    EXPECT_TRUE(std::isnan(out[80 + 5]));
  }
}

TEST_P(Softmax, DefaultConfigIsValid) {
  for (std::int64_t cols : {1, 40, 1000, 9000, 20000, 40000}) {
    if (small() && cols > 100)
      continue;
    Buffer<float> in(cols, "in"), out(cols, "out", /*is_output=*/true);
    in.fill_normal(random);
    const kernels::Softmax<float> problem{
        .in = in.data(), .out = out.data(), .rows = 1, .cols = cols, .in_stride = cols, .out_stride = cols};
    run_on_device(problem, [&](const auto &p, const auto &on) {
      kernels::softmax(p, kernels::default_config(p, on.device), on);
    });
    expect_close(kernels::reference::softmax(problem), [&](std::size_t i) { return out[i]; }, 1e-6, 2e-6);
  }
}

TEST(SoftmaxInvalid, Messages) {
  float a[8] = {}, b[8] = {};
  const kernels::Softmax<float> good{.in = a, .out = b, .rows = 2, .cols = 4, .in_stride = 4, .out_stride = 4};
  const auto message = [](auto problem, kernels::SoftmaxConfig config) {
    return invalid_argument([&] { kernels::softmax(problem, config, {.device = Device::cpu()}); });
  };
  auto bad = good;
  bad.in_stride = 3;
  EXPECT_EQ(message(bad, {}), "softmax: in_stride is 3, must be at least 4");
  bad = good;
  bad.out = a + 4;
  EXPECT_EQ(message(bad, {}), "softmax: out overlaps in");
  bad = good;
  bad.in = nullptr;
  EXPECT_EQ(message(bad, {}), "softmax: in is null");
  EXPECT_EQ(message(good, {.block = 2}), "softmax: config.block is 2 and not chunked, but cols is 4");
}

class RmsNorm : public OnDevice {
protected:
  template <class T>
  void run(const RowCase &c) {
    SCOPED_TRACE(text(c));
    const Rows in_rows{c.rows, c.cols, c.cols + c.gap}, out_rows{c.rows, c.cols, c.cols + 2 * c.gap};
    Buffer<T> x(in_rows.size(), "x"), weight(c.cols, "weight"), out(out_rows.size(), "out", /*is_output=*/c.gap == 0);
    std::normal_distribution<float> normal;
    for (std::size_t i = 0; i < std::size_t(c.rows * c.cols); ++i)
      x[in_rows.at(i)] = T(normal(random));
    weight.fill_normal(random);
    const kernels::RmsNorm<T> problem{.x = x.data(),
                                      .weight = weight.data(),
                                      .out = out.data(),
                                      .rows = c.rows,
                                      .cols = c.cols,
                                      .x_stride = in_rows.stride,
                                      .out_stride = out_rows.stride};
    run_on_device(problem, [&](const auto &p, const auto &on) {
      kernels::rms_norm(p, {.block = c.block, .chunked = c.chunked}, on);
    });
    expect_close(
        kernels::reference::rms_norm(problem), [&](std::size_t i) { return float(out[out_rows.at(i)]); }, 1e-7,
        unit_roundoff<T>() + 2e-6);
    out.expect_only([&](std::size_t i) { return out_rows.holds(i); });
  }
};

TEST_P(RmsNorm, Shapes) {
  for_each_type([&]<class T>() {
    for (const RowCase &c : cases)
      run<T>(c);
  });
}

TEST_P(RmsNorm, LongRows) {
  if (small())
    return;
  run<half>({.rows = 3, .cols = 10000, .gap = 0, .block = 2048, .chunked = true});
  run<bfloat16>({.rows = 2, .cols = 4096, .gap = 0, .block = 4096, .chunked = false});
}

TEST_P(RmsNorm, ZerosAndEpsilon) {
  Buffer<float> x(8, "x"), weight(8, "weight"), out(8, "out");
  for (int i = 0; i < 8; ++i)
    x[i] = 0, weight[i] = 2;
  const kernels::RmsNorm<float> problem{
      .x = x.data(), .weight = weight.data(), .out = out.data(), .rows = 1, .cols = 8, .x_stride = 8, .out_stride = 8};
  run_on_device(
      problem, [&](const auto &p, const auto &on) { kernels::rms_norm(p, kernels::default_config(p, on.device), on); });
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(out[i], 0);
}

TEST(RmsNormInvalid, Messages) {
  float a[8] = {}, w[4] = {}, b[8] = {};
  const kernels::RmsNorm<float> good{
      .x = a, .weight = w, .out = b, .rows = 2, .cols = 4, .x_stride = 4, .out_stride = 4};
  const auto message = [](auto problem, kernels::RmsNormConfig config) {
    return invalid_argument([&] { kernels::rms_norm(problem, config, {.device = Device::cpu()}); });
  };
  auto bad = good;
  bad.epsilon = -1;
  EXPECT_EQ(message(bad, {}), "rms_norm: epsilon is -1.000000, must be finite and not negative");
  bad = good;
  bad.weight = nullptr;
  EXPECT_EQ(message(bad, {}), "rms_norm: weight is null");
  bad = good;
  bad.rows = -2;
  EXPECT_EQ(message(bad, {}), "rms_norm: rows is -2, must be at least 0");
  EXPECT_EQ(message(good, {.block = 2}), "rms_norm: config.block is 2 and not chunked, but cols is 4");
}

KILN_ON_EACH_DEVICE(Softmax);
KILN_ON_EACH_DEVICE(RmsNorm);

} // namespace
