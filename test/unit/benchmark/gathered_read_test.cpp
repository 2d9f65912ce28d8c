// The gathered read reads everything that decode does, once.
#include "benchmark/gathered_read.h"

#include "paged_attention/random_problem.h"

#include <gtest/gtest.h>
#include <numeric>

using namespace kiln;
using bench::GatheredReadConfig;
using bench::GatheredReadPlan;

namespace {

const Kernel kernel{"gathered_read", bench::gathered_read_body};

TEST(GatheredRead, PlansTakeEveryTokenOnce) {
  const std::vector<std::int32_t> lengths{70, 0, 1, 64, 1000, 33};
  for (std::int64_t programs : {1, 2, 7, 36, 100}) {
    const GatheredReadPlan plan(lengths, 32, programs);
    ASSERT_EQ(plan.starts.size(), std::size_t(programs) + 1);
    EXPECT_EQ(plan.starts.back(), int(plan.pieces.size()));
    std::vector<std::int32_t> read(lengths.size());
    for (std::int64_t program = 0; program < programs; ++program) {
      std::int64_t blocks = 0;
      for (std::int32_t i = plan.starts[program]; i < plan.starts[program + 1]; ++i) {
        const GatheredReadPlan::Piece &piece = plan.pieces[i];
        EXPECT_EQ(piece.begin, read[piece.sequence]);
        EXPECT_LT(piece.begin, piece.end);
        read[piece.sequence] = piece.end;
        blocks += cdiv(piece.end - piece.begin, 32);
      }
      EXPECT_NEAR(double(blocks), 40.0 / double(programs), 1);
    }
    EXPECT_EQ(read, lengths);
  }
}

void expect_everything_is_read(const GatheredReadConfig &tiles, Device device) {
  const kernels::RandomPagedAttention<half> host({70, 1, 200, 0, 33}, {.kv_heads = 4, .head_dim = 80, .page_size = 16});
  const auto &p = host.problem;
  const std::int64_t token_words = p.kv_heads * p.head_dim / 2, rows = token_words / tiles.row_words, programs = 5;
  const auto words_of = [](const auto &cache) { return reinterpret_cast<const std::int32_t *>(cache.data()); };
  std::vector<std::int32_t> expected(rows);
  for (std::int64_t b = 0; b < p.batch; ++b)
    for (std::int64_t token = 0; token < host.lengths[b]; ++token) {
      const std::int64_t page = host.table[b * p.max_pages + token / p.page_size],
                         place = (page * p.page_size + token % p.page_size) * token_words;
      for (std::int64_t i = 0; i < token_words; ++i)
        expected[i / tiles.row_words] ^= words_of(host.key_cache)[place + i] ^ words_of(host.value_cache)[place + i];
    }

  const auto upload = [&](const auto &values) {
    DeviceBuffer buffer(device, values.size() * sizeof values[0]);
    buffer.copy_from_host(values.data(), buffer.bytes());
    return buffer;
  };
  const GatheredReadPlan plan(host.lengths, tiles.block_n, programs);
  const DeviceBuffer keys = upload(host.key_cache), values = upload(host.value_cache), table = upload(host.table),
                     starts = upload(plan.starts), pieces = upload(plan.pieces);
  DeviceBuffer out(device, std::size_t(rows * programs) * 4);
  out.fill(0x5a);
  kernel.launch({.grid = {rows, programs}, .device = device}, tiles, keys.as<const std::int32_t>(),
                values.as<const std::int32_t>(), token_words, table.as<const std::int32_t>(), p.max_pages,
                starts.as<const std::int32_t>(), pieces.as<const std::int32_t>(), out.as<std::int32_t>());
  std::vector<std::int32_t> parts(rows * programs), found(rows);
  out.copy_to_host(parts.data(), out.bytes());
  for (std::size_t i = 0; i < parts.size(); ++i)
    found[i % rows] ^= parts[i];
  EXPECT_EQ(found, expected);
}

class GatheredReadOn : public testing::TestWithParam<const char *> {};

TEST_P(GatheredReadOn, ReadsEverything) {
  if (std::string_view(GetParam()) == "cuda" && cuda::device_count() == 0)
    GTEST_SKIP() << cuda::unavailable_reason();
  const Device device = std::string_view(GetParam()) == "cuda" ? Device::cuda() : Device::parse(GetParam());
  expect_everything_is_read({.row_words = 40, .block_n = 32, .num_stages = 2}, device);
  expect_everything_is_read({.row_words = 80, .block_n = 16, .num_stages = 3}, device);
}

INSTANTIATE_TEST_SUITE_P(, GatheredReadOn, testing::Values("cpu", "emulated:sm_90a", "cuda"), [](const auto &info) {
  return std::string(info.param).substr(0, std::string_view(info.param).find(':'));
});

} // namespace
