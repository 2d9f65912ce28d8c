// From times to the table of tuned tiles, with times that are made up.
#include "tools/decode_table.h"

#include "kiln/error.h"
#include "message_of.h"
#include "temporary_directory.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <tuple>

using namespace kiln;
using namespace kiln::tools;
using kernels::PagedSchedule;
using kernels::PagedTiles;

namespace {

constexpr PagedTiles rows{PagedSchedule::rows, 64, 2, 4, 2}, shares{PagedSchedule::shares, 64, 2, 4, 2},
    more_shares{PagedSchedule::shares, 64, 3, 4, 2}, wide{PagedSchedule::shares, 128, 2, 8, 3};

class Table : public testing::Test {
protected:
  DecodeSweep sweep{.gpu = "Fast GPU", .date = "2026-11-23", .multiprocessors = 132};

  void add(std::int64_t heads, std::int64_t tokens, const char *mode, const PagedTiles &tiles, double us) {
    sweep.samples.push_back({.head_dim = 128,
                             .group = 4,
                             .most_group = 8,
                             .heads = heads,
                             .tokens = tokens,
                             .mode = mode,
                             .tiles = tiles,
                             .us = us});
  }
  /// The rows alone.
  std::string table(int most_kernels = 6) {
    const std::string text = decode_table(sweep, most_kernels);
    const std::string begin = "// head_dim 128, 4 query heads for each K/V head\n";
    EXPECT_NE(text.find(begin), std::string::npos) << text;
    const std::size_t from = text.find(begin) + begin.size();
    return text.substr(from, text.find("};\n", from) - from);
  }
};

TEST_F(Table, TheFastestTilesServeAllSizes) {
  add(8, 64, "uniform", rows, 2);
  add(8, 64, "uniform", shares, 3);
  EXPECT_EQ(
      decode_table(sweep),
      "// Made by kiln-tune-decode: measured on Fast GPU, 2026-11-23.\n"
      "constexpr int tuned_multiprocessors = 132;\n"
      "\n"
      "// element_bytes, head_dim, group, heads, tokens: schedule, block_n, programs_per_core, num_warps, num_stages\n"
      "constexpr TunedPaged tuned_paged[] = {\n"
      "    // head_dim 128, 4 query heads for each K/V head\n"
      "    {{2, 128, 8, any_size, any_size}, {PagedSchedule::rows, 64, 2, 4, 2}}, // loses 0 % at most\n"
      "};\n");
}

TEST_F(Table, TheWorstModeDecides) {
  // The host does not know the mode. 10% slower everywhere is better than three times slower somewhere.
  add(16, 4096, "uniform", rows, 10);
  add(16, 4096, "uniform", shares, 11);
  add(16, 4096, "skewed", rows, 30);
  add(16, 4096, "skewed", shares, 10);
  EXPECT_EQ(table(),
            "    {{2, 128, 8, any_size, any_size}, {PagedSchedule::shares, 64, 2, 4, 2}}, // loses 10 % at most\n");
}

TEST_F(Table, WhatFailsInOneModeIsNotTaken) {
  add(16, 4096, "uniform", rows, 1);
  add(16, 4096, "uniform", shares, 100);
  add(16, 4096, "skewed", shares, 100);
  EXPECT_NE(table().find("shares, 64"), std::string::npos);
}

TEST_F(Table, SizesInBetweenHaveTheTilesOfTheNearestOne) {
  for (std::int64_t heads : {8, 32})
    for (std::int64_t tokens : {64, 1024, 16384}) {
      add(heads, tokens, "uniform", rows, tokens == 64 ? 1 : 2);
      add(heads, tokens, "uniform", shares, tokens == 64 || heads == 32 ? 2 : 1);
      add(heads, tokens, "uniform", wide, heads == 32 && tokens > 64 ? 1 : 2);
    }
  EXPECT_EQ(table(),
            "    {{2, 128, 8, 16, 256}, {PagedSchedule::rows, 64, 2, 4, 2}}, // loses 0 % at most\n"
            "    {{2, 128, 8, 16, any_size}, {PagedSchedule::shares, 64, 2, 4, 2}}, // loses 0 % at most\n"
            "    {{2, 128, 8, any_size, 256}, {PagedSchedule::rows, 64, 2, 4, 2}}, // loses 0 % at most\n"
            "    {{2, 128, 8, any_size, any_size}, {PagedSchedule::shares, 128, 2, 8, 3}}, // loses 0 % at most\n");
}

TEST_F(Table, NeighboursBreakNearTies) {
  // At 1024 tokens both are as good, but at 16384 one of them is bad.
  add(8, 1024, "uniform", rows, 1);
  add(8, 1024, "uniform", shares, 1.001);
  add(8, 16384, "uniform", rows, 3);
  add(8, 16384, "uniform", shares, 1);
  EXPECT_EQ(table(),
            "    {{2, 128, 8, any_size, any_size}, {PagedSchedule::shares, 64, 2, 4, 2}}, // loses 0 % at most\n");
}

TEST_F(Table, SizesThatWereNotMeasuredHaveTheTilesOfSmallerOnes) {
  add(8, 64, "uniform", rows, 1);
  add(8, 64, "uniform", shares, 2);
  add(8, 65536, "uniform", rows, 2);
  add(8, 65536, "uniform", shares, 1);
  add(2048, 64, "uniform", rows, 2); // 2048 x 65536 does not fit into the memory
  add(2048, 64, "uniform", shares, 1);
  const std::string text = table();
  EXPECT_TRUE(text.ends_with(
      "    {{2, 128, 8, any_size, any_size}, {PagedSchedule::shares, 64, 2, 4, 2}}, // loses 0 % at most\n"))
      << text;
}

TEST_F(Table, ThereAreNoMoreKernelsThanAllowed) {
  for (std::int64_t tokens : {64, 1024, 16384}) {
    add(8, tokens, "uniform", rows, tokens == 64 ? 1 : 1.5);
    add(8, tokens, "uniform", shares, tokens == 1024 ? 1 : 1.2);
    add(8, tokens, "uniform", wide, tokens == 16384 ? 1 : 1.5);
  }
  EXPECT_EQ(std::ranges::count(table(3), '\n'), 3);
  EXPECT_EQ(table(1),
            "    {{2, 128, 8, any_size, any_size}, {PagedSchedule::shares, 64, 2, 4, 2}}, // loses 20 % at most\n");
}

TEST_F(Table, ProgramsPerCoreTakeNoKernel) {
  add(8, 64, "uniform", shares, 1);
  add(8, 64, "uniform", more_shares, 2);
  add(8, 4096, "uniform", shares, 2);
  add(8, 4096, "uniform", more_shares, 1);
  EXPECT_EQ(std::ranges::count(table(1), '\n'), 2);
}

TEST_F(Table, ShapesAreInTheOrderInWhichTheyAreLookedUp) {
  for (const auto &[head_dim, group, most_group] : {std::tuple{256, 4, 16}, {128, 16, 16}, {128, 1, 2}, {64, 4, 16}})
    sweep.samples.push_back({.head_dim = head_dim,
                             .group = group,
                             .most_group = most_group,
                             .heads = 8,
                             .tokens = 64,
                             .mode = "uniform",
                             .tiles = shares,
                             .us = 1});
  const std::string text = decode_table(sweep);
  std::vector<std::size_t> places;
  for (const char *row : {"{{2, 64, 16,", "{{2, 128, 2,", "{{2, 128, 16,", "{{2, 256, 16,"})
    places.push_back(text.find(row));
  EXPECT_TRUE(std::ranges::is_sorted(places)) << text;
  EXPECT_NE(places.back(), text.npos);
  EXPECT_NE(text.find("// head_dim 128, 1 query head for each"), text.npos);
}

TEST_F(Table, NothingMeasuredIsNamed) {
  EXPECT_EQ(message_of<InvalidArgument>([&] { decode_table(sweep); }), "error: nothing was measured");
}

TEST_F(Table, TimesAreReadAsTheyWereWritten) {
  add(8, 64, "uniform", rows, 2.125);
  add(16, 4096, "skewed", wide, 1234.5);
  const std::string text = to_csv(sweep);
  EXPECT_EQ(text,
            "# Fast GPU, 132 multiprocessors, 2026-11-23\n"
            "head_dim,group,most_group,heads,tokens,mode,schedule,block_n,programs_per_core,num_warps,num_stages,us\n"
            "128,4,8,8,64,uniform,rows,64,2,4,2,2.125\n"
            "128,4,8,16,4096,skewed,shares,128,2,8,3,1234.500\n");
  EXPECT_EQ(to_csv(from_csv(text)), text);
  const auto message = [&](const std::string &from, const std::string &to) {
    std::string wrong = text;
    wrong.replace(wrong.find(from), from.size(), to);
    return message_of<InvalidArgument>([&] { from_csv(wrong); });
  };
  EXPECT_EQ(message("# Fast", "Fast"), "error: line 1 of the measurements is not '# GPU, N multiprocessors, DATE'");
  EXPECT_EQ(message("132", "many"), "error: line 1 of the measurements is not '# GPU, N multiprocessors, DATE'");
  EXPECT_EQ(message("mode,", ""), "error: line 2 of the measurements is not "
                                  "'head_dim,group,most_group,heads,tokens,mode,schedule,block_n,programs_per_core,num_"
                                  "warps,num_stages,us'");
  EXPECT_EQ(message("rows", "columns"), "error: line 3 of the measurements is not a sample");
  EXPECT_EQ(message("1234.500", "-1"), "error: line 4 of the measurements is not a sample");
  EXPECT_EQ(message("4096", "4096x"), "error: line 4 of the measurements is not a sample");
  EXPECT_EQ(message(",1234.500", ""), "error: line 4 of the measurements is not a sample");
}

TEST(TunedPaged, EveryShapeHasTilesAndTheFirstRowIsTaken) {
  using namespace kernels;
  for (int bytes : {2, 4})
    for (int head_dim = 16; head_dim <= 256; head_dim += 16)
      for (int group : {1, 2, 8, 9, 16, 17, 64})
        for (std::int64_t heads : {1, 8, 1000, 1'000'000})
          for (std::int64_t tokens : {1, 64, 65, 5000, 1'000'000}) {
            const PagedTiles tiles = find_tuned({bytes, head_dim, group, heads, tokens});
            EXPECT_TRUE(tiles.schedule == PagedSchedule::rows || tiles.schedule == PagedSchedule::shares);
            EXPECT_GE(tiles.block_n, 16);
            if (bytes == 4)
              EXPECT_EQ(tiles, untuned_paged[1].tiles);
            else if (group > 16)
              EXPECT_EQ(tiles, untuned_paged[0].tiles);
          }
  EXPECT_EQ(find_tuned(tuned_paged[0].most), tuned_paged[0].tiles);
}

/// The command.
class Command : public Table {
protected:
  struct Result {
    int status;
    std::string output, errors;
  };

