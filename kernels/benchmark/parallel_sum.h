// The bar that a memory-bound kernel is held against: reading bytes with all threads and doing next to nothing with
// them.
#pragma once

#include <barrier>
#include <cstddef>
#include <cstdint>
#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace kiln::bench {

/// The sum of 64-bit words, modulo 2^64, in the widest vectors of the machine. `bytes` is a multiple of 512.
std::uint64_t sum_words(const void *data, std::size_t bytes);

/// Threads that sum arrays, each its own part. They wait in a barrier between runs, so
/// that no run pays for starting threads.
class ParallelSum {
public:
  explicit ParallelSum(int threads) : threads_(threads), start_(threads), end_(threads), partial_(threads * padding) {
    for (int i = 1; i < threads; ++i)
      workers_.emplace_back([this, i] {
        for (;;) {
          start_.arrive_and_wait();
          if (stop_)
            return;
          sum_part(i);
          end_.arrive_and_wait();
        }
      });
  }
  ~ParallelSum() {
    stop_ = true;
    start_.arrive_and_wait();
    for (std::thread &worker : workers_)
      worker.join();
  }
  ParallelSum(const ParallelSum &) = delete;
  ParallelSum &operator=(const ParallelSum &) = delete;

  std::uint64_t run(std::span<const std::span<const std::byte>> arrays) {
    arrays_ = arrays; // the barrier makes it visible to the workers
    start_.arrive_and_wait();
    sum_part(0);
    end_.arrive_and_wait();
    std::uint64_t total = 0;
    for (int i = 0; i < threads_; ++i)
      total += partial_[i * padding];
    return total;
  }

private:
  static constexpr std::size_t padding = 16; // two cache lines: partial sums of two threads share none

  void sum_part(int i) {
    std::uint64_t total = 0;
    for (std::span<const std::byte> array : arrays_) {
      const std::size_t blocks = array.size() / 512;
      const std::size_t begin = blocks * i / threads_, end = blocks * (i + 1) / threads_;
      total += sum_words(array.data() + begin * 512, (end - begin) * 512);
    }
    partial_[i * padding] = total;
  }

  std::span<const std::span<const std::byte>> arrays_;
  int threads_;
  bool stop_ = false;
  std::barrier<> start_, end_;
  std::vector<std::uint64_t> partial_;
  std::vector<std::thread> workers_;
};

} // namespace kiln::bench
