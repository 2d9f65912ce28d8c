// Events as lines of the log, and a word now and then about what takes long.
#include "observe/listeners.h"

#include "kiln/runtime/log.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

using namespace kiln;
using namespace kiln::runtime;

namespace {

using Clock = std::chrono::steady_clock;

// The first word about a compile that goes on comes after this time, and each further one after twice the time of the
// one before.
constexpr std::chrono::seconds first_word{2};

std::string time_text(double ms) {
  char text[32];
  if (ms < 0.1)
    std::snprintf(text, sizeof text, "%.1f us", ms * 1000);
  else
    std::snprintf(text, sizeof text, ms < 1000 ? "%.1f ms" : "%.2f s", ms < 1000 ? ms : ms / 1000);
  return text;
}

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

/// "'softmax' with {1024} on cpu"
std::string subject(const Event &event, const char *preposition) {
  std::string text = "'" + std::string(event.kernel) + "'";
  if (!event.config.empty())
    text += " with " + std::string(event.config);
  if (event.generic)
    text += " (any arguments)";
  return text + " " + preposition + " " + std::string(event.target);
}

/// The compiles that go on.
class Compiles {
public:
  void begin(const Event &event) {
    std::lock_guard lock(mutex_);
    running_.push_back({.id = event.id, .text = subject(event, "for"), .next_word = Clock::now() + first_word});
    if (!started_)
      start();
    changed_.notify_one();
  }

  void begin_stage(const Event &event) {
    std::lock_guard lock(mutex_);
    if (Compile *compile = find(event.parent))
      compile->stage = event.step;
  }

  void end_stage(const Event &event) {
    std::lock_guard lock(mutex_);
    if (Compile *compile = find(event.parent)) {
      compile->stages += (compile->stages.empty() ? "" : ", ") + std::string(event.step) + " " + time_text(event.ms);
      compile->stage.clear();
    }
  }

  /// Returns the times of its stages.
  std::string end(const Event &event) {
    std::lock_guard lock(mutex_);
    Compile *compile = find(event.id);
    if (!compile)
      return "";
    std::string stages = std::move(compile->stages);
    running_.erase(running_.begin() + (compile - running_.data()));
    return stages;
  }

private:
  struct Compile {
    std::uint64_t id = 0;
    std::string text;
    std::string stage = {};  // that it is in
    std::string stages = {}; // that it is through
    Clock::time_point started = Clock::now();
    Clock::time_point next_word;
  };

  Compile *find(std::uint64_t id) {
    const auto found = std::ranges::find(running_, id, &Compile::id);
    return found == running_.end() ? nullptr : &*found;
  }

  /// With the mutex held.
  void start() {
    started_ = true;
    // Signals are for the threads of the program.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      std::thread([this] { watch(); }).detach();
    } catch (const std::system_error &) { // no more threads: compiles are silent until they end
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void watch() {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (running_.empty()) {
        changed_.wait(lock);
        continue;
      }
      changed_.wait_until(lock, std::ranges::min(running_, {}, &Compile::next_word).next_word);
      const Clock::time_point now = Clock::now();
      for (Compile &compile : running_) {
        if (compile.next_word > now)
          continue;
        const auto taken = now - compile.started;
        compile.next_word = now + taken;
        log(LogLevel::info, "compiling " + compile.text + " since " +
                                time_text(std::chrono::duration<double, std::milli>(taken).count()) +
                                (compile.stage.empty() ? "" : ", now: " + compile.stage) +
                                (compile.stages.empty() ? "" : " (done: " + compile.stages + ")"));
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Compile> running_;
  bool started_ = false;
};

/// Never destroyed: its thread runs until the process ends.
Compiles &compiles() {
  static Compiles *const instance = new Compiles;
  return *instance;
}

void log_compile(const Event &event) {
  if (event.begins)
    return compiles().begin(event);
  const std::string stages = compiles().end(event);
  if (!event.error.empty())
    return log(LogLevel::info, "cannot compile " + subject(event, "for") + ", after " + time_text(event.ms) + ": " +
                                   first_line(event.error));
  log(LogLevel::info, (event.kept ? "took from the cache " : "compiled ") + subject(event, "for") + " in " +
                          time_text(event.ms) + (stages.empty() ? "" : " (" + stages + ")"));
}

void log_launch(const Event &event) {
  if (event.begins)
    return;
  const std::string grid =
      std::to_string(event.grid[0]) + " x " + std::to_string(event.grid[1]) + " x " + std::to_string(event.grid[2]);
  if (event.error.empty())
    log(LogLevel::debug,
        "launched " + subject(event, "on") + ", " + grid + " programs, in " + time_text(event.ms) + " of the host");
  else
    log(LogLevel::debug,
        "cannot launch " + subject(event, "on") + ", " + grid + " programs: " + first_line(event.error));
}

void log_tuning(const Event &event) {
  const std::string kernel = "'" + std::string(event.kernel) + "' on " + std::string(event.target);
  if (event.begins)
    log(LogLevel::info, "tuning " + kernel + ": " + std::to_string(event.total) + " configs");
  else if (!event.error.empty())
    log(LogLevel::info, "tuning of " + kernel + " has failed: " + first_line(event.error));
  else
    log(LogLevel::info, (event.kept ? "took the tuning of " : "tuned ") + kernel +
                            (event.kept ? " from the cache" : "") + " in " + time_text(event.ms) + ": " +
                            (event.config.empty() ? "no config works" : "fastest is " + std::string(event.config)));
}

void log_tuning_step(const Event &event) {
  if (event.begins)
    return;
  std::string text = "tuning '" + std::string(event.kernel) + "': " + std::string(event.step) + " " +
                     std::to_string(event.done) + " of " + std::to_string(event.total) + ", " +
                     std::string(event.config);
  if (!event.error.empty())
    text += ": " + first_line(event.error);
  else if (event.us > 0)
    text += ": " + time_text(event.us / 1000);
  log(LogLevel::info, text);
}

} // namespace

EventCallback observers::make_logger() {
  return [](const Event &event) {
    switch (event.kind) {
    case EventKind::compile:
      return log_compile(event);
    case EventKind::stage:
      return event.begins ? compiles().begin_stage(event) : compiles().end_stage(event);
    case EventKind::launch:
      return log_launch(event);
    case EventKind::tune:
      return log_tuning(event);
    case EventKind::tune_step:
      return log_tuning_step(event);
    }
  };
}
