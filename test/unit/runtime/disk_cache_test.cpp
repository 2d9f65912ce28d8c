#include "cache_support.h"

#include "../environment.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

using namespace kiln::runtime;
using namespace kiln::runtime::test;
namespace fs = std::filesystem;

namespace {

using State = CacheEntry::State;

/// Sets when a file was last used, in seconds before now.
void set_age(const std::string &path, std::int64_t seconds) {
  timespec times[2] = {};
  times[0].tv_sec = times[1].tv_sec = std::time(nullptr) - seconds;
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

std::int64_t age(const std::string &path) {
  struct stat info;
  EXPECT_EQ(stat(path.c_str(), &info), 0);
  return std::time(nullptr) - info.st_mtime;
}

/// Runs `body` as a user without privileges who owns `directory`: root may do everything, so it can test no refusal.
/// `body` returns 0 for success. \returns its exit status, or -1 where root cannot become another user.
template <typename Body>
int as_ordinary_user(const std::string &directory, Body &&body) {
  constexpr uid_t nobody = 65534;
  if (geteuid() == 0)
    for (const auto &file : fs::recursive_directory_iterator(directory))
      (void)!lchown(file.path().c_str(), nobody, nobody);
  if (geteuid() == 0 && lchown(directory.c_str(), nobody, nobody) != 0)
    return -1;
  int status = wait_for(start_process([&] {
    if (geteuid() == 0 && (setgroups(0, nullptr) != 0 || setgid(nobody) != 0 || setuid(nobody) != 0))
      return 255;
    return static_cast<int>(body());
  }));
  EXPECT_TRUE(WIFEXITED(status));
  return WEXITSTATUS(status) == 255 ? -1 : WEXITSTATUS(status);
}

TEST(DiskCache, KeepsKernels) {
  TemporaryDirectory root;
  std::string directory = root.path() + "/a/b/kiln";
  DiskCache cache(settings(directory));
  EXPECT_FALSE(cache.lookup(key_of(1)));
  EXPECT_FALSE(fs::exists(root.path() + "/a")) << "a look-up creates nothing";
  EXPECT_EQ(cache.unusable(), "");
  EXPECT_TRUE(cache.publish(key_of(1), image_of(1)));
  EXPECT_TRUE(cache.publish(key_of(2), image_of(2, 50000)));
  EXPECT_EQ(cache.lookup(key_of(1)), image_of(1));
  EXPECT_EQ(cache.lookup(key_of(2)), image_of(2, 50000));
  EXPECT_FALSE(cache.lookup(key_of(3)));
  EXPECT_EQ(DiskCache(settings(directory)).lookup(key_of(2)), image_of(2, 50000));

  // The later one takes the place of the earlier one.
  EXPECT_TRUE(cache.publish(key_of(1), image_of(1, 500, 7)));
  EXPECT_EQ(cache.lookup(key_of(1)), image_of(1, 500, 7));

  CacheCounters counters = cache.counters();
  EXPECT_EQ(counters.hits, 3u);
  EXPECT_EQ(counters.misses, 2u);
  EXPECT_EQ(counters.writes, 3u);
  EXPECT_EQ(counters.evictions, 0u);
  EXPECT_EQ(counters.corrupt, 0u);
  EXPECT_EQ(count_temporaries(directory), 0u);
}

TEST(DiskCache, KeepsRecordsOfTuning) {
  TemporaryDirectory directory;
  DiskCache cache(settings(directory.path()));
  const TuningRecord record{"matvec", "cpu", "1000 x 3000", std::string("best 2\n\0x", 9)};
  EXPECT_FALSE(cache.lookup_tuning(key_of(1)));
  ASSERT_TRUE(cache.publish(key_of(1), record));
  EXPECT_EQ(cache.lookup_tuning(key_of(1)), record);
  // Neither is taken for the other.
  EXPECT_FALSE(cache.lookup(key_of(1)));
  ASSERT_TRUE(cache.publish(key_of(2), image_of(2)));
  EXPECT_FALSE(cache.lookup_tuning(key_of(2)));
  EXPECT_EQ(cache.files().size(), 2u);
}

TEST(DiskCache, ADamagedRecordIsAMissAndIsReplaced) {
  TemporaryDirectory directory;
  DiskCache cache(settings(directory.path()));
  const TuningRecord record{"matvec", "cpu", "1000 x 3000", "best 2\n"};
  ASSERT_TRUE(cache.publish(key_of(1), record));
  const std::string path = path_of(directory.path(), key_of(1)), good = read_file(path);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string flipped = good;
    flipped[i] ^= 4;
    write_file(path, flipped);
    EXPECT_FALSE(cache.lookup_tuning(key_of(1))) << i;
    write_file(path, good.substr(0, i));
    EXPECT_FALSE(cache.lookup_tuning(key_of(1))) << i;
  }
  ASSERT_TRUE(cache.publish(key_of(1), record));
  EXPECT_EQ(cache.lookup_tuning(key_of(1)), record);
}

TEST(DiskCache, IsPrivate) {
  TemporaryDirectory root;
  mode_t old = umask(0);
  std::string directory = root.path() + "/a/kiln";
  EXPECT_TRUE(DiskCache(settings(directory)).publish(key_of(1), image_of(1)));
  umask(old);
  auto mode = [](const std::string &path) {
    struct stat info;
    EXPECT_EQ(stat(path.c_str(), &info), 0);
    return info.st_mode & 07777;
  };
  EXPECT_EQ(mode(root.path() + "/a"), 0700u);
  EXPECT_EQ(mode(directory), 0700u);
  EXPECT_EQ(mode(path_of(directory, key_of(1))), 0600u);
}

TEST(DiskCache, ImpossibleImagesAreNotKept) {
  TemporaryDirectory root;
  DiskCache cache(settings(root.path()));
  KernelImage image = image_of(1);
  image.threads = 0;
  EXPECT_FALSE(cache.publish(key_of(1), image));
  EXPECT_TRUE(fs::is_empty(root.path()));
}

TEST(DiskCache, EveryTruncationIsAMissAndIsReplaced) {
  TemporaryDirectory root;
  DiskCache cache(settings(root.path()));
  ASSERT_TRUE(cache.publish(key_of(1), image_of(1)));
  std::string path = path_of(root.path(), key_of(1));
  std::string good = read_file(path);
  for (std::size_t length = 0; length < good.size(); ++length) {
    write_file(path, good.substr(0, length));
    EXPECT_FALSE(cache.lookup(key_of(1))) << length;
    EXPECT_EQ(cache.inspect(key_of(1)).state, State::damaged) << length;
  }
  write_file(path, good + '\0');
  EXPECT_FALSE(cache.lookup(key_of(1)));
  EXPECT_EQ(cache.counters().corrupt, good.size() + 1);
  EXPECT_EQ(cache.counters().misses, good.size() + 1);
  EXPECT_TRUE(cache.publish(key_of(1), image_of(1)));
  EXPECT_EQ(cache.lookup(key_of(1)), image_of(1));
}

TEST(DiskCache, EveryFlippedBitIsAMiss) {
  TemporaryDirectory root;
  DiskCache cache(settings(root.path()));
  ASSERT_TRUE(cache.publish(key_of(1), image_of(1)));
  std::string path = path_of(root.path(), key_of(1));
  const std::string good = read_file(path);
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    write_file(path, bytes);
    EXPECT_FALSE(cache.lookup(key_of(1))) << bit;
  }
  EXPECT_EQ(cache.counters().corrupt, 8 * good.size());
  EXPECT_TRUE(cache.publish(key_of(1), image_of(1)));
  EXPECT_EQ(cache.lookup(key_of(1)), image_of(1));
}

