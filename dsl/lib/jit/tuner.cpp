#include "jit/tuner.h"

#include "kiln/error.h"
#include "kiln/launch_timer.h"
#include "kiln/runtime/observe.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <thread>

using namespace kiln;
using namespace kiln::detail;

namespace {

/// Fewer samples give no config up: the fastest of so many is hardly ever a third slower than the median of more.
constexpr int least_samples = 3;
/// Configs that are slower than the best by less than this are measured once more: from one minute to the next the same
/// launch differs by about as much.
constexpr double close = 1.03;

std::string number_text(double value) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

double median(std::vector<double> samples) {
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

/// Calls f(0) to f(count - 1), on several threads.
void in_parallel(std::size_t count, unsigned threads, function_ref<void(std::size_t)> f) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < count;)
      f(i);
  };
  std::vector<std::jthread> workers;
  if (threads == 0)
    threads = std::max(1U, std::thread::hardware_concurrency());
  try {
    while (workers.size() + 1 < std::min<std::size_t>(threads, count))
      workers.emplace_back(work);
  } catch (const std::system_error &) { // no more threads: those there are do it all
  }
  work();
}

class Search {
public:
  Search(const TuneErased &subject, Device device, const TuneOptions &options,
         function_ref<jit::Sampler(std::size_t)> sampler)
      : subject_(subject), device_(device), options_(options), sampler_(sampler), samples_(subject.count) {
    result_.outcomes.resize(subject.count);
    if (const Event *tuning = runtime::EventScope::in())
      tuning_ = tuning->id;
  }

  TuneOutcomes run() {
    in_parallel(subject_.count, options_.threads, [&](std::size_t i) { compile(i); });
    done_ = 0;
    to_measure_ = static_cast<std::size_t>(std::ranges::count(result_.outcomes, std::string(), &TuneOutcome::failure));
    for (std::size_t i = 0; i < subject_.count; ++i)
      measure(i, /*again=*/false);
    const std::vector<std::size_t> close_ones = contenders();
    done_ = 0;
    to_measure_ = close_ones.size();
    if (close_ones.size() > 1)
      for (std::size_t i = close_ones.size(); i-- > 0;)
        measure(close_ones[i], /*again=*/true);
    result_.best = best();
    return std::move(result_);
  }

private:
  /// Calls `body` as a step of so many configs.
  template <class Body>
  void step(std::size_t i, const char *name, std::size_t total, Body &&body) {
    const std::string config = subject_.text(i), target = device_.name();
    Event event{.kind = EventKind::tune_step};
    event.kernel = subject_.kernel;
    event.config = config;
    event.target = target;
    event.step = name;
    event.done = done_;
    event.total = total;
    event.parent = tuning_; // also where the step is in a thread of its own
    runtime::EventScope scope(event);
    body();
    const TuneOutcome &outcome = result_.outcomes[i];
    if (!outcome.failure.empty())
      scope.fail(outcome.failure.c_str());
    scope.event.us = outcome.us;
    scope.event.done = ++done_;
  }

  void compile(std::size_t i) {
    step(i, "compile", subject_.count, [&] {
      try {
        subject_.compile(i, device_);
      } catch (const std::exception &error) {
        result_.outcomes[i].failure = std::string("it does not compile: ") + error.what();
      }
    });
  }

  void measure(std::size_t i, bool again) {
    if (result_.outcomes[i].failure.empty())
      step(i, again ? "measure again" : "measure", to_measure_, [&] { try_measuring(i, again); });
  }

  void try_measuring(std::size_t i, bool again) {
    TuneOutcome &outcome = result_.outcomes[i];
    try {
      subject_.prepare(i);
      if (subject_.checks && !again) {
        subject_.poison();
        subject_.launch(i, {.device = device_, .stream = nullptr, .set = 0});
        synchronize(device_);
        if (std::string wrong = subject_.compare(); !wrong.empty()) {
          outcome.failure = "its result is wrong: " + wrong;
          return;
        }
      }
      sample(i, again);
    } catch (const ContextLost &) {
      throw; // nothing can be measured any more
    } catch (const std::exception &error) {
      outcome.failure = std::string("it does not run: ") + error.what();
    }
  }

