#pragma once

#include <atomic>
#include <cstdint>

namespace kiln::runtime {

/// Work that several threads can share: `run` takes pieces until none are left, and may be called from many threads at
/// once.
class Job {
public:
  /// Returns whether it did anything.
  virtual bool run() noexcept = 0;
  /// Whether pieces are left that nobody has taken.
  virtual bool has_work() const noexcept = 0;

protected:
  ~Job() = default;
};

/// The threads of the process that help with launches. They are started by the first job that wants them and live until
/// the process ends; between jobs they spin for a moment and then sleep.
///
/// There is no queue and no lock. A job is published in one of a few slots, workers find it there, and its owner takes
/// it out again and waits for the workers that are inside. When every slot is taken, or the owner is in a print
/// handler, it does all of the work itself, which is as correct.
class WorkerPool {
public:
  static WorkerPool &instance();

  /// Shares the job with the workers, works on it, and returns when no piece is left and no worker touches it any more.
  void share(Job &job);

  /// Threads that can work on a job, its owner's included.
  unsigned threads() const { return threads_; }

private:
  // More launches at once than this are already more parallel than most machines.
  static constexpr unsigned slot_count = 16;

  struct alignas(64) Slot {
    std::atomic<Job *> job{nullptr};
    /// Workers that are looking at `job`. It is raised before `job` is read, so an owner that has taken the job out and
    /// then sees 0 knows that nobody holds it.
    std::atomic<std::uint32_t> users{0};
  };

  explicit WorkerPool(unsigned threads) : threads_(threads) {}
  void start();
  void work(unsigned index);
  bool help(unsigned first_slot);
  void wake();

  const unsigned threads_;
  std::atomic<bool> started_{false};
  Slot slots_[slot_count];
  /// Counts published jobs; sleeping workers wait for it to change.
  alignas(64) std::atomic<std::uint32_t> bell_{0};
  alignas(64) std::atomic<std::uint32_t> sleepers_{0};
};

/// While one lives, this thread runs its jobs alone. A print handler does: what it launches must not print in other
/// threads, which would wait for the handler to return.
class WorkAlone {
public:
  WorkAlone();
  ~WorkAlone();
  WorkAlone(const WorkAlone &) = delete;
  WorkAlone &operator=(const WorkAlone &) = delete;
};

/// The value of KILN_NUM_THREADS. Throws InvalidArgument unless it is a number from 1 to 1024.
unsigned parse_thread_count(const char *text);

} // namespace kiln::runtime