TEST(DiskCache, AnEntryUnderAnotherNameIsAMiss) {
  TemporaryDirectory root;
  DiskCache cache(settings(root.path()));
  ASSERT_TRUE(cache.publish(key_of(1), image_of(1)));
  fs::copy(path_of(root.path(), key_of(1)), path_of(root.path(), key_of(2)));
  EXPECT_FALSE(cache.lookup(key_of(2)));
  EXPECT_EQ(cache.inspect(key_of(2)).fault, "it holds the entry of another key");
}

TEST(DiskCache, WhatIsNoPrivateFileIsAMissAndIsReplaced) {
  TemporaryDirectory root, other;
  DiskCache cache(settings(root.path()));
  auto expect_damaged = [&](unsigned number, const std::string &fault) {
    EXPECT_FALSE(cache.lookup(key_of(number)));
    CacheEntry entry = cache.inspect(key_of(number));
    EXPECT_EQ(entry.state, State::damaged);
    EXPECT_EQ(entry.fault, fault);
  };
  // A link to an entry that is good, outside and inside.
  DiskCache elsewhere(settings(other.path()));
  ASSERT_TRUE(elsewhere.publish(key_of(1), image_of(1)));
  std::string outside = path_of(other.path(), key_of(1));
  fs::create_symlink(outside, path_of(root.path(), key_of(1)));
  expect_damaged(1, "it is a symbolic link");
  EXPECT_TRUE(cache.publish(key_of(1), image_of(1, 64, 5)));
  EXPECT_EQ(cache.lookup(key_of(1)), image_of(1, 64, 5));
  EXPECT_EQ(elsewhere.lookup(key_of(1)), image_of(1)) << "the link's target was written to";

  fs::create_symlink(path_of(root.path(), key_of(2)), path_of(root.path(), key_of(2))); // to itself
  expect_damaged(2, "it is a symbolic link");

  // Opening a pipe would wait for somebody to write.
  ASSERT_EQ(mkfifo(path_of(root.path(), key_of(3)).c_str(), 0600), 0);
  expect_damaged(3, "it is not a regular file");
  EXPECT_TRUE(cache.publish(key_of(3), image_of(3)));
  EXPECT_EQ(cache.lookup(key_of(3)), image_of(3));

  chmod(path_of(root.path(), key_of(3)).c_str(), 0666);
  expect_damaged(3, "it can be written to by others (mode 0666)");

  // A directory cannot be replaced by a file.
  fs::create_directory(path_of(root.path(), key_of(4)));
  expect_damaged(4, "it is not a regular file");
  EXPECT_FALSE(cache.publish(key_of(4), image_of(4)));
  EXPECT_EQ(count_temporaries(root.path()), 0u);
}

