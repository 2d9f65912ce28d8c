// kiln-stress: threads that compile, launch, evict and fail, all at once, for as long as they are told to. Every result
// is compared with the host's, and every failure must be the right one.
#include "stress.h"

#include "../unit/temporary_directory.h"

#include "kiln/cuda.h"
#include "kiln/debug.h"
#include "kiln/runtime/disk_cache.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace kiln;
using namespace kiln_stress;

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int skipped = 77; // the exit status where the device is not there

constexpr const char *usage =
    R"(usage: kiln-stress [--device NAME] [--seconds S] [--threads N] [--streams N] [--seed N] [--patience S] [--alone]
                   [--only TEXT]... [--without TEXT]...

  --device NAME   cpu, emulated:sm_90a, ..., cuda (default: cpu)
  --seconds S     how long (default: 10)
  --threads N     (default: 8)
  --streams N     of each thread (default: 3)
  --seed N        decides what each thread does, one thing after the other (default: 1)
  --patience S    how long one thing may take before it counts as a deadlock (default: 60)
  --alone         nobody else uses the device: compare its free memory before and after
  --only TEXT     do only what has TEXT in its name, as the counts at the end print it
  --without TEXT  and not what has TEXT
)";

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

long long open_files() { return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()); }

long long resident_megabytes() {
  std::ifstream file("/proc/self/statm");
  long long size = 0, resident = 0;
  file >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE) >> 20;
}

/// Another process with its hands on the cache.
class Vandal {
public:
  explicit Vandal(const std::string &directory)
      : process_(start_again({"kiln-stress", "--vandalise", directory, std::to_string(getpid())})) {}
  ~Vandal() {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }

  [[noreturn]] static void run(const std::string &directory, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::mt19937_64 random(7);
    while (getppid() == parent) {
      if (random() % 20 == 0)
        bar(directory);
      else
        vandalise(directory, random);
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 2000));
    }
    _exit(0);
  }

private:
  pid_t process_;
};

/// Prints what every thread does and ends the process when one of them gets nowhere.
void watch(const std::vector<std::unique_ptr<Worker>> &workers, double patience, const std::atomic<bool> &joined) {
  std::vector<std::uint64_t> seen(workers.size(), ~std::uint64_t{0});
  std::vector<Clock::time_point> since(workers.size(), Clock::now());
  while (!joined.load()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    for (std::size_t i = 0; i < workers.size(); ++i) {
      const std::uint64_t done = workers[i]->done.load(std::memory_order_relaxed);
      if (done != seen[i] || !workers[i]->doing.load(std::memory_order_relaxed)) {
        seen[i] = done;
        since[i] = Clock::now();
      } else if (seconds_since(since[i]) > patience) {
        std::printf("kiln-stress: thread %zu has got nowhere for %.0f s\n", i, patience);
        for (std::size_t j = 0; j < workers.size(); ++j) {
          const char *doing = workers[j]->doing.load(std::memory_order_relaxed);
          std::printf("  thread %zu, for %.1f s, %llu things done: %s\n", j, seconds_since(since[j]),
                      static_cast<unsigned long long>(workers[j]->done.load()), doing ? doing : "ended");
        }
        std::fflush(stdout);
        _exit(1);
      }
    }
  }
}

void print_counts(const std::vector<std::unique_ptr<Worker>> &workers) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < operations().size(); ++i) {
    std::uint64_t count = 0;
    for (const auto &worker : workers)
      count += worker->counts[i].load();
    if (count > 0)
      std::printf("%10llu  %s\n", static_cast<unsigned long long>(count), operations()[i].name);
    total += count;
  }
  const KernelCounters kernels = total_counters();
  const runtime::CacheCounters cache = runtime::process_cache().counters();
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf("%10llu  in all; kernels traced %llu times, compiled %llu, found in the process %llu\n", number(total),
              number(kernels.traces), number(kernels.compiles), number(kernels.hits));
  std::printf("%10s  cache on disk: %llu hits, %llu misses, %llu found damaged, %llu writes, %llu evictions\n", "",
              number(cache.hits), number(cache.misses), number(cache.corrupt), number(cache.writes),
              number(cache.evictions));
}

/// Works until time is over or something is wrong. \returns what is wrong, or nothing
std::string work(Stress &stress, bool rehearsal = false) {
  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned i = 0; i < stress.settings.threads; ++i)
    workers.push_back(std::make_unique<Worker>(stress, i));
  std::mutex mutex;
  std::string fault;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < workers.size(); ++i)
    threads.emplace_back([&, i] {
      try {
        workers[i]->run();
      } catch (const std::exception &error) {
        std::lock_guard lock(mutex);
        if (fault.empty())
          fault =
              "thread " + std::to_string(i) + " of seed " + std::to_string(stress.settings.seed) + ": " + error.what();
        stress.over.store(true);
        workers[i]->doing.store(nullptr);
      }
    });
  std::atomic<bool> joined{false};
  std::thread watcher([&] { watch(workers, stress.settings.patience, joined); });
  const Clock::time_point begin = Clock::now();
  long long early = 0;
  while (!stress.over.load() && seconds_since(begin) < stress.settings.seconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (early == 0 && seconds_since(begin) > stress.settings.seconds / 3)
      early = resident_megabytes();
  }
  stress.over.store(true);
  for (std::thread &thread : threads)
    thread.join();
  joined.store(true);
  watcher.join();
  if (rehearsal && fault.empty())
    return fault;
  print_counts(workers);
  std::printf("%10s  resident: %lld MB after a third of the time, %lld at the end\n", "", early, resident_megabytes());
  return fault;
}

