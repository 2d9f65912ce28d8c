#include "jit/cache.h"

#include "trace.h"

#include <algorithm>

using namespace kiln;
using namespace kiln::jit;

std::uint64_t Key::hash() const {
  // FNV-1a over words, with a shift so that the high bits, too, reach the bucket number.
  std::uint64_t h = 0xcbf29ce484222325u;
  auto add = [&h](std::uint64_t word) {
    h = (h ^ word) * 0x100000001b3u;
    h ^= h >> 29;
  };
  for (std::size_t i = 0; i < count; ++i)
    add(words[i]);
  add(static_cast<std::uint64_t>(device.kind()) | static_cast<std::uint64_t>(device.ordinal()) << 8);
  add(static_cast<std::uint64_t>(options.checks) | static_cast<std::uint64_t>(options.asserts) << 1 |
      static_cast<std::uint64_t>(options.line_info) << 2 | static_cast<std::uint64_t>(variant) << 3);
  return h;
}

bool KernelCache::Entry::matches(const Key &key, std::uint64_t key_hash) const {
  return hash == key_hash && device == key.device && options == key.options && variant == key.variant &&
         std::equal(words.begin(), words.end(), key.words, key.words + key.count);
}

KernelCache::~KernelCache() {
  for (auto &bucket : buckets_) {
    for (const Entry *entry = bucket.load(std::memory_order_relaxed); entry;) {
      const Entry *next = entry->next;
      delete entry;
      entry = next;
    }
  }
}

const KernelCache::Entry *KernelCache::find(const Key &key, std::uint64_t hash) const {
  for (const Entry *e = buckets_[hash % bucket_count].load(std::memory_order_acquire); e; e = e->next)
    if (e->matches(key, hash))
      return e;
  return nullptr;
}

KernelCache::Claim KernelCache::claim(const Key &key, std::uint64_t hash) {
  std::lock_guard lock(mutex_);
  if (const Entry *entry = find(key, hash))
    return {entry, nullptr, false};
  for (const auto &pending : pending_) {
    if (pending->device != key.device || pending->options != key.options || pending->variant != key.variant ||
        !std::equal(pending->words.begin(), pending->words.end(), key.words, key.words + key.count))
      continue;
    if (pending->owner == std::this_thread::get_id())
      throw LaunchError(detail::own_kernel);
    return {nullptr, pending, false};
  }
  auto pending = std::make_shared<Pending>();
  pending->words.assign(key.words, key.words + key.count);
  pending->device = key.device;
  pending->options = key.options;
  pending->variant = key.variant;
  pending->owner = std::this_thread::get_id();
  pending->result = pending->promise.get_future().share();
  pending_.push_back(pending);
  return {nullptr, std::move(pending), true};
}

const KernelCache::Entry &KernelCache::publish(std::unique_ptr<Entry> entry, Pending &pending) {
  const Entry *published = entry.get();
  {
    std::lock_guard lock(mutex_);
    auto &bucket = buckets_[entry->hash % bucket_count];
    entry->next = bucket.load(std::memory_order_relaxed);
    bucket.store(entry.release(), std::memory_order_release);
    forget(pending);
  }
  pending.promise.set_value(published);
  return *published;
}

void KernelCache::fail(Pending &pending, std::exception_ptr error) {
  {
    std::lock_guard lock(mutex_);
    forget(pending);
  }
  pending.promise.set_exception(std::move(error));
}

void KernelCache::forget(const Pending &pending) {
  std::erase_if(pending_, [&](const auto &p) { return p.get() == &pending; });
}
