// Processes and threads that race for one directory. No test waits for a moment: each result must hold in every order
// of events.
#include "cache_support.h"
#include "vandalise.h"

#include <csignal>
#include <fcntl.h>
#include <random>
#include <sys/stat.h>
#include <thread>

using namespace kiln::runtime;
using namespace kiln::runtime::test;
namespace fs = std::filesystem;

namespace {

/// Holds processes and threads back until all are there.
class Gate {
public:
  Gate() { EXPECT_EQ(pipe2(ends_, O_CLOEXEC), 0); }
  ~Gate() { close(ends_[0]); }
  /// In a child process: returns when the parent opens the gate, or dies.
  void pass_process() {
    close(ends_[1]);
    pass();
  }
  void pass() {
    char byte;
    (void)!::read(ends_[0], &byte, 1);
  }
  void open() { close(ends_[1]); }

private:
  int ends_[2];
};

struct Tally {
  std::atomic<std::uint64_t> hits{0}, compiles{0}, corrupt{0}, wrong{0}, lost{0};
};

/// What a process does with a kernel that it needs: looks it up, else "compiles" and publishes it. `complete`: what was
/// published must then be found.
void need(DiskCache &cache, unsigned number, unsigned writer, Tally &tally, bool complete) {
  constexpr std::size_t cubin_bytes = 30000;
  std::optional<KernelImage> found = cache.lookup(key_of(number));
  if (found) {
    ++tally.hits;
    tally.wrong += !belongs(*found, number);
    return;
  }
  ++tally.compiles;
  bool kept = cache.publish(key_of(number), image_of(number, cubin_bytes, writer));
  found = cache.lookup(key_of(number));
  if (found)
    tally.wrong += !belongs(*found, number);
  else
    tally.lost += complete;
  tally.lost += complete && !kept;
}

void expect_sound(Tally &tally) {
  EXPECT_EQ(tally.wrong, 0u);
  EXPECT_EQ(tally.lost, 0u);
  EXPECT_EQ(tally.corrupt, 0u);
}

/// Every file is a good entry; nothing else is left once somebody has tidied up.
void expect_clean(const std::string &directory, std::size_t entries) {
  DiskCache cache(settings(directory));
  EXPECT_EQ(cache.clear(std::int64_t{1} << 40), 0u); // nothing is that old: it tidies up
  EXPECT_EQ(count_temporaries(directory), 0u);
  std::vector<CacheFile> files = cache.files();
  EXPECT_EQ(files.size(), entries);
  for (const CacheFile &file : files)
    EXPECT_EQ(cache.inspect(file.key).fault, "");
}

constexpr unsigned crowd = 64;

TEST(CacheRace, ProcessesOnOneColdKey) {
  for (int round = 0; round < 2; ++round) {
    TemporaryDirectory root;
    std::string directory = root.path() + "/kiln"; // which they create
    Shared<Tally> tally;
    Gate gate;
    std::vector<pid_t> children;
    for (unsigned i = 0; i < crowd; ++i)
      children.push_back(start_process([&] {
        DiskCache cache(settings(directory));
        gate.pass_process();
        need(cache, 1, i, *tally, /*complete=*/true);
        tally->corrupt += cache.counters().corrupt;
        return 0;
      }));
    gate.open();
    for (pid_t child : children)
      EXPECT_EQ(wait_for(child), 0);
    EXPECT_EQ(tally->hits + tally->compiles, crowd);
    EXPECT_GE(tally->compiles, 1u);
    expect_sound(*tally);
    expect_clean(directory, 1);
  }
}

TEST(CacheRace, ThreadsOnOneColdKey) {
  for (int round = 0; round < 2; ++round) {
    TemporaryDirectory root;
    std::string directory = root.path() + "/kiln";
    DiskCache cache(settings(directory));
    Tally tally;
    Gate gate;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < crowd; ++i)
      threads.emplace_back([&, i] {
        gate.pass();
        need(cache, 1, i, tally, /*complete=*/true);
      });
    gate.open();
    for (std::thread &thread : threads)
      thread.join();
    tally.corrupt = cache.counters().corrupt;
    EXPECT_EQ(tally.hits + tally.compiles, crowd);
    EXPECT_EQ(cache.counters().writes, tally.compiles);
    expect_sound(tally);
    expect_clean(directory, 1);
  }
}

