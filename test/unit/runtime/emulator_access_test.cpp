// Loads, stores and atomics of the emulator row by row, and what is counted of them.
#include "emulated_threads.h"

#include "kiln/emulator.h"
#include "kiln/float_types.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>

using namespace kiln;
using namespace kiln::test;

namespace {

std::uint64_t address_of(const void *memory) { return reinterpret_cast<std::uintptr_t>(memory); }

// One operation, executed by one warp: its operands and results by lane.
std::function<std::vector<std::uint64_t>(std::uint64_t lane)> operands_of;
std::array<std::vector<std::uint64_t>, 32> results;

/// Operands that are addresses of shared memory are given from its start.
std::string run_one(const std::string &operation) {
  const bool is_shared = operation.find(".shared.") != std::string::npos;
  auto kernel = emulated_kernel({"tid.x", operation}, 1, 0, [](EmulatedThread t) {
    const std::uint64_t lane = t(0);
    results[lane] = t.all(1, operands_of(lane));
  });
  auto shared = emulated_kernel({"tid.x", operation, "shared.base", "st.shared.b8", "ld.shared.b8"}, 1, 1024,
                                [](EmulatedThread t) {
                                  const std::uint64_t lane = t(0), base = t(2);
                                  std::vector<std::uint64_t> operands = operands_of(lane);
                                  operands[0] += base;
                                  // A lane has 16 bytes for itself, byte i of which is 16 lane + i.
                                  for (std::uint64_t i = 0; i < 16; ++i)
                                    t(3, {base + 16 * lane + i, (16 * lane + i) & 0xff});
                                  results[lane] = t.all(1, operands);
                                  for (std::uint64_t i = 0; i < 16; ++i)
                                    results[lane].push_back(t(4, {base + 16 * lane + i}));
                                });
  return run_checked(is_shared ? shared : kernel);
}

struct Width {
  const char *name;
  unsigned bytes, count;
};
constexpr Width widths[] = {{"b8", 1, 1},     {"b16", 2, 1},    {"b32", 4, 1},   {"b64", 8, 1},
                            {"v2.b32", 4, 2}, {"v4.b32", 4, 4}, {"v2.b64", 8, 2}};

/// `bytes` bytes from a memory in which byte i is i.
std::uint64_t value_at(std::uint64_t offset, unsigned bytes) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < bytes; ++i)
    value |= ((offset + i) & 0xff) << 8 * i;
  return value;
}

//===----------------------------------------------------------------------===//
// Loads and stores
//===----------------------------------------------------------------------===//

TEST(EmulatedAccesses, LoadsOfAllWidths) {
  alignas(16) static std::array<std::uint8_t, 512> memory;
  std::iota(memory.begin(), memory.end(), std::uint8_t(0));
  for (const std::string space : {"ld.global.", "ld.global.nc.", "ld.global.cs.", "ld.global.cs.nc.", "ld.shared."})
    for (const Width &width : widths)
      for (bool is_predicated : {false, true}) {
        const std::string name = space + width.name + (is_predicated ? ".pred" : "");
        SCOPED_TRACE(name);
        const std::uint64_t start = space == "ld.shared." ? 0 : address_of(memory.data());
        operands_of = [&](std::uint64_t lane) {
          std::vector<std::uint64_t> operands = {start + 16 * lane};
          if (is_predicated)
            for (std::uint64_t value : {lane % 3 == 0 ? 0ULL : 1ULL, 11ULL, 12ULL, 13ULL, 14ULL})
              operands.push_back(value);
          return operands;
        };
        ASSERT_EQ(run_one(name), "");
        for (std::uint64_t lane = 0; lane < 32; ++lane)
          for (unsigned i = 0; i < width.count; ++i)
            ASSERT_EQ(results[lane][i],
                      is_predicated && lane % 3 == 0 ? 11 + i : value_at(16 * lane + i * width.bytes, width.bytes));
      }
}

