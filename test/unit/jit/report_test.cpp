#include "jit/report.h"

#include <gtest/gtest.h>

using namespace kiln;
using namespace kiln::jit;

namespace {

CompileReport example() {
  CompileReport report;
  report.trace_ms = 1.26;
  report.compile_ms = 100;
  report.lower_ms = 40;
  report.assemble_ms = 59.5;
  report.target = "sm_90a";
  report.assembler = "ptxas 13.0";
  report.threads = 128;
  report.registers = 96;
  report.spill_store_bytes = 8;
  report.spill_load_bytes = 16;
  report.shared_bytes = 20480;
  report.shared_buffers = {{"tile_gpu.convert_layout", "", 0, 16384}, {"tile.reduce", "a.cpp:7", 16384, 4096}};
  report.accesses = {{"paged.cpp:41:20", "load", "64x128xbf16", 128, 8, true, true, "", "pipelined in 3 stages", true},
                     {"", "store", "i32", 32, 1, false, false, "for \"a reason\"", "", false}};
  return report;
}

constexpr MultiprocessorLimits hopper{.threads = 2048, .programs = 32, .registers = 65536, .shared_bytes = 228 << 10};

TEST(Report, ReadsAsATable) {
  CompileReport report = example();
  fill_occupancy(report, hopper);
  EXPECT_EQ(report.text(), R"(target          sm_90a
trace           1.3 ms
compile         100.0 ms: lowering 40.0, assembling 59.5
assembler       ptxas 13.0
threads         128
registers       96 a thread
spills          8 bytes stored, 16 bytes loaded
shared memory   20480 bytes
     16384 bytes at      0  tile_gpu.convert_layout
      4096 bytes at  16384  tile.reduce, a.cpp:7
occupancy       31%: 5 programs a multiprocessor, bounded by registers
accesses
  paged.cpp:41:20: load of 64x128xbf16: 8 x 128 bits, predicated, read-only, evicted first, pipelined in 3 stages
  store of i32: 1 x 32 bits, for "a reason"
)");
}

TEST(Report, SurvivesItsJson) {
  CompileReport report = example();
  fill_occupancy(report, hopper);
  const auto read = report_from_json(report.json());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->text(), report.text());
  EXPECT_EQ(read->json(), report.json());
  EXPECT_FALSE(report_from_json("{"));
  EXPECT_FALSE(report_from_json("[1]"));
}

// JSON can spell numbers that no double holds, and cannot spell what they become.
TEST(Report, HasNoInfinity) {
  const auto read = report_from_json(R"({"compile_ms": 1e999, "trace_ms": 2.5, "occupancy": -1e999})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->compile_ms, 0);
  EXPECT_EQ(read->trace_ms, 2.5);
  EXPECT_EQ(read->occupancy, 0);
  EXPECT_TRUE(report_from_json(read->json()));
}

TEST(Report, OccupancyIsBoundByTheScarcestResource) {
  auto of = [](unsigned threads, unsigned registers, std::size_t shared) {
    CompileReport report;
    report.threads = threads;
    report.registers = registers;
    report.shared_bytes = shared;
    fill_occupancy(report, hopper);
    return std::to_string(report.programs_per_multiprocessor) + " " + report.occupancy_limit;
  };
  EXPECT_EQ(of(128, 32, 0), "16 threads");
  EXPECT_EQ(of(32, 32, 0), "32 programs");
  EXPECT_EQ(of(256, 128, 0), "2 registers");
  EXPECT_EQ(of(128, 168, 0), "3 registers");
  EXPECT_EQ(of(128, 32, 100 << 10), "2 shared memory"); // and 1 KiB each for the system
  EXPECT_EQ(of(128, 32, 114 << 10), "1 shared memory");
}

} // namespace
