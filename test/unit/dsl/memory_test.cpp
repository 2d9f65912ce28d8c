// Loads, stores, masks and atomics.
#include "run.h"

#include <numeric>
#include <vector>

using kiln::arange;
using kiln::Kernel;
using kiln::load;
using kiln::ptr;
using kiln::scalar;
using kiln::store;
using kiln::Tile;
using kiln_test::expect_output;
using kiln_test::None;
using kiln_test::on_every_device;

namespace {

TEST(Memory, MaskedLanesTouchNothing) {
  Kernel kernel{"masked", [](const None &, ptr<int> out, ptr<const int> in, scalar<int> n) {
                  auto i = arange(0, 8);
                  auto far = kiln::where(i < n, i, 1 << 30); // an address that no process has
                  auto zero = load(in + far, {.mask = i < n});
                  auto seven = load(in + far, {.mask = i < n, .other = 7});
                  auto tile = load(in + far, {.mask = i < n, .other = i * 10});
                  store(out + i, zero + seven * 100 + tile * 10000);
                  store(out + far, -1, {.mask = (i < 1) & (i < n)});
                }};
  const int in[] = {1, 2, 3};
  expect_output(kernel, {}, {-1, 20202, 30303, 300700, 400700, 500700, 600700, 700700}, in, 3);
  expect_output(kernel, {}, {700, 100700, 200700, 300700, 400700, 500700, 600700, 700700}, in, 0);
}

TEST(Memory, ScalarMaskAndScalarAccess) {
  Kernel kernel{"scalar", [](const None &, ptr<float> out, ptr<const float> in, scalar<int> n) {
                  store(out, load(in, {.mask = n > 0, .other = -0.5}));
                  store(out + 1, 3, {.mask = n > 1});
                }};
  const float in[] = {2};
  expect_output(kernel, {}, {2, 0}, in, 1);
  expect_output(kernel, {}, {-0.5, 0}, static_cast<const float *>(nullptr), 0);
  expect_output(kernel, {}, {2, 3}, in, 2);
}

TEST(Memory, BroadcastOfMaskAndValue) {
  Kernel kernel{"broadcast", [](const None &, ptr<int> out, scalar<int> rows) {
                  auto r = arange(0, 4), c = arange(0, 4);
                  store(out + (kiln::col(r) * 4 + kiln::row(c)), kiln::row(c) + 1, {.mask = kiln::col(r) < rows});
                }};
  expect_output(kernel, {}, {1, 2, 3, 4, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0}, 2);
}

TEST(Memory, PointerArithmetic) {
  Kernel kernel{"pointers",
                [](const None &, ptr<std::int16_t> out, ptr<const std::int16_t> in, scalar<std::int64_t> by) {
                  auto p = in + by;
                  store(out, load(p - 1));
                  store(out + 1, load(2 + p));
                  p -= 3;
                  p += kiln::full({}, 1, kiln::i32);
                  store(out + 2, load(p));
                  Tile q = kiln::where(by > 0, p, in);
                  store(out + 3, load(q));
                }};
  const std::int16_t in[] = {10, 11, 12, 13, 14, 15};
  expect_output(kernel, {}, {12, 15, 11, 11}, in, std::int64_t(3));
}

TEST(Memory, Bitcast) {
  Kernel kernel{"bitcast", [](const None &, ptr<int> out, scalar<float> x) {
                  store(out, kiln::bitcast(x, kiln::i32));
                  store(kiln::bitcast(out + 1, kiln::f32), x); // through a pointer to another type
                  store(out + 2, kiln::bitcast(kiln::bitcast(x, kiln::i32) + (1 << 23), kiln::f32).to(kiln::i32));
                }};
  expect_output(kernel, {}, {0x3fc00000, 0x3fc00000, 3}, 1.5f);
}

TEST(Memory, Booleans) {
  Kernel kernel{"booleans", [](const None &, ptr<bool> out, ptr<const bool> in) {
                  auto i = arange(0, 4);
                  store(out + i, !load(in + i));
                }};
  const bool in[] = {true, false, false, true};
  on_every_device([&](kiln::Device device) {
    bool out[4] = {};
    kernel.launch({.device = device}, {}, out, in);
    EXPECT_FALSE(out[0] || out[3]);
    EXPECT_TRUE(out[1] && out[2]);
  });
}

struct Size {
  int block = 64;
};

TEST(Grid, ProgramsCoverIt) {
  Kernel kernel{"grid", [](const None &, ptr<int> out) {
                  auto x = kiln::program_id(0), y = kiln::program_id(1), z = kiln::program_id(2);
                  auto nx = kiln::num_programs(0), ny = kiln::num_programs(1), nz = kiln::num_programs(2);
                  store(out + ((z * ny + y) * nx + x), x + 10 * y + 100 * z + 1000 * (nx + 10 * ny + 100 * nz));
                }};
  on_every_device([&](kiln::Device device) {
    std::vector<int> out(5 * 3 * 2);
    kernel.launch({.grid = {5, 3, 2}, .device = device}, {}, out.data());
    for (int z = 0, i = 0; z < 2; ++z)
      for (int y = 0; y < 3; ++y)
        for (int x = 0; x < 5; ++x, ++i)
          EXPECT_EQ(out[i], x + 10 * y + 100 * z + 1000 * (5 + 30 + 200));
  });
}

TEST(Atomics, EveryKind) {
  Kernel kernel{"atomics", [](const None &, ptr<int> out, ptr<int> cells, scalar<int> v) {
                  using namespace kiln;
                  store(out, atomic_add(cells, v));
                  store(out + 1, atomic_max(cells + 1, v, {.order = MemoryOrder::relaxed}));
                  store(out + 2, atomic_min(cells + 2, v, {.scope = MemoryScope::system}));
                  store(out + 3, atomic_and(cells + 3, v));
                  store(out + 4, atomic_or(cells + 4, v));
                  store(out + 5, atomic_xor(cells + 5, v));
                  store(out + 6, atomic_exchange(cells + 6, v));
                  store(out + 7, atomic_cas(cells + 7, 100, v));
                  store(out + 8, atomic_cas(cells + 8, 7, v));
                }};
  on_every_device([&](kiln::Device device) {
    std::vector<int> cells(9, 100), out(9);
    kernel.launch({.device = device}, {}, out.data(), cells.data(), 12);
    EXPECT_EQ(out, std::vector<int>(9, 100));
    EXPECT_EQ(cells, (std::vector<int>{112, 100, 12, 100 & 12, 100 | 12, 100 ^ 12, 12, 12, 100}));
  });
}

TEST(Atomics, LanesAndProgramsAllCount) {
  Kernel kernel{"count", [](const Size &c, ptr<float> total, ptr<int> old, scalar<int> n) {
                  auto i = kiln::program_id(0) * c.block + arange(0, c.block);
                  kiln::atomic_add(total, kiln::program_id(0).to(kiln::f32) + 1);
                  // All lanes name one cell.
                  store(old + i,
                        kiln::atomic_add(kiln::broadcast_to(total + 1, {c.block}), 1, {.mask = i < n}).to(kiln::i32));
                }};
  on_every_device([&](kiln::Device device) {
    float total[2] = {};
    std::vector<int> old(256, -1);
    kernel.launch({.grid = 4, .device = device}, {}, total, old.data(), 200);
    EXPECT_EQ(total[0], 1 + 2 + 3 + 4);
    EXPECT_EQ(total[1], 200);
    std::vector<bool> seen(200);
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(old[i] >= 0 && old[i] < 200 && !seen[old[i]]) << i;
      seen[old[i]] = true;
    }
    for (int i = 200; i < 256; ++i)
      EXPECT_EQ(old[i], 0); // masked off
  });
}

} // namespace