TEST(EmulatedAccesses, StoresOfAllWidths) {
  alignas(16) static std::array<std::uint8_t, 512> memory;
  for (const std::string space : {"st.global.", "st.shared."})
    for (const Width &width : widths)
      for (bool is_predicated : {false, true}) {
        const std::string name = space + width.name + (is_predicated ? ".pred" : "");
        SCOPED_TRACE(name);
        std::iota(memory.begin(), memory.end(), std::uint8_t(0));
        const bool is_shared = space == "st.shared.";
        operands_of = [&](std::uint64_t lane) {
          std::vector<std::uint64_t> operands = {(is_shared ? 0 : address_of(memory.data())) + 16 * lane};
          if (is_predicated)
            operands.push_back(lane % 3 != 0);
          for (unsigned i = 0; i < width.count; ++i)
            operands.push_back(0xf1f2f3f4f5f6f7f8 + 0x0101010101010101 * i);
          return operands;
        };
        ASSERT_EQ(run_one(name), "");
        for (std::uint64_t lane = 0; lane < 32; ++lane)
          for (unsigned i = 0; i < 16; ++i) {
            const std::uint64_t seen = is_shared ? results[lane][8 + i] : memory[16 * lane + i];
            const bool is_written = i < width.bytes * width.count && !(is_predicated && lane % 3 == 0);
            ASSERT_EQ(seen, is_written ? 0xf8 - i % width.bytes + i / width.bytes : (16 * lane + i) & 0xff)
                << "lane " << lane << ", byte " << i;
          }
      }
}

TEST(EmulatedAccesses, LanesThatAreOffTouchNothing) {
  for (const std::string name :
       {"ld.global.b32.pred", "ld.global.nc.b32.pred", "ld.global.cs.b32.pred", "st.global.b32.pred",
        "atom.acq_rel.gpu.global.exch.b32.pred", "ld.shared.b32.pred", "st.shared.b32.pred"}) {
    operands_of = [](std::uint64_t) { return std::vector<std::uint64_t>{0xdeadbeef1, 0, 3}; };
    EXPECT_EQ(run_one(name), "") << name;
  }
}

TEST(EmulatedAccesses, PrefetchesGoAnywhere) {
  operands_of = [](std::uint64_t) { return std::vector<std::uint64_t>{0x10, 1}; };
  EXPECT_EQ(run_one("prefetch.global.L2"), "");
  EXPECT_EQ(run_one("prefetch.global.L2.pred"), "");
}

//===----------------------------------------------------------------------===//
// Atomics
//===----------------------------------------------------------------------===//

/// An atomic of `bytes` bytes on numbers, with what it makes of the old value and an operand.
struct Atomic {
  std::string name;
  unsigned bytes;
  std::uint64_t start;
  std::function<std::uint64_t(std::uint64_t lane)> value;
  std::function<std::uint64_t(std::uint64_t old, std::uint64_t value)> update;
};

constexpr std::uint64_t low(unsigned bytes) { return ~0ULL >> (64 - 8 * bytes); }

/// Lanes that are not multiples of 5 update one number, in their order.
void check_atomic(const Atomic &atomic, const std::string &prefix) {
  SCOPED_TRACE(prefix + atomic.name);
  alignas(8) static std::array<std::uint64_t, 2> memory;
  memory = {0x7777777777777777, 0x7777777777777777};
  std::memcpy(memory.data(), &atomic.start, atomic.bytes);
  const bool compares = atomic.name.starts_with("cas");
  operands_of = [&](std::uint64_t lane) {
    std::vector<std::uint64_t> operands = {address_of(memory.data()), lane % 5 != 0, atomic.value(lane)};
    if (compares) // of those that swap, each expects what the one before has left
      operands.insert(operands.begin() + 2, lane % 2 ? atomic.value(lane - 1) : 0);
    return operands;
  };
  ASSERT_EQ(run_one(prefix + atomic.name + ".pred"), "");
  std::uint64_t expected = atomic.start;
  for (std::uint64_t lane = 0; lane < 32; ++lane) {
    const std::uint64_t old = expected;
    if (lane % 5 != 0) {
      const bool swaps = !compares || old == operands_of(lane)[2];
      expected = swaps ? atomic.update(old, atomic.value(lane)) & low(atomic.bytes) : old;
    }
    if (prefix.starts_with("atom"))
      ASSERT_EQ(results[lane][0], lane % 5 != 0 ? old : 0) << "lane " << lane;
  }
  std::uint64_t seen = 0;
  std::memcpy(&seen, memory.data(), atomic.bytes);
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(memory[0] & ~low(atomic.bytes), 0x7777777777777777 & ~low(atomic.bytes)) << "bytes beside it changed";
  EXPECT_EQ(memory[1], 0x7777777777777777u);
}

