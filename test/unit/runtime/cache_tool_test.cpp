// The command kiln-cache, which lies beside this program.
#include "cache_support.h"

#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>

using namespace kiln::runtime;
using namespace kiln::runtime::test;
namespace fs = std::filesystem;

namespace {

struct Result {
  int status;
  std::string output; // and errors
};

class CacheTool : public testing::Test {
protected:
  CacheTool() : directory_(root_.path() + "/kiln"), cache_(settings(directory_)) {
    for (const char *name : {"KILN_CACHE_DIR", "KILN_CACHE_SIZE", "KILN_CACHE"})
      unsetenv(name);
    setenv("KILN_CACHE_DIR", directory_.c_str(), 1);
  }
  ~CacheTool() override { unsetenv("KILN_CACHE_DIR"); }

  /// Runs the command through the shell.
  Result tool(const std::string &arguments, const std::string &environment = "") {
    std::string program = (fs::read_symlink("/proc/self/exe").parent_path() / "kiln-cache").string();
    FILE *pipe = popen((environment + " '" + program + "' " + arguments + " 2>&1").c_str(), "r");
    Result result;
    char bytes[4096];
    while (std::size_t got = fread(bytes, 1, sizeof(bytes), pipe))
      result.output.append(bytes, got);
    int status = pclose(pipe);
    EXPECT_TRUE(WIFEXITED(status));
    result.status = WEXITSTATUS(status);
    return result;
  }

  void expect(const std::string &arguments, int status, const std::string &output,
              const std::string &environment = "") {
    Result result = tool(arguments, environment);
    EXPECT_EQ(result.output, output);
    EXPECT_EQ(result.status, status);
  }

  /// Keeps image_of(number), last used so many hours ago.
  void keep(unsigned number, std::size_t cubin_bytes, std::int64_t hours) {
    ASSERT_TRUE(cache_.publish(key_of(number), image_of(number, cubin_bytes)));
    timespec times[2] = {};
    times[0].tv_sec = times[1].tv_sec = std::time(nullptr) - 3600 * hours - 60;
    ASSERT_EQ(utimensat(AT_FDCWD, path_of(directory_, key_of(number)).c_str(), times, 0), 0);
  }

  std::string digits(unsigned number) { return to_hex(key_of(number)).substr(0, 12); }

  TemporaryDirectory root_;
  std::string directory_;
  DiskCache cache_;
};

TEST_F(CacheTool, NoDirectoryIsAnEmptyCache) {
  expect("list", 0, "nothing in " + directory_ + "\n");
  expect("verify", 0, "0 good, 0 of other versions of Kiln, 0 damaged\n");
  expect("clear", 0, "removed 0 entries from " + directory_ + "\n");
  expect("stats", 0, "directory  " + directory_ + "\ncaching    on\nentries    0\nsize       0 B of 1.0 GiB\n");
  expect("path", 0, directory_ + "\n");
  expect("show 12", 1, "kiln-cache: no key begins with 12\n");
  EXPECT_FALSE(fs::exists(directory_));
}

TEST_F(CacheTool, ClearSaysWhatItCannotRemove) {
  keep(1, 100, 3);
  fs::create_directory(path_of(directory_, key_of(2))); // which is not removed like a file, not even for root
  const Result result = tool("clear");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.output.find("removed 1 entry from " + directory_ + "\n"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("kiln-cache: not all entries could be removed: Is a directory\n"), std::string::npos)
      << result.output;
}

TEST_F(CacheTool, List) {
  keep(1, 100000, 50);
  keep(2, 100, 1);
  keep(3, 100, 0);
  write_file(path_of(directory_, key_of(3)), "short");
  expect("list", 0,
         "KEY           KERNEL                        ARCH            SIZE  USED               CONFIG\n" + //
             digits(3) + "  ?                             ?                5 B  under an hour ago  " +
             "unusable: it has only 5 bytes\n" + //
             digits(2) + "  kernel_2                      sm_90a         270 B  1 hour ago         {.n = 2}\n" +
             digits(1) + "  kernel_1                      sm_90a      97.8 KiB  2 days ago         {.n = 1}\n");
}

TEST_F(CacheTool, ListKeepsToOneLineAnEntry) {
  KernelImage image = image_of(1);
  image.config = "{\n\x1b[31m}";
  ASSERT_TRUE(cache_.publish(key_of(1), image));
  EXPECT_TRUE(tool("list").output.ends_with("  {??[31m}\n"));
}

TEST_F(CacheTool, Show) {
  keep(1, 1000, 5);
  keep(257, 100, 1);
  std::string key = to_hex(key_of(1));
  expect("show " + key.substr(0, 4), 0,
         "key         " + key + "\nfile        " + path_of(directory_, key_of(1)) + ", 1.1 KiB\n" +
             "used        5 hours ago\n"
             "kernel      kernel_1\n"
             "config      {.n = 1}\n"
             "arch        sm_90a\n"
             "program     128 threads, 0 bytes of shared memory\n"
             "warps       4\n"
             "parameters  pointer, i32\n"
             "cubin       1000 bytes\n"
             "\n"
             "writer 0\n");
  EXPECT_EQ(tool("show " + key).status, 0);
  expect("show 01", 1, "kiln-cache: 2 keys begin with 01: give more digits\n");
  expect("show ff", 1, "kiln-cache: no key begins with ff\n");
  EXPECT_EQ(tool("show XY").status, 2);
  EXPECT_TRUE(tool("show XY").output.starts_with("kiln-cache: 'XY' is no key: "));
  EXPECT_EQ(tool("show ''").status, 2);

  write_file(path_of(directory_, key_of(1)), read_file(path_of(directory_, key_of(1))) + "!");
  Result damaged = tool("show " + key);
  EXPECT_EQ(damaged.status, 1);
  EXPECT_NE(damaged.output.find("kiln-cache: the entry is unusable: its checksum does not match\n"), std::string::npos);
}

TEST_F(CacheTool, RecordsOfTuningAreEntriesToo) {
  ASSERT_TRUE(cache_.publish(key_of(1), TuningRecord{"matvec", "NVIDIA H100", "1000 x 3000", "best 2\n"}));
  expect("list", 0,
         "KEY           KERNEL                        ARCH            SIZE  USED               CONFIG\n" + digits(1) +
             "  matvec                        tuning         131 B  under an hour ago  1000 x 3000 on NVIDIA H100\n");
  std::string key = to_hex(key_of(1));
  expect("show " + key, 0,
         "key         " + key + "\nfile        " + path_of(directory_, key_of(1)) + ", 131 B\n" +
             "used        under an hour ago\n"
             "tuning of   matvec\n"
             "problem     1000 x 3000\n"
             "device      NVIDIA H100\n"
             "\n"
             "best 2\n");
  expect("verify", 0, "1 good, 0 of other versions of Kiln, 0 damaged\n");
  expect("clear", 0, "removed 1 entry from " + directory_ + "\n");
}

TEST_F(CacheTool, Verify) {
  keep(1, 100, 1);
  keep(2, 100, 2);
  expect("verify", 0, "2 good, 0 of other versions of Kiln, 0 damaged\n");
  std::string path = path_of(directory_, key_of(2));
  std::string bytes = read_file(path);
  bytes[100] ^= 1;
  write_file(path, bytes);
  fs::create_symlink("nowhere", path_of(directory_, key_of(3)));
  Result result = tool("verify");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.output.find("damaged " + path + ": its checksum does not match\n"), std::string::npos);
  EXPECT_NE(result.output.find("damaged " + path_of(directory_, key_of(3)) + ": it is a symbolic link\n"),
            std::string::npos);
  EXPECT_TRUE(result.output.ends_with("\n1 good, 0 of other versions of Kiln, 2 damaged\n"));
}

