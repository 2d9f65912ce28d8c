// The compiled kernels of one Kernel object.
#pragma once

#include "executable.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <future>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace kiln::jit {

/// What a compiled kernel is found by. The config is the kernel function's only input, so its values stand for the
/// traced IR.
struct Key {
  const std::uint64_t *words; // the config's members, as ConfigView; not owned
  std::size_t count;
  Device device;
  CompileOptions options;

  std::uint64_t hash() const;
};

/// Finds compiled kernels without a lock, and sees to it that each is compiled once.
///
/// Entries are immutable, hang in linked lists by hash and are freed with the cache: a reader that follows the lists
/// needs no protection. Only writers take the mutex, and never while compiling.
class KernelCache {
public:
  struct Entry {
    std::vector<std::uint64_t> words;
    Device device;
    CompileOptions options;
    std::uint64_t hash;
    std::unique_ptr<const Executable> executable;
    double trace_ms, compile_ms;
    const Entry *next; // of the same bucket, older

    bool matches(const Key &key, std::uint64_t key_hash) const;
  };

  KernelCache() = default;
  ~KernelCache();
  KernelCache(const KernelCache &) = delete;
  KernelCache &operator=(const KernelCache &) = delete;

  /// The entry, or null.
  const Entry *find(const Key &key, std::uint64_t hash) const;

  /// The entry; where there is none, makes it by calling `compile`, which fills in the executable and the times. Of
  /// several threads that ask for one key at the same time one compiles and the others wait. What `compile` throws
  /// reaches all of them, and nothing is kept: the next call tries again. `found` tells whether the caller was spared
  /// the work.
  template <typename Compile>
  const Entry &find_or_compile(const Key &key, bool &found, Compile &&compile) {
    std::uint64_t hash = key.hash();
    found = true;
    if (const Entry *entry = find(key, hash)) [[likely]]
      return *entry;
    Claim claim = this->claim(key, hash);
    if (claim.entry)
      return *claim.entry;
    if (!claim.mine)
      return *claim.pending->result.get();
    found = false;
    try {
      auto entry = std::make_unique<Entry>();
      entry->words.assign(key.words, key.words + key.count);
      entry->device = key.device;
      entry->options = key.options;
      entry->hash = hash;
      compile(*entry);
      return publish(std::move(entry), *claim.pending);
    } catch (...) {
      fail(*claim.pending, std::current_exception());
      throw;
    }
  }

private:
  static constexpr std::size_t bucket_count = 64;

  /// A compile in flight.
  struct Pending {
    std::vector<std::uint64_t> words;
    Device device;
    CompileOptions options;
    std::thread::id owner;
    std::promise<const Entry *> promise;
    std::shared_future<const Entry *> result;
  };
  struct Claim {
    const Entry *entry = nullptr; // made in the meantime
    std::shared_ptr<Pending> pending;
    bool mine = false;
  };

  Claim claim(const Key &key, std::uint64_t hash);
  const Entry &publish(std::unique_ptr<Entry> entry, Pending &pending);
  void fail(Pending &pending, std::exception_ptr error);
  void forget(const Pending &pending); // with the mutex held

  std::array<std::atomic<const Entry *>, bucket_count> buckets_{};
  std::mutex mutex_; // of writers and of pending_
  std::vector<std::shared_ptr<Pending>> pending_;
};

} // namespace kiln::jit
