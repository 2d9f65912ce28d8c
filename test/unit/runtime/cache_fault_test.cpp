// The disk cache when system calls fail, and when its process is killed, at each of its system calls in turn.
#include "cache_support.h"

#include <csignal>
#include <cstdarg>
#include <dlfcn.h>
#include <fcntl.h>
#include <functional>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

using namespace kiln::runtime;
using namespace kiln::runtime::test;

namespace {

/// What happens to this thread's system calls.
struct Plan {
  bool armed = false;
  int calls = 0;                  ///< so far
  int at = 0;                     ///< the call that fails, from 1
  int error = 0;                  ///< how; 0: the process is killed instead
  std::string_view struck = {};   ///< the name of the call that failed
  std::size_t chunk = 0;          ///< the most that a read or write takes, where not 0
  std::ptrdiff_t written = 0;     ///< so far
  std::ptrdiff_t kill_after = -1; ///< bytes written, where not negative
  std::string_view before = {};   ///< the call before which, the first time, this happens:
  std::function<void()> meanwhile = {};
};

thread_local Plan plan;

[[noreturn]] void die() {
  for (;;)
    kill(getpid(), SIGKILL);
}

/// Whether this call is the one to fail; errno is set then.
bool strike(std::string_view call) {
  if (!plan.armed)
    return false;
  if (call == plan.before) {
    plan.before = {};
    plan.armed = false;
    plan.meanwhile();
    plan.armed = true;
  }
  if (++plan.calls != plan.at)
    return false;
  if (plan.error == 0)
    die();
  plan.struck = call;
  errno = plan.error;
  return true;
}

template <typename Function>
Function *real(const char *name) {
  return reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name));
}

} // namespace

// These stand before libc's: libkiln_runtime.so calls them too, since the program's symbols come first.
#pragma GCC visibility push(default)
extern "C" {

int openat(int directory, const char *path, int flags, ...) {
  static auto *const next = real<int(int, const char *, int, ...)>("openat");
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = flags & O_CREAT ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return strike("openat") ? -1 : next(directory, path, flags, mode);
}

int mkdir(const char *path, mode_t mode) noexcept {
  static auto *const next = real<int(const char *, mode_t)>("mkdir");
  return strike("mkdir") ? -1 : next(path, mode);
}

int fstat(int file, struct stat *info) noexcept {
  static auto *const next = real<int(int, struct stat *)>("fstat");
  return strike("fstat") ? -1 : next(file, info);
}

int fstatat(int directory, const char *path, struct stat *info, int flags) noexcept {
  static auto *const next = real<int(int, const char *, struct stat *, int)>("fstatat");
  return strike("fstatat") ? -1 : next(directory, path, info, flags);
}

int flock(int file, int operation) noexcept {
  static auto *const next = real<int(int, int)>("flock");
  return strike("flock") ? -1 : next(file, operation);
}

int futimens(int file, const timespec times[2]) noexcept {
  static auto *const next = real<int(int, const timespec *)>("futimens");
  return strike("futimens") ? -1 : next(file, times);
}

int renameat(int from, const char *old_path, int to, const char *new_path) noexcept {
  static auto *const next = real<int(int, const char *, int, const char *)>("renameat");
  return strike("renameat") ? -1 : next(from, old_path, to, new_path);
}

int unlinkat(int directory, const char *path, int flags) noexcept {
  static auto *const next = real<int(int, const char *, int)>("unlinkat");
  return strike("unlinkat") ? -1 : next(directory, path, flags);
}

ssize_t read(int file, void *bytes, size_t count) {
  static auto *const next = real<ssize_t(int, void *, size_t)>("read");
  return strike("read") ? -1 : next(file, bytes, plan.armed && plan.chunk ? std::min(count, plan.chunk) : count);
}

ssize_t write(int file, const void *bytes, size_t count) {
  static auto *const next = real<ssize_t(int, const void *, size_t)>("write");
  if (strike("write"))
    return -1;
  if (!plan.armed)
    return next(file, bytes, count);
  if (plan.chunk)
    count = std::min(count, plan.chunk);
  bool dies = plan.kill_after >= 0 && plan.written + static_cast<std::ptrdiff_t>(count) >= plan.kill_after;
  if (dies)
    count = static_cast<std::size_t>(plan.kill_after - plan.written);
  ssize_t put = next(file, bytes, count);
  if (dies)
    die();
  plan.written += put;
  return put;
}
}
#pragma GCC visibility pop

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
  for (int error : {ENOSPC, EACCES, ENOENT, ENOSYS, EINTR})
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
  for (int error : {EIO, ENOENT, EACCES, EINTR, ELOOP})
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

/// A bound on what a hit costs that does not depend on the machine: two opens, two looks, one read.
TEST(CacheFault, AHitMakesFewCalls) {
  TemporaryDirectory root;
  DiskCache cache(settings(root.path()));
  ASSERT_TRUE(cache.publish(key_of(1), image_of(1, 50000)));
  plan = {.armed = true};
  EXPECT_TRUE(cache.lookup(key_of(1)));
  plan.armed = false;
  EXPECT_EQ(plan.calls, 5);
}

} // namespace
