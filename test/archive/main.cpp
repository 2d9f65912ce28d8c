// kiln-internal-tests: the unit tests of Kiln's parts and, under other names of the same file, programs that are made
// of those parts.
#include <gtest/gtest.h>

#include <string_view>

int kiln_fuzz_main(int argc, char **argv);
int kiln_opt_main(int argc, char **argv);

int main(int argc, char **argv) {
  std::string_view name = argv[0];
  name.remove_prefix(name.rfind('/') + 1); // npos + 1 is 0
  if (name == "kiln-fuzz")
    return kiln_fuzz_main(argc, argv);
  if (name == "kiln-opt")
    return kiln_opt_main(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
