// Global memory of the emulator: its checks, what is undone between runs, and what is compared.
#include "emulated_threads.h"

#include "kiln/debug.h"
#include "kiln/device_memory.h"
#include "kiln/emulator.h"
#include "message_of.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <numeric>
#include <thread>

using namespace kiln;
using namespace kiln::test;

namespace {

constexpr std::uint64_t kAll = 0xffffffff;

std::uint64_t address_of(const void *memory) { return reinterpret_cast<std::uintptr_t>(memory); }

std::string hex(std::uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

/// The first line of a message, without its place.
std::string first_line(const std::string &message) {
  const std::string line = message.substr(0, message.find('\n'));
  const std::size_t error = line.find("error: ");
  return error == std::string::npos ? line : line.substr(error + 7);
}

//===----------------------------------------------------------------------===//
// Bounds and alignment
//===----------------------------------------------------------------------===//

/// Each lane of one warp accesses `arg(0) + stride * lane`; a load adds what it sees to `loaded`.
std::array<std::uint64_t, 32> loaded;
std::string access(const char *operation, std::uint64_t address, std::uint64_t stride) {
  auto kernel = emulated_kernel({"tid.x", operation}, 1, 0, [](EmulatedThread t) {
    const std::uint64_t lane = t(0);
    loaded[lane] = t(1, {t.arg(0) + t.arg(1) * lane, 7, 7, 7, 7});
  });
  return run_checked(kernel, {address, stride});
}

TEST(EmulatedMemory, AccessesPastTheEndNameTheBuffer) {
  alignas(16) std::array<std::uint32_t, 32> memory{};
  debug::Buffer buffer(memory.data(), 16 * 4, "out");
  const std::uint64_t end = address_of(memory.data()) + 64;
  EXPECT_EQ(access("st.global.b32", address_of(memory.data()), 4),
            "test.cpp:1:1: error: store of 4 bytes at " + hex(end) +
                ", 0 bytes past the end of buffer 'out' (64 bytes)\n"
                "note: in program (0, 0, 0) of 'k', warp 0, lanes 16-31\n"
                "note: while running 'k' with {} on emulated:sm_90a");
  EXPECT_EQ(std::accumulate(memory.begin() + 16, memory.end(), 0U), 0U) << "a store that is a fault was done";
  EXPECT_EQ(first_line(access("ld.global.b64", end - 4, 0)),
            "load of 8 bytes at " + hex(end - 4) + ", which runs past the end of buffer 'out' (64 bytes) at byte 60");
  EXPECT_EQ(first_line(access("ld.global.nc.b32", end + 12, 0)),
            "load of 4 bytes at " + hex(end + 12) + ", 12 bytes past the end of buffer 'out' (64 bytes)");
  EXPECT_EQ(first_line(access("ld.global.b8", address_of(memory.data()) - 1, 0)),
            "load of 1 byte at " + hex(address_of(memory.data()) - 1) + ", 1 byte before buffer 'out' (64 bytes)");
}

TEST(EmulatedMemory, AtomicsAreCheckedToo) {
  alignas(16) std::array<std::uint32_t, 4> memory{};
  debug::Buffer buffer(memory.data(), 8, "sums");
  auto kernel =
      emulated_kernel({"red.relaxed.gpu.global.add.u32.pred"}, 1, 0, [](EmulatedThread t) { t(0, {t.arg(0), 1, 5}); });
  const std::uint64_t start = address_of(memory.data());
  EXPECT_EQ(first_line(run_checked(kernel, {start + 8})),
            "atomic of 4 bytes at " + hex(start + 8) + ", 0 bytes past the end of buffer 'sums' (8 bytes)");
  EXPECT_EQ(first_line(run_checked(kernel, {start + 2})),
            "atomic of 4 bytes at byte 2 of buffer 'sums' (8 bytes), an address that is not a multiple of 4");
  EXPECT_EQ(memory, (std::array<std::uint32_t, 4>{}));
  EXPECT_EQ(run_checked(kernel, {start + 4}), "");
  EXPECT_EQ(memory, (std::array<std::uint32_t, 4>{0, 5 * 32, 0, 0}));
}

TEST(EmulatedMemory, LoadsThatAreFaultsYieldPoison) {
  std::array<std::uint32_t, 4> memory{1, 1, 1, 1};
  debug::Buffer buffer(memory.data(), 8, "in");
  loaded = {};
  EXPECT_NE(access("ld.global.b32", address_of(memory.data() + 2), 0), "");
  EXPECT_EQ(loaded[3], 0xffffffffu);
}

TEST(EmulatedMemory, AddressesAreMultiplesOfWhatIsAccessed) {
  alignas(16) std::array<std::uint32_t, 64> memory{};
  debug::Buffer buffer(memory.data(), sizeof(memory), "in");
  const std::uint64_t start = address_of(memory.data());
  EXPECT_EQ(access("ld.global.v4.b32", start + 4, 0),
            "test.cpp:1:1: error: load of 16 bytes at byte 4 of buffer 'in' (256 bytes), an address that is not a "
            "multiple of 16\n"
            "note: in program (0, 0, 0) of 'k', warp 0, all lanes\n"
            "note: while running 'k' with {} on emulated:sm_90a");
  EXPECT_EQ(first_line(access("st.global.b16", start + 7, 0)),
            "store of 2 bytes at byte 7 of buffer 'in' (256 bytes), an address that is not a multiple of 2");
  EXPECT_EQ(access("ld.global.v4.b32", start, 0), "");
}

TEST(EmulatedMemory, ConstantMemoryIsNotWritten) {
  std::array<std::uint32_t, 64> memory{};
  debug::Buffer buffer(memory.data(), sizeof(memory), "x");
  const std::string expected = "load of 4 bytes at byte 128 of buffer 'x' (256 bytes), which is declared constant and "
                               "written by this launch\ntest.cpp:2:1: note: the write\n";
  // A store before the load, and one after it.
  auto before = emulated_kernel({"tid.x", "ld.global.nc.b32", "st.global.b32"}, 1, 0, [](EmulatedThread t) {
    const std::uint64_t address = t.arg(0) + 4 * t(0);
    t(2, {address, 1});
    t(1, {t.arg(0) + 128 - t.arg(1)});
  });
  auto after = emulated_kernel({"tid.x", "ld.global.nc.b32", "st.global.b32"}, 1, 0, [](EmulatedThread t) {
    t(1, {t.arg(0) + 128});
    t(2, {t.arg(0) + 128 + t.arg(1), 1});
  });
  const std::uint64_t start = address_of(memory.data());
  EXPECT_EQ(run_checked(before, {start, 0}), "");
  EXPECT_NE(run_checked(before, {start + 4, 4}).find(expected), std::string::npos);
  EXPECT_NE(run_checked(after, {start, 0}).find(expected), std::string::npos);
  EXPECT_EQ(run_checked(after, {start, 4}), "");
}

TEST(EmulatedMemory, WithoutBuffersAddressesAreNotCompared) {
  std::array<std::uint32_t, 32> memory{};
  EXPECT_EQ(access("st.global.b32", address_of(memory.data()), 4), "");
  EXPECT_EQ(memory[31], 7u);
}

TEST(EmulatedMemory, DeviceBuffersAreKnown) {
  DeviceBuffer memory(Device::emulated("sm_90a"), 128);
  const std::uint64_t start = address_of(memory.data());
  EXPECT_EQ(access("st.global.b32", start, 4), "");
  EXPECT_EQ(first_line(access("ld.global.b32", start + 128, 0)),
            "load of 4 bytes at " + hex(start + 128) + ", 0 bytes past the end of buffer 'device buffer' (128 bytes)");
  {
    // What the program registers itself says more.
    debug::Buffer part(memory.data(), 64, "first half");
    EXPECT_EQ(first_line(access("ld.global.b32", start + 64, 0)),
              "load of 4 bytes at " + hex(start + 64) + ", 0 bytes past the end of buffer 'first half' (64 bytes)");
  }
  EXPECT_EQ(access("ld.global.b32", start + 64, 0), "");
  DeviceBuffer moved = std::move(memory);
  EXPECT_EQ(access("ld.global.b32", start + 64, 0), "");
  moved = DeviceBuffer();
  EXPECT_EQ(debug::describe_access(reinterpret_cast<void *>(start), 4, "load"),
            "load of 4 bytes at " + hex(start) + ", and no buffer is registered (debug::register_buffer)");
}

//===----------------------------------------------------------------------===//
// Two runs
//===----------------------------------------------------------------------===//

TEST(EmulatedMemory, ALaunchSeesMemoryAsItWasInBothRuns) {
  // An update in place, by four programs that write to the same pages.
  static std::vector<std::uint32_t> memory;
  memory.resize(4 * 2048);
  std::iota(memory.begin(), memory.end(), 0U);
  auto kernel = emulated_kernel({"tid.x", "ctaid.x", "ld.global.b32", "st.global.b32"}, 2, 0, [](EmulatedThread t) {
    const std::uint64_t tid = t(0), program = t(1);
    for (std::uint64_t i = tid; i < 2048; i += 64) {
      const std::uint64_t address = t.arg(0) + 4 * (4 * i + program);
      t(3, {address, 3 * t(2, {address})});
    }
  });
  EXPECT_EQ(run_checked(kernel, {address_of(memory.data())}, {4, 1, 1}), "");
  for (std::uint32_t i = 0; i < memory.size(); ++i)
    ASSERT_EQ(memory[i], 3 * i);
}

TEST(EmulatedMemory, WhatOthersWriteBesideItIsLeftAlone) {
  // Bytes of the same page that the launch does not write change while it runs.
  alignas(4096) static std::array<std::atomic<std::uint32_t>, 1024> page;
  page[1] = 0;
  auto kernel = emulated_kernel({"tid.x", "st.global.b32"}, 1, 0, [](EmulatedThread t) {
    const std::uint64_t lane = t(0);
    t(1, {t.arg(0) + 8 * lane, lane});
    if (lane == 31)
      ++page[1];
  });
  EXPECT_EQ(run_checked(kernel, {address_of(&page)}), "");
  EXPECT_EQ(page[1], 2u);
  EXPECT_EQ(page[62], 31u);
}

/// Lane 0 of each of four programs stores 4 bytes that depend on the contents of shared memory, all others a constant.
std::string store_undefined(void *memory) {
  auto kernel = emulated_kernel({"tid.x", "ctaid.x", "shared.base", "ld.shared.b16", "st.global.b32"}, 1, 16,
                                [](EmulatedThread t) {
                                  const std::uint64_t tid = t(0), index = 32 * t(1) + tid;
                                  const std::uint64_t value = tid == 0 ? t(3, {t(2)}) : 5;
                                  t(4, {t.arg(0) + 4 * index, value});
                                });
  return run_checked(kernel, {address_of(memory)}, {4, 1, 1});
}

TEST(EmulatedMemory, ResultsThatDifferBetweenRunsAreFound) {
  std::array<std::uint32_t, 128> memory{};
  debug::Buffer buffer(memory.data(), sizeof(memory), "out");
  EXPECT_EQ(store_undefined(memory.data()),
            "test.cpp:4:1: error: byte 0 of buffer 'out' (512 bytes) is 0xff in one run and 0x43 in another, and 7 "
            "other bytes differ\n"
            "test.cpp:3:1: note: shared memory that nobody has written is read here\n"
            "note: while running 'k' with {} on emulated:sm_90a");
}

TEST(EmulatedMemory, DifferencesOutsideOfBuffersAreFoundToo) {
  std::array<std::uint32_t, 128> memory{};
  EXPECT_EQ(first_line(store_undefined(memory.data())),
            "the byte at " + hex(address_of(memory.data())) +
                " is 0xff in one run and 0x43 in another, and 7 other bytes differ");
}

TEST(EmulatedMemory, AStoreThatOneRunAloneMakesIsADifference) {
  std::array<std::uint32_t, 4> memory{};
  debug::Buffer buffer(memory.data(), sizeof(memory), "out");
  auto kernel =
      emulated_kernel({"tid.x", "shared.base", "ld.shared.b8", "st.global.b32.pred"}, 1, 16, [](EmulatedThread t) {
        const std::uint64_t undefined = t(2, {t(1)});
        t(3, {t.arg(0) + 4, undefined == t.arg(1) && t(0) == 0, 9});
      });
  for (std::uint64_t writing_run : {0xff, 0x43})
    EXPECT_EQ(run_checked(kernel, {address_of(memory.data()), writing_run}),
              std::string("test.cpp:3:1: error: byte 4 of buffer 'out' (16 bytes) is ") +
                  (writing_run == 0xff ? "0x9 in one run and 0x0" : "0x0 in one run and 0x9") +
                  " in another\n"
                  "test.cpp:2:1: note: shared memory that nobody has written is read here\n"
                  "note: while running 'k' with {} on emulated:sm_90a");
}

TEST(EmulatedMemory, OneRunComparesNothing) {
  const EmulatorOptions before = emulator_options();
  set_emulator_options({.compare_poison = false});
  std::array<std::uint32_t, 128> memory{};
  EXPECT_EQ(store_undefined(memory.data()), "");
  EXPECT_EQ(memory[32], 0xffffu);
  set_emulator_options(before);
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

/// Each lane but those in arg(1) stores its word.
std::string store_but(void *memory, std::uint64_t lanes) {
  auto kernel = emulated_kernel({"tid.x", "st.global.b32.pred"}, 1, 0, [](EmulatedThread t) {
    const std::uint64_t lane = t(0);
    t(1, {t.arg(0) + 4 * lane, ~(t.arg(1) >> lane) & 1, lane});
  });
  return run_checked(kernel, {address_of(memory), lanes});
}

TEST(EmulatedOutputs, BytesThatAreNotWrittenAreFound) {
  const EmulatorOptions before = emulator_options();
  for (bool twice : {true, false}) {
    set_emulator_options({.compare_poison = twice});
    std::array<std::uint32_t, 32> memory{};
    debug::Output output(memory.data(), sizeof(memory), "out");
    EXPECT_EQ(store_but(memory.data(), 0), "");
    EXPECT_EQ(memory[31], 31u);
    EXPECT_EQ(store_but(memory.data(), 1 << 4 | 1 << 31),
              "error: byte 16 of output 'out' (128 bytes) is not written by the kernel, and 7 others are not\n"
              "test.cpp:1:1: note: others of its bytes are written here\n"
              "note: while running 'k' with {} on emulated:sm_90a");
    EXPECT_EQ(store_but(memory.data(), 3),
              "error: byte 0 of output 'out' (128 bytes) is not written by the kernel, and 7 others are not\n"
              "test.cpp:1:1: note: others of its bytes are written here\n"
              "note: while running 'k' with {} on emulated:sm_90a");
    EXPECT_EQ(store_but(memory.data(), 0xffffffff),
              "error: byte 0 of output 'out' (128 bytes) is not written by the kernel, and 127 others are not\n"
              "note: while running 'k' with {} on emulated:sm_90a");
  }
  set_emulator_options(before);
}

TEST(EmulatedOutputs, OfOneByteAndOfNone) {
  std::array<std::uint32_t, 33> memory{};
  debug::Output output(memory.data(), 129, "out"), none(memory.data(), 0, "none");
  EXPECT_EQ(first_line(store_but(memory.data(), 0)),
            "byte 128 of output 'out' (129 bytes) is not written by the kernel");
}

TEST(EmulatedOutputs, AreWrittenInBothRuns) {
  std::array<std::uint32_t, 4> memory{};
  debug::Output output(memory.data(), 4, "out");
  auto kernel = emulated_kernel({"tid.x", "shared.base", "ld.shared.b8", "st.global.b32.pred"}, 1, 16,
                                [](EmulatedThread t) { t(3, {t.arg(0), t(2, {t(1)}) == 0x43 && t(0) == 0, 9}); });
  EXPECT_EQ(first_line(run_checked(kernel, {address_of(memory.data())})),
            "byte 0 of output 'out' (4 bytes) is not written by the kernel, and 3 others are not");
}

TEST(EmulatedOutputs, ReadsOfThemAreOfUndefinedValues) {
  std::array<std::uint32_t, 32> memory{};
  debug::Output output(memory.data(), sizeof(memory), "out");
  auto kernel = emulated_kernel({"tid.x", "ld.global.b32", "st.global.b32"}, 1, 0, [](EmulatedThread t) {
    const std::uint64_t address = t.arg(0) + 4 * t(0);
    t(2, {address, t(1, {address}) + 1});
  });
  EXPECT_EQ(run_checked(kernel, {address_of(memory.data())}),
            "test.cpp:2:1: error: byte 0 of output 'out' (128 bytes) is 0x0 in one run and 0x44 in another, and 127 "
            "other bytes differ\n"
            "note: while running 'k' with {} on emulated:sm_90a");
}

TEST(EmulatedOutputs, AreOfTheThreadThatRegistersThem) {
  std::array<std::uint32_t, 32> mine{}, other{};
  mine[31] = 5;
  debug::Output output(mine.data(), sizeof(mine), "mine");
  std::thread([&] {
    debug::Buffer buffer(other.data(), sizeof(other), "other");
    EXPECT_EQ(store_but(other.data(), 0), "");
  }).join();
  EXPECT_EQ(other[31], 31u);
  EXPECT_EQ(mine[31], 5u) << "a launch of another thread filled it";
}

TEST(EmulatedOutputs, AreBuffers) {
  std::array<std::uint32_t, 4> memory{};
  debug::Output output(memory.data(), 16, "out");
  EXPECT_EQ(debug::describe_access(memory.data() + 4, 4, "store"),
            "store of 4 bytes at " + hex(address_of(memory.data() + 4)) +
                ", 0 bytes past the end of output 'out' (16 bytes)");
  EXPECT_EQ(message_of<InvalidArgument>([&] { debug::register_output(memory.data(), 4, "again"); }),
            "debug::register_output: output 'again' at " + hex(address_of(memory.data())) +
                " overlaps output 'out' (16 bytes) at " + hex(address_of(memory.data())));
  EXPECT_EQ(message_of<InvalidArgument>([&] { debug::register_output(nullptr, 4, "none"); }),
            "debug::register_output: output 'none' has a null address");
}

//===----------------------------------------------------------------------===//
// Races
//===----------------------------------------------------------------------===//

/// Each of 128 threads stores its word and then loads that of the thread `arg(1)` behind, with a barrier of the
/// program, of the warp, or with none in between.
std::string exchange(const char *barrier, std::uint64_t distance) {
  std::array<std::uint32_t, 128> memory{};
  debug::Buffer buffer(memory.data(), sizeof(memory), "x");
  const std::vector<std::uint64_t> arguments = {address_of(memory.data()), distance};
  auto with = [](EmulatedThread t) {
    const std::uint64_t tid = t(0);
    t(1, {t.arg(0) + 4 * tid, tid});
    t(2, {kAll});
    t(3, {t.arg(0) + 4 * ((tid + t.arg(1)) % 128)});
  };
  auto without = [](EmulatedThread t) {
    const std::uint64_t tid = t(0);
    t(1, {t.arg(0) + 4 * tid, tid});
    t(3, {t.arg(0) + 4 * ((tid + t.arg(1)) % 128)});
  };
  const std::vector<std::string> operations = {"tid.x", "st.global.b32", barrier ? barrier : "bar.sync",
                                               "ld.global.b32"};
  return barrier ? run_checked(emulated_kernel(operations, 4, 0, with), arguments)
                 : run_checked(emulated_kernel(operations, 4, 0, without), arguments);
}

TEST(EmulatedRaces, AMissingBarrierIsFound) {
  EXPECT_EQ(exchange("bar.sync", 40), "");
  EXPECT_EQ(exchange(nullptr, 0), "");
  const std::string found = exchange(nullptr, 1);
  EXPECT_NE(found.find("test.cpp:3:1: error: load of 4 bytes at byte 4 of buffer 'x' (512 bytes) races with a store\n"
                       "test.cpp:1:1: note: the store by warp 0, lane 1, with no barrier in between\n"
                       "note: in program (0, 0, 0) of 'k', warp 0, lanes 0-30\n"),
            std::string::npos)
      << found;
}

TEST(EmulatedRaces, ABarrierOfAWarpOrdersItsLanesAlone) {
  auto in_warp =
      emulated_kernel({"tid.x", "st.global.b32", "bar.warp.sync", "ld.global.b32"}, 4, 0, [](EmulatedThread t) {
        const std::uint64_t tid = t(0);
        t(1, {t.arg(0) + 4 * tid, tid});
        t(2, {kAll});
        t(3, {t.arg(0) + 4 * (tid ^ 1)});
      });
  std::array<std::uint32_t, 128> memory{};
  EXPECT_EQ(run_checked(in_warp, {address_of(memory.data())}), "");
  EXPECT_NE(exchange("bar.warp.sync", 1), "");
}

TEST(EmulatedRaces, AStoreMayNotOvertakeALoad) {
  auto kernel = emulated_kernel({"tid.x", "ld.global.b32", "st.global.b32.pred"}, 2, 0, [](EmulatedThread t) {
    t(1, {t.arg(0)}); // all threads read what one of them writes then
    t(2, {t.arg(0), t(0) == 33, 1});
  });
  std::array<std::uint32_t, 4> memory{};
  debug::Buffer buffer(memory.data(), 4, "x");
  const std::string found = run_checked(kernel, {address_of(memory.data())});
  EXPECT_NE(found.find("test.cpp:2:1: error: store of 4 bytes at byte 0 of buffer 'x' (4 bytes) races with a load\n"
                       "test.cpp:1:1: note: the load by warp "),
            std::string::npos)
      << found;
}

TEST(EmulatedRaces, OnePlaceMayWriteTwiceButNotTwoPlaces) {
  auto one = emulated_kernel({"tid.x", "st.global.b32"}, 2, 0, [](EmulatedThread t) { t(1, {t.arg(0), 1}); });
  auto two = emulated_kernel({"tid.x", "st.global.b32", "st.global.b32"}, 2, 0,
                             [](EmulatedThread t) { t(t(0) < 32 ? 1 : 2, {t.arg(0), 1}); });
  std::array<std::uint32_t, 4> memory{};
  debug::Buffer buffer(memory.data(), 4, "x");
  EXPECT_EQ(run_checked(one, {address_of(memory.data())}), "");
  EXPECT_EQ(run_checked(two, {address_of(memory.data())}),
            "test.cpp:2:1: error: store of 4 bytes at byte 0 of buffer 'x' (4 bytes) races with a store\n"
            "test.cpp:1:1: note: the store by warp 0, all lanes, with no barrier in between\n"
            "note: in program (0, 0, 0) of 'k', warp 1, all lanes\n"
            "note: while running 'k' with {} on emulated:sm_90a");
}

TEST(EmulatedRaces, AtomicsMayMeetAtomicsAlone) {
  const std::string red = "red.relaxed.gpu.global.add.u32.pred";
  auto fine = emulated_kernel({red, red}, 2, 0, [](EmulatedThread t) {
    t(0, {t.arg(0), 1, 1});
    t(1, {t.arg(0), 1, 1});
  });
  std::array<std::uint32_t, 4> memory{};
  debug::Buffer buffer(memory.data(), 4, "x");
  EXPECT_EQ(run_checked(fine, {address_of(memory.data())}), "");
  EXPECT_EQ(memory[0], 128u);
  auto racy = emulated_kernel({"tid.x", red, "ld.global.b32"}, 2, 0, [](EmulatedThread t) {
    t(1, {t.arg(0), t(0) < 32, 1});
    if (t(0) >= 32)
      t(2, {t.arg(0)});
  });
  const std::string found = run_checked(racy, {address_of(memory.data())});
  EXPECT_NE(found.find("load of 4 bytes at byte 0 of buffer 'x' (4 bytes) races with an atomic\n"), std::string::npos)
      << found;
}

TEST(EmulatedRaces, BytesOfOneWordAreApart) {
  auto kernel = emulated_kernel({"tid.x", "st.global.b8", "ld.global.b8"}, 2, 0, [](EmulatedThread t) {
    const std::uint64_t address = t.arg(0) + t(0);
    t(1, {address, 1});
    t(2, {address});
  });
  std::array<std::uint8_t, 64> memory{};
  EXPECT_EQ(run_checked(kernel, {address_of(memory.data())}), "");
  auto wide = emulated_kernel({"tid.x", "st.global.b8", "ld.global.b64"}, 2, 0, [](EmulatedThread t) {
    const std::uint64_t tid = t(0);
    t(1, {t.arg(0) + tid, 1});
    if (tid == 63)
      t(2, {t.arg(0)});
  });
  alignas(8) std::array<std::uint8_t, 64> words{};
  EXPECT_NE(run_checked(wide, {address_of(words.data())}).find("races with a store"), std::string::npos);
}

TEST(EmulatedRaces, ProgramsAreNotCompared) {
  auto kernel = emulated_kernel({"st.global.b32", "ld.global.b32"}, 1, 0, [](EmulatedThread t) {
    t(0, {t.arg(0), 1});
    t(1, {t.arg(0) + 4});
  });
  std::array<std::uint32_t, 4> memory{};
  EXPECT_EQ(run_checked(kernel, {address_of(memory.data())}, {64, 1, 1}), "");
}

} // namespace
