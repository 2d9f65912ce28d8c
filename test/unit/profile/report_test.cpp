#include "kiln/profile_report.h"

#include "../temporary_directory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace kiln;

namespace {

std::uint64_t &count_of(LineProfile &line, InstructionClass kind) {
  return line.instructions[static_cast<std::size_t>(kind)];
}

LineProfile line_at(const char *file, unsigned number) {
  LineProfile line;
  line.file = file;
  line.line = number;
  return line;
}

/// A kernel of five lines that did a little of everything.
LaunchProfile example() {
  LaunchProfile launch;
  launch.kernel = "gather";
  launch.arch = "sm_90a";
  launch.note = "note: while running 'gather' with {64, true}";
  launch.grid = {4, 2, 1};
  launch.num_warps = 1;
  launch.shared_bytes = 2048;

  LineProfile start = line_at("kernel.h", 2);
  count_of(start, InstructionClass::integer) = 90;
  count_of(start, InstructionClass::special) = 8;
  LineProfile load = line_at("kernel.h", 3);
  count_of(load, InstructionClass::global_load) = 10;
  load.sectors = 320;
  load.sector_bytes_used = 1280;
  LineProfile copy = line_at("kernel.h", 4);
  count_of(copy, InstructionClass::shared_load) = 40;
  copy.shared_passes = 96;
  copy.shared_passes_ideal = 40;
  LineProfile wait = line_at("kernel.h", 5);
  count_of(wait, InstructionClass::barrier) = 2;
  wait.waits = 2;
  wait.bytes_before_wait = 3072;
  wait.bytes_after_wait = 1025;
  LineProfile store = line_at("other.h", 12);
  count_of(store, InstructionClass::global_store) = 50;
  store.sectors = 200;
  store.sector_bytes_used = 6400;
  launch.lines = {start, load, copy, wait, store};
  return launch;
}

/// A directory with the sources of example(), but for other.h.
class ProfileReport : public testing::Test {
protected:
  void SetUp() override {
    write("kernel.h", "void gather() {\n"
                      "  Tile i = program_id(0) * 64;\n"
                      "  Tile x = load(p + i * 8);\n"
                      "    if (a < b && c > \"d\") // \xc3\xa4\n"
                      "\tstore(out, x);\r\n"
                      "}\n");
    options.source_directories = {"/nonexistent", directory.path()};
  }

  void write(const char *name, const std::string &text) { std::ofstream(directory / name) << text; }