std::vector<Atomic> all_atomics() {
  std::vector<Atomic> list;
  for (unsigned bytes : {4U, 8U}) {
    const std::string bits = std::to_string(8 * bytes);
    const unsigned shift = 64 - 8 * bytes;
    // Numbers of either sign.
    auto value = [bytes](std::uint64_t lane) { return (lane * 0x9e3779b97f4a7c15ULL) >> 7 & low(bytes); };
    auto is_less = [shift](std::uint64_t a, std::uint64_t b) {
      return static_cast<std::int64_t>(a << shift) < static_cast<std::int64_t>(b << shift);
    };
    const std::uint64_t start = value(40);
    list.push_back({"add.u" + bits, bytes, start, value, [](auto a, auto b) { return a + b; }});
    list.push_back({"and.b" + bits, bytes, low(bytes),
                    [bytes](std::uint64_t lane) { return low(bytes) ^ 1ULL << lane; },
                    [](auto a, auto b) { return a & b; }});
    list.push_back({"or.b" + bits, bytes, 0, [](std::uint64_t lane) { return 1ULL << lane; },
                    [](auto a, auto b) { return a | b; }});
    list.push_back({"xor.b" + bits, bytes, start, value, [](auto a, auto b) { return a ^ b; }});
    list.push_back({"min.u" + bits, bytes, start, value, [](auto a, auto b) { return std::min(a, b); }});
    list.push_back({"max.u" + bits, bytes, start, value, [](auto a, auto b) { return std::max(a, b); }});
    list.push_back({"min.s" + bits, bytes, start, value, [=](auto a, auto b) { return is_less(b, a) ? b : a; }});
    list.push_back({"max.s" + bits, bytes, start, value, [=](auto a, auto b) { return is_less(a, b) ? b : a; }});
    list.push_back({"exch.b" + bits, bytes, start, value, [](auto, auto b) { return b; }});
    list.push_back({"cas.b" + bits, bytes, 0, value, [](auto, auto b) { return b; }});
  }
  list.push_back({"cas.b16", 2, 0, [](std::uint64_t lane) { return 1000 * lane; }, [](auto, auto b) { return b; }});
  list.push_back({"add.f32", 4, std::bit_cast<std::uint32_t>(0.5f),
                  [](std::uint64_t lane) { return std::bit_cast<std::uint32_t>(float(lane) * 0.1f); },
                  [](std::uint64_t a, std::uint64_t b) {
                    return std::uint64_t{std::bit_cast<std::uint32_t>(std::bit_cast<float>(std::uint32_t(a)) +
                                                                      std::bit_cast<float>(std::uint32_t(b)))};
                  }});
  list.push_back({"add.f64", 8, std::bit_cast<std::uint64_t>(0.5),
                  [](std::uint64_t lane) { return std::bit_cast<std::uint64_t>(double(lane) * 0.1); },
                  [](std::uint64_t a, std::uint64_t b) {
                    return std::bit_cast<std::uint64_t>(std::bit_cast<double>(a) + std::bit_cast<double>(b));
                  }});
  // Sums of few bits are exact in double, and rounded once.
  auto add_half = [](std::uint64_t a, std::uint64_t b) {
    return std::uint64_t{
        half(float(half::from_bits(std::uint16_t(a))) + float(half::from_bits(std::uint16_t(b)))).bits};
  };
  list.push_back({"add.noftz.f16", 2, half(1.0f).bits,
                  [](std::uint64_t lane) { return std::uint64_t{half(float(lane) * 0.37f).bits}; }, add_half});
  auto add_bfloat = [](std::uint64_t a, std::uint64_t b) {
    return std::uint64_t{
        bfloat16(float(bfloat16::from_bits(std::uint16_t(a))) + float(bfloat16::from_bits(std::uint16_t(b)))).bits};
  };
  list.push_back({"add.noftz.bf16", 2, bfloat16(1.0f).bits,
                  [](std::uint64_t lane) { return std::uint64_t{bfloat16(float(lane) * 0.37f).bits}; }, add_bfloat});
  return list;
}

