// The disk cache when system calls fail, and when its process is killed, at each of its system calls in turn.
#include "cache_support.h"
#include "failing_calls.h"

#include <fcntl.h>
#include <functional>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

using namespace kiln::runtime;
using namespace kiln::runtime::test;

namespace {

constexpr unsigned neighbour = 1, subject = 2;
/// So small that every writer looks through the directory, and large enough for what the tests keep.
constexpr std::uint64_t tidy_size = 3000;

/// A directory in some state, in which `subject` is then published.
struct Scene {
  const char *name;
  std::function<void(const std::string &)> prepare;
  std::uint64_t max_bytes;
  bool neighbour_stays;
  std::optional<KernelImage> before; // what `subject` was
};

KernelImage published() { return image_of(subject, 100, 9); }

std::vector<Scene> scenes() {
  auto put = [](const std::string &directory, unsigned number) {
    ASSERT_TRUE(DiskCache(settings(directory)).publish(key_of(number), image_of(number, 100)));
  };
  auto with_neighbour = [=](const std::string &directory) { put(directory, neighbour); };
  auto with_both = [=](const std::string &directory) {
    put(directory, neighbour);
    put(directory, subject);
  };
  auto with_damage = [=](const std::string &directory) {
    with_both(directory);
    write_file(path_of(directory, key_of(subject)), "nonsense");
    write_file(directory + "/.new-0123456789abcdef", "half");
  };
  constexpr std::uint64_t enough = tidy_size, one_entry = 400;
  return {{"nothing", [](const std::string &) {}, enough, false, {}},
          {"a neighbour", with_neighbour, enough, true, {}},
          {"an older entry", with_both, enough, true, image_of(subject, 100)},
          {"a damaged entry", with_damage, enough, true, {}},
          {"a full cache", with_neighbour, one_entry, false, {}}};
}

/// What must hold after whatever happened to a publishing of `subject`.
void check(const Scene &scene, const std::string &directory, std::optional<bool> kept) {
  DiskCache cache(settings(directory));
  std::optional<KernelImage> found = cache.lookup(key_of(subject));
  if (kept == true)
    EXPECT_EQ(found, published());
  else if (kept == false)
    EXPECT_EQ(found, scene.before);
  else
    EXPECT_TRUE(found == published() || found == scene.before);
  std::optional<KernelImage> other = cache.lookup(key_of(neighbour));
  EXPECT_TRUE(other == image_of(neighbour, 100) || (!other && !scene.neighbour_stays));
}

class CacheFaults : public testing::TestWithParam<Scene> {};

TEST_P(CacheFaults, AnyCallMayFail) {
  const Scene &scene = GetParam();
  for (int error : errors)
    for (std::size_t chunk : {0, 100}) {
      if (chunk != 0 && error != ENOSPC && error != EINTR) // the others cannot strike in the middle of a file
        continue;
      for (int at = 1;; ++at) {
        SCOPED_TRACE("call " + std::to_string(at) + " fails with " + std::to_string(error));
        TemporaryDirectory root;
        std::string directory = root.path() + "/kiln";
        scene.prepare(directory);
        DiskCache cache(settings(directory, scene.max_bytes));
        plan = {.armed = true, .at = at, .error = error, .chunk = chunk};
        bool kept = cache.publish(key_of(subject), published());
        plan.armed = false;
        check(scene, directory, kept);
        ASSERT_FALSE(HasFailure());
        if (error == EINTR && plan.struck == "write")
          ASSERT_TRUE(kept) << "an interrupted write goes on";
        if (plan.struck.empty()) {
          ASSERT_TRUE(kept);
          ASSERT_GT(at, 6);
          break;
        }
        if (std::filesystem::exists(directory) && !std::string_view(scene.name).starts_with("a damaged"))
          EXPECT_EQ(count_temporaries(directory), 0u);
      }
    }
}

/// As when the disk goes away, or the process has no more files.
TEST_P(CacheFaults, AllCallsMayFailFromSomeOneOn) {
  const Scene &scene = GetParam();
  for (int error : errors)
    for (int at = 1;; ++at) {
      SCOPED_TRACE("from call " + std::to_string(at) + " on all fail with " + std::to_string(error));
      TemporaryDirectory root;
      std::string directory = root.path() + "/kiln";
      scene.prepare(directory);
      DiskCache cache(settings(directory, scene.max_bytes));
      // An interrupted call that is made again would be interrupted for ever.
      plan = {.armed = true, .at = at, .error = error, .from_then_on = error != EINTR};
      bool kept = cache.publish(key_of(subject), published());
      std::optional<KernelImage> found = cache.lookup(key_of(subject));
      plan.armed = false;
      EXPECT_TRUE(!found || found == published() || found == scene.before);
      check(scene, directory, kept);
      if (plan.struck.empty())
        break;
      EXPECT_TRUE(DiskCache(settings(directory, tidy_size)).publish(key_of(3), image_of(3)));
      EXPECT_EQ(count_temporaries(directory), 0u) << "the next writer that looks through the directory tidies up";
      ASSERT_FALSE(HasFailure());
    }
}

TEST_P(CacheFaults, TheProcessMayBeKilledAtAnyCall) {
  const Scene &scene = GetParam();
  for (int at = 1;; ++at) {
    SCOPED_TRACE("killed at call " + std::to_string(at));
    TemporaryDirectory root;
    std::string directory = root.path() + "/kiln";
    scene.prepare(directory);
    int status = wait_for(start_process([&] {
      DiskCache cache(settings(directory, scene.max_bytes));
      plan = {.armed = true, .at = at};
      return !cache.publish(key_of(subject), published());
    }));
    check(scene, directory, status == 0 ? std::optional(true) : std::nullopt);
    EXPECT_TRUE(DiskCache(settings(directory, tidy_size)).publish(key_of(3), image_of(3)));
    EXPECT_EQ(count_temporaries(directory), 0u) << "the next writer that looks through the directory tidies up";
    ASSERT_FALSE(HasFailure());
    if (status == 0)
      break;
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  }
}

INSTANTIATE_TEST_SUITE_P(, CacheFaults, testing::ValuesIn(scenes()), [](const auto &info) {
  std::string name;
  for (const char *c = info.param.name; *c; ++c)
    name += *c == ' ' ? '_' : *c;
  return name;
});

TEST(CacheFault, TheProcessMayBeKilledAfterAnyByte) {
  const Scene scene = scenes()[2];
  TemporaryDirectory root;
  scene.prepare(root.path());
  auto size = static_cast<std::ptrdiff_t>(std::filesystem::file_size(path_of(root.path(), key_of(subject))));
  for (std::ptrdiff_t bytes = 0; bytes <= size; bytes += bytes < 80 ? 1 : 13) {
    int status = wait_for(start_process([&] {
      DiskCache cache(settings(root.path()));
      plan = {.armed = true, .kill_after = bytes};
      return !cache.publish(key_of(subject), published());
    }));
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << bytes;
    EXPECT_EQ(count_temporaries(root.path()), 1u);
    check(scene, root.path(), false);
    EXPECT_TRUE(DiskCache(settings(root.path(), tidy_size)).publish(key_of(3), image_of(3)));
    EXPECT_EQ(count_temporaries(root.path()), 0u);
    ASSERT_FALSE(HasFailure()) << bytes;
  }
}

/// Mounts a file system of 128 KiB for this process alone. \returns whether the system permits that.
bool mount_small(const std::string &directory) {
  if (geteuid() != 0) {
    std::string user = "0 " + std::to_string(geteuid()) + " 1", group = "0 " + std::to_string(getegid()) + " 1";
    if (unshare(CLONE_NEWUSER) != 0)
      return false;
    write_file("/proc/self/uid_map", user);
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/gid_map", group);
  }
  return unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("none", directory.c_str(), "tmpfs", 0, "size=128k,mode=0700") == 0;
}

TEST(CacheFault, AFullFileSystemKeepsWhatItHas) {
  TemporaryDirectory root;
  constexpr int impossible = 77;
  int status = wait_for(start_process([&] {
    if (!mount_small(root.path()))
      return impossible;
    DiskCache cache(settings(root.path()));
    unsigned kept = 0;
    while (kept < 100 && cache.publish(key_of(kept), image_of(kept, 20000)))
      ++kept;
    EXPECT_GT(kept, 3u);
    EXPECT_LT(kept, 10u);
    EXPECT_FALSE(cache.publish(key_of(0), image_of(0, 20000, 1))); // there is no room beside the older one
    EXPECT_EQ(count_temporaries(root.path()), 0u);
    for (unsigned number = 0; number < kept; ++number)
      EXPECT_EQ(cache.lookup(key_of(number)), image_of(number, 20000));
    EXPECT_EQ(cache.clear(), kept);
    EXPECT_TRUE(cache.publish(key_of(50), image_of(50, 20000)));
    return static_cast<int>(testing::Test::HasFailure());
  }));
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == impossible)
    GTEST_SKIP() << "this system lets the test mount no file system";
  EXPECT_EQ(status, 0);
}

