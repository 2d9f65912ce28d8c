// Choosing a config by measuring.
#pragma once

#include "kiln/any_kernel.h"
#include "kiln/config.h"
#include "kiln/detail/function_ref.h"
#include "kiln/device.h"
#include "kiln/device_memory.h"
#include "kiln/export.h"

#include <cmath>
#include <cstddef>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace kiln {

struct TuneOptions {
  Device device = {}; ///< the CPU or a CUDA device; none: the current CUDA context's device
  /// What the times depend on besides kernel, configs and device, in the caller's words: sizes of the problem, strides,
  /// how full its sequences are. A result that was kept is taken for the same words only.
  std::string problem = {};
  /// Sets of buffers that launches rotate over: as many as overflow the cache (kiln/launch_timer.h has
  /// sets_to_rotate). 0: there is one set, and the L2 cache of a GPU is overwritten before each sample.
  int sets = 0;
  int samples = 15;      ///< of each config that is not given up
  double give_up = 1.15; ///< a config is given up when its fastest sample is slower than the best config so many times
  unsigned threads = 0;  ///< that compile; 0: as many as the process has processors
  bool keep = true;      ///< take the result from the cache on disk where it is there, else leave it there
};

/// What one launch is to use.
struct TuneLaunch {
  Device device;
  void *stream; ///< a CUstream; null on the CPU
  int set;      ///< of buffers: less than TuneOptions::sets, 0 where those are 0
};

/// Compares what a config computed with what the first config that ran did: bytes of TuneSubject::output. Returns why
/// the result is wrong, or nothing.
using TuneCheck = std::function<std::string(std::span<const std::byte> first, std::span<const std::byte> result)>;

/// What is tuned.
template <class Config>
struct TuneSubject {
  AnyKernel kernel; ///< whose config is `Config`
  /// Enqueues one launch with a config. Everything that a launch depends on but config and set has to be the same in
  /// every call.
  std::function<void(const Config &, const TuneLaunch &)> launch;
  /// Called before the first launch with a config, when no other launch runs: makes its workspace, say.
  std::function<void(const Config &)> prepare = {};
  /// The config that is compiled, where a host function compiles another than it is given.
  std::function<Config(const Config &)> compiled = {};
  /// What a launch with set 0 writes. It is overwritten with bytes 0xff and launched into once for each config.
  DeviceBuffer *output = nullptr;
  /// Whether the output is right; without it, it has to be the first config's bit for bit.
  TuneCheck check = {};
};

template <class Config>
struct TuneMeasurement {
  Config config;
  double us = 0;         ///< of a launch: the median of the samples
  double fastest_us = 0; ///< the fastest sample
  int samples = 0;
  bool given_up = false; ///< clearly slower than another, and so measured less
};

template <class Config>
struct TuneFailure {
  Config config;
  std::string reason; ///< "it does not compile: ...", "it does not run: ..." or "its result is wrong: ..."
};

namespace detail {

/// What became of a config.
struct TuneOutcome {
  double us = 0, fastest_us = 0;
  int samples = 0;
  bool given_up = false;
  std::string failure = {}; // empty where it was measured
};

struct TuneOutcomes {
  std::vector<TuneOutcome> outcomes; // one for each config
  std::size_t best = 0;              // of them; their number where all failed
  bool kept = false;
};

/// TuneSubject and configs without their type: configs are numbers.
struct TuneErased {
  std::string kernel;
  std::size_t count = 0;
  bool checks = false;                                  // there is an output
  bool launches = true;                                 // there is a TuneSubject::launch
  function_ref<std::string(std::size_t)> text = {};     // of a config
  function_ref<std::string(std::size_t)> trace = {};    // the IR and all values
  function_ref<void(std::size_t, Device)> compile = {}; // from several threads
  function_ref<void(std::size_t)> prepare = {};
  function_ref<void(std::size_t, const TuneLaunch &)> launch = {};
  function_ref<void()> poison = {};         // the output
  function_ref<std::string()> compare = {}; // the output with the first one
};

template <class T>
double to_double(T value) {
  if constexpr (std::is_arithmetic_v<T>)
    return static_cast<double>(value);
  else
    return static_cast<double>(static_cast<float>(value)); // half and its like
}

KILN_API TuneOutcomes tune_erased(const TuneErased &subject, const TuneOptions &options);
KILN_API std::string tune_table(const TuneOutcomes &outcomes, function_ref<std::string(std::size_t)> text);
[[noreturn]] KILN_API void throw_no_config_works(const std::string &reasons);
KILN_API std::string first_difference(std::span<const std::byte> first, std::span<const std::byte> result);
KILN_API std::string difference_text(std::size_t element, double value, double expected, double tolerance);
KILN_API std::vector<std::byte> read_back(const DeviceBuffer &buffer);

} // namespace detail

