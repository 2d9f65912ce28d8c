// ldmatrix and stmatrix: rows of shared memory and registers of lanes.
#include "emulated_threads.h"

#include "kiln/emulator.h"

#include <gtest/gtest.h>

#include <array>

using namespace kiln;
using namespace kiln::test;

namespace {

constexpr std::uint64_t kRowBytes = 16;

/// Element (row, column) of a matrix.
std::uint64_t element(std::uint64_t matrix, std::uint64_t row, std::uint64_t column) {
  return (matrix << 12 | row << 8 | column << 4 | 0xb) & 0xffff;
}

/// What a lane's register of a matrix holds (PTX ISA, ldmatrix): two neighbours of row lane / 4, from column
/// 2 * (lane % 4); transposed, of the matrix's transpose.
std::uint64_t fragment(std::uint64_t matrix, std::uint64_t lane, bool transposed) {
  const std::uint64_t outer = lane / 4, inner = lane % 4 * 2;
  return transposed ? element(matrix, inner, outer) | element(matrix, inner + 1, outer) << 16
                    : element(matrix, outer, inner) | element(matrix, outer, inner + 1) << 16;
}

/// Rows stand `pitch` bytes apart, those of the matrices one after another.
std::uint64_t pitch;
unsigned matrices;
bool transposed;
std::array<std::array<std::uint64_t, 4>, 32> loaded;
std::array<std::uint64_t, 4 * 8 * 4> stored;

std::string name(const char *operation) {
  return operation + std::string(".x") + std::to_string(matrices) + (transposed ? ".trans" : "");
}

auto make_load() {
  return emulated_kernel(
      {"tid.x", "shared.base", "st.shared.b32", "bar.sync", name("ldmatrix")}, 1, 4096, [](EmulatedThread t) {
        const std::uint64_t lane = t(0), base = t(1);
        // Each lane writes one row.
        for (std::uint64_t pair = 0; pair < 4; ++pair)
          t(2, {base + lane * pitch + 4 * pair,
                element(lane / 8, lane % 8, 2 * pair) | element(lane / 8, lane % 8, 2 * pair + 1) << 16});
        t(3);
        // Those beyond the last row name an address that must not matter.
        const std::vector<std::uint64_t> results = t.all(4, {lane / 8 < matrices ? base + lane * pitch : 1});
        for (unsigned m = 0; m < 4; ++m)
          loaded[lane][m] = results[m];
      });
}

auto make_store() {
  return emulated_kernel({"tid.x", "shared.base", name("stmatrix"), "bar.sync", "ld.shared.b32.pred"}, 1, 4096,
                         [](EmulatedThread t) {
                           const std::uint64_t lane = t(0), base = t(1);
                           std::vector<std::uint64_t> operands = {lane / 8 < matrices ? base + lane * pitch : 1};
                           for (unsigned m = 0; m < matrices; ++m)
                             operands.push_back(fragment(m, lane, transposed));
                           t.all(2, operands);
                           t(3);
                           for (std::uint64_t pair = 0; pair < 4; ++pair)
                             stored[lane * 4 + pair] = t(4, {base + lane * pitch + 4 * pair, lane / 8 < matrices, 0});
                         });
}

template <class F>
void for_each_shape(F &&f) {
  pitch = kRowBytes;
  for (unsigned count : {1, 2, 4})
    for (bool trans : {false, true}) {
      matrices = count;
      transposed = trans;
      SCOPED_TRACE(testing::Message() << count << (trans ? " transposed" : ""));
      f();
    }
}

TEST(EmulatedMatrix, LoadsFragments) {
  for_each_shape([] {
    ASSERT_EQ(run_checked(make_load()), "");
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned m = 0; m < matrices; ++m)
        ASSERT_EQ(loaded[lane][m], fragment(m, lane, transposed)) << lane << ", " << m;
  });
}

TEST(EmulatedMatrix, StoresFragments) {
  for_each_shape([] {
    ASSERT_EQ(run_checked(make_store()), "");
    for (unsigned row = 0; row < 8 * matrices; ++row)
      for (unsigned pair = 0; pair < 4; ++pair)
        ASSERT_EQ(stored[row * 4 + pair],
                  (element(row / 8, row % 8, 2 * pair) | element(row / 8, row % 8, 2 * pair + 1) << 16))
            << row << ", " << pair;
  });
}

TEST(EmulatedMatrix, AMisalignedRowIsFound) {
  for_each_shape([] {
    pitch = 20;
    std::string found = run_checked(make_load());
    EXPECT_NE(found.find("not a multiple of 16"), std::string::npos) << found;
    EXPECT_NE(found.find("test.cpp:4:1"), std::string::npos) << found;
    found = run_checked(make_store());
    EXPECT_NE(found.find("not a multiple of 16"), std::string::npos) << found;
    EXPECT_NE(found.find("test.cpp:2:1"), std::string::npos) << found;
    pitch = kRowBytes;
  });
}

TEST(EmulatedMatrix, ARowOutsideSharedMemoryIsFound) {
  matrices = 4;
  transposed = false;
  pitch = 144;
  const std::string found = run_checked(make_store());
  EXPECT_NE(found.find("write of 16 bytes at byte 4176 of shared memory, of which the program has 4096"),
            std::string::npos)
      << found;
  EXPECT_NE(found.find("lanes 29-31"), std::string::npos) << found;
}

/// {passes, passes without conflicts} of the matrix operation.
std::pair<std::uint64_t, std::uint64_t> passes(const runtime::EmulatedKernel &kernel, unsigned line) {
  EmulatorProfiler profiler;
  EXPECT_EQ(run_checked(kernel), "");
  for (const LineProfile &profile : profiler.launches().at(0).lines)
    if (profile.line == line)
      return {profile.shared_passes, profile.shared_passes_ideal};
  return {};
}

TEST(EmulatedMatrix, EightRowsAreOnePass) {
  for_each_shape([] {
    EXPECT_EQ(passes(make_load(), 4), std::pair(std::uint64_t(matrices), std::uint64_t(matrices)));
    EXPECT_EQ(passes(make_store(), 2), std::pair(std::uint64_t(matrices), std::uint64_t(matrices)));
    // All rows in the same banks.
    pitch = 128;
    EXPECT_EQ(passes(make_load(), 4), std::pair(std::uint64_t(8 * matrices), std::uint64_t(matrices)));
    EXPECT_EQ(passes(make_store(), 2), std::pair(std::uint64_t(8 * matrices), std::uint64_t(matrices)));
    pitch = kRowBytes;
  });
}

} // namespace