TEST(DiskCache, AHugeFileIsNotRead) {
  TemporaryDirectory root;
  DiskCache cache(settings(root.path()));
  write_file(path_of(root.path(), key_of(1)), "");
  fs::resize_file(path_of(root.path(), key_of(1)), std::uintmax_t{1} << 40); // sparse
  EXPECT_FALSE(cache.lookup(key_of(1)));
  EXPECT_EQ(cache.inspect(key_of(1)).fault, "it has 1099511627776 bytes");
}

TEST(DiskCache, RefusesDirectoriesThatOthersCanWriteTo) {
  TemporaryDirectory root;
  ASSERT_TRUE(DiskCache(settings(root.path())).publish(key_of(1), image_of(1)));
  for (mode_t mode : {0720, 0702, 0777}) {
    chmod(root.path().c_str(), mode);
    DiskCache cache(settings(root.path()));
    char digits[8];
    std::snprintf(digits, sizeof(digits), "%04o", mode);
    EXPECT_EQ(cache.unusable(), "'" + root.path() + "' can be written to by others (mode " + digits + ")");
    EXPECT_FALSE(cache.lookup(key_of(1)));
    EXPECT_FALSE(cache.publish(key_of(2), image_of(2)));
    EXPECT_EQ(cache.clear(), 0u);
  }
  chmod(root.path().c_str(), 0755); // others may look
  DiskCache cache(settings(root.path()));
  EXPECT_EQ(cache.unusable(), "");
  EXPECT_EQ(cache.lookup(key_of(1)), image_of(1));
  EXPECT_FALSE(cache.lookup(key_of(2)));
}

