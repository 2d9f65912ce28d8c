// Pointers, masks, stores, atomics.
#include "expect_error.h"

using namespace kiln_test;
using kiln::arange;
using kiln::load;
using kiln::ptr;
using kiln::scalar;
using kiln::store;
using kiln::Tile;

namespace {

TEST(MemoryErrors, Pointers) {
  expect_error("'load': expected a pointer, got i32", [](const None &, scalar<int> a) { BAD load(a); });
  expect_error("'store': expected a pointer, got tile<4xi32>", [](const None &) { BAD store(arange(0, 4), 1); });
  expect_error("'+': the offset of a pointer is i32 or i64, got tile<4xi8>", [](const None &, ptr<float> p) {
    auto i = arange(0, 4).to(kiln::i8);
    BAD p + i;
  });
  expect_error("'-': the offset of a pointer is i32 or i64, got ptr<f32>",
               [](const None &, ptr<float> p) { BAD p - p; });
  expect_error("'+': the offset of a pointer is i32 or i64, got f32", [](const None &, ptr<float> p) { BAD p + 1.5; });
  expect_error("'+': shapes of tile<4xptr<f32>> and tile<8xi32> do not match: aligned at the last dimension, sizes are "
               "equal or 1",
               [](const None &, ptr<float> p) {
                 auto q = p + arange(0, 4);
                 BAD q += arange(0, 8);
               });
  expect_error("'*' is not defined on ptr<f32>", [](const None &, ptr<float> p) { BAD p * 2; });
  expect_error("'==' is not defined on ptr<f32>", [](const None &, ptr<float> p) { BAD auto same = p == p; });
  expect_error("'-' is not defined on pointers", [](const None &, ptr<float> p) { BAD - p; });
}

TEST(MemoryErrors, Masks) {
  expect_error("'load': a mask is i1, got tile<4xi32>", [](const None &, ptr<float> p) {
    auto i = arange(0, 4);
    BAD load(p + i, {.mask = i});
  });
  expect_error("'load': the mask tile<8xi1> does not fit the pointers tile<4xptr<f32>>",
               [](const None &, ptr<float> p, scalar<int> n) {
                 auto mask = arange(0, 8) < n;
                 BAD load(p + arange(0, 4), {.mask = mask});
               });
  expect_error("'store': the mask tile<4xi1> does not fit the pointers ptr<f32>",
               [](const None &, ptr<float> p, scalar<int> n) {
                 auto mask = arange(0, 4) < n;
                 BAD store(p, 1, {.mask = mask});
               });
  expect_error("this tile has no value here: it was never assigned, or only inside a loop or in one branch",
               [](const None &, ptr<float> p) {
                 Tile mask;
                 BAD load(p, {.mask = mask});
               });
}

TEST(MemoryErrors, Values) {
  expect_error("'store': the value is f32 and the pointer ptr<bf16>; convert the value with .to(kiln::bf16)",
               [](const None &, ptr<kiln::bfloat16> p, scalar<float> a) { BAD store(p, a); });
  expect_error("'store': the value tile<4xf32> does not fit the pointers ptr<f32>", [](const None &, ptr<float> p) {
    auto x = kiln::zeros({4}, kiln::f32);
    BAD store(p, x);
  });
  expect_error("'store': 40000 does not fit i16", [](const None &, ptr<std::int16_t> p) { BAD store(p, 40000); });
  expect_error("'load': the value is i32 and the pointer tile<4xptr<f32>>; convert the value with .to(kiln::f32)",
               [](const None &, ptr<float> p, scalar<int> n) {
                 auto i = arange(0, 4);
                 BAD load(p + i, {.mask = i < n, .other = n});
               });
  expect_error("'load': the floating-point number 0.5 meets a tile of i32; convert the tile with .to()",
               [](const None &, ptr<int> p, scalar<int> n) { BAD load(p, {.mask = n > 0, .other = 0.5}); });
}

TEST(MemoryErrors, ReadOnly) {
  expect_error("'store': parameter 2 is a ptr<const T>, through which a kernel may only read",
               [](const None &, ptr<float>, ptr<const float> p) { BAD store(p, 1); });
  expect_error("'atomic_add': parameter 1 is a ptr<const T>, through which a kernel may only read",
               [](const None &, ptr<const int> p, scalar<int> n) {
                 Tile q = p + arange(0, 4);
                 for (Tile k : kiln::range(n)) {
                   BAD kiln::atomic_add(q, k);
                   q += 4;
                 }
               });
  // Whatever way a pointer takes, and where only the end of a loop shows where it comes from.
  const std::string store_through_1 = "'store': parameter 1 is a ptr<const T>, through which a kernel may only read";
  expect_error(store_through_1, [](const None &, ptr<const float> p, ptr<float> q, scalar<int> n) {
    Tile chosen = kiln::where(n > 0, p, q);
    BAD store(chosen, 1);
  });
  expect_error(store_through_1, [](const None &, ptr<const float> p, ptr<float> q, scalar<int> n) {
    Tile r = q;
    kiln::if_(n > 0, [&] { r = p + 1; });
    BAD store(r + arange(0, 4), 1);
  });
  expect_error(store_through_1, [](const None &, ptr<const float> p, ptr<float> q, scalar<int> n) {
    Tile r = q;
    for (Tile i : kiln::range(n)) {
      BAD store(r, 1);
      r = p + i;
    }
  });
  expect_error(store_through_1, [](const None &, ptr<const float> p, ptr<float> q, scalar<int> n) {
    Tile r = q;
    for (Tile i : kiln::range(n))
      r = p + i;
    BAD store(r, 1);
  });
  expect_error(store_through_1, [](const None &, ptr<const float> p, ptr<float> q, scalar<int> n) {
    Tile r = q, i = n + 0;
    kiln::while_([&] { return i > 0; },
                 [&] {
                   BAD store(r, 1);
                   r = p + i;
                   i -= 1;
                 });
  });
}

TEST(MemoryErrors, WritableBesideReadOnly) {
  const kiln::Kernel fine{"fine", [](const None &, ptr<const float> p, ptr<float> q, scalar<int> n) {
                            Tile from = p + 0, to = q + 0;
                            for (Tile i : kiln::range(n)) {
                              store(to, load(from));
                              kiln::if_(i > 1, [&] { to += 1; }, [&] { from += 1; });
                            }
                          }};
  EXPECT_NO_THROW(fine.trace({}));
}

TEST(MemoryErrors, Atomics) {
  expect_error("'atomic_max' is not defined on f32: it takes i32 and i64",
               [](const None &, ptr<float> p) { BAD kiln::atomic_max(p, 1); });
  expect_error("'atomic_add' is not defined on i16: it takes i32, i64, f16, bf16, f32 and f64",
               [](const None &, ptr<std::int16_t> p) { BAD kiln::atomic_add(p, 1); });
  expect_error("'atomic_exchange' is not defined on f16: it takes i32, i64, f32 and f64",
               [](const None &, ptr<kiln::half> p) { BAD kiln::atomic_exchange(p, 1); });
  expect_error("'atomic_cas' is not defined on f32: bitcast the pointer and the values to i32 or i64",
               [](const None &, ptr<float> p) { BAD kiln::atomic_cas(p, 0, 1); });
}

TEST(MemoryErrors, WaitsInside) {
  const std::string message =
      "'wait_for_launches' stands inside of a loop, a branch or a combiner, but every program has to wait: call it "
      "outside";
  expect_error(message, [](const None &, scalar<int> n) {
    for (Tile i : kiln::range(n)) {
      BAD kiln::wait_for_launches();
    }
  });
  expect_error(message, [](const None &, scalar<int> n) { kiln::if_(n > 0, [] { BAD kiln::wait_for_launches(); }); });
}

} // namespace
