#include "jit/cache.h"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

using namespace kiln;
using namespace kiln::jit;

namespace {

class FakeExecutable : public Executable {
public:
  void launch(std::array<unsigned, 3>, const void *const *, void *, bool) const override {}
  CompileReport report() const override { return {}; }
};

void make(KernelCache::Entry &entry) { entry.executable = std::make_unique<FakeExecutable>(); }

Key key_of(const std::vector<std::uint64_t> &words, Device device = Device::cpu(), CompileOptions options = {}) {
  return {words.data(), words.size(), device, options};
}

TEST(KernelCache, CompilesOnceAndFindsAgain) {
  KernelCache cache;
  std::vector<std::uint64_t> words{64, 4};
  EXPECT_EQ(cache.find(key_of(words), key_of(words).hash()), nullptr);
  bool found = true;
  const auto &first = cache.find_or_compile(key_of(words), nullptr, found, make);
  EXPECT_FALSE(found);
  std::vector<std::uint64_t> equal = words; // found by value
  const auto &second = cache.find_or_compile(key_of(equal), nullptr, found, [](auto &) { FAIL() << "compiled again"; });
  EXPECT_TRUE(found);
  EXPECT_EQ(&first, &second);
}

TEST(KernelCache, EveryPartOfTheKeyCounts) {
  KernelCache cache;
  std::vector<std::uint64_t> a{64, 4}, b{64, 5}, c{64}, d{64, 4, 0}, none;
  int compiles = 0;
  auto get = [&](const Key &key) {
    bool found;
    return &cache.find_or_compile(key, nullptr, found, [&](auto &entry) {
      ++compiles;
      make(entry);
    });
  };
  std::vector<Key> keys{key_of(a),
                        key_of(b),
                        key_of(c),
                        key_of(d),
                        key_of(none),
                        key_of(a, Device::interpreter()),
                        key_of(a, Device::cpu(), {.checks = true, .asserts = false}),
                        key_of(a, Device::cpu(), {.checks = false, .asserts = true}),
                        key_of(a, Device::cpu(), {.checks = true, .asserts = true}),
                        key_of(a, Device::cpu(), {.line_info = true})};
  std::vector<const KernelCache::Entry *> entries;
  for (const Key &key : keys)
    entries.push_back(get(key));
  EXPECT_EQ(compiles, static_cast<int>(keys.size()));
  for (std::size_t i = 0; i < keys.size(); ++i)
    EXPECT_EQ(get(keys[i]), entries[i]) << i;
  EXPECT_EQ(compiles, static_cast<int>(keys.size()));
}

TEST(KernelCache, HoldsManyConfigs) {
  KernelCache cache;
  bool found;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    std::vector<std::uint64_t> words{i % 50, i / 50};
    cache.find_or_compile(key_of(words), nullptr, found, make);
    ASSERT_FALSE(found);
  }
  for (std::uint64_t i = 0; i < 3000; ++i) {
    std::vector<std::uint64_t> words{i % 50, i / 50};
    ASSERT_EQ(cache.find_or_compile(key_of(words), nullptr, found, make).words, words);
    ASSERT_TRUE(found);
  }
}

TEST(KernelCache, OneOfManyThreadsCompiles) {
  KernelCache cache;
  std::vector<std::uint64_t> words{1};
  std::atomic<int> compiles{0}, arrived{0};
  std::vector<const KernelCache::Entry *> results(16);
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t)
    threads.emplace_back([&, t] {
      ++arrived;
      bool found;
      results[t] = &cache.find_or_compile(key_of(words), nullptr, found, [&](auto &entry) {
        ++compiles;
        while (arrived < 16) // so that all of them ask while the compile is in flight
          std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        make(entry);
      });
    });
  for (auto &t : threads)
    t.join();
  EXPECT_EQ(compiles, 1);
  for (const auto *result : results)
    EXPECT_EQ(result, results[0]);
}

TEST(KernelCache, DifferentKeysCompileAtTheSameTime) {
  KernelCache cache;
  std::atomic<int> compiling{0};
  std::atomic<bool> met{true};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 2; ++t)
    threads.emplace_back([&, t] {
      std::vector<std::uint64_t> words{t};
      bool found;
      cache.find_or_compile(key_of(words), nullptr, found, [&](auto &entry) {
        ++compiling;
        auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (compiling < 2 && std::chrono::steady_clock::now() < end)
          std::this_thread::yield();
        if (compiling < 2)
          met = false;
        make(entry);
      });
    });
  for (auto &t : threads)
    t.join();
  EXPECT_TRUE(met) << "a compile was made under a lock";
}

TEST(KernelCache, AFailureReachesAllWhoWaitedAndIsTriedAgain) {
  KernelCache cache;
  std::vector<std::uint64_t> words{1};
  std::atomic<int> compiles{0}, arrived{0}, failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      ++arrived;
      bool found;
      try {
        cache.find_or_compile(key_of(words), nullptr, found, [&](auto &) {
          ++compiles;
          while (arrived < 8)
            std::this_thread::yield();
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
          throw CompileError("no such instruction");
        });
      } catch (const CompileError &e) {
        failures += e.what() == std::string("no such instruction");
      }
    });
  for (auto &t : threads)
    t.join();
  EXPECT_EQ(failures, 8);
  EXPECT_EQ(compiles, 1);

  bool found;
  cache.find_or_compile(key_of(words), nullptr, found, make);
  EXPECT_FALSE(found) << "a failure was kept";
}

TEST(KernelCache, AKernelThatLaunchesItselfWhileTracedIsToldSo) {
  KernelCache cache;
  std::vector<std::uint64_t> words{1};
  bool found;
  EXPECT_THROW(cache.find_or_compile(key_of(words), nullptr, found,
                                     [&](auto &) {
                                       bool inner;
                                       cache.find_or_compile(key_of(words), nullptr, inner, make);
                                     }),
               LaunchError);
}

} // namespace
