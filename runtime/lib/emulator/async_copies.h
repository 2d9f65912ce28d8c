// Copies from global to shared memory that a thread starts and waits for later.
#pragma once

#include "warp_step.h"

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

namespace kiln::runtime::emulator {

/// The copies of a program that are under way, in the groups that each thread has committed. They end as late as a wait
/// allows.
class AsyncCopies {
public:
  /// Begins a program of so many threads; what the one before has not waited for is forgotten.
  void begin(unsigned threads, SharedMemory &shared);

  /// A lane starts a copy of `bytes` bytes, of which it reads the first `read_bytes`; zeros follow.
  void start(const WarpStep &step, unsigned lane, std::uint64_t shared_address, std::uint64_t global_address,
             std::uint32_t bytes, std::uint64_t read_bytes);
  /// A lane ends its group.
  void commit(const WarpStep &step, unsigned lane);
  /// A lane waits until at most `groups` of its groups are under way.
  void wait(const WarpStep &step, unsigned lane, std::uint64_t groups);

  /// How many copies a thread has started so far.
  std::uint64_t started(unsigned thread) const { return threads_[thread].started; }
  /// Ends those of the first `count` copies of a thread that are under way.
  void finish(unsigned thread, std::uint64_t count, SharedMemory &shared);

  /// What the copies of a thread that are under way will write.
  std::uint64_t bytes_in_flight(unsigned thread) const { return threads_[thread].bytes; }

private:
  struct Copy {
    std::uint64_t address;
    std::uint32_t site;
    std::uint32_t bytes;
    std::array<unsigned char, 16> data;
  };
  using Group = std::vector<Copy>;
  struct OfThread {
    Group open; // not committed yet
    std::deque<Group> groups;
    std::uint64_t started = 0, ended = 0; // copies
    std::uint64_t bytes = 0;
  };
  static void finish_first(unsigned thread, OfThread &of, Group &group, std::size_t count, SharedMemory &shared);

  std::vector<OfThread> threads_;
};

} // namespace kiln::runtime::emulator