TEST(DiskCache, RefusesDirectoriesOfOtherUsers) {
  TemporaryDirectory root;
  chmod(root.path().c_str(), 0755);
  std::string foreign = root.path() + "/foreign", own = root.path() + "/own";
  if (geteuid() != 0)
    foreign = "/usr"; // root's
  else
    fs::create_directory(foreign);
  fs::create_directory(own);
  fs::create_symlink(foreign, root.path() + "/link");
  struct stat info;
  ASSERT_EQ(stat(foreign.c_str(), &info), 0);
  int status = as_ordinary_user(own, [&] {
    std::string text = "'" + foreign + "' belongs to user " + std::to_string(info.st_uid) + ", not to user " +
                       std::to_string(geteuid());
    DiskCache cache(settings(foreign)), link(settings(root.path() + "/link")), mine(settings(own));
    return cache.unusable() != text || cache.lookup(key_of(1)) || cache.publish(key_of(1), image_of(1)) ||
           link.unusable().empty() || link.publish(key_of(1), image_of(1)) || !mine.publish(key_of(1), image_of(1));
  });
  if (status == -1)
    GTEST_SKIP() << "root cannot become another user here";
  EXPECT_EQ(status, 0);
}

TEST(DiskCache, RefusesWhatIsNoDirectory) {
  TemporaryDirectory root;
  write_file(root.path() + "/file", "");
  DiskCache cache(settings(root.path() + "/file")), below(settings(root.path() + "/file/kiln"));
  EXPECT_EQ(cache.unusable(), "cannot open '" + root.path() + "/file': Not a directory");
  EXPECT_FALSE(cache.publish(key_of(1), image_of(1)));
  EXPECT_FALSE(below.publish(key_of(1), image_of(1)));
  EXPECT_FALSE(below.lookup(key_of(1)));
}

TEST(DiskCache, AReadOnlyDirectoryServesHits) {
  TemporaryDirectory root;
  chmod(root.path().c_str(), 0755);
  std::string directory = root.path() + "/kiln";
  ASSERT_TRUE(DiskCache(settings(directory)).publish(key_of(1), image_of(1)));
  set_age(path_of(directory, key_of(1)), 100000);
  chmod(directory.c_str(), 0500);
  int status = as_ordinary_user(directory, [&] {
    DiskCache cache(settings(directory)), below(settings(directory + "/deeper"));
    return cache.lookup(key_of(1)) != image_of(1) || cache.lookup(key_of(2)) || cache.publish(key_of(2), image_of(2)) ||
           cache.publish(key_of(1), image_of(1, 99)) || cache.clear() != 0 || cache.lookup(key_of(1)) != image_of(1) ||
           below.publish(key_of(1), image_of(1));
  });
  chmod(directory.c_str(), 0700);
  if (status == -1)
    GTEST_SKIP() << "root cannot become another user here";
  EXPECT_EQ(status, 0);
}

TEST(DiskCache, TheLimitOnFileSizesIsObeyed) {
  TemporaryDirectory root;
  int status = wait_for(start_process([&] {
    rlimit limit{4096, 4096}; // one byte more, and the system sends SIGXFSZ
    DiskCache cache(settings(root.path()));
    return setrlimit(RLIMIT_FSIZE, &limit) != 0 || cache.publish(key_of(1), image_of(1, 50000)) ||
           !cache.publish(key_of(2), image_of(2)) || !cache.lookup(key_of(2));
  }));
  EXPECT_EQ(status, 0);
  EXPECT_EQ(count_temporaries(root.path()), 0u);
}

