// Shapes, axes, dot.
#include "expect_error.h"

using namespace kiln_test;
using kiln::arange;
using kiln::full;
using kiln::ptr;
using kiln::scalar;
using kiln::Shape;
using kiln::Tile;
using kiln::zeros;

namespace {

TEST(ShapeErrors, PowersOfTwo) {
  expect_error("'zeros': every dimension of a tile is a power of two, got [48, 64]",
               [](const None &) { BAD zeros({48, 64}, kiln::f32); });
  expect_error("'arange': every dimension of a tile is a power of two, got [10]",
               [](const None &) { BAD arange(6, 16); });
  expect_error("'full': every dimension of a tile is a power of two, got [0]",
               [](const None &) { BAD full({0}, 1, kiln::f32); });
  expect_error("'full': every dimension of a tile is a power of two, got [-4]",
               [](const None &) { BAD full({-4}, 1, kiln::f32); });
  expect_error("'zeros': a tile has at most 1048576 elements, got [1024, 2048]",
               [](const None &) { BAD zeros({1024, 2048}, kiln::f32); });
  expect_error("'zeros': a tile has at most 1048576 elements, got [4611686018427387904, 4]",
               [](const None &) { BAD zeros({std::int64_t(1) << 62, 4}, kiln::f32); });
}

TEST(ShapeErrors, Arange) {
  expect_error("'arange': the end 4 is not behind the beginning 4", [](const None &) { BAD arange(4, 4); });
  expect_error("'arange': the elements are i32 or i64, got f32", [](const None &) { BAD arange(0, 4, kiln::f32); });
  expect_error("'arange': 2147483647 to 2147483649 does not fit i32",
               [](const None &) { BAD arange(2147483647, 2147483649); });
  expect_error("'arange': every dimension of a tile is a power of two, got [9223372036854775807]",
               [](const None &) { BAD arange(INT64_MIN, INT64_MAX, kiln::i64); });
}

TEST(ShapeErrors, Broadcasting) {
  expect_error(
      "'+': shapes of tile<64xi32> and tile<128xi32> do not match: aligned at the last dimension, sizes are equal or 1",
      [](const None &) {
        auto x = arange(0, 64), y = arange(0, 128);
        BAD x + y * 2;
      });
  expect_error("'-': shapes of tile<4x1xi32> and tile<2x8xi32> do not match: aligned at the last dimension, sizes are "
               "equal or 1",
               [](const None &) {
                 auto x = kiln::col(arange(0, 4)), y = kiln::reshape(arange(0, 16), {2, 8});
                 BAD x -= y;
               });
  expect_error("'clamp': shapes of tile<4xi32> and tile<8xi32> do not match: aligned at the last dimension, sizes are "
               "equal or 1",
               [](const None &) {
                 auto x = arange(0, 4), y = arange(0, 8);
                 BAD kiln::clamp(x, 0, y);
               });
  expect_error("'broadcast_to': tile<8xi32> cannot be repeated to [8, 4]: aligned at the last dimension, only "
               "dimensions of size 1 are repeated",
               [](const None &) {
                 auto x = arange(0, 8);
                 BAD kiln::broadcast_to(x, {8, 4});
               });
  expect_error("'broadcast_to': every dimension of a tile is a power of two, got [3]",
               [](const None &) { BAD kiln::broadcast_to(1, {3}); });
  expect_error("'full': expected a number or a scalar of f32, got i32",
               [](const None &, scalar<int> a) { BAD full({4}, a, kiln::f32); });
}

TEST(ShapeErrors, Reshaping) {
  expect_error("'reshape': tile<8xi32> has 8 elements, [4, 4] has 16", [](const None &) {
    auto x = arange(0, 8);
    BAD kiln::reshape(x, {4, 4});
  });
  expect_error("'reshape': expected a tile, got the scalar i32",
               [](const None &, scalar<int> a) { BAD kiln::reshape(a, {1}); });
  expect_error("'row': expected a tile of rank 1, got tile<1x8xi32>", [](const None &) {
    auto x = kiln::row(arange(0, 8));
    BAD kiln::row(x);
  });
  expect_error("'col': expected a tile of rank 1, got i32", [](const None &, scalar<int> a) { BAD kiln::col(a); });
  expect_error("'expand_dims': tile<8xi32> has no place for a new axis 2", [](const None &) {
    auto x = arange(0, 8);
    BAD kiln::expand_dims(x, 2);
  });
  expect_error("'expand_dims': a tile has at most 8 dimensions", [](const None &) {
    auto x = kiln::reshape(arange(0, 8), {1, 1, 1, 1, 1, 2, 2, 2});
    BAD kiln::expand_dims(x, 0);
  });
  // Where it is used, not where the list was made.
  expect_error("'reshape': a tile has at most 8 dimensions, got 9", [](const None &) {
    const Shape nine{2, 2, 2, 2, 2, 2, 2, 2, 2};
    auto x = arange(0, 512);
    BAD kiln::reshape(x, nine);
  });
  expect_error("'zeros': a tile has at most 8 dimensions, got 10",
               [](const None &) { BAD kiln::zeros({1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, kiln::f32); });
  expect_error("'full': a tile has at most 8 dimensions, got 9",
               [](const None &) { BAD kiln::full({1, 1, 1, 1, 1, 1, 1, 1, 1}, 1, kiln::f32); });
  expect_error("'broadcast_to': a tile has at most 8 dimensions, got 9",
               [](const None &) { BAD kiln::broadcast_to(arange(0, 2), {1, 1, 1, 1, 1, 1, 1, 1, 2}); });
  expect_error("'trans': expected a tile of rank 2, got tile<8xi32>; give the order of the dimensions",
               [](const None &) {
                 auto x = arange(0, 8);
                 BAD kiln::trans(x);
               });
  expect_error("'trans': the order must name each dimension of tile<2x4xi32> once", [](const None &) {
    auto x = kiln::reshape(arange(0, 8), {2, 4});
    BAD kiln::trans(x, {1, 1});
  });
}

TEST(ShapeErrors, Axes) {
  expect_error("'sum': tile<8xi32> has no axis 1", [](const None &) {
    auto x = arange(0, 8);
    BAD kiln::sum(x, 1);
  });
  expect_error("'cumsum': tile<8xi32> has no axis -2", [](const None &) {
    auto x = arange(0, 8);
    BAD kiln::cumsum(x, -2);
  });
  expect_error("'max': f32 has no axis 0", [](const None &, scalar<float> a) { BAD kiln::max(a, 0); });
  expect_error("'dim': tile<8xi32> has no axis 3", [](const None &) {
    auto x = arange(0, 8);
    BAD x.dim(3);
  });
  expect_error("'program_id': the axes of the grid are 0, 1 and 2, got 3",
               [](const None &) { BAD kiln::program_id(3); });
  expect_error("'num_programs': the axes of the grid are 0, 1 and 2, got -1",
               [](const None &) { BAD kiln::num_programs(-1); });
}

TEST(ShapeErrors, Dot) {
  expect_error("'dot': expected tiles of shapes [m, k], [k, n] and [m, n], got tile<4x8xf16> by tile<4x8xf16> into "
               "tile<4x8xf32>",
               [](const None &) {
                 auto x = zeros({4, 8}, kiln::f16);
                 BAD kiln::dot(x, x, zeros({4, 8}, kiln::f32));
               });
  const std::string types =
      "'dot': the operands have one element type of i8, f8e4m3, f8e5m2, f16, bf16, f32 and f64, and the "
      "accumulator is i32 for i8, f64 for f64 and f32 for the others; got ";
  expect_error(types + "tile<4x8xf16> by tile<8x4xbf16> into tile<4x4xf32>", [](const None &) {
    auto x = zeros({4, 8}, kiln::f16), y = zeros({8, 4}, kiln::bf16);
    BAD kiln::dot(x, y);
  });
  expect_error(types + "tile<4x4xf16> by tile<4x4xf16> into tile<4x4xf16>", [](const None &) {
    auto x = zeros({4, 4}, kiln::f16);
    BAD kiln::dot(x, x, x);
  });
  expect_error(types + "tile<4x4xi32> by tile<4x4xi32> into tile<4x4xi32>", [](const None &) {
    auto x = zeros({4, 4}, kiln::i32);
    BAD kiln::dot(x, x, x);
  });
  expect_error("'dot': expected tiles of rank 2, got tile<4xf32> by tile<4xf32>", [](const None &) {
    auto x = zeros({4}, kiln::f32);
    BAD kiln::dot(x, x);
  });
  expect_error("'dot': the precision tf32 is for f32 operands, got f16", [](const None &) {
    auto x = zeros({4, 4}, kiln::f16);
    BAD kiln::dot(x, x, {.precision = kiln::Precision::tf32});
  });
}

} // namespace
