// Masks that are off by one.

#include "subject.h"

using namespace kiln;
using namespace kiln::test;

namespace {

struct Block {
  int block = 128;
  int num_warps = 2;
};

using Body = void (*)(const Block &, ptr<const float>, ptr<float>, scalar<std::int32_t>);

constexpr int load_line = __LINE__ + 3;
void load_one_more(const Block &c, ptr<const float> in, ptr<float> out, scalar<std::int32_t> n) {
  Tile i = program_id(0) * c.block + arange(0, c.block);
  Tile x = load(in + i, {.mask = i <= n});
  store(out + i, x, {.mask = i < n});
}

constexpr int store_line = __LINE__ + 4;
void store_one_more(const Block &c, ptr<const float> in, ptr<float> out, scalar<std::int32_t> n) {
  Tile i = program_id(0) * c.block + arange(0, c.block);
  Tile x = load(in + i, {.mask = i < n});
  store(out + i, x, {.mask = i <= n});
}

constexpr int unmasked_load_line = __LINE__ + 3;
void load_without_mask(const Block &c, ptr<const float> in, ptr<float> out, scalar<std::int32_t> n) {
  Tile i = program_id(0) * c.block + arange(0, c.block);
  Tile x = load(in + i);
  store(out + i, x, {.mask = i < n});
}

constexpr int unmasked_store_line = __LINE__ + 4;
void store_without_mask(const Block &c, ptr<const float> in, ptr<float> out, scalar<std::int32_t> n) {
  Tile i = program_id(0) * c.block + arange(0, c.block);
  Tile x = load(in + i, {.mask = i < n});
  store(out + i, x);
}

constexpr int short_store_line = __LINE__ + 3;
void store_one_less(const Block &c, ptr<const float> in, ptr<float> out, scalar<std::int32_t> n) {
  Tile i = program_id(0) * c.block + arange(0, c.block);
  store(out + i, load(in + i, {.mask = i < n}), {.mask = i < n - 1});
}

Report run(const char *name, Body body) {
  // One less than a block takes the accesses apart, so that the one outside is of a single element.
  const std::int32_t n = 255;
  Array<float> in("in", std::vector<float>(n, 1));
  Array<float> out("out", std::vector<float>(n), Array<float>::Role::output);
  const Kernel kernel{name, body};
  return Subject(kernel, Block{}, {2, 1, 1}, in.data(), out.data(), n).run();
}

void expect_outside(const Report &report, const char *access, const char *buffer, int line) {
  EXPECT_TRUE(report.says(std::string("error: ") + access + " of 4 bytes at ")) << report.text;
  EXPECT_TRUE(report.says(buffer)) << report.text;
  EXPECT_TRUE(report.names(line_of(__FILE__, line))) << report.text;
}

TEST(WrongMask, OfALoad) {
  const Report report = run("load_one_more", load_one_more);
  expect_outside(report, "load", "0 bytes past the end of buffer 'in' (1020 bytes)", load_line);
  note("`<=` for `<` in a load's mask", report);
}

TEST(WrongMask, OfAStore) {
  const Report report = run("store_one_more", store_one_more);
  expect_outside(report, "store", "0 bytes past the end of output 'out' (1020 bytes)", store_line);
  note("`<=` for `<` in a store's mask", report);
}

TEST(WrongMask, IsForgotten) {
  const Report load = run("load_without_mask", load_without_mask);
  EXPECT_TRUE(load.says("past the end of buffer 'in' (1020 bytes)")) << load.text;
  EXPECT_TRUE(load.names(line_of(__FILE__, unmasked_load_line))) << load.text;
  note("no mask on a load", load);
  const Report store = run("store_without_mask", store_without_mask);
  EXPECT_TRUE(store.says("past the end of output 'out' (1020 bytes)")) << store.text;
  EXPECT_TRUE(store.names(line_of(__FILE__, unmasked_store_line))) << store.text;
  note("no mask on a store", store);
}

TEST(WrongMask, LeavesTheLastElementUnwritten) {
  const Report report = run("store_one_less", store_one_less);
  EXPECT_TRUE(report.says("byte 1016 of output 'out' (1020 bytes) is not written by the kernel, and 3 others are not"))
      << report.text;
  EXPECT_TRUE(report.names(line_of(__FILE__, short_store_line))) << report.text;
  note("`n - 1` for `n` in a store's mask", report);
}

constexpr int table_line = __LINE__ + 4;
void read_pages(const Block &c, ptr<const std::int32_t> table, ptr<const float> pages, ptr<float> out,
                scalar<std::int32_t> length) {
  Tile token = arange(0, c.block);
  Tile page = load(table + token / 16, {.mask = token <= length});
  Tile x = load(pages + page * 16 + token % 16, {.mask = token < length});
  store(out + token, x, {.mask = token < length});
}

TEST(WrongMask, OfABlockTable) {
  Array<std::int32_t> table("table", {2, 0, 1});
  Array<float> pages("pages", std::vector<float>(48, 1));
  Array<float> out("out", std::vector<float>(48), Array<float>::Role::output);
  const Kernel kernel{"read_pages", read_pages};
  const Report report = Subject(kernel, Block{}, {1, 1, 1}, table.data(), pages.data(), out.data(), 48).run();
  expect_outside(report, "load", "0 bytes past the end of buffer 'table' (12 bytes)", table_line);
  note("an entry of the block table too many", report);
}

} // namespace
