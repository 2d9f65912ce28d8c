// The compiled kernels of one Kernel object.
#pragma once

#include "jit/executable.h"
#include "jit/facts.h"

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
  Variant variant = Variant::specialised;

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
    Variant variant = Variant::specialised;
    std::uint64_t hash;
    Facts facts;        // of the config: which variant a launch wants
    bool waits = false; // for the launches before it: it may be launched as one that overlaps
    std::unique_ptr<const Executable> executable;
    double trace_ms = 0, compile_ms = 0;
    const Entry *next; // of the same bucket, older

    /// Whether this is the variant for these arguments; null stands for any of which the facts hold.
    bool serves(const void *const *args) const {
      return (variant == Variant::specialised) == (!args || facts.hold(args));
    }

    bool matches(const Key &key, std::uint64_t key_hash) const;
  };

  KernelCache() = default;
  ~KernelCache();
  KernelCache(const KernelCache &) = delete;
  KernelCache &operator=(const KernelCache &) = delete;

  /// The entry, or null.
  const Entry *find(const Key &key, std::uint64_t hash) const;

  /// The entry that serves these arguments (Entry::serves); where there is none, makes it by calling `compile(entry)`,
  /// which fills in facts, waits, variant, executable and times. Of several threads that ask for one key at the same
  /// time one compiles and the others wait. What `compile` throws reaches all of them, and nothing is kept: the next
  /// call tries again. `found` tells whether the caller was spared the work. The variant of `key` is ignored.
  template <typename Compile>
  const Entry &find_or_compile(Key key, const void *const *args, bool &found, Compile &&compile) {
    found = true;
    key.variant = Variant::specialised;
    if (const Entry *entry = find(key, key.hash()); entry && entry->serves(args)) [[likely]]
      return *entry;
    for (;;) {
      // The facts are known as soon as one of the variants is.
      const Entry *other = nullptr;
      for (Variant variant : {Variant::generic, Variant::specialised}) {
        key.variant = variant;
        const Entry *entry = find(key, key.hash());
        if (entry && entry->serves(args))
          return *entry;
        if (entry)
          other = entry;
      }
      if (other && other->variant == Variant::specialised)
        key.variant = Variant::generic;
      Claim claim = this->claim(key, key.hash());
      const Entry *entry = claim.entry;
      if (claim.mine) {
        found = false;
        entry = &make(key, *claim.pending, compile);
      } else if (!entry) {
        entry = claim.pending->result.get();
      }
      // Who waited for another's compile may need the other variant.
      if (entry->serves(args))
        return *entry;
    }
  }

private:
  static constexpr std::size_t bucket_count = 64;

  /// A compile in flight.
  struct Pending {
    std::vector<std::uint64_t> words;
    Device device;
    CompileOptions options;
    Variant variant;
    std::thread::id owner;
    std::promise<const Entry *> promise;
    std::shared_future<const Entry *> result;
  };
  struct Claim {
    const Entry *entry = nullptr; // made in the meantime
    std::shared_ptr<Pending> pending;
    bool mine = false;
  };

  template <typename Compile>
  const Entry &make(const Key &key, Pending &pending, Compile &&compile) {
    try {
      auto entry = std::make_unique<Entry>();
      entry->words.assign(key.words, key.words + key.count);
      entry->device = key.device;
      entry->options = key.options;
      compile(*entry);
      Key made = key;
      made.variant = entry->variant;
      entry->hash = made.hash();
      return publish(std::move(entry), pending);
    } catch (...) {
      fail(pending, std::current_exception());
      throw;
    }
  }

  Claim claim(const Key &key, std::uint64_t hash);
  const Entry &publish(std::unique_ptr<Entry> entry, Pending &pending);
  void fail(Pending &pending, std::exception_ptr error);
  void forget(const Pending &pending); // with the mutex held

  std::array<std::atomic<const Entry *>, bucket_count> buckets_{};
  std::mutex mutex_; // of writers and of pending_
  std::vector<std::shared_ptr<Pending>> pending_;
};

} // namespace kiln::jit