TEST(DiskCache, TheLongestUnusedGoFirst) {
  TemporaryDirectory root;
  std::string directory = root.path();
  std::uint64_t entry = 0;
  {
    DiskCache cache(settings(directory));
    for (unsigned i = 10; i < 18; ++i) {
      ASSERT_TRUE(cache.publish(key_of(i), image_of(i, 1000)));
      set_age(path_of(directory, key_of(i)), 100000 * (20 - i));
    }
    entry = fs::file_size(path_of(directory, key_of(10)));
    EXPECT_TRUE(cache.lookup(key_of(10))); // the oldest becomes the youngest
    EXPECT_LT(age(path_of(directory, key_of(10))), 1000);
  }
  DiskCache cache(settings(directory, 8 * entry)); // down to seven when a ninth comes
  ASSERT_TRUE(cache.publish(key_of(18), image_of(18, 1000)));
  EXPECT_EQ(cache.counters().evictions, 2u);
  std::vector<CacheFile> files = cache.files();
  ASSERT_EQ(files.size(), 7u);
  EXPECT_FALSE(cache.lookup(key_of(11)));
  EXPECT_FALSE(cache.lookup(key_of(12)));
  for (unsigned i : {10, 13, 14, 15, 16, 17, 18})
    EXPECT_EQ(cache.lookup(key_of(i)), image_of(i, 1000)) << i;
}

TEST(DiskCache, TheNewEntryStaysWhateverTheClockSays) {
  TemporaryDirectory root;
  ASSERT_TRUE(DiskCache(settings(root.path())).publish(key_of(1), image_of(1, 1000)));
  set_age(path_of(root.path(), key_of(1)), -100000); // written by a machine whose clock is ahead
  DiskCache cache(settings(root.path(), 2000));
  ASSERT_TRUE(cache.publish(key_of(2), image_of(2, 1000)));
  EXPECT_TRUE(cache.lookup(key_of(2)));
  EXPECT_FALSE(cache.lookup(key_of(1)));
}

TEST(DiskCache, HitsAreMarkedRarely) {
  TemporaryDirectory root;
  DiskCache cache(settings(root.path()));
  ASSERT_TRUE(cache.publish(key_of(1), image_of(1)));
  std::string path = path_of(root.path(), key_of(1));
  set_age(path, 1800);
  EXPECT_TRUE(cache.lookup(key_of(1)));
  EXPECT_GE(age(path), 1800);
  set_age(path, 7200);
  EXPECT_EQ(cache.inspect(key_of(1)).state, State::good);
  EXPECT_GE(age(path), 7200) << "looking at an entry is not using it";
  EXPECT_TRUE(cache.lookup(key_of(1)));
  EXPECT_LT(age(path), 1000);
}

TEST(DiskCache, WhatExceedsTheSizeIsNotKept) {
  TemporaryDirectory root;
  DiskCache cache(settings(root.path(), 2000));
  EXPECT_TRUE(cache.publish(key_of(1), image_of(1, 1000)));
  EXPECT_FALSE(cache.publish(key_of(2), image_of(2, 5000)));
  EXPECT_TRUE(cache.lookup(key_of(1))) << "no entry has to go for one that cannot stay";
  DiskCache none(settings(root.path(), 0));
  EXPECT_FALSE(none.publish(key_of(3), image_of(3)));
}

TEST(DiskCache, TheSizeIsKeptOverManyWrites) {
  TemporaryDirectory root;
  constexpr std::uint64_t size = 100000;
  std::uint64_t evictions = 0;
  for (unsigned i = 0; i < 600; ++i) {
    DiskCache cache(settings(root.path(), size)); // as if each were a process of its own
    ASSERT_TRUE(cache.publish(key_of(i), image_of(i, 1000)));
    ASSERT_TRUE(cache.lookup(key_of(i)));
    evictions += cache.counters().evictions;
    if (i % 10)
      continue;
    std::uint64_t total = 0;
    for (const CacheFile &file : cache.files())
      total += file.bytes;
    ASSERT_LE(total, size * 9 / 8) << i;
  }
  EXPECT_GT(evictions, 500u);
  EXPECT_GT(DiskCache(settings(root.path())).files().size(), 60u);
}

