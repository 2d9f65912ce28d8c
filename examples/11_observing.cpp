// Lesson 11: what Kiln does while a program runs, and how long it takes.
//
// A service wants to know when it compiles - the first request with a new shape should not be the one that waits - and
// what its launches cost the host. Kiln calls back at the beginning and at the end of every compile, launch and tuning.
#include <kiln/events.h>
#include <kiln/kiln.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <vector>

struct Config {
  int block = 256;
};

void scale(const Config &c, kiln::ptr<float> x, kiln::scalar<float> factor, kiln::scalar<int> n) {
  kiln::Tile i = kiln::program_id(0) * c.block + kiln::arange(0, c.block);
  kiln::store(x + i, kiln::load(x + i, {.mask = i < n}) * factor, {.mask = i < n});
}

const kiln::Kernel scale_kernel{"scale", scale};

/// What compiles and launches cost. Callbacks come from all threads, several at once.
struct Metrics {
  std::atomic<long> launches{0}, compiles{0}, failures{0}, nanoseconds{0};

  void note(const kiln::Event &event) {
    if (event.kind == kiln::EventKind::launch) {
      if (event.begins)
        return;
      ++launches;
      nanoseconds += long(event.ms * 1e6);
      return;
    }
    // The texts of an event end with the call, and are no C strings.
    const std::string kernel(event.kernel), config(event.config), target(event.target), step(event.step);
    const std::string error(event.error.substr(0, event.error.find('\n')));
    if (event.kind == kiln::EventKind::stage) {
      if (!event.begins)
        std::printf("  %s: %.1f ms\n", step.c_str(), event.ms);
    } else if (event.begins) {
      std::printf("compile of %s %s for %s\n", kernel.c_str(), config.c_str(), target.c_str());
    } else {
      ++compiles;
      failures += !error.empty();
      std::printf("  in all: %.1f ms%s%s%s\n", event.ms, event.kept ? ", from the cache" : "",
                  error.empty() ? "" : ", failed: ", error.c_str());
    }
  }
};

int main(int argc, char **argv) try {
  const kiln::Device device = argc > 1                         ? kiln::Device::parse(argv[1])
                              : kiln::cuda::device_count() > 0 ? kiln::Device::cuda()
                                                               : kiln::Device::cpu();
  const int n = 1000, launches = 100;
  std::vector<float> x(n, 3.0F);
  kiln::DeviceBuffer memory(device, x.size() * sizeof(float));
  memory.copy_from_host(x.data(), memory.bytes());

  Metrics metrics;
  const std::uint64_t callback =
      kiln::add_event_callback([&metrics](const kiln::Event &event) { metrics.note(event); },
                               kiln::EventKind::launch | kiln::EventKind::compile | kiln::EventKind::stage);
  for (int i = 0; i < launches; ++i)
    for (int block : {256, 512})
      scale_kernel.launch({.grid = kiln::cdiv(n, block), .device = device}, {.block = block}, memory.as<float>(),
                          i % 2 == 0 ? 2.0F : 0.5F, n);
  // What fails is an event too, and still the exception that it always is.
  bool failed = false;
  try {
    scale_kernel.compile({.block = 100}, device);
  } catch (const kiln::Error &) {
    failed = true;
  }
  // From here on no thread calls it any more, and what it uses may go.
  kiln::remove_event_callback(callback);

  memory.copy_to_host(x.data(), memory.bytes());
  std::printf("%ld compiles, %ld failures\n", metrics.compiles.load(), metrics.failures.load());
  std::printf("%ld launches on %s: %.1f ms of the host\n", metrics.launches.load(), device.name().c_str(),
              double(metrics.nanoseconds) / 1e6);
  for (float value : x)
    if (value != 3.0F) {
      std::printf("an element is %g instead of 3\n", value);
      return 1;
    }
  return failed && metrics.launches == 2L * launches && metrics.compiles == 3 && metrics.failures == 1 ? 0 : 1;
} catch (const kiln::Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