  TemporaryDirectory directory;
  ProfileReportOptions options;
};

TEST_F(ProfileReport, Text) {
  EXPECT_EQ(profile_text(example(), options),
            R"(gather with {64, true} on sm_90a: 4 x 2 x 1 programs of 1 warp, 2048 bytes of shared memory

Instructions of warps
  line  source                        all    share  int  special  barrier  g.load  g.store  s.load
kernel.h
     2  Tile i = program_id(0) * 64;   98   49.0 %   90        8
     3  Tile x = load(p + i * 8);      10    5.0 %                             10
     4    if (a < b && c > "d") // ä   40   20.0 %                                              40
     5  store(out, x);                  2    1.0 %                      2
other.h
    12                                 50   25.0 %                                      50
 total                                200  100.0 %   90        8        2      10       50      40

Memory
  line  source                        sectors  bytes used  efficiency  passes  conflicts  waits  in flight   after
kernel.h
     3  Tile x = load(p + i * 8);         320        1280      12.5 %
     4    if (a < b && c > "d") // ä                                       96         56
     5  store(out, x);                                                                        2       1536  512.50
other.h
    12                                    200        6400     100.0 %
 total                                    520        7680      46.2 %      96         56      2       1536  512.50

What stands out
  kernel.h:3: 12.5 % of what its 320 sectors of global memory hold is used (61.5 % of all sectors)
  kernel.h:4: bank conflicts: 96 passes through shared memory, without conflicts 40
)");
}

TEST_F(ProfileReport, ColumnsThatDoNotFitGoIntoAFurtherTable) {
  LaunchProfile launch = example();
  for (std::size_t i = 0; i < instruction_class_count; ++i)
    launch.lines[0].instructions[i] = 1'000'000 + i;
  for (const unsigned columns : {80U, 100U, 120U}) {
    options.columns = columns;
    const std::string text = profile_text(launch, options);
    std::istringstream lines(text.substr(0, text.find("What stands out")));
    std::string line;
    std::getline(lines, line); // the title
    std::size_t longest = 0;
    while (std::getline(lines, line))
      longest = std::max(longest, line.size() - (line.find("\xc3") != line.npos));
    EXPECT_LE(longest, columns);
    EXPECT_NE(text.find("\nInstructions of warps, continued\n"), text.npos);
    EXPECT_GT(longest, columns - 20);
    for (std::size_t i = 0; i < instruction_class_count; ++i)
      EXPECT_NE(text.find(" " + std::to_string(1'000'000 + i)), text.npos) << i;
  }
}

TEST_F(ProfileReport, LongLinesAreCut) {
  write("other.h", std::string(11, '\n') + "  store(" + std::string(200, 'x') + ");\n");
  const std::string text = profile_text(example(), options);
  EXPECT_NE(text.find("xxx..  "), text.npos);
  EXPECT_EQ(text.find(std::string(200, 'x')), text.npos);
}

TEST_F(ProfileReport, LargeCountsAreShortened) {
  LaunchProfile launch = example();
  launch.lines.resize(2);
  launch.lines[1].sectors = 1'234'567'890;
  launch.lines[1].sector_bytes_used = 32 * 1'234'567'890ULL;
  count_of(launch.lines[1], InstructionClass::global_load) = 12'345'678;
  const std::string text = profile_text(launch, options);
  EXPECT_NE(text.find("12.35M"), text.npos);
  EXPECT_NE(text.find("1.23G"), text.npos);
  EXPECT_NE(text.find("nothing: no line uses less than half of the sectors"), text.npos);
  EXPECT_NE(profile_html({&launch, 1}, options).find(">1234567890<"), std::string::npos) << "a page has room";
}

TEST_F(ProfileReport, ColoursAreForTerminals) {
  EXPECT_EQ(profile_text(example(), options).find('\033'), std::string::npos);
  options.colours = true;
  const std::string text = profile_text(example(), options);
  EXPECT_NE(text.find("\033[1;31m    12.5 %\033[0m"), text.npos) << "low efficiency";
  EXPECT_NE(text.find("\033[1;31m       56\033[0m"), text.npos) << "bank conflicts";
  EXPECT_NE(text.find("\033[33m 20.0 %\033[0m"), text.npos) << "a tenth of the instructions";
}

TEST_F(ProfileReport, OperationsWithoutAPlace) {
  LaunchProfile launch = example();
  LineProfile nowhere;
  count_of(nowhere, InstructionClass::control) = 3;
  launch.lines.insert(launch.lines.begin(), nowhere);
  EXPECT_NE(profile_text(launch, options).find("\n(no place)\n"), std::string::npos);
  EXPECT_NE(profile_html({&launch, 1}, options).find("<h3>(no place)</h3>"), std::string::npos);
}

TEST_F(ProfileReport, ALaunchThatDidNothing) {
  LaunchProfile launch = example();
  launch.lines.clear();
  EXPECT_NE(profile_text(launch, options).find("4 x 2 x 1 programs"), std::string::npos);
  EXPECT_NE(profile_html({&launch, 1}, options).find("</html>"), std::string::npos);
}

TEST_F(ProfileReport, Html) {
  const LaunchProfile launches[] = {example(), example()};
  const std::string page = profile_html(launches, options);
  EXPECT_NE(page.find("<title>Profile of gather, gather</title>"), page.npos);
  // All of a file, those lines that did nothing too.
  EXPECT_NE(page.find("<tr class=\"idle\"><td class=\"number\">1</td><td class=\"code\">void gather() {</td></tr>"),
            page.npos);
  EXPECT_NE(page.find("<td class=\"code\">    if (a &lt; b &amp;&amp; c &gt; &quot;d&quot;) // \xc3\xa4</td>"),
            page.npos);
  EXPECT_NE(page.find("<h3>other.h (its text could not be read)</h3>"), page.npos);
  EXPECT_NE(page.find("<td class=\"share\" style=\"--part: 49.0%\">49.0%</td>"), page.npos);
  EXPECT_NE(page.find("<td class=\"bad\">12.5 %</td>"), page.npos);
  // Links lead to lines of the same launch.
  for (const char *id : {"launch0-0-3", "launch1-0-3"}) {
    EXPECT_NE(page.find("<a href=\"#" + std::string(id) + "\">kernel.h:3</a>"), page.npos);
    EXPECT_NE(page.find("<tr id=\"" + std::string(id) + "\">"), page.npos);
  }
  EXPECT_EQ(page.find("http"), page.npos) << "needs something from elsewhere";
  EXPECT_EQ(page.find("<script"), page.npos);
}

TEST_F(ProfileReport, FilesThatWereCompiledFromAnotherDirectory) {
  LaunchProfile launch = example();
  for (LineProfile &line : launch.lines)
    line.file = "../../" + line.file;
  const std::string text = profile_text(launch, options), page = profile_html({&launch, 1}, options);
  EXPECT_NE(text.find("\nkernel.h\n     2  Tile i = program_id(0) * 64;"), text.npos) << text;
  EXPECT_NE(text.find("  kernel.h:3: 12.5 %"), text.npos) << text;
  EXPECT_NE(page.find("<h3>kernel.h</h3>"), page.npos);
}

TEST_F(ProfileReport, BytesThatDoNotPrint) {
  write("other.h", std::string(11, '\n') + "bad \xff byte\x01\n");
  const LaunchProfile launch = example();
  EXPECT_NE(profile_text(launch, options).find("bad ? byte?"), std::string::npos);
  EXPECT_NE(profile_html({&launch, 1}, options).find("bad ? byte?"), std::string::npos);
}

} // namespace
