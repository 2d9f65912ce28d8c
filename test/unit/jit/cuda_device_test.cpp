// Launches on a real CUDA device; elsewhere skipped. What they compute is the subject of the numeric tests.
#include "kiln/cuda.h"
#include "kiln/device_memory.h"
#include "kiln/kiln.h"
#include "kiln/stream.h"

#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

using namespace kiln;

namespace {

struct Config {
  int block = 512;
  int factor = 3;
  int num_warps = 4;
};

void scale(const Config &c, ptr<const float> x, ptr<float> out, scalar<std::int32_t> n) {
  assume_multiple(n, 4);
  auto i = program_id(0) * c.block + arange(0, c.block);
  store(out + i, load(x + i, {.mask = i < n}) * c.factor, {.mask = i < n});
}

class OnCuda : public testing::Test {
protected:
  void SetUp() override {
    if (cuda::device_count() == 0)
      GTEST_SKIP() << cuda::unavailable_reason();
    device = Device::cuda(0);
    std::vector<float> values(size);
    for (int i = 0; i < size; ++i)
      values[i] = static_cast<float>(i);
    x = DeviceBuffer(device, size * sizeof(float));
    out = DeviceBuffer(device, size * sizeof(float));
    x.copy_from_host(values.data(), x.bytes());
    out.fill(0xff);
  }

  void launch(int offset, int n, const Config &c = {}, void *stream = nullptr) {
    kernel.launch({.grid = cdiv(n, c.block), .device = device, .stream = stream}, c, x.as<float>() + offset,
                  out.as<float>(), n);
  }
  /// Whether out[i] == factor * x[i + offset] for i < n, and nothing past it was written.
  void expect(int offset, int n, int factor) {
    std::vector<float> values(size);
    out.copy_to_host(values.data(), out.bytes());
    for (int i = 0; i < n; ++i)
      ASSERT_EQ(values[i], static_cast<float>((i + offset) * factor)) << i;
    for (int i = n; i < size; ++i)
      ASSERT_NE(values[i], values[i]) << i;
  }

  static constexpr int size = 5000;
  Device device;
  DeviceBuffer x, out;
  Kernel<Config, ptr<const float>, ptr<float>, scalar<std::int32_t>> kernel{"scale", scale};
};

TEST_F(OnCuda, BothVariantsAreRight) {
  launch(0, 4000);
  synchronize(device);
  expect(0, 4000, 3);
  out.fill(0xff);
  launch(1, 3999, {.factor = 5});
  synchronize(device);
  expect(1, 3999, 5);
}

TEST_F(OnCuda, StreamsAndGraphsTakeKernelsThatWereNotCompiled) {
  Stream stream(device);
  launch(0, 100, {}, stream.handle());
  stream.synchronize();
  expect(0, 100, 3);
  out.fill(0xff);
  Graph graph;
  graph.begin(stream);
  launch(0, 200, {.factor = 7}, stream.handle()); // compiled and loaded while the stream is captured
  graph.end();
  stream.synchronize();
  std::vector<float> values(size);
  out.copy_to_host(values.data(), out.bytes());
  EXPECT_NE(values[0], values[0]) << "it ran while it was captured";
  graph.launch(stream);
  stream.synchronize();
  expect(0, 200, 7);
}

TEST_F(OnCuda, TheCurrentContextsDeviceIsTheDefault) {
  synchronize(device); // makes the primary context current
  kernel.launch({.grid = 1}, {}, x.as<float>(), out.as<float>(), 300);
  synchronize(device);
  expect(0, 300, 3);
}

TEST_F(OnCuda, ThreadsLaunch) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] { launch(0, 512, {.num_warps = 2}); });
  for (auto &thread : threads)
    thread.join();
  synchronize(device);
  expect(0, 512, 3);
  EXPECT_EQ(kernel.counters().traces, 1u);
}

/// out[i] is made of in[i + 513] and in[0]; programs take their time, each another one.
void step(const Config &c, ptr<const std::int32_t> in, ptr<std::int32_t> out, scalar<std::int32_t> n) {
  wait_for_launches();
  launch_dependents();
  auto i = program_id(0) * c.block + arange(0, c.block);
  auto from = where(i + 513 < n, i + 513, i + 513 - n);
  Tile mixed = load(in);
  for (Tile k : range(0, program_id(0) % 7 * 300))
    mixed = (mixed * 1664525 + k) ^ (mixed >> 7);
  store(out + i, load(in + from) * 3 + mixed);
}

TEST_F(OnCuda, OverlappingLaunchesSeeWhatTheOnesBeforeHaveWritten) {
  const Kernel step_kernel{"step", step};
  constexpr int n = 512 * 200, launches = 40;
  DeviceBuffer numbers[] = {DeviceBuffer(device, n * sizeof(std::int32_t)),
                            DeviceBuffer(device, n * sizeof(std::int32_t))};
  Stream stream(device);
  const auto run = [&](bool programmatic, bool in_graph) {
    std::vector<std::int32_t> values(n);
    for (int i = 0; i < n; ++i)
      values[i] = i;
    numbers[0].copy_from_host(values.data(), numbers[0].bytes());
    Graph graph;
    if (in_graph)
      graph.begin(stream);
    for (int i = 0; i < launches; ++i)
      step_kernel.launch({.grid = n / 512, .device = device, .stream = stream.handle(), .programmatic = programmatic},
                         {}, numbers[i % 2].as<std::int32_t>(), numbers[(i + 1) % 2].as<std::int32_t>(), n);
    if (in_graph) {
      graph.end();
      graph.launch(stream);
    }
    stream.synchronize();
    numbers[launches % 2].copy_to_host(values.data(), numbers[0].bytes());
    return values;
  };
  const std::vector<std::int32_t> expected = run(/*programmatic=*/false, /*in_graph=*/false);
  EXPECT_EQ(run(/*programmatic=*/true, /*in_graph=*/false), expected);
  EXPECT_EQ(run(/*programmatic=*/true, /*in_graph=*/true), expected);
}

} // namespace
