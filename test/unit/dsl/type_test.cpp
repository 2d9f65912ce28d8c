// Which element types meet, and what host numbers become.
#include "run.h"

#include <optional>
#include <string>
#include <vector>

using kiln::DType;
using kiln::Kernel;
using kiln::ptr;
using kiln::Tile;
using kiln_test::None;

namespace {

constexpr DType all_types[] = {kiln::i1,     kiln::i8,  kiln::i16,  kiln::i32, kiln::i64, kiln::f8e4m3,
                               kiln::f8e5m2, kiln::f16, kiln::bf16, kiln::f32, kiln::f64};

// Kernels may not capture, so the pair under test is a pair of config members.
struct Pair {
  DType a, b;
};

/// The element type that `op` gives, or nothing where the pair is refused.
template <class Op>
std::optional<DType> result_of(Op op, Pair pair) {
  static std::optional<DType> result;
  static Op operation = op;
  result = {};
  Kernel kernel{"pair", [](const Pair &c, ptr<int>) {
                  Tile a = kiln::full({4}, 1, c.a), b = kiln::full({4}, 1, c.b);
                  result = operation(a, b).dtype();
                }};
  try {
    kernel.trace(pair);
  } catch (const kiln::TraceError &) {
    return {};
  }
  return result;
}

bool is_i32_or_i64(DType type) { return type == kiln::i32 || type == kiln::i64; }

TEST(Promotion, OnlyI32MeetsI64) {
  for (DType a : all_types) {
    for (DType b : all_types) {
      SCOPED_TRACE(std::string(kiln::name_of(a)) + " with " + kiln::name_of(b));
      const bool mixed = a != b && !(is_i32_or_i64(a) && is_i32_or_i64(b));
      const DType wider = a == b ? a : kiln::i64;
      auto expect = [&](std::optional<DType> got, bool accepted, DType type) {
        EXPECT_EQ(got.has_value(), accepted);
        if (got && accepted)
          EXPECT_EQ(*got, type);
      };
      const bool number = !mixed && a != kiln::i1 && !kiln::is_float8(a);
      const bool bits = !mixed && kiln::is_integer(a);
      expect(result_of([](const Tile &x, const Tile &y) { return x + y; }, {a, b}), number, wider);
      expect(result_of([](const Tile &x, const Tile &y) { return x * y; }, {a, b}), number, wider);
      expect(result_of([](const Tile &x, const Tile &y) { return x % y; }, {a, b}), number, wider);
      expect(result_of([](const Tile &x, const Tile &y) { return x & y; }, {a, b}), bits, wider);
      expect(result_of([](const Tile &x, const Tile &y) { return x << y; }, {a, b}), bits && a != kiln::i1, wider);
      expect(result_of([](const Tile &x, const Tile &y) { return x < y; }, {a, b}), number, kiln::i1);
      expect(result_of([](const Tile &x, const Tile &y) { return x == y; }, {a, b}),
             number || (!mixed && a == kiln::i1), kiln::i1);
      expect(result_of([](const Tile &x, const Tile &y) { return kiln::maximum(x, y); }, {a, b}), number, wider);
      expect(result_of([](const Tile &x, const Tile &y) { return kiln::where(x == x, x, y); }, {a, b}),
             !mixed && !kiln::is_float8(a), wider);
    }
  }
}

TEST(Promotion, SixteenBitsNeverPromote) {
  // A select of 8-bit floats moves them; there is no arithmetic in it.
  EXPECT_EQ(result_of([](const Tile &x, const Tile &y) { return kiln::where(kiln::full({4}, true, kiln::i1), x, y); },
                      {kiln::f8e4m3, kiln::f8e4m3}),
            kiln::f8e4m3);
  EXPECT_EQ(result_of([](const Tile &x, const Tile &) { return kiln::exp(x); }, {kiln::bf16, kiln::bf16}), kiln::bf16);
  EXPECT_EQ(result_of([](const Tile &x, const Tile &) { return kiln::sum(x, 0); }, {kiln::f16, kiln::f16}), kiln::f16);
  EXPECT_EQ(result_of([](const Tile &x, const Tile &) { return kiln::sum(x, 0); }, {kiln::i8, kiln::i8}), kiln::i32);
  EXPECT_EQ(result_of([](const Tile &x, const Tile &) { return kiln::sum(x, 0); }, {kiln::i1, kiln::i1}), kiln::i32);
  EXPECT_EQ(result_of([](const Tile &x, const Tile &) { return kiln::cumsum(x, 0); }, {kiln::i64, kiln::i64}),
            kiln::i64);
  EXPECT_EQ(result_of([](const Tile &x, const Tile &) { return kiln::argmax(x, 0); }, {kiln::f64, kiln::f64}),
            kiln::i32);
}

TEST(HostNumbers, TakeTheTypeOfTheTile) {
  for (DType type : all_types) {
    if (type == kiln::i1 || kiln::is_float8(type))
      continue;
    SCOPED_TRACE(kiln::name_of(type));
    EXPECT_EQ(result_of([](const Tile &x, const Tile &) { return x + 1; }, {type, type}), type);
    EXPECT_EQ(result_of([](const Tile &x, const Tile &) { return 2 * x; }, {type, type}), type);
    EXPECT_EQ(result_of([](const Tile &x, const Tile &) { return kiln::where(x > 0, x, 0); }, {type, type}), type);
    const bool real = kiln::is_float(type);
    EXPECT_EQ(result_of([](const Tile &x, const Tile &) { return x * 0.5; }, {type, type}).has_value(), real);
    EXPECT_EQ(result_of([](const Tile &x, const Tile &) { return x + 40000; }, {type, type}).has_value(),
              type != kiln::i8 && type != kiln::i16);
    EXPECT_EQ(result_of([](const Tile &x, const Tile &) { return x + 70000; }, {type, type}).has_value(),
              type != kiln::i8 && type != kiln::i16 && type != kiln::f16);
    EXPECT_EQ(result_of([](const Tile &x, const Tile &) { return x - 2147483648; }, {type, type}).has_value(),
              real ? type != kiln::f16 : type == kiln::i64);
    EXPECT_EQ(result_of([](const Tile &x, const Tile &) { return x + 1e300; }, {type, type}).has_value(),
              type == kiln::f64);
    EXPECT_EQ(
        result_of([](const Tile &x, const Tile &) { return x + 18446744073709551615ull; }, {type, type}).has_value(),
        real && type != kiln::f16);
  }
}

TEST(HostNumbers, AloneAreI32OrF32) {
  auto chosen = [](auto a, auto b) {
    static decltype(a) first;
    static decltype(b) second;
    first = a, second = b;
    return result_of([](const Tile &, const Tile &) { return kiln::where(kiln::program_id(0) == 0, first, second); },
                     {kiln::i1, kiln::i1});
  };
  EXPECT_EQ(chosen(1, 0), kiln::i32);
  EXPECT_EQ(chosen(1, 2.0), kiln::f32);
  EXPECT_EQ(chosen(std::int64_t(1) << 40, 0), kiln::i64);
}

TEST(HostNumbers, AreExact) {
  Kernel kernel{"exact", [](const None &, ptr<std::int64_t> out) {
                  kiln::store(out, 9007199254740993); // not a double
                  kiln::store(out + 1, INT64_MIN);
                  kiln::store(out + 2, kiln::full({}, 3, kiln::i64) * -1);
                }};
  kiln_test::expect_output(kernel, None{}, {std::int64_t(9007199254740993), INT64_MIN, std::int64_t(-3)});
}

} // namespace
