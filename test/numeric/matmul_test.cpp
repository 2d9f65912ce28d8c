#include "matmul/reference.h"
#include "support.h"

using namespace kiln;
using namespace kiln::test;
using kernels::MatrixLayout;

namespace {

class Matmul : public OnDevice {
protected:
  struct Case {
    std::int64_t m, n, k;
    MatrixLayout a = MatrixLayout::row_major, b = MatrixLayout::row_major;
    int block_m = 16, block_n = 32, block_k = 16, group_m = 2, num_stages = 3;
    bool aligned = false; ///< rows and columns begin at multiples of 16 bytes
  };

  /// Strides of a matrix of that layout with gaps, and how many elements it spans.
  static std::size_t place(kernels::MatrixStrides &stride, std::int64_t rows, std::int64_t cols, MatrixLayout layout,
                           bool aligned) {
    const auto padded = [&](std::int64_t size, int gap) { return aligned ? (size + 15) / 8 * 8 : size + gap; };
    if (layout == MatrixLayout::row_major)
      stride = {padded(cols, 3), 1};
    else if (layout == MatrixLayout::column_major)
      stride = {1, padded(rows, 5)};
    else
      stride = {3 * cols + 1, 3};
    return rows > 0 && cols > 0 ? (rows - 1) * stride.row + (cols - 1) * stride.col + 1 : 0;
  }

