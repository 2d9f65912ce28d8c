// What the fuzzer relies on: that a crash is seen and costs one program, and that a write beside a buffer is seen.
#include "arena.h"
#include "children.h"

#include <gtest/gtest.h>

#include <csignal>
#include <map>

using namespace kiln::fuzz;

namespace {

std::map<std::uint64_t, std::string> run(std::vector<std::uint64_t> numbers, unsigned jobs,
                                         const std::function<std::string(std::uint64_t)> &f) {
  std::map<std::uint64_t, std::string> results;
  for_each_in_children(
      std::move(numbers), jobs, f, [](const std::string &text) { return text == "the end"; },
      [&](std::uint64_t number, const std::string &text) { EXPECT_TRUE(results.emplace(number, text).second); });
  return results;
}

TEST(Children, EveryNumberHasAResult) {
  const auto results = run({3, 5, 8, 13}, 3, [](std::uint64_t n) { return std::string(n, 'x'); });
  ASSERT_EQ(results.size(), 4U);
  for (const auto &[number, text] : results)
    EXPECT_EQ(text, std::string(number, 'x'));
}

TEST(Children, ACrashCostsOneNumber) {
  const auto results = run({1, 2, 3, 4, 5, 6}, 2, [](std::uint64_t n) {
    if (n % 3 == 0)
      std::raise(SIGSEGV);
    return std::string("fine");
  });
  ASSERT_EQ(results.size(), 6U);
  for (const auto &[number, text] : results)
    EXPECT_EQ(text, number % 3 == 0 ? "crashed with signal 11" : "fine");
}

TEST(Children, AResultMayEndTheProcess) {
  const auto results = run({1, 2, 3, 4}, 1, [](std::uint64_t n) {
    static int done = 0; // of this process
    ++done;
    return n == 2 ? std::string("the end") : std::to_string(done);
  });
  EXPECT_EQ(results, (std::map<std::uint64_t, std::string>{{1, "1"}, {2, "the end"}, {3, "1"}, {4, "2"}}));
}

TEST(Children, AProcessThatVanishesIsAFailure) {
  const auto results = run({7}, 1, [](std::uint64_t) -> std::string { std::exit(9); });
  ASSERT_EQ(results.size(), 1U);
  EXPECT_TRUE(results.at(7).starts_with("a process ended with status")) << results.at(7);
}

class ArenaTest : public testing::TestWithParam<std::uint64_t> {
protected:
  std::vector<unsigned char> first = std::vector<unsigned char>(24, 1), second = std::vector<unsigned char>(300, 2);
  std::vector<GpuBuffer> buffers = {{first, 8}, {second, 1}};
  Arena arena{buffers, GetParam()};
};

TEST_P(ArenaTest, BuffersComeBack) {
  EXPECT_EQ(arena.offsets[0] % 8, 0U);
  arena.image[arena.offsets[0] + 23] = 9;
  arena.image[arena.offsets[1]] = 8;
  EXPECT_EQ(arena.fetch(buffers), "");
  EXPECT_EQ(first[23], 9);
  EXPECT_EQ(second[0], 8);
  EXPECT_EQ(second[299], 2);
}

TEST_P(ArenaTest, WritesBesideThemAreSeen) {
  for (std::size_t at : {arena.offsets[0] - 1, arena.offsets[0] + 24, arena.offsets[1] - 1, arena.offsets[1] + 300,
                         std::size_t(0), arena.image.size() - 1}) {
    Arena written = arena;
    written.image[at] = 0;
    EXPECT_NE(written.fetch(buffers), "") << at;
  }
  arena.image[arena.offsets[0] + 26] = 0;
  EXPECT_EQ(arena.fetch(buffers), "memory after buffer 0 was written, at byte 2");
}

INSTANTIATE_TEST_SUITE_P(Alignment, ArenaTest, testing::Values(0, 1));

} // namespace
