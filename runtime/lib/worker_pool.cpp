#include "worker_pool.h"

#include "kiln/error.h"
#include "kiln/runtime/environment.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <pthread.h>
#include <sched.h>
#include <string>
#include <system_error>
#include <thread>

using namespace kiln;
using namespace kiln::runtime;

namespace {

// How long an idle worker, or an owner waiting for the last worker, looks before it sleeps. A wake-up costs several
// microseconds, so launches that follow each other closely should find the workers awake; longer would burn the
// processor for nothing.
constexpr std::chrono::microseconds spin_time{20};

// A job's place is neither free nor occupied while its owner waits for the workers inside: were it free at once, the
// next job's workers would keep `users` above 0 and the owner waiting.
struct : Job {
  bool run() noexcept override { return false; }
  bool has_work() const noexcept override { return false; }
} retiring_job;
Job *const retiring = &retiring_job;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ __volatile__("yield");
#endif
}

/// Looks until `done` or until the spin time is over; returns whether it was done.
template <typename Predicate>
bool spin_until(Predicate done) {
  auto end = std::chrono::steady_clock::now() + spin_time;
  do {
    for (int i = 0; i < 32; ++i) {
      if (done())
        return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

unsigned default_threads() {
  if (const std::string text = environment("KILN_NUM_THREADS"); !text.empty())
    return parse_thread_count(text.c_str());
  // The affinity mask rather than the number of processors: a process that was given 4 of 64 gains nothing from 64
  // threads.
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0)
    return static_cast<unsigned>(CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

thread_local unsigned alone = 0; // how many WorkAlone live

} // namespace

WorkAlone::WorkAlone() { ++alone; }
WorkAlone::~WorkAlone() { --alone; }

unsigned runtime::parse_thread_count(const char *text) {
  char *end = nullptr;
  long value = std::strtol(text, &end, 10);
  if (*end || value < 1 || value > 1024)
    throw InvalidArgument(std::string("KILN_NUM_THREADS is '") + text + "': expected a number from 1 to 1024");
  return static_cast<unsigned>(value);
}

WorkerPool &WorkerPool::instance() {
  // Never destroyed: the workers use it until the process ends.
  static WorkerPool *const pool = new WorkerPool(default_threads());
  return *pool;
}

void WorkerPool::start() {
  static std::mutex mutex;
  std::lock_guard lock(mutex);
  if (started_.load(std::memory_order_relaxed))
    return;
  // Signals are for the threads of the program, which has not asked for these: workers inherit a mask that blocks them
  // all.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (unsigned i = 1; i < threads_; ++i) {
    try {
      std::thread worker([this, i] { work(i); });
      pthread_setname_np(worker.native_handle(), "kiln-worker");
      worker.detach();
    } catch (const std::system_error &) {
      break; // The system has no more threads to give. Fewer workers are slower, not wrong.
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  started_.store(true, std::memory_order_release);
}

void WorkerPool::share(Job &job) {
  if (alone > 0) {
    job.run();
    return;
  }
  if (threads_ > 1 && !started_.load(std::memory_order_acquire))
    start();

  Slot *mine = nullptr;
  for (Slot &slot : slots_) {
    Job *expected = nullptr;
    if (!slot.job.load(std::memory_order_relaxed) && slot.job.compare_exchange_strong(expected, &job)) {
      mine = &slot;
      break;
    }
  }
  if (!mine) {
    job.run();
    return;
  }
  bell_.fetch_add(1);
  wake();
  job.run();
  mine->job.store(retiring);
  auto unused = [&] { return mine->users.load() == 0; };
  if (!spin_until(unused)) {
    for (std::uint32_t users = mine->users.load(); users != 0; users = mine->users.load())
      mine->users.wait(users);
  }
  mine->job.store(nullptr);
}

void WorkerPool::wake() {
  // Two at a time, and each of them wakes two more while there is work: waking 63 threads from one would take longer
  // than many launches.
  std::uint32_t sleeping = sleepers_.load();
  if (sleeping > 0)
    bell_.notify_one();
  if (sleeping > 1)
    bell_.notify_one();
}

bool WorkerPool::help(unsigned first_slot) {
  for (unsigned i = 0; i < slot_count; ++i) {
    Slot &slot = slots_[(first_slot + i) % slot_count];
    Job *seen = slot.job.load(std::memory_order_relaxed);
    if (!seen || seen == retiring)
      continue;
    slot.users.fetch_add(1);
    Job *job = slot.job.load();
    bool helped = false;
    if (job && job != retiring && job->has_work()) {
      wake();
      helped = job->run();
    }
    if (slot.users.fetch_sub(1) == 1)
      slot.users.notify_all();
    if (helped)
      return true;
  }
  return false;
}

void WorkerPool::work(unsigned index) {
  for (;;) {
    std::uint32_t heard = bell_.load();
    if (help(index))
      continue;
    if (spin_until([&] { return bell_.load(std::memory_order_relaxed) != heard; }))
      continue;
    // A job published after `heard` was read has changed the bell, so the wait returns at once: no wake-up is lost.
    sleepers_.fetch_add(1);
    bell_.wait(heard);
    sleepers_.fetch_sub(1);
  }
}
