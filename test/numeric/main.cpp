// `--target NAME` runs the tests of one device: cpu, cpu_checked, interpreter, cuda or emulated (of all architectures).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  static constexpr std::string_view targets[] = {"cpu", "cpu_checked", "interpreter", "cuda", "emulated"};
  if (argc == 3 && std::string_view(argv[1]) == "--target" && std::ranges::count(targets, argv[2]) == 1) {
    const std::string name = argv[2];
    GTEST_FLAG_SET(filter, "*/" + name + ":*/" + name + "_sm_*");
  } else if (argc != 1) {
    std::fprintf(stderr, "usage: %s [--target cpu|cpu_checked|interpreter|cuda|emulated]\n", argv[0]);
    return 2;
  }
  return RUN_ALL_TESTS();
}