TEST(CacheRace, ProcessesWithThreadsOnManyKeys) {
  constexpr unsigned processes = 8, threads_each = 8, keys = 40;
  TemporaryDirectory root;
  Shared<Tally> tally;
  Gate gate;
  std::vector<pid_t> children;
  for (unsigned p = 0; p < processes; ++p)
    children.push_back(start_process([&] {
      DiskCache cache(settings(root.path()));
      gate.pass_process();
      std::vector<std::thread> threads;
      for (unsigned t = 0; t < threads_each; ++t)
        threads.emplace_back([&, t] {
          std::mt19937 random(p * threads_each + t);
          for (int i = 0; i < 60; ++i)
            need(cache, 1 + random() % keys, p * threads_each + t, *tally, /*complete=*/true);
        });
      for (std::thread &thread : threads)
        thread.join();
      tally->corrupt += cache.counters().corrupt;
      return 0;
    }));
  gate.open();
  for (pid_t child : children)
    EXPECT_EQ(wait_for(child), 0);
  EXPECT_EQ(tally->hits + tally->compiles, processes * threads_each * 60);
  expect_sound(*tally);
  expect_clean(root.path(), keys);
}

TEST(CacheRace, EvictionTakesWholeEntriesOnly) {
  constexpr unsigned processes = 6, keys = 40;
  constexpr std::uint64_t size = 12 * 30500;
  TemporaryDirectory root;
  Shared<Tally> tally;
  Gate gate;
  std::vector<pid_t> children;
  for (unsigned p = 0; p < processes; ++p)
    children.push_back(start_process([&] {
      DiskCache cache(settings(root.path(), size));
      gate.pass_process();
      std::mt19937 random(p);
      for (int i = 0; i < 200; ++i)
        need(cache, 1 + random() % keys, p, *tally, /*complete=*/false);
      tally->corrupt += cache.counters().corrupt;
      return 0;
    }));
  gate.open();
  for (pid_t child : children)
    EXPECT_EQ(wait_for(child), 0);
  expect_sound(*tally);
  DiskCache cache(settings(root.path(), size));
  EXPECT_TRUE(cache.publish(key_of(1), image_of(1)));
  std::uint64_t total = 0;
  for (const CacheFile &file : cache.files()) {
    total += file.bytes;
    EXPECT_EQ(cache.inspect(file.key).fault, "");
  }
  EXPECT_LE(total, size);
  EXPECT_GT(total, size / 2) << "eviction does not empty the cache";
  EXPECT_EQ(count_temporaries(root.path()), 0u);
}

TEST(CacheRace, WritersThatAreKilledLeaveNoHalfEntry) {
  constexpr unsigned keys = 10;
  TemporaryDirectory root;
  std::mt19937 random(1);
  DiskCache reader(settings(root.path()));
  for (unsigned key = 1; key <= keys; ++key)
    ASSERT_TRUE(reader.publish(key_of(key), image_of(key, 100000)));
  for (int round = 0; round < 30; ++round) {
    pid_t writers[2];
    for (unsigned w = 0; w < 2; ++w)
      writers[w] = start_process([&] {
        DiskCache cache(settings(root.path()));
        std::mt19937 random(static_cast<unsigned>(getpid()));
        for (;;) {
          unsigned key = 1 + random() % keys;
          cache.publish(key_of(key), image_of(key, 100000, 1 + w));
        }
        return 0;
      });
    usleep(random() % 6000); // whatever they are doing then
    for (pid_t writer : writers) {
      kill(writer, SIGKILL);
      wait_for(writer);
    }
    for (unsigned key = 1; key <= keys; ++key) {
      std::optional<KernelImage> found = reader.lookup(key_of(key));
      ASSERT_TRUE(found) << "a good entry was lost";
      ASSERT_TRUE(belongs(*found, key));
    }
  }
  EXPECT_EQ(reader.counters().corrupt, 0u);
  expect_clean(root.path(), keys);
}

TEST(CacheRace, DamageDoneMeanwhileIsNeverBelieved) {
  constexpr unsigned processes = 4, keys = 6;
  TemporaryDirectory root;
  Shared<Tally> tally;
  Shared<std::atomic<bool>> over;
  pid_t vandal = start_process([&] {
    std::mt19937 random(7);
    while (!over->load())
      vandalise(path_of(root.path(), key_of(1 + random() % keys)), path_of(root.path(), key_of(1 + random() % keys)),
                31000, random);
    return 0;
  });
  std::vector<pid_t> children;
  for (unsigned p = 0; p < processes; ++p)
    children.push_back(start_process([&] {
      DiskCache cache(settings(root.path()));
      std::mt19937 random(p);
      for (int i = 0; i < 300; ++i)
        need(cache, 1 + random() % keys, p, *tally, /*complete=*/false);
      return 0;
    }));
  for (pid_t child : children)
    EXPECT_EQ(wait_for(child), 0);
  over->store(true);
  EXPECT_EQ(wait_for(vandal), 0);
  EXPECT_EQ(tally->wrong, 0u);
  // And every damage is mended by the next who needs the kernel.
  DiskCache cache(settings(root.path()));
  for (unsigned key = 1; key <= keys; ++key)
    need(cache, key, 0, *tally, /*complete=*/true);
  expect_sound(*tally);
}

} // namespace