TEST(CacheFault, ALookUpMayFailAtAnyCall) {
  TemporaryDirectory root;
  std::string path = path_of(root.path(), key_of(1));
  ASSERT_TRUE(DiskCache(settings(root.path())).publish(key_of(1), image_of(1)));
  for (int error : errors)
    for (std::size_t chunk : {0, 100})
      for (int at = 1;; ++at) {
        timespec old[2] = {{1000000, 0}, {1000000, 0}}; // so that the hit is marked
        ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), old, 0), 0);
        DiskCache cache(settings(root.path()));
        plan = {.armed = true, .at = at, .error = error, .chunk = chunk};
        std::optional<KernelImage> found = cache.lookup(key_of(1));
        plan.armed = false;
        EXPECT_TRUE(!found || found == image_of(1));
        EXPECT_EQ(cache.counters().hits + cache.counters().misses, 1u);
        EXPECT_EQ(cache.lookup(key_of(1)), image_of(1));
        if (error == EINTR && plan.struck == "read")
          EXPECT_TRUE(found) << "an interrupted read goes on";
        if (plan.struck.empty()) {
          EXPECT_TRUE(found);
          break;
        }
      }
}

/// What kiln-cache does.
TEST(CacheFault, LookingThroughAndClearingMayFailAtAnyCall) {
  for (int error : errors)
    for (bool from_then_on : {false, true})
      for (int at = 1;; ++at) {
        SCOPED_TRACE("call " + std::to_string(at) + " fails with " + std::to_string(error));
        TemporaryDirectory root;
        for (unsigned number : {1, 2, 3})
          ASSERT_TRUE(DiskCache(settings(root.path())).publish(key_of(number), image_of(number)));
        DiskCache cache(settings(root.path()));
        plan = {.armed = true, .at = at, .error = error, .from_then_on = from_then_on && error != EINTR};
        const std::vector<CacheFile> files = cache.files();
        const CacheEntry entry = cache.inspect(key_of(1));
        const std::uint64_t removed = cache.clear();
        plan.armed = false;
        EXPECT_LE(files.size(), 3u);
        EXPECT_TRUE(!entry.image || entry.image == image_of(1));
        EXPECT_TRUE(entry.image || !entry.fault.empty());
        std::uint64_t left = 0;
        for (unsigned number : {1, 2, 3})
          if (std::optional<KernelImage> found = DiskCache(settings(root.path())).lookup(key_of(number))) {
            EXPECT_EQ(found, image_of(number));
            ++left;
          }
        EXPECT_EQ(left + removed, 3u);
        ASSERT_FALSE(testing::Test::HasFailure());
        if (plan.struck.empty()) {
          EXPECT_EQ(removed, 3u);
          break;
        }
      }
}