  template <class T>
  void run(const Case &c) {
    std::ostringstream what;
    what << c.m << " x " << c.n << " x " << c.k << ", layouts " << int(c.a) << ", " << int(c.b);
    SCOPED_TRACE(what.str());
    kernels::Matmul<T> problem{.m = c.m, .n = c.n, .k = c.k};
    Buffer<T> a(place(problem.a_stride, c.m, c.k, c.a, c.aligned), "a"),
        b(place(problem.b_stride, c.k, c.n, c.b, c.aligned), "b");
    Buffer<T> out(place(problem.out_stride, c.m, c.n, MatrixLayout::row_major, c.aligned), "out");
    // Only the elements of the matrices are numbers; the gaps hold NaN.
    std::normal_distribution<float> normal;
    for (std::int64_t i = 0; i < c.k; ++i) {
      for (std::int64_t j = 0; j < c.m; ++j)
        a[j * problem.a_stride.row + i * problem.a_stride.col] = T(normal(random));
      for (std::int64_t j = 0; j < c.n; ++j)
        b[i * problem.b_stride.row + j * problem.b_stride.col] = T(normal(random));
    }
    problem.a = a.data();
    problem.b = b.data();
    problem.out = out.data();
    const kernels::MatmulConfig config{.block_m = c.block_m,
                                       .block_n = c.block_n,
                                       .block_k = c.block_k,
                                       .group_m = c.group_m,
                                       .a_layout = c.a,
                                       .b_layout = c.b,
                                       .num_stages = c.num_stages};
    run_on_device(problem, [&](const auto &p, const auto &on) { kernels::matmul(p, config, on); });
    // |sum| grows like sqrt(k); the bound of an f32 sum is (k + 1) 2^-24 sum |a b|, and sum |a b| is about k * 2/pi.
    const double absolute = double(c.k + 1) * 0x1p-24 * double(c.k) + 1e-7;
    expect_close(
        kernels::reference::matmul(problem),
        [&](std::size_t i) { return float(out[i / c.n * problem.out_stride.row + i % c.n]); }, absolute,
        unit_roundoff<T>());
    out.expect_only([&](std::size_t i) { return std::int64_t(i) % problem.out_stride.row < c.n; });
  }
};

TEST_P(Matmul, Shapes) {
  for_each_type([&]<class T>() {
    for (const Case &c : {Case{1, 1, 1}, Case{16, 32, 16}, Case{15, 31, 17}, Case{17, 33, 15}, Case{50, 70, 40},
                          Case{3, 5, 0}, Case{0, 4, 4}, Case{4, 0, 4}})
      run<T>(c);
  });
}

TEST_P(Matmul, Layouts) {
  for (MatrixLayout a : {MatrixLayout::row_major, MatrixLayout::column_major, MatrixLayout::strided})
    for (MatrixLayout b : {MatrixLayout::row_major, MatrixLayout::column_major, MatrixLayout::strided})
      run<half>({.m = 20, .n = 35, .k = 18, .a = a, .b = b});
}

TEST_P(Matmul, Groups) {
  for (int group : {1, 3, 8})
    run<float>({.m = 70, .n = 65, .k = 16, .group_m = group});
}

TEST_P(Matmul, Large) {
  if (!small())
    run<half>({.m = 200, .n = 150, .k = 300, .block_m = 64, .block_n = 64, .block_k = 32, .group_m = 8});
}

// Copies run ahead, and the operands of a product are read before the one in front of it: from no iteration to more
// than there are stages, the last of them whole and not.
TEST_P(Matmul, Stages) {
  for (MatrixLayout b : {MatrixLayout::row_major, MatrixLayout::column_major})
    for (int stages : {2, 3, 4})
      for (int block_k : {32, 64})
        for (int k : {0, 8, block_k, block_k + 8, 2 * block_k, 5 * block_k - 8})
          run<half>({.m = k % 32 == 0 ? 64 : 40, // blocks that are whole, and some that are not
                     .n = stages == 3 ? 64 : 72,
                     .k = k,
                     .b = b,
                     .block_m = 32,
                     .block_n = 64,
                     .block_k = block_k,
                     .num_stages = stages,
                     .aligned = true});
}

TEST_P(Matmul, DefaultConfig) {
  Buffer<float> a(6 * 7, "a"), b(7 * 5, "b"), out(6 * 5, "out");
  a.fill_normal(random);
  b.fill_normal(random);
  const kernels::Matmul<float> problem{.a = a.data(),
                                       .b = b.data(),
                                       .out = out.data(),
                                       .m = 6,
                                       .n = 5,
                                       .k = 7,
                                       .a_stride = {7, 1},
                                       .b_stride = {1, 7},
                                       .out_stride = {5, 1}};
  const auto config = kernels::default_config(problem, where().device);
  EXPECT_EQ(config.a_layout, MatrixLayout::row_major);
  EXPECT_EQ(config.b_layout, MatrixLayout::column_major);
  run_on_device(problem, [&](const auto &p, const auto &on) { kernels::matmul(p, config, on); });
  expect_close(kernels::reference::matmul(problem), [&](std::size_t i) { return out[i]; }, 1e-5, 0);
}

// Tiles for problems that fill a GPU, and one that does not; blocks reach over the edges.
TEST_P(Matmul, DefaultConfigOfLargeProblems) {
  if (!is_on("cuda"))
    GTEST_SKIP() << "is for tiles that only a GPU gets";
  struct Size {
    int m, n, block_m, block_n;
  };
  for (const Size &size : {Size{1800, 4200, 128, 256}, Size{1800, 1800, 128, 128}, Size{200, 200, 64, 64}}) {
    const int k = 136;
    kernels::Matmul<half> problem{.m = size.m, .n = size.n, .k = k};
    Buffer<half> a(std::size_t(size.m) * k, "a"), b(std::size_t(k) * size.n, "b"),
        out(std::size_t(size.m) * size.n, "out");
    a.fill_normal(random);
    b.fill_normal(random);
    problem.a = a.data(), problem.b = b.data(), problem.out = out.data();
    problem.a_stride = {k, 1}, problem.b_stride = problem.out_stride = {size.n, 1};
    const auto config = kernels::default_config(problem, where().device);
    if (cuda::properties(where().device).multiprocessors <= 148) {
      EXPECT_EQ(config.block_m, size.block_m);
      EXPECT_EQ(config.block_n, size.block_n);
    }
    run_on_device(problem, [&](const auto &p, const auto &on) { kernels::matmul(p, config, on); });
    expect_close(
        kernels::reference::matmul(problem), [&](std::size_t i) { return float(out[i]); },
        double(k + 1) * 0x1p-24 * k + 1e-7, unit_roundoff<half>());
  }
}

TEST(MatmulInvalid, Messages) {
  float a[16] = {}, b[16] = {}, out[16] = {};
  const kernels::Matmul<float> good{
      .a = a, .b = b, .out = out, .m = 4, .n = 4, .k = 4, .a_stride = {4, 1}, .b_stride = {4, 1}, .out_stride = {4, 1}};
  const auto message = [](auto problem, kernels::MatmulConfig config) {
    return invalid_argument([&] { kernels::matmul(problem, config, {.device = Device::cpu()}); });
  };
  auto bad = good;
  bad.a_stride = {1, 4};
  EXPECT_EQ(message(bad, {}), "matmul: config.a_layout is row_major, but a_stride.col is 4");
  EXPECT_EQ(message(good, {.b_layout = MatrixLayout::column_major}),
            "matmul: config.b_layout is column_major, but b_stride.row is 4");
  bad = good;
  bad.out_stride = {1, 4};
  EXPECT_EQ(message(bad, {}), "matmul: out_stride.col is 4, must be 1");
  bad = good;
  bad.out = b;
  EXPECT_EQ(message(bad, {}), "matmul: out overlaps b");
  bad = good;
  bad.k = -4;
  EXPECT_EQ(message(bad, {}), "matmul: k is -4, must be at least 0");
  EXPECT_EQ(message(good, {.block_k = 24}), "matmul: config.block_k is 24, must be a power of two from 1 to 65536");
  EXPECT_EQ(message(good, {.group_m = 0}), "matmul: config.group_m is 0, must be from 1 to 1024");
}

KILN_ON_EACH_DEVICE(Matmul);

} // namespace