/// Whoever compiles one kernel does not pay for the thousands that are there.
TEST(DiskCache, FewWritersLookThroughALargeCache) {
  TemporaryDirectory root;
  write_file(root.path() + "/.new-0123456789abcdef", "half"); // gone as soon as somebody looks
  unsigned writes = 0;
  for (; std::filesystem::exists(root.path() + "/.new-0123456789abcdef"); ++writes)
    ASSERT_TRUE(DiskCache(settings(root.path(), 1 << 20)).publish(key_of(1 + writes), image_of(writes)));
  EXPECT_GT(writes, 5u);
  EXPECT_LT(writes, 5000u);
}

TEST(DiskCache, AbandonedFilesAreRemovedAndOthersAreNot) {
  TemporaryDirectory root;
  write_file(root.path() + "/.new-0123456789abcdef", "half");
  write_file(root.path() + "/.new-fedcba9876543210", "half");
  write_file(root.path() + "/README", "mine");
  write_file(root.path() + "/0123.kiln", "mine");
  fs::create_symlink(root.path() + "/README", root.path() + "/.new-link");
  int writing = open((root.path() + "/.new-fedcba9876543210").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(flock(writing, LOCK_EX), 0);        // its writer lives
  DiskCache cache(settings(root.path(), 3000)); // every writer looks through so small a cache
  EXPECT_TRUE(cache.publish(key_of(1), image_of(1)));
  EXPECT_FALSE(fs::exists(root.path() + "/.new-0123456789abcdef"));
  EXPECT_TRUE(fs::exists(root.path() + "/.new-fedcba9876543210"));
  close(writing);
  EXPECT_EQ(cache.clear(), 1u);
  EXPECT_FALSE(fs::exists(root.path() + "/.new-fedcba9876543210"));
  EXPECT_EQ(read_file(root.path() + "/README"), "mine");
  EXPECT_EQ(read_file(root.path() + "/0123.kiln"), "mine");
}

TEST(DiskCache, ListsAndClears) {
  TemporaryDirectory root;
  DiskCache cache(settings(root.path()));
  EXPECT_TRUE(DiskCache(settings(root.path() + "/none")).files().empty());
  for (unsigned i = 0; i < 3; ++i) {
    ASSERT_TRUE(cache.publish(key_of(i), image_of(i, 100 * (i + 1))));
    set_age(path_of(root.path(), key_of(i)), 1000 * (i + 1));
  }
  std::vector<CacheFile> files = cache.files();
  ASSERT_EQ(files.size(), 3u);
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(files[i].key, key_of(i));
    EXPECT_EQ(files[i].bytes, fs::file_size(path_of(root.path(), key_of(i))));
    EXPECT_NEAR(static_cast<double>(std::time(nullptr) - files[i].used), 1000 * (i + 1), 500);
  }
  EXPECT_EQ(cache.clear(2500), 1u);
  EXPECT_FALSE(cache.lookup(key_of(2)));
  EXPECT_TRUE(cache.lookup(key_of(1)));
  EXPECT_EQ(cache.clear(), 2u);
  EXPECT_TRUE(fs::is_empty(root.path()));
  EXPECT_EQ(cache.inspect(key_of(1)).state, State::absent);
}

