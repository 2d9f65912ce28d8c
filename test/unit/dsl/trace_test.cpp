// The trace itself: what it depends on, threads, kernels inside kernels, call chains.
#include "run.h"

#include "../message_of.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using kiln::Kernel;
using kiln::ptr;
using kiln::range;
using kiln::scalar;
using kiln::Tile;
using kiln_test::None;

namespace {

struct Block {
  int block = 64;
};

void scaled_sum(const Block &c, ptr<const float> x, ptr<float> out, scalar<int> n, scalar<float> scale) {
  auto offs = kiln::arange(0, c.block);
  Tile acc = kiln::zeros({c.block}, kiln::f32), first = scale * 2, second = scale * 3;
  for (Tile k : range(0, n, c.block)) {
    acc += kiln::load(x + k + offs, {.mask = k + offs < n});
    std::swap(first, second);
  }
  kiln::store(out, kiln::sum(acc, 0) * first);
}

TEST(Trace, DependsOnTheConfigAlone) {
  Kernel kernel{"scaled_sum", scaled_sum};
  const std::string first = kernel.trace({});
  for (int i = 0; i < 100; ++i)
    kernel.trace({.block = 1 << (i % 8)});
  EXPECT_EQ(kernel.trace({}), first);
  EXPECT_NE(kernel.trace({.block = 32}), first);
}

TEST(Trace, ThreadsTraceAtOnce) {
  Kernel kernel{"scaled_sum", scaled_sum};
  const std::string expected = kernel.trace({});
  std::atomic<int> equal = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round)
        equal += kernel.trace({}) == expected;
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(equal, 8 * 20);
}

std::string inner_trace;

TEST(Trace, AKernelMayTraceAnother) {
  Kernel outer{"outer", [](const None &, ptr<int> out, scalar<int> n) {
                 Tile sum = n;
                 for (Tile i : range(n)) {
                   sum += i;
                   inner_trace = Kernel{"scaled_sum", scaled_sum}.trace({});
                   sum += 1;
                 }
                 kiln::store(out, sum);
               }};
  kiln_test::expect_output(outer, None{}, {3 + 3 + 3}, 3);
  EXPECT_EQ(inner_trace, (Kernel{"scaled_sum", scaled_sum}.trace({})));
}

extern const Kernel<Block, ptr<int>> itself, each_other;

void trace_itself(const Block &c, ptr<int>) { itself.trace(c); }
void emit_another(const Block &c, ptr<int>) { each_other.emit(c, kiln::Target::parse("sm_90a"), "tile"); }
void trace_smaller(const Block &c, ptr<int>) {
  if (c.block > 1)
    itself.trace({.block = c.block / 2});
}
void (*body)(const Block &, ptr<int>);
void run_body(const Block &c, ptr<int> out) { body(c, out); }
const Kernel<Block, ptr<int>> itself{"itself", run_body};
void trace_each_other(const Block &c, ptr<int>) { itself.trace(c); }
const Kernel<Block, ptr<int>> each_other{"each_other", trace_each_other};

TEST(Trace, AKernelCannotTraceItselfForTheSameConfig) {
  for (auto *which : {trace_itself, emit_another}) {
    body = which;
    EXPECT_EQ(message_of<kiln::LaunchError>([] { itself.trace({}); }),
              "a kernel function cannot launch or compile its own kernel with the config it is being traced for");
  }
  body = trace_smaller;
  EXPECT_NE(itself.trace({}), "");
}

TEST(Trace, ReadOnlyParameters) {
  Kernel kernel{"params", [](const None &, ptr<const kiln::half>, ptr<kiln::float8_e4m3>, scalar<bool>, scalar<double>,
                             scalar<std::int64_t>) {}};
  EXPECT_NE(
      kernel.trace({}).find("@params(%arg0: !tile.ptr<f16> {tile.readonly}, %arg1: !tile.ptr<f8E4M3FN>, %arg2: i1, "
                            "%arg3: f64, %arg4: i64) attributes {tile.kernel}"),
      std::string::npos);
}

TEST(Trace, CountsWhatItDoes) {
  Kernel kernel{"count", [](const None &, ptr<int> out) { kiln::store(out, 1); }};
  std::vector<int> out(1);
  for (int i = 0; i < 3; ++i)
    kernel.launch({.device = kiln::Device::interpreter()}, {}, out.data());
  EXPECT_EQ(kernel.counters().traces, 1u);
}

TEST(Trace, HostValuesOfATile) {
  struct Seen {
    kiln::Shape shape;
    kiln::DType dtype;
    bool pointer;
  };
  static Seen seen;
  Kernel kernel{"seen", [](const None &, ptr<kiln::half> p) {
                  auto x = p + kiln::col(kiln::arange(0, 8)) + kiln::row(kiln::arange(0, 4));
                  seen = {x.shape(), x.dtype(), x.is_pointer()};
                  EXPECT_EQ(x.rank(), 2);
                  EXPECT_EQ(x.dim(0), 8);
                  EXPECT_EQ(x.dim(-1), 4);
                }};
  kernel.trace({});
  EXPECT_EQ(seen.shape, (kiln::Shape{8, 4}));
  EXPECT_EQ(seen.dtype, kiln::f16);
  EXPECT_TRUE(seen.pointer);
}

} // namespace
