// What KILN_LOG=debug writes of compiles, launches, tuning, and of what Kiln found on the machine.
#include "../runtime/cache_support.h"
#include "kiln/events.h"
#include "kiln/kiln.h"
#include "kiln/runtime/assembler.h"
#include "kiln/runtime/log.h"
#include "kiln/tune.h"

#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <regex>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace kiln;

namespace {

const int with_log = setenv("KILN_LOG", "debug", 1) + setenv("KILN_CACHE", "off", 1) +
                     setenv("KILN_CUDA_DRIVER", "no-such-driver.so", 1);

/// What goes to standard error while it lives.
class Captured {
public:
  Captured() {
    std::fflush(stderr);
    const int file = open(path().c_str(), O_CREAT | O_TRUNC | O_RDWR, 0600);
    EXPECT_GE(file, 0);
    dup2(file, STDERR_FILENO);
    close(file);
  }
  ~Captured() {
    dup2(before_, STDERR_FILENO);
    close(before_);
  }

  /// Without what is said of a compile while it goes on, which depends on how busy the machine is.
  std::string text() const {
    static const std::regex progress("kiln: compiling .* since T.*\n");
    return std::regex_replace(all(), progress, "");
  }
  /// With T in the place of times.
  std::string all() const {
    std::ifstream file(path());
    const std::string written(std::istreambuf_iterator<char>(file), {});
    static const std::regex time("[0-9]+(\\.[0-9]+)? (us|ms|s)\\b");
    return std::regex_replace(written, time, "T");
  }
  bool has(const std::string &piece) const { return all().find(piece) != std::string::npos; }

private:
  std::string path() const { return directory_.path() + "/stderr"; }

  TemporaryDirectory directory_;
  const int before_ = dup(STDERR_FILENO);
};

struct Config {
  int block = 64;
};

void copy(const Config &c, ptr<const float> in, ptr<float> out, scalar<int> n) {
  Tile i = program_id(0) * c.block + arange(0, c.block);
  store(out + i, load(in + i, {.mask = i < n}), {.mask = i < n});
}

using CopyKernel = Kernel<Config, ptr<const float>, ptr<float>, scalar<int>>;

class Log : public testing::Test {
protected:
  Log() { EXPECT_EQ(with_log, 0); }

