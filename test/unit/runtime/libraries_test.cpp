// How the libraries of a CUDA toolkit are found, told apart and loaded.
#include "assembler/libraries.h"

#include "../environment.h"
#include "../temporary_directory.h"

#include <fstream>
#include <gtest/gtest.h>

using namespace kiln::runtime::assembler;

namespace {

namespace fs = std::filesystem;

// Names that no machine has.
constexpr LibraryNames names{
    "KILN_NVRTC", {"libkiln-test-none.so.13", "libkiln-test-none.so.12"}, "; ask the shop for one"};

struct FindLibrary : testing::Test {
  fs::path add(const std::string &folder, const std::string &name) {
    fs::create_directories(root / folder);
    std::ofstream(root / folder / name) << "a file";
    return root / folder / name;
  }

  TemporaryDirectory root;
  Environment environment{{"KILN_NVRTC", ""},
                          {"LD_LIBRARY_PATH", root.path() + "/first:" + root.path() + "/second"},
                          {"CUDA_HOME", root / "home"},
                          {"CUDA_PATH", root / "path"}};
};

TEST_F(FindLibrary, VariableNamesTheFileAndNothingElseIsLookedFor) {
  add("first", "libkiln-test-none.so.13");
  const fs::path mine = add("mine", "anything");
  Environment chosen{{"KILN_NVRTC", mine}};
  EXPECT_EQ(find_library(names).path, mine);
  Environment wrong{{"KILN_NVRTC", root.path()}}; // a directory
  const Found found = find_library(names);
  EXPECT_EQ(found.path, "");
  EXPECT_EQ(found.problem, "KILN_NVRTC names no file (" + root.path() + ")");
}

TEST_F(FindLibrary, PlacesAreInOrder) {
  const std::string name = "libkiln-test-none.so.13";
  for (const char *folder : {"path/lib", "path/lib64", "home/lib", "home/lib64", "second", "first"}) {
    const fs::path better = add(folder, name);
    EXPECT_EQ(find_library(names).path, better);
    EXPECT_EQ(find_library(names).problem, "");
  }
}

TEST_F(FindLibrary, BetterNameComesBeforeBetterPlace) {
  const fs::path older = add("first", "libkiln-test-none.so.12");
  EXPECT_EQ(find_library(names).path, older);
  const fs::path newer = add("path/lib", "libkiln-test-none.so.13");
  EXPECT_EQ(find_library(names).path, newer);
}

TEST_F(FindLibrary, WhatIsMissedIsSaidWithTheAdvice) {
  const Found found = find_library(names);
  EXPECT_EQ(found.path, "");
  EXPECT_EQ(found.problem, "no libkiln-test-none.so.13 or libkiln-test-none.so.12 where libraries are looked for, nor "
                           "in a CUDA toolkit; ask the shop for one");
}

TEST_F(FindLibrary, LinkerKnowsOthers) {
  const LibraryNames loaded{"KILN_NVRTC", {"libkiln-test-none.so.13", "libc.so.6"}, ""};
  const fs::path path = find_library(loaded).path;
  EXPECT_EQ(path.filename(), "libc.so.6");
  EXPECT_TRUE(is_file(path)) << path;
}

TEST(LibraryIdentity, IsTheBuildIdOrTheFullNameAndSize) {
  TemporaryDirectory root;
  std::ofstream(root / "libx.so.13.1.2") << "no library";
  fs::create_symlink("libx.so.13.1.2", root / "libx.so.13");
  EXPECT_EQ(library_identity(root / "libx.so.13"), "libx.so.13.1.2 of 10 bytes");
  const LibraryNames c{"KILN_NVRTC", {"libc.so.6", "libc.so.6"}, ""};
  EXPECT_EQ(library_identity(find_library(c).path).find_first_not_of("0123456789abcdef"), std::string::npos);
}

struct MathLibrary : LoadedLibrary {
  double (*rounded_down)(double) = nullptr;

  explicit MathLibrary(const fs::path &path) : LoadedLibrary(path) { get("floor", rounded_down); }
};

struct LackingLibrary : MathLibrary {
  double (*missing)(double) = nullptr, (*missing_too)(double) = nullptr;

  explicit LackingLibrary(const fs::path &path) : MathLibrary(path) {
    get("kiln_missing", missing);
    get("kiln_missing_too", missing_too);
  }
};

TEST(LoadLibrary, GivesFunctionsOnceForEachPath) {
  const auto &library = load_library<MathLibrary>("libm.so.6");
  EXPECT_EQ(library.problem, "");
  EXPECT_EQ(library.rounded_down(2.5), 2);
  EXPECT_EQ(&load_library<MathLibrary>("libm.so.6"), &library);
}

TEST(LoadLibrary, SaysWhyItCannotBeUsed) {
  EXPECT_EQ(load_library<LackingLibrary>("libm.so.6").problem, "libm.so.6 lacks kiln_missing");
  const auto &absent = load_library<LackingLibrary>("/nowhere/libm.so.6");
  EXPECT_EQ(absent.problem.find("/nowhere/libm.so.6: cannot open shared object file"), 0u) << absent.problem;
  EXPECT_EQ(absent.rounded_down, nullptr);
}

} // namespace