/// What measuring found. A plain value.
template <class Config>
struct TuneResult {
  std::vector<Config> configs;                            ///< as they were given
  std::vector<TuneMeasurement<Config>> measurements = {}; ///< of those that run, in the order in which they were given
  std::vector<TuneFailure<Config>> failures = {};         ///< the others, in that order
  std::size_t fastest = 0;                                ///< of the measurements; of equal ones the first
  bool kept = false;                                      ///< it was measured earlier, and taken from the cache on disk
  std::string table = {};                                 ///< to print: a line for each config

  /// The config of the fastest measurement. Throws TuneError, with the reasons, where every config failed.
  const Config &best() const {
    if (!measurements.empty())
      return measurements[fastest].config;
    std::string reasons;
    for (const TuneFailure<Config> &failure : failures)
      reasons += "\n" + config_text(failure.config) + ": " + failure.reason;
    detail::throw_no_config_works(reasons);
  }
};

/// Measures the configs, one after the other in the order given, after compiling all of them in parallel, and says
/// which is fastest. It does nothing else: no launch but those it makes itself is affected, and a program uses the
/// winner by launching with it.
///
/// A config that cannot be compiled or launched, or whose output fails the check, is a failure with its reason, and the
/// others go on. Those within 3% of the fastest are measured a second time, in the opposite order, and judged by all of
/// their samples.
///
/// Throws InvalidArgument for no configs, no TuneSubject::launch, a device without times or options that make no sense,
/// DeviceError where there is no device, and ContextLost, after which nothing more can be measured in this process.
template <class Config>
TuneResult<Config> tune(const std::vector<Config> &configs, const TuneSubject<Config> &subject,
                        const TuneOptions &options) {
  const auto values = [](const Config &config) {
    std::vector<ConfigValue> result;
    for_each_field(config, [&](auto value) { result.push_back(value); });
    return result;
  };
  const auto compiled = [&](std::size_t i) {
    return values(subject.compiled ? subject.compiled(configs[i]) : configs[i]);
  };
  const auto text = [&](std::size_t i) { return config_text(configs[i]); };
  const auto trace = [&](std::size_t i) { return text(i) + "\n" + subject.kernel.trace(compiled(i)); };
  const auto compile = [&](std::size_t i, Device device) { subject.kernel.compile(compiled(i), device); };
  const auto prepare = [&](std::size_t i) {
    if (subject.prepare)
      subject.prepare(configs[i]);
  };
  const auto launch = [&](std::size_t i, const TuneLaunch &at) { subject.launch(configs[i], at); };
  const auto poison = [&] { subject.output->fill(0xff); };
  std::vector<std::byte> first;
  const auto compare = [&]() -> std::string {
    std::vector<std::byte> result = detail::read_back(*subject.output);
    const bool is_first = first.empty();
    const std::vector<std::byte> &expected = is_first ? result : first;
    std::string reason = subject.check ? subject.check(expected, result) : detail::first_difference(expected, result);
    if (is_first && reason.empty())
      first = std::move(result);
    return reason;
  };
  detail::TuneErased erased{.kernel = subject.kernel.name(),
                            .count = configs.size(),
                            .checks = subject.output != nullptr,
                            .launches = bool(subject.launch),
                            .text = text,
                            .trace = trace,
                            .compile = compile,
                            .prepare = prepare,
                            .launch = launch,
                            .poison = poison,
                            .compare = compare};
  const detail::TuneOutcomes found = detail::tune_erased(erased, options);
  TuneResult<Config> result{.configs = configs, .kept = found.kept, .table = detail::tune_table(found, text)};
  for (std::size_t i = 0; i < configs.size(); ++i) {
    const detail::TuneOutcome &outcome = found.outcomes[i];
    if (i == found.best)
      result.fastest = result.measurements.size();
    if (outcome.failure.empty())
      result.measurements.push_back({configs[i], outcome.us, outcome.fastest_us, outcome.samples, outcome.given_up});
    else
      result.failures.push_back({configs[i], outcome.failure});
  }
  return result;
}

/// A check that takes elements of type T for equal that differ by `tolerance` at most.
///
///     .check = kiln::within<kiln::half>(2e-3)
template <class T>
TuneCheck within(double tolerance) {
  return [tolerance](std::span<const std::byte> first, std::span<const std::byte> result) -> std::string {
    for (std::size_t i = 0; (i + 1) * sizeof(T) <= first.size(); ++i) {
      T expected, value;
      std::memcpy(&expected, first.data() + i * sizeof(T), sizeof(T));
      std::memcpy(&value, result.data() + i * sizeof(T), sizeof(T));
      const double a = detail::to_double(expected), b = detail::to_double(value);
      if (!(std::abs(a - b) <= tolerance) && !(std::isinf(a) && a == b))
        return detail::difference_text(i, b, a, tolerance);
    }
    return "";
  };
}

} // namespace kiln
