#include "benchmark/largest_error.h"

#include <cmath>
#include <gtest/gtest.h>
#include <initializer_list>

using kiln::bench::LargestError;

namespace {

double largest(std::initializer_list<double> errors) {
  LargestError result;
  for (double error : errors)
    result.add(error);
  return result.value();
}

TEST(LargestError, IsTheLargest) {
  EXPECT_EQ(largest({}), 0);
  EXPECT_EQ(largest({1, 3, 2}), 3);
  EXPECT_EQ(largest({1, INFINITY, 2}), INFINITY);
}

TEST(LargestError, KeepsANaN) {
  EXPECT_TRUE(std::isnan(largest({NAN, 1, 2})));
  EXPECT_TRUE(std::isnan(largest({1, NAN, 2})));
  EXPECT_TRUE(std::isnan(largest({1, 2, NAN})));
  EXPECT_TRUE(std::isnan(largest({NAN, INFINITY})));
}

} // namespace