TEST(EmulatedAtomics, AllOperationsOrdersAndScopes) {
  for (const Atomic &atomic : all_atomics())
    for (const std::string order : {"relaxed", "acquire", "release", "acq_rel"})
      for (const std::string scope : {"cta", "gpu", "sys"}) {
        const std::string suffix = "." + order + "." + scope + ".global.";
        check_atomic(atomic, "atom" + suffix);
        const bool needs_result = atomic.name.starts_with("exch") || atomic.name.starts_with("cas");
        const bool has_red = !needs_result && (order == "relaxed" || order == "release");
        ASSERT_EQ(runtime::emulates("red" + suffix + atomic.name + ".pred"), has_red);
        if (has_red)
          check_atomic(atomic, "red" + suffix);
      }
}

std::uint32_t add_once(const std::string &type, std::uint32_t a, std::uint32_t b) {
  alignas(8) static std::uint64_t memory;
  memory = a;
  operands_of = [b](std::uint64_t lane) { return std::vector<std::uint64_t>{address_of(&memory), lane == 0, b}; };
  EXPECT_EQ(run_one("red.relaxed.gpu.global.add." + type + ".pred"), "");
  return static_cast<std::uint32_t>(memory);
}

TEST(EmulatedAtomics, SumsOfF32HaveNoSubnormals) {
  const std::uint32_t subnormal = 0x00400000, negative = 0x80000000;
  const std::uint32_t smallest = 0x00800000; // the smallest normal number
  EXPECT_EQ(add_once("f32", subnormal, subnormal), 0u) << "operands count as zeros";
  EXPECT_EQ(add_once("f32", subnormal | negative, subnormal | negative), negative);
  EXPECT_EQ(add_once("f32", smallest + 1, smallest | negative), 0u) << "a subnormal sum is zero";
  EXPECT_EQ(add_once("f32", 0x7f800000, 0xff800000), 0x7fffffffu);
  EXPECT_EQ(add_once("noftz.bf16", 0x0040, 0x0001), 0x0041u);
  EXPECT_EQ(add_once("noftz.f16", 0x0001, 0x0002), 0x0003u);
  EXPECT_EQ(add_once("noftz.f16", 0x7c00, 0xfc00), 0x7fffu);
  EXPECT_EQ(add_once("noftz.f16", 0x7bff, 0x7bff), 0x7c00u);
}

TEST(EmulatedAtomics, ProgramsMeet) {
  static std::array<std::uint32_t, 2> memory;
  memory = {};
  auto kernel = emulated_kernel({"atom.acq_rel.gpu.global.add.u32.pred", "red.relaxed.gpu.global.max.u32.pred"}, 2, 0,
                                [](EmulatedThread t) {
                                  const std::uint64_t ticket = t(0, {t.arg(0), 1, 1});
                                  t(1, {t.arg(0) + 4, 1, ticket});
                                });
  EXPECT_EQ(run_checked(kernel, {address_of(memory.data())}, {50, 1, 1}), "");
  EXPECT_EQ(memory, (std::array<std::uint32_t, 2>{3200, 3199}));
}

//===----------------------------------------------------------------------===//
// Counters
//===----------------------------------------------------------------------===//

/// What one access by one warp counts.
LineProfile count_one(const std::string &operation, const std::function<std::uint64_t(std::uint64_t)> &offset,
                      std::uint32_t lanes_on = 0xffffffff) {
  static std::vector<std::uint64_t> memory(4096); // more than is accessed
  const bool is_shared = operation.find(".shared.") != std::string::npos;
  const std::uint64_t start = (address_of(memory.data()) + 255) / 256 * 256;
  static std::function<std::uint64_t(std::uint64_t)> address;
  static std::uint32_t lanes;
  lanes = lanes_on;
  auto kernel = emulated_kernel({"tid.x", operation, "shared.base"}, 1, 16384, [](EmulatedThread t) {
    const std::uint64_t lane = t(0), base = t(2);
    if (lanes >> lane & 1)
      t.all(1, {t.arg(0) + address(lane) + (t.arg(0) ? 0 : base), 0, 0, 0, 0});
  });
  address = offset;
  EmulatorProfiler profiler;
  EXPECT_EQ(run_checked(kernel, {is_shared ? 0 : start}), "");
  for (const LineProfile &line : profiler.launches().at(0).lines)
    if (line.line == 1)
      return line;
  ADD_FAILURE() << "nothing is known of the line";
  return {};
}

