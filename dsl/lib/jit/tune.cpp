// tune(): what is asked of the device and of the cache on disk around the search.
#include "jit/disk_key.h"
#include "jit/tuner.h"

#include "kiln/Target/CPU/CPUTarget.h"
#include "kiln/cuda.h"
#include "kiln/launch_timer.h"
#include "kiln/runtime/assembler.h"
#include "kiln/runtime/cpu_launch.h"
#include "kiln/runtime/disk_cache.h"
#include "kiln/runtime/observe.h"

using namespace kiln;
using namespace kiln::detail;

namespace {

/// What of the device makes times differ.
std::string description(Device device) {
  if (device.kind() == Device::Kind::cpu)
    return cpu::hostDescription() + ", " + std::to_string(runtime::cpu_threads()) + " threads";
  const cuda::DeviceProperties &p = cuda::properties(device);
  return p.name + ", " + p.arch + ", " + std::to_string(p.multiprocessors) + " multiprocessors, driver " +
         std::to_string(p.driver_version);
}

runtime::CacheKey key_of(const TuneErased &subject, Device device, const std::string &device_text,
                         const TuneOptions &options) {
  const auto compile = jit::CompileOptions::current(device.kind());
  std::string numbers;
  append_number(numbers, options.give_up);
  for (int number : {options.samples, options.sets, int(compile.checks), int(compile.asserts), int(compile.line_info)})
    numbers += " " + std::to_string(number);
  jit::KeyBuilder key;
  key.add("what", "tuning, version 1");
  key.add("kiln", jit::build_id());
  key.add("assembler", device.kind() == Device::Kind::cuda ? runtime::assembler_identity() : "");
  key.add("device", device_text);
  key.add("kernel", subject.kernel);
  key.add("problem", options.problem);
  key.add("options", numbers);
  for (std::size_t i = 0; i < subject.count; ++i) {
    std::string content;
    try {
      content = subject.trace(i);
    } catch (const Error &error) {
      content = subject.text(i) + "\n" + error.what(); // it will fail; that is what is kept of it
    }
    key.add("config", content);
  }
  return key.finish();
}

TuneOutcomes tune_on(Device device, const TuneErased &subject, const TuneOptions &options) {
  jit::check_tuning(subject, device, options);
  const std::string device_text = description(device);
  runtime::DiskCache &cache = runtime::process_cache();
  runtime::CacheKey key{};
  if (options.keep) {
    key = key_of(subject, device, device_text, options);
    if (const auto record = cache.lookup_tuning(key))
      if (auto kept = jit::read_outcomes(record->results, subject.count))
        return *std::move(kept);
  }
  const TuneOutcomes result = jit::search(subject, device, options, [&](std::size_t i) -> jit::Sampler {
    auto timer = std::make_shared<LaunchTimer>(device, options.sets, [&, i](int set, void *stream) {
      subject.launch(i, {.device = device, .stream = stream, .set = set});
    });
    return [timer] { return timer->sample_us(); };
  });
  if (options.keep && result.best < subject.count)
    cache.publish(key, runtime::TuningRecord{.kernel = subject.kernel,
                                             .device = device_text,
                                             .problem = options.problem,
                                             .results = jit::write_outcomes(result, subject.text)});
  return result;
}

} // namespace

TuneOutcomes detail::tune_erased(const TuneErased &subject, const TuneOptions &options) {
  const Device device = options.device ? options.device : cuda::current_device();
  const std::string target = device.name();
  Event event{.kind = EventKind::tune};
  event.kernel = subject.kernel;
  event.target = target;
  event.total = subject.count;
  std::string fastest; // outlives the event
  return runtime::observe(event, [&](runtime::EventScope &scope) {
    TuneOutcomes outcomes = tune_on(device, subject, options);
    scope.event.kept = outcomes.kept;
    if (outcomes.best < subject.count)
      scope.event.config = fastest = subject.text(outcomes.best);
    return outcomes;
  });
}