  Result run(const std::string &arguments) {
    std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "kiln-tune-decode";
    if (!std::filesystem::exists(program))
      program = program.parent_path().parent_path() / "bin/kiln-tune-decode"; // where it is in an archive
    const std::string out = directory / "out", errors = directory / "errors";
    const int status = std::system(("'" + program.string() + "' " + arguments + " >" + out + " 2>" + errors).c_str());
    return {WEXITSTATUS(status), read(out), read(errors)};
  }
  static std::string read(const std::string &path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  TemporaryDirectory directory;
};

TEST_F(Command, MakesTheTableFromTimesThatWereSaved) {
  add(8, 64, "uniform", rows, 2);
  const std::string path = directory / "times";
  std::ofstream(path) << to_csv(sweep);
  const Result result = run("--from " + path);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.output, decode_table(sweep));
  EXPECT_EQ(result.errors, "");
}

TEST_F(Command, MisuseIsNamed) {
  EXPECT_EQ(run("--help").status, 0);
  EXPECT_EQ(run("--form x").status, 2);
  EXPECT_TRUE(run("--form x").errors.starts_with("error: there is no option '--form'\nusage: kiln-tune-decode "));
  EXPECT_EQ(run("--from").errors, "error: --from needs FILE\n");
  EXPECT_EQ(run("--from /nowhere/at/all").status, 1);
  EXPECT_EQ(run("--from /nowhere/at/all").errors, "error: cannot read '/nowhere/at/all'\n");
}

} // namespace