TEST(CacheFault, FailuresLeaveNoFileOpen) {
  TemporaryDirectory root;
  const std::size_t before = count_open_files();
  for (int at = 1; at < 40; ++at) {
    DiskCache cache(settings(root.path(), tidy_size));
    plan = {.armed = true, .at = at, .error = EIO};
    cache.publish(key_of(1), image_of(1));
    (void)cache.lookup(key_of(1));
    (void)cache.files();
    plan.armed = false;
    ASSERT_EQ(count_open_files(), before) << at;
  }
}

TEST(CacheFault, AFileThatIsBeingWrittenIsNotTakenForAbandoned) {
  TemporaryDirectory root;
  DiskCache cache(settings(root.path()));
  plan = {.armed = true, .before = "renameat", .meanwhile = [&] {
            ASSERT_EQ(count_temporaries(root.path()), 1u);
            EXPECT_TRUE(DiskCache(settings(root.path(), tidy_size)).publish(key_of(2), image_of(2)));
            EXPECT_EQ(count_temporaries(root.path()), 1u);
          }};
  EXPECT_TRUE(cache.publish(key_of(1), image_of(1)));
  plan = {};
  EXPECT_EQ(cache.lookup(key_of(1)), image_of(1));
}

/// Between its making and its locking a file looks abandoned.
TEST(CacheFault, AFileThatWasTakenForAbandonedIsWrittenAgain) {
  TemporaryDirectory root;
  DiskCache cache(settings(root.path()));
  plan = {.armed = true, .before = "flock", .meanwhile = [&] {
            ASSERT_EQ(count_temporaries(root.path()), 1u);
            EXPECT_TRUE(DiskCache(settings(root.path(), tidy_size)).publish(key_of(2), image_of(2)));
            EXPECT_EQ(count_temporaries(root.path()), 0u);
          }};
  EXPECT_TRUE(cache.publish(key_of(1), image_of(1)));
  plan = {};
  EXPECT_EQ(cache.lookup(key_of(1)), image_of(1));
}