  void sample(std::size_t i, bool again) {
    TuneOutcome &outcome = result_.outcomes[i];
    const std::size_t rival = again ? subject_.count : best();
    const jit::Sampler take = sampler_(i);
    for (int n = 1; n <= options_.samples; ++n) {
      samples_[i].push_back(take());
      outcome.fastest_us = *std::ranges::min_element(samples_[i]);
      if (n >= least_samples && n < options_.samples && rival < subject_.count &&
          outcome.fastest_us > options_.give_up * result_.outcomes[rival].us) {
        outcome.given_up = true;
        break;
      }
    }
    outcome.samples = static_cast<int>(samples_[i].size());
    outcome.us = median(samples_[i]);
  }

  bool complete(std::size_t i) const {
    const TuneOutcome &outcome = result_.outcomes[i];
    return outcome.failure.empty() && outcome.samples > 0 && !outcome.given_up;
  }

  /// The fastest so far, of equal ones the first; their number where there is none.
  std::size_t best() const {
    std::size_t result = subject_.count;
    for (std::size_t i = 0; i < subject_.count; ++i)
      if (complete(i) && (result == subject_.count || result_.outcomes[i].us < result_.outcomes[result].us))
        result = i;
    return result;
  }

  std::vector<std::size_t> contenders() const {
    std::vector<std::size_t> result;
    const std::size_t fastest = best();
    for (std::size_t i = 0; i < subject_.count; ++i)
      if (complete(i) && result_.outcomes[i].us <= close * result_.outcomes[fastest].us)
        result.push_back(i);
    return result;
  }

  const TuneErased &subject_;
  Device device_;
  const TuneOptions &options_;
  function_ref<jit::Sampler(std::size_t)> sampler_;
  TuneOutcomes result_;
  std::vector<std::vector<double>> samples_;
  std::atomic<std::size_t> done_{0}; // configs that are through the current step
  std::size_t to_measure_ = 0;       // configs
  std::uint64_t tuning_ = 0;         // the event, if there is one
};

} // namespace

void jit::check_tuning(const TuneErased &subject, Device device, const TuneOptions &options) {
  const std::string what = "cannot tune '" + subject.kernel + "': ";
  if (subject.count == 0)
    throw InvalidArgument(what + "there are no configs to choose from");
  if (!device)
    throw DeviceError(what + "no device was given, and there is no current CUDA context; pass .device = "
                             "kiln::Device::cpu()");
  if (!has_times(device))
    throw InvalidArgument(what + "the device is " + device.name() +
                          ", whose launches take no time that means anything; tune on the CPU or on a CUDA device");
  if (!subject.launches)
    throw InvalidArgument(what +
                          "TuneSubject::launch is empty; it has to enqueue a launch with the config it is given");
  if (options.samples < least_samples)
    throw InvalidArgument(what + "samples is " + std::to_string(options.samples) + ", must be at least " +
                          std::to_string(least_samples));
  if (!(options.give_up >= 1))
    throw InvalidArgument(what + "give_up is " + number_text(options.give_up) + ", must be at least 1");
  if (options.sets < 0)
    throw InvalidArgument(what + "sets is " + std::to_string(options.sets) + ", must not be negative");
}

TuneOutcomes jit::search(const TuneErased &subject, Device device, const TuneOptions &options,
                         function_ref<Sampler(std::size_t)> sampler) {
  return Search(subject, device, options, sampler).run();
}

std::string jit::write_outcomes(const TuneOutcomes &outcomes, function_ref<std::string(std::size_t)> text) {
  std::string result;
  llvm::raw_string_ostream stream(result);
  llvm::json::OStream json(stream, 1);
  json.object([&] {
    json.attribute("best", static_cast<std::int64_t>(outcomes.best));
    json.attributeArray("configs", [&] {
      for (std::size_t i = 0; i < outcomes.outcomes.size(); ++i) {
        const TuneOutcome &outcome = outcomes.outcomes[i];
        json.object([&] {
          json.attribute("config", text(i));
          if (!outcome.failure.empty()) {
            json.attribute("failure", llvm::json::fixUTF8(outcome.failure));
            return;
          }
          json.attribute("us", outcome.us);
          json.attribute("fastest_us", outcome.fastest_us);
          json.attribute("samples", outcome.samples);
          json.attribute("given_up", outcome.given_up);
        });
      }
    });
  });
  return result + "\n";
}