/// A short run, after which what the process and the driver keep for good is there.
std::string rehearse(const Settings &settings, World world) {
  Settings brief = settings;
  brief.seconds = std::min(2.0, settings.seconds / 4);
  Stress stress(brief, world);
  return work(stress, /*rehearsal=*/true);
}

int stress(const Settings &settings, World world) {
  std::printf("kiln-stress on %s: %.0f s, %u threads with %u streams each, seed %llu; first a rehearsal\n",
              settings.device.name().c_str(), settings.seconds, settings.threads, settings.streams,
              static_cast<unsigned long long>(settings.seed));
  const auto fail = [](const std::string &what) {
    std::printf("kiln-stress: WRONG: %s\n", what.c_str());
    return 1;
  };
  const DeviceBuffer here(settings.device, 256); // its context is current from here on, for used_device_memory()
  if (std::string fault = rehearse(settings, world); !fault.empty())
    return fail(fault);
  const long long files = open_files();
  const std::optional<long long> memory = used_device_memory(), modules = loaded_modules();
  {
    const Vandal vandal(runtime::process_cache().settings().directory);
    Stress all(settings, world);
    if (std::string fault = work(all); !fault.empty())
      return fail(fault);
  }
  // A driver may open files of its own when it likes.
  const long long more_files = open_files() - files;
  if (more_files > (settings.device.kind() == Device::Kind::cuda ? 16 : 0))
    return fail(std::to_string(more_files) + " more files are open than before");
  if (modules && *loaded_modules() != *modules)
    return fail(std::to_string(*loaded_modules() - *modules) + " more modules are loaded than before");
  if (memory && (settings.alone || world.pretends)) {
    // A refused allocation can make the driver give pieces back, or take some, of 2 MiB each.
    const long long more = *used_device_memory() - *memory, allowed = world.pretends ? 0 : 16 << 20;
    std::printf("%10s  memory of the device: %lld bytes more than before\n", "", more);
    if (more > allowed)
      return fail("memory of the device is lost");
  }
  std::printf("nothing wrong\n");
  return 0;
}

int run(int argc, char **argv) {
  if (argc == 4 && std::string_view(argv[1]) == "--vandalise")
    Vandal::run(argv[2], std::atoi(argv[3]));
  Settings settings;
  std::string device = "cpu";
  bool lose = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const auto value = [&]() -> const char * {
      if (i + 1 >= argc)
        throw InvalidArgument("error: " + std::string(option) + " wants a value");
      return argv[++i];
    };
    const auto number = [&](double least, double most) {
      char *end = nullptr;
      const char *text = value();
      const double result = std::strtod(text, &end);
      if (*end || !(result >= least && result <= most))
        throw InvalidArgument("error: " + std::string(option) + ": '" + text + "' is no number that it takes");
      return result;
    };
    if (option == "--device")
      device = value();
    else if (option == "--seconds")
      settings.seconds = number(0.1, 1e6);
    else if (option == "--threads")
      settings.threads = static_cast<unsigned>(number(1, 1000));
    else if (option == "--streams")
      settings.streams = static_cast<unsigned>(number(1, 1000));
    else if (option == "--seed")
      settings.seed = static_cast<std::uint64_t>(number(0, 1e15));
    else if (option == "--patience")
      settings.patience = number(0.1, 1e6);
    else if (option == "--alone")
      settings.alone = true;
    else if (option == "--only")
      settings.only.emplace_back(value());
    else if (option == "--without")
      settings.without.emplace_back(value());
    else if (option == "--lose-context")
      lose = true;
    else
      throw InvalidArgument("error: unknown option '" + std::string(option) + "'\n" + usage);
  }
  if (lose)
    device = "cuda";

  const TemporaryDirectory place;
  settings.place = place.path();
  // A cache of this run alone, so small that it evicts all the time.
  setenv("KILN_CACHE_DIR", (place.path() + "/cache").c_str(), 1);
  setenv("KILN_CACHE_SIZE", "128K", 1);
  unsetenv("KILN_CACHE");
  const World world = prepare_world();
  debug::set_asserts(true);
  if (device.starts_with("cuda") && cuda::device_count() == 0) {
    std::printf("%s\n", cuda::unavailable_reason().c_str());
    return skipped;
  }
  settings.device = Device::parse(device);
  settings.arch = settings.device.kind() == Device::Kind::cuda ? cuda::properties(settings.device).arch : "sm_90a";
  return lose ? lose_context(settings) : stress(settings, world);
}

} // namespace

int main(int argc, char **argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  try {
    return run(argc, argv);
  } catch (const std::exception &error) {
    std::printf("%s\n", error.what());
    return 2;
  }
}