/// An entry that somebody uses or replaces while the cache is being cut down is not the oldest any more.
TEST(CacheFault, AnEntryThatIsReplacedMeanwhileIsNotEvicted) {
  TemporaryDirectory root;
  for (unsigned number : {1, 2})
    ASSERT_TRUE(DiskCache(settings(root.path())).publish(key_of(number), image_of(number, 1000)));
  timespec old[2] = {{1000000, 0}, {1000000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, path_of(root.path(), key_of(1)).c_str(), old, 0), 0);
  DiskCache cache(settings(root.path(), 3000));
  int looks = 0;
  std::function<void()> replace = [&] {
    // The first three look at the files that were found, the fourth at the one that is to be removed.
    if (++looks < 4) {
      plan.before = "fstatat";
      return;
    }
    EXPECT_TRUE(DiskCache(settings(root.path())).publish(key_of(1), image_of(1, 1000, 5)));
  };
  plan = {.armed = true, .before = "fstatat", .meanwhile = replace};
  EXPECT_TRUE(cache.publish(key_of(3), image_of(3, 1000)));
  plan = {};
  EXPECT_EQ(looks, 4);
  EXPECT_EQ(cache.lookup(key_of(1)), image_of(1, 1000, 5));
  EXPECT_FALSE(cache.lookup(key_of(2))) << "the next one goes";
}

/// A bound on what a hit costs that does not depend on the machine: two opens, two looks, one read, two closes.
TEST(CacheFault, AHitMakesFewCalls) {
  TemporaryDirectory root;
  DiskCache cache(settings(root.path()));
  ASSERT_TRUE(cache.publish(key_of(1), image_of(1, 50000)));
  plan = {.armed = true};
  EXPECT_TRUE(cache.lookup(key_of(1)));
  plan.armed = false;
  EXPECT_EQ(plan.calls, 7);
}

} // namespace