  std::vector<float> in = std::vector<float>(100, 1.0F), out = std::vector<float>(100);
  const CopyKernel kernel{"copy", copy};
};

TEST_F(Log, CompilesAndLaunches) {
  Captured log;
  for (int i = 0; i < 2; ++i)
    kernel.launch({.grid = 2, .device = Device::cpu()}, {}, static_cast<const float *>(in.data()), out.data(), 100);
  EXPECT_EQ(log.text(), "kiln: compiled 'copy' with {64} for cpu in T (trace T, lower T)\n"
                        "kiln: launched 'copy' with {64} on cpu, 2 x 1 x 1 programs, in T of the host\n"
                        "kiln: launched 'copy' with {64} on cpu, 2 x 1 x 1 programs, in T of the host\n");
}

TEST_F(Log, WhatFails) {
  Captured log;
  EXPECT_THROW(kernel.compile({.block = 3}, Device::cpu()), Error);
  EXPECT_THROW(kernel.launch({.grid = {1, 0, 1}, .device = Device::cpu()}, {}, static_cast<const float *>(in.data()),
                             out.data(), 100),
               LaunchError);
  const std::regex wanted("kiln: cannot compile 'copy' with \\{3\\} for cpu, after T: .*power of two, got \\[3\\]\n"
                          "kiln: cannot launch 'copy' with \\{64\\} on cpu, 1 x 0 x 1 programs: cannot launch .*\n");
  EXPECT_TRUE(std::regex_match(log.text(), wanted)) << log.text();
}

TEST_F(Log, ALongCompileSaysThatItGoesOn) {
  Captured log;
  static const Captured *lines; // which a kernel, a function that captures nothing, can see
  lines = &log;
  // Takes as long as the log needs, and a minute at most.
  const CopyKernel slow{"slow", [](const Config &c, ptr<const float> from, ptr<float> to, scalar<int> size) {
                          const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
                          while (!lines->has("since T") && std::chrono::steady_clock::now() < end)
                            std::this_thread::sleep_for(std::chrono::milliseconds(20));
                          copy(c, from, to, size);
                        }};
  slow.compile({}, Device::cpu());
  const std::regex wanted("(kiln: compiling 'slow' with \\{64\\} for cpu since T, now: trace\n)+"
                          "kiln: compiled 'slow' with \\{64\\} for cpu in T \\(trace T, lower T\\)\n");
  EXPECT_TRUE(std::regex_match(log.all(), wanted)) << log.all();
}

TEST_F(Log, AShortCompileSaysNothingBeforeItsEnd) {
  Captured log;
  const auto start = std::chrono::steady_clock::now();
  kernel.compile({.block = 32}, Device::cpu());
  const bool is_short = std::chrono::steady_clock::now() - start < std::chrono::seconds(2);
  EXPECT_TRUE(!is_short || !log.has("since")) << log.all();
}

TEST_F(Log, TuningSaysHowFarItIs) {
  Captured log;
  const std::vector<Config> configs{{.block = 16}, {.block = 3}};
  (void)tune(configs,
             {.kernel = kernel,
              .launch =
                  [&](const Config &c, const TuneLaunch &at) {
                    kernel.launch({.grid = cdiv(100, c.block), .device = at.device, .stream = at.stream}, c,
                                  static_cast<const float *>(in.data()), out.data(), 100);
                  }},
             {.device = Device::cpu(), .threads = 1, .keep = false});
  std::string lines; // of the tuning: not those of what it compiles and launches
  std::istringstream all(log.text());
  for (std::string line; std::getline(all, line);)
    if (line.find("tun") != std::string::npos)
      lines += line + "\n";
  const std::regex wanted("kiln: tuning 'copy' on cpu: 2 configs\n"
                          "kiln: tuning 'copy': compile 1 of 2, \\{16\\}\n"
                          "kiln: tuning 'copy': compile 2 of 2, \\{3\\}: it does not compile: .*\n"
                          "kiln: tuning 'copy': measure 1 of 1, \\{16\\}: T\n"
                          "kiln: tuned 'copy' on cpu in T: fastest is \\{16\\}\n");
  EXPECT_TRUE(std::regex_match(lines, wanted)) << lines;
}

TEST_F(Log, TheDriver) {
  Captured log;
  EXPECT_EQ(cuda::device_count(), 0);
  EXPECT_EQ(cuda::device_count(), 0);
  const std::regex wanted("kiln: driver: none that can be used: there is no CUDA driver \\(no-such-driver.so: .*\\)\n");
  EXPECT_TRUE(std::regex_match(log.text(), wanted)) << log.text();
}

TEST_F(Log, TheAssembler) {
  if (runtime::assembler_identity().empty())
    GTEST_SKIP() << "no assembler";
  Captured log;
  kernel.compile({}, Target::parse("sm_90a"));
  const std::regex wanted("(kiln: cache: off, because KILN_CACHE turns it off\n)?"
                          "kiln: assembling for sm_90a with (nvjitlink|ptxas) [^,]*, /.*\n"
                          "kiln: compiled 'copy' with \\{64\\} for sm_90a in T \\(trace T, lower T, assemble T\\)\n");
  EXPECT_TRUE(std::regex_match(log.text(), wanted)) << log.text();
}

TEST_F(Log, ACacheThatCannotBeWrittenIsAWarningOnce) {
  using namespace runtime::test;
  runtime::DiskCache cache(settings("/proc/nowhere/kiln", 10000));
  Captured log;
  EXPECT_FALSE(cache.publish(key_of(1), image_of(1)));
  EXPECT_FALSE(cache.publish(key_of(2), image_of(2)));
  auto line = [](int key) { return "kiln: cache: " + runtime::to_hex(key_of(key)).substr(0, 16) + " not kept: "; };
  const std::string why = "cannot create '/proc/nowhere/kiln': No such file or directory";
  EXPECT_EQ(log.all(), line(1) + why + "\nkiln: warning: cache: kernels are compiled and not kept: " + why +
                           "; KILN_CACHE=off does without a cache\n" + line(2) + why + "\n");
}

TEST_F(Log, TheCache) {
  using namespace runtime::test;
  TemporaryDirectory root;
  runtime::DiskCache cache(settings(root.path() + "/cache", 10000));
  Captured log;
  EXPECT_FALSE(cache.lookup(key_of(1)));
  EXPECT_TRUE(cache.publish(key_of(1), image_of(1)));
  EXPECT_TRUE(cache.lookup(key_of(1)));
  EXPECT_FALSE(cache.lookup(key_of(2)));
  EXPECT_FALSE(cache.publish(key_of(3), image_of(3, 20000)));
  EXPECT_TRUE(cache.publish(key_of(2), image_of(2, 9800)));
  const std::string one = runtime::to_hex(key_of(1)).substr(0, 16), two = runtime::to_hex(key_of(2)).substr(0, 16);
  const std::regex wanted("kiln: cache: " + one + " not found: the cache is empty\n" +     //
                          "kiln: cache: " + one + " kept, [0-9]+ bytes\n" +                //
                          "kiln: cache: " + one + " found\n" +                             //
                          "kiln: cache: " + two + " not found: there is no such entry\n" + //
                          "kiln: cache: " + runtime::to_hex(key_of(3)).substr(0, 16) +
                          " not kept: ([0-9]+ bytes are too many for .*)\n" +
                          "kiln: warning: cache: kernels are compiled and not kept: \\1; KILN_CACHE=off .*\n" + //
                          "kiln: cache: " + two + " kept, [0-9]+ bytes\n" +                                     //
                          "kiln: cache: " + one + " evicted, [0-9]+ bytes\n");
  EXPECT_TRUE(std::regex_match(log.text(), wanted)) << log.text();

  std::filesystem::permissions(root.path() + "/cache", std::filesystem::perms::all);
  EXPECT_FALSE(cache.lookup(key_of(2)));
  EXPECT_FALSE(cache.publish(key_of(2), image_of(2)));
  EXPECT_TRUE(log.has("kiln: cache: " + two + " not found: '" + root.path() + "/cache' ")) << log.text();
  EXPECT_TRUE(log.has("kiln: cache: " + two + " not kept: '" + root.path() + "/cache' ")) << log.text();
}

} // namespace