TEST(DiskCache, OffMeansOff) {
  TemporaryDirectory root;
  CacheSettings off = settings(root.path());
  ASSERT_TRUE(DiskCache(off).publish(key_of(1), image_of(1)));
  off.off = "for a reason";
  DiskCache cache(off);
  EXPECT_EQ(cache.unusable(), "for a reason");
  EXPECT_FALSE(cache.lookup(key_of(1)));
  EXPECT_FALSE(cache.publish(key_of(2), image_of(2)));
  EXPECT_EQ(cache.counters().misses, 0u);
}

/// What says nothing of the cache.
struct BareEnvironment : Environment {
  BareEnvironment()
      : Environment{
            {"KILN_CACHE_DIR", {}}, {"KILN_CACHE_SIZE", {}}, {"KILN_CACHE", {}}, {"XDG_CACHE_HOME", {}}, {"HOME", {}}} {
  }
};

TEST(CacheSettings, TheDirectory) {
  BareEnvironment environment;
  EXPECT_EQ(CacheSettings::from_environment().off,
            "there is no place for a cache: none of KILN_CACHE_DIR, XDG_CACHE_HOME and HOME is set");
  environment.set("HOME", "/home/a");
  EXPECT_EQ(CacheSettings::from_environment().directory, "/home/a/.cache/kiln");
  environment.set("XDG_CACHE_HOME", "relative");
  EXPECT_EQ(CacheSettings::from_environment().directory, "/home/a/.cache/kiln");
  environment.set("XDG_CACHE_HOME", "/x");
  EXPECT_EQ(CacheSettings::from_environment().directory, "/x/kiln");
  environment.set("KILN_CACHE_DIR", "/k");
  EXPECT_EQ(CacheSettings::from_environment().directory, "/k");
  environment.set("KILN_CACHE_DIR", "k");
  EXPECT_EQ(CacheSettings::from_environment().directory, fs::current_path().string() + "/k");
  EXPECT_EQ(CacheSettings::from_environment().off, "");
  EXPECT_EQ(CacheSettings::from_environment().max_bytes, std::uint64_t{1} << 30);
}

TEST(CacheSettings, TheSize) {
  BareEnvironment environment;
  environment.set("HOME", "/home/a");
  auto size = [&](const char *text) {
    environment.set("KILN_CACHE_SIZE", text);
    CacheSettings found = CacheSettings::from_environment();
    if (found.off.empty())
      return std::to_string(found.max_bytes);
    EXPECT_EQ(found.off, "KILN_CACHE_SIZE is '" + std::string(text) + "', not a number of bytes such as 512M or 2G");
    EXPECT_TRUE(found.misunderstood);
    return std::string("refused");
  };
  EXPECT_EQ(size("12345"), "12345");
  EXPECT_EQ(size("0"), "0");
  EXPECT_EQ(size("3K"), "3072");
  EXPECT_EQ(size("512M"), "536870912");
  EXPECT_EQ(size("2G"), "2147483648");
  EXPECT_EQ(size("1T"), "1099511627776");
  for (const char *text : {"M", "-1", "1.5G", "10MB", "2 G", "999999999999999999T", "99999999999999999999"})
    EXPECT_EQ(size(text), "refused");
}

TEST(CacheSettings, OnAndOff) {
  BareEnvironment environment;
  environment.set("HOME", "/home/a");
  auto off = [&](const char *text) {
    environment.set("KILN_CACHE", text);
    return CacheSettings::from_environment().off;
  };
  for (const char *text : {"", "on", "1"})
    EXPECT_EQ(off(text), "");
  for (const char *text : {"off", "0"})
    EXPECT_EQ(off(text), "KILN_CACHE turns it off");
  EXPECT_EQ(off("never"), "KILN_CACHE is 'never', neither on nor off");
  EXPECT_TRUE(CacheSettings::from_environment().misunderstood);
  environment.set("KILN_CACHE_SIZE", "much");
  EXPECT_EQ(off("off"), "KILN_CACHE turns it off");
  EXPECT_FALSE(CacheSettings::from_environment().misunderstood) << "who turns it off needs no size";
}

} // namespace