std::optional<TuneOutcomes> jit::read_outcomes(std::string_view text, std::size_t count) {
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(text);
  if (!value) {
    llvm::consumeError(value.takeError());
    return std::nullopt;
  }
  const llvm::json::Object *object = value->getAsObject();
  const llvm::json::Array *configs = object ? object->getArray("configs") : nullptr;
  const std::optional<std::int64_t> best = object ? object->getInteger("best") : std::nullopt;
  if (!configs || configs->size() != count || !best || *best < 0 || *best >= static_cast<std::int64_t>(count))
    return std::nullopt;
  TuneOutcomes result{.outcomes = {}, .best = static_cast<std::size_t>(*best), .kept = true};
  for (const llvm::json::Value &entry : *configs) {
    const llvm::json::Object *config = entry.getAsObject();
    if (!config)
      return std::nullopt;
    TuneOutcome &outcome = result.outcomes.emplace_back();
    if (auto failure = config->getString("failure")) {
      outcome.failure = failure->str();
      continue;
    }
    const auto us = config->getNumber("us"), fastest = config->getNumber("fastest_us");
    const auto samples = config->getInteger("samples");
    const auto given_up = config->getBoolean("given_up");
    if (!us || !fastest || !samples || !given_up || !std::isfinite(*us) || !std::isfinite(*fastest))
      return std::nullopt;
    outcome.us = *us;
    outcome.fastest_us = *fastest;
    outcome.samples = static_cast<int>(*samples);
    outcome.given_up = *given_up;
  }
  if (!result.outcomes[result.best].failure.empty())
    return std::nullopt;
  return result;
}

std::string detail::tune_table(const TuneOutcomes &outcomes, function_ref<std::string(std::size_t)> text) {
  std::size_t width = 6;
  for (std::size_t i = 0; i < outcomes.outcomes.size(); ++i)
    width = std::max(width, text(i).size());
  const auto padded = [width](std::string config) {
    config.resize(std::max(width, config.size()), ' ');
    return config;
  };
  std::string result = padded("config") + "        us   fastest  samples\n";
  for (std::size_t i = 0; i < outcomes.outcomes.size(); ++i) {
    const TuneOutcome &outcome = outcomes.outcomes[i];
    result += padded(text(i));
    if (!outcome.failure.empty()) {
      // The first line says what is wrong; the rest of it, where.
      result += "  " + outcome.failure.substr(0, outcome.failure.find('\n')) + "\n";
      continue;
    }
    char figures[80];
    std::snprintf(figures, sizeof figures, "%10.2f%10.2f%9d%s\n", outcome.us, outcome.fastest_us, outcome.samples,
                  outcome.given_up     ? "  given up"
                  : i == outcomes.best ? "  best"
                                       : "");
    result += figures;
  }
  return result;
}

void detail::throw_no_config_works(const std::string &reasons) {
  throw TuneError("none of the configs works:" + reasons);
}

std::string detail::difference_text(std::size_t element, double value, double expected, double tolerance) {
  return "element " + std::to_string(element) + " is " + number_text(value) + ", but " + number_text(expected) +
         " with the first config; they may differ by " + number_text(tolerance);
}

std::string detail::first_difference(std::span<const std::byte> first, std::span<const std::byte> result) {
  const auto [a, b] = std::ranges::mismatch(first, result);
  if (a == first.end() && b == result.end())
    return "";
  return "byte " + std::to_string(a - first.begin()) + " is not what it is with the first config";
}

std::vector<std::byte> detail::read_back(const DeviceBuffer &buffer) {
  std::vector<std::byte> bytes(buffer.bytes());
  buffer.copy_to_host(bytes.data(), bytes.size());
  return bytes;
}