void expect_sectors(const std::string &operation, const std::function<std::uint64_t(std::uint64_t)> &offset,
                    std::uint64_t sectors, std::uint64_t bytes) {
  const LineProfile line = count_one(operation, offset);
  EXPECT_EQ(line.sectors, sectors);
  EXPECT_EQ(line.sector_bytes_used, bytes);
}

TEST(EmulatedCounters, SectorsOfGlobalMemory) {
  expect_sectors("ld.global.b32", [](auto lane) { return 4 * lane; }, 4, 128);
  expect_sectors("ld.global.b32", [](auto lane) { return 4 * lane + 4; }, 5, 128);
  expect_sectors("ld.global.b32", [](auto lane) { return 4 * (31 - lane); }, 4, 128);
  expect_sectors("ld.global.b32", [](auto lane) { return 8 * lane; }, 8, 128);
  expect_sectors("ld.global.b32", [](auto lane) { return 64 * lane; }, 32, 128);
  expect_sectors("ld.global.b32", [](auto) { return 0; }, 1, 4);
  expect_sectors("ld.global.nc.b8", [](auto lane) { return lane; }, 1, 32);
  expect_sectors("st.global.b16", [](auto lane) { return 2 * lane; }, 2, 64);
  expect_sectors("st.global.v4.b32", [](auto lane) { return 16 * lane; }, 16, 512);
  // Eight rows of 64 bytes.
  expect_sectors("ld.global.v4.b32", [](auto lane) { return lane / 4 * 512 + lane % 4 * 16; }, 16, 512);
  expect_sectors("ld.global.v2.b64", [](auto lane) { return lane / 2 * 16; }, 8, 256);
}

void expect_passes(const std::string &operation, const std::function<std::uint64_t(std::uint64_t)> &offset,
                   std::uint64_t passes, std::uint64_t ideal, std::uint32_t lanes_on = 0xffffffff) {
  const LineProfile line = count_one(operation, offset, lanes_on);
  EXPECT_EQ(line.shared_passes, passes);
  EXPECT_EQ(line.shared_passes_ideal, ideal);
}

TEST(EmulatedCounters, PassesThroughSharedMemory) {
  expect_passes("ld.shared.b32", [](auto lane) { return 4 * lane; }, 1, 1);
  expect_passes("st.shared.b32", [](auto lane) { return 4 * lane; }, 1, 1);
  expect_passes("ld.shared.b32", [](auto lane) { return 8 * lane; }, 2, 1);
  expect_passes("ld.shared.b32", [](auto lane) { return 128 * lane; }, 32, 1);
  // A column of a matrix of 32 x 33.
  expect_passes("ld.shared.b32", [](auto lane) { return 4 * 33 * lane; }, 1, 1);
  // Lanes that want the same word share it, also where they want parts of it.
  expect_passes("ld.shared.b32", [](auto) { return 64; }, 1, 1);
  expect_passes("ld.shared.b32", [](auto lane) { return lane % 2 * 128; }, 2, 1);
  expect_passes("ld.shared.b8", [](auto lane) { return lane; }, 1, 1);
  expect_passes("ld.shared.b16", [](auto lane) { return 2 * lane; }, 1, 1);
  // Half a warp at a time.
  expect_passes("ld.shared.b64", [](auto lane) { return 8 * lane; }, 2, 2);
  expect_passes("ld.shared.v2.b32", [](auto lane) { return 16 * lane; }, 4, 2);
  expect_passes("ld.shared.b64", [](auto lane) { return lane % 16 * 8; }, 2, 2);
  // A quarter of it: rows of 16 bytes one after the other, eight rows of 128 bytes, and the same with a swizzle.
  expect_passes("ld.shared.v4.b32", [](auto lane) { return 16 * lane; }, 4, 4);
  expect_passes("ld.shared.v4.b32", [](auto lane) { return lane % 8 * 128 + lane / 8 * 16; }, 32, 4);
  expect_passes("ld.shared.v2.b64", [](auto lane) { return lane % 8 * 128 + (lane % 8 ^ lane / 8) * 16; }, 4, 4);
  // Lanes that are off want nothing.
  expect_passes("ld.shared.b32", [](auto lane) { return 128 * lane; }, 4, 1, 0xf0);
  expect_passes("ld.shared.v4.b32", [](auto lane) { return 16 * lane; }, 1, 1, 0xff00);
  expect_passes("ld.shared.b64", [](auto lane) { return 128 * lane; }, 3, 2, 0x10003);
}

} // namespace
