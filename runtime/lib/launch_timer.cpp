#include "kiln/launch_timer.h"

#include "kiln/cuda.h"
#include "kiln/device_memory.h"
#include "kiln/error.h"
#include "kiln/stream.h"

#include <algorithm>
#include <chrono>
#include <string>

using namespace kiln;

namespace {

constexpr std::int64_t overflowing_bytes = 256'000'000; // five times the L2 cache of an H100
constexpr int most_sets = 600;
/// Of a graph: what starting it costs is shared by so many.
constexpr int least_calls = 8;
/// Of a sample on the CPU: long beside the clock's resolution and the waking of threads.
constexpr double least_sample_us = 200;
constexpr int most_cpu_calls = 1000;

template <typename F>
double wall_us(F &&f) {
  const auto begin = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
}

int rounded_up(int calls, int sets) { return (calls + sets - 1) / sets * sets; }

} // namespace

struct LaunchTimer::Recorded {
  Stream stream;
  GpuTimer timer;
  DeviceBuffer flushed; // what the cache is overwritten with; of no size where buffers rotate
  Graph graph;          // last: the first to go

  Recorded(Device device, bool flush)
      : stream(device), timer(device), flushed(device, flush ? 2 * cuda::properties(device).l2_bytes : 0) {}
};

int kiln::sets_to_rotate(std::int64_t set_bytes) {
  const std::int64_t bytes = std::max<std::int64_t>(set_bytes, 1);
  return int(std::clamp<std::int64_t>((overflowing_bytes + bytes - 1) / bytes, 1, most_sets));
}

bool kiln::has_times(Device device) {
  return device.kind() == Device::Kind::cpu || device.kind() == Device::Kind::cuda;
}

LaunchTimer::LaunchTimer(Device device, int sets, Launch launch)
    : device_(device), sets_(std::max(sets, 1)), launch_(std::move(launch)) {
  if (!has_times(device))
    throw InvalidArgument("LaunchTimer: the device is " + device.name() +
                          ", whose launches take no time that means anything; the CPU and CUDA devices have times");
  if (sets < 0)
    throw InvalidArgument("LaunchTimer: the number of sets is " + std::to_string(sets) + ", must not be negative");
  if (device.kind() == Device::Kind::cpu) {
    launch_(0, nullptr);
    const double us = wall_us([&] { launch_(0, nullptr); });
    calls_ = rounded_up(int(std::clamp(least_sample_us / std::max(us, 1e-3), 1.0, double(most_cpu_calls))), sets_);
    return;
  }
  recorded_ = std::make_unique<Recorded>(device, /*flush=*/sets == 0);
  calls_ = sets == 0 ? 1 : rounded_up(least_calls, sets_);
  const auto make_calls = [&] {
    for (int i = 0; i < calls_; ++i)
      launch_(i % sets_, recorded_->stream.handle());
  };
  make_calls();
  recorded_->stream.synchronize();
  recorded_->graph.begin(recorded_->stream);
  make_calls();
  recorded_->graph.end();
  recorded_->graph.launch(recorded_->stream);
  recorded_->stream.synchronize();
}

LaunchTimer::~LaunchTimer() = default;

double LaunchTimer::sample_us() {
  if (!recorded_)
    return wall_us([&] {
             for (int i = 0; i < calls_; ++i)
               launch_(i % sets_, nullptr);
           }) /
           calls_;
  // The fill keeps the GPU busy while the rest is enqueued behind it.
  recorded_->flushed.enqueue_fill(0, recorded_->stream.handle());
  recorded_->timer.start(recorded_->stream.handle());
  recorded_->graph.launch(recorded_->stream);
  recorded_->timer.stop(recorded_->stream.handle());
  return recorded_->timer.milliseconds() * 1e3 / calls_;
}
