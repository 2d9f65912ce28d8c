// test-print-traces <kernel>: the IR of one of the kernels below. The .test files beside this one check it. g++ and
// clang order the operands of an operator differently, so a statement here makes one operation, or its check says
// CHECK-DAG.
#include "kiln/kiln.h"

#include <cstdio>
#include <cstring>
#include <limits>
#include <string>

using kiln::Kernel;
using kiln::ptr;
using kiln::scalar;
using kiln::Tile;

namespace {

struct Block {
  int block = 64;
  int num_warps = 4;
};

void vec_add(const Block &c, ptr<const float> x, ptr<const float> y, ptr<float> out, scalar<int> n) {
  auto start = kiln::program_id(0) * c.block;
  auto offs = start + kiln::arange(0, c.block);
  auto mask = offs < n;
  auto px = x + offs;
  auto py = y + offs;
  auto a = kiln::load(px, {.mask = mask});
  auto b = kiln::load(py, {.mask = mask, .other = 1});
  auto sum = a + b;
  kiln::store(out + offs, sum, {.mask = mask});
}

void carried(const Block &c, ptr<float> out, scalar<int> n, scalar<float> scale) {
  Tile untouched = scale * 2;
  Tile second = kiln::full({c.block}, 1, kiln::f32), first = kiln::zeros({c.block}, kiln::f32);
  for (Tile k : kiln::range(0, n, 4, {.num_stages = 3})) {
    auto step = k.to(kiln::f32) * untouched;
    first += step; // touched before the other, made after it: results are ordered by age
    second -= first;
  }
  kiln::store(out, kiln::sum(first - second, 0));
}

void branches(const Block &, ptr<int> out, scalar<int> n) {
  Tile a = n, b = n, kept = n;
  auto positive = n > 0;
  kiln::if_(positive, [&] { b = a + kept; }, [&] { a = b * kept; });
  kiln::if_(positive, [&] { kiln::store(out + 2, kept); });
  kiln::store(out, a);
  kiln::store(out + 1, b);
}

void while_loop(const Block &, ptr<int> out, scalar<int> n) {
  Tile i = kiln::full({}, 1, kiln::i32), limit = n;
  kiln::while_([&] { return i < limit; }, [&] { i = i * 3; });
  kiln::store(out, i);
}

void guards(const Block &, ptr<int> out, scalar<int> a, scalar<int> b) {
  kiln::store(out, a / b);
  kiln::store(out, a / 8);
  kiln::store(out, a % 0);
  kiln::store(out, a << b);
  kiln::store(out, a >> b);
  kiln::store(out, a >> 40);
}

void conversions(const Block &, ptr<int> integers, ptr<kiln::float8_e4m3> bytes, scalar<kiln::half> h) {
  kiln::store(integers, h.to(kiln::i32));
  kiln::store(bytes, h.to(kiln::f8e4m3));
}

void half_precision(const Block &, ptr<kiln::half> out, ptr<const kiln::half> in) {
  auto x = kiln::load(in + kiln::arange(0, 16));
  auto e = kiln::exp(x);
  auto s = kiln::sum(e, 0);
  kiln::store(out, s);
}

void reductions(const Block &, ptr<float> out, ptr<const float> in) {
  auto x = kiln::load(in + kiln::arange(0, 16));
  auto largest = kiln::max(x, 0);
  auto other = kiln::max(x, 0, {.nan = kiln::Nan::ignore});
  auto product = kiln::reduce(x, 0, [](Tile a, Tile b) { return a * b; });
  auto sums = kiln::cumsum(x, 0, {.reverse = true});
  kiln::store(out, largest);
  kiln::store(out, other);
  kiln::store(out, product);
  kiln::store(out + kiln::arange(0, 16), sums);
}

void memory(const Block &, ptr<int> p, scalar<bool> c) {
  auto old =
      kiln::atomic_add(p, 1, {.mask = c, .order = kiln::MemoryOrder::relaxed, .scope = kiln::MemoryScope::system});
  auto seen = kiln::atomic_cas(p, old, 7);
  kiln::store(p, seen, {.mask = c});
}

void overlapping(const Block &, ptr<int> p) {
  kiln::wait_for_launches();
  auto x = kiln::load(p, {.eviction = kiln::Eviction::first});
  kiln::launch_dependents();
  kiln::store(p, x);
}

void checks(const Block &, ptr<float> p, scalar<int> n) {
  auto m = kiln::assume_multiple(n + 8, 16);
  auto q = kiln::assume_multiple(p + m, 128);
  kiln::device_assert(m > 0, "n is positive");
  kiln::device_print("n", {m, kiln::load(q)});
}

void facts(const Block &, ptr<float> p, scalar<int> n, scalar<std::int64_t> stride, scalar<int> plain) {
  kiln::assume_multiple(n, 8);
  kiln::assume_multiple(n, 12);
  auto s = kiln::assume_multiple(stride, 4);
  plain += 1;
  plain = kiln::assume_multiple(plain, 2);
  kiln::store(kiln::assume_multiple(p, 64) + s, (n + plain).to(kiln::f32));
}

void dots(const Block &, ptr<const float> in, ptr<float> out) {
  auto at = kiln::col(kiln::arange(0, 16)) * 16 + kiln::row(kiln::arange(0, 16));
  auto a = kiln::load(in + at);
  auto t = kiln::trans(a);
  auto exact = kiln::dot(a, t);
  auto fast = kiln::dot(a, t, exact, {.precision = kiln::Precision::tf32});
  kiln::store(out + at, fast);
}

template <class... Params>
bool print(const char *wanted, const char *name, void (*function)(const Block &, Params...)) {
  if (std::strcmp(wanted, name) != 0)
    return false;
  std::fputs(Kernel(name, function).trace({}).c_str(), stdout);
  return true;
}

} // namespace

int main(int argc, char **argv) {
  const char *name = argc == 2 ? argv[1] : "";
  const bool found = print(name, "vec_add", vec_add) || print(name, "carried", carried) ||
                     print(name, "branches", branches) || print(name, "while_loop", while_loop) ||
                     print(name, "guards", guards) || print(name, "conversions", conversions) ||
                     print(name, "half_precision", half_precision) || print(name, "reductions", reductions) ||
                     print(name, "memory", memory) || print(name, "overlapping", overlapping) ||
                     print(name, "checks", checks) || print(name, "facts", facts) || print(name, "dots", dots);
  if (!found)
    std::fprintf(stderr, "test-print-traces: no kernel '%s'\n", name);
  return found ? 0 : 1;
}