TEST_F(CacheTool, Clear) {
  for (unsigned number = 0; number < 4; ++number)
    keep(number, 100, 24 * number);
  expect("clear --older-than 2", 0, "removed 2 entries from " + directory_ + "\n");
  expect("clear --older-than 2", 0, "removed 0 entries from " + directory_ + "\n");
  write_file(path_of(directory_, key_of(0)), "damaged");
  expect("clear", 0, "removed 2 entries from " + directory_ + "\n");
  EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(CacheTool, Stats) {
  keep(1, 100, 1);
  keep(2, 100, 30);
  std::string rest = "entries    2\nsize       540 B of 10.0 MiB\nused       from 30 hours ago to 1 hour ago\n";
  expect("stats", 0, "directory  " + directory_ + "\ncaching    on\n" + rest, "KILN_CACHE_SIZE=10M");
  // What is there can be seen and removed while caching is off.
  expect("stats", 0, "directory  " + directory_ + "\ncaching    off: KILN_CACHE turns it off\n" + rest,
         "KILN_CACHE=off KILN_CACHE_SIZE=10M");
  expect("clear", 0, "removed 2 entries from " + directory_ + "\n", "KILN_CACHE=off");
}

TEST_F(CacheTool, MisuseIsNamed) {
  std::string usage = tool("--help").output;
  EXPECT_EQ(tool("--help").status, 0);
  EXPECT_TRUE(usage.starts_with("usage: kiln-cache list "));
  auto misuse = [&](const std::string &arguments, const std::string &message) {
    expect(arguments, 2, "kiln-cache: " + message + "\n" + usage);
  };
  misuse("", "no command");
  misuse("lsit", "there is no command 'lsit'");
  misuse("list all", "list takes no arguments");
  misuse("show", "show takes one key");
  misuse("show 12 34", "show takes one key");
  misuse("clear all", "clear takes nothing or --older-than DAYS");
  misuse("clear --older-than", "clear takes nothing or --older-than DAYS");
  for (const char *days : {"x", "-1", "1.5", "''"})
    misuse(std::string("clear --older-than ") + days,
           "'" + std::string(days == std::string("''") ? "" : days) + "' is no number of days");
}

TEST_F(CacheTool, RefusedDirectoriesAreNamed) {
  fs::create_directory(directory_);
  chmod(directory_.c_str(), 0777);
  for (const char *command : {"list", "verify", "clear", "stats", "show 12"})
    expect(command, 1, "kiln-cache: '" + directory_ + "' can be written to by others (mode 0777)\n");
  expect("list", 1,
         "kiln-cache: there is no place for a cache: none of KILN_CACHE_DIR, XDG_CACHE_HOME and HOME is set\n",
         "env -u KILN_CACHE_DIR -u XDG_CACHE_HOME -u HOME");
}

TEST_F(CacheTool, LostOutputIsAFailure) {
  Result result = tool("stats >/dev/full");
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.output, "");
}

} // namespace
