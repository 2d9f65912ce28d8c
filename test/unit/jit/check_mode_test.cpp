// Check mode: what it finds, where it says it was, and that nothing of it is left where it is off.
#include "kiln/debug.h"
#include "kiln/kiln.h"

#include <climits>
#include <cmath>
#include <gtest/gtest.h>
#include <string>
#include <vector>

using namespace kiln;

namespace {

struct Config {
  int rows = 4, columns = 8;
  int num_warps = 2;
};

class CheckMode : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override { debug::set_checks(true); }
  void TearDown() override { debug::set_checks(false); }

  Device device = Device::parse(GetParam());

  /// Memory of the device that every checker knows.
  struct Memory {
    template <class T>
    Memory(Device device, const std::vector<T> &values, const char *name)
        : buffer(device, values.size() * sizeof(T)), known(buffer.data(), buffer.bytes(), name) {
      buffer.copy_from_host(values.data(), buffer.bytes());
    }
    DeviceBuffer buffer;
    debug::Buffer known;
  };

  /// The message of the TrapError that `launch` throws. It begins with the line.
  template <class F>
  static std::string trap(int line, F &&launch) {
    try {
      launch();
      return "no error";
    } catch (const TrapError &error) {
      const std::string text = error.what(), place = std::string(__FILE__) + ":" + std::to_string(line) + ":";
      EXPECT_EQ(text.rfind(place, 0), 0u) << text;
      return text;
    }
  }
  static bool contains(const std::string &text, const std::string &part) { return text.find(part) != text.npos; }
};

constexpr int finite_line = __LINE__ + 4;
void finite(const Config &c, ptr<const float> in, ptr<float> out, scalar<int> n) {
  Tile i = program_id(0) * (c.rows * c.columns) + col(arange(0, c.rows)) * c.columns + row(arange(0, c.columns));
  Tile x = load(in + i);
  check_finite(x, "the input", {.mask = i < n});
  store(out + i, x);
}
const Kernel finite_kernel{"finite", finite};

TEST_P(CheckMode, FindsNaNWithElementAndProgram) {
  for (float bad : {NAN, INFINITY, -INFINITY}) {
    std::vector<float> values(64, 1);
    values[32 + 2 * 8 + 5] = bad;
    Memory in(device, values, "in"), out(device, values, "out");
    auto launch = [&](int n) {
      finite_kernel.launch({.grid = 2, .device = device}, {}, in.buffer.as<const float>(), out.buffer.as<float>(), n);
    };
    const std::string text = trap(finite_line, [&] { launch(64); });
    EXPECT_TRUE(contains(text, "error: assertion failed: the input is NaN or infinite, at element (2, 5)")) << text;
    EXPECT_TRUE(contains(text, "program (1, 0, 0)")) << text;
    launch(32 + 2 * 8 + 5); // the lane is off
    debug::set_checks(false);
    launch(64);
    debug::set_checks(true);
  }
}

constexpr int range_line = __LINE__ + 3;
void in_range(const Config &c, ptr<const int> in, ptr<int> out, scalar<int> end) {
  Tile x = load(in + arange(0, c.columns));
  check_range(x, 0, end, "page");
  store(out + arange(0, c.columns), x);
}
const Kernel range_kernel{"in_range", in_range};

TEST_P(CheckMode, FindsEntriesOutOfRange) {
  std::vector<int> values = {0, 1, 2, 3, 4, 5, 6, 7};
  for (int bad : {8, -1}) {
    values[3] = bad;
    Memory in(device, values, "in"), out(device, values, "out");
    auto launch = [&](int end) {
      range_kernel.launch({.device = device}, {}, in.buffer.as<const int>(), out.buffer.as<int>(), end);
    };
    const std::string text = trap(range_line, [&] { launch(8); });
    EXPECT_TRUE(contains(text, "error: assertion failed: page is out of range, at element (3)")) << text;
    if (bad > 0)
      launch(9);
  }
}

// The second row of a huge stride is the first one again, where 32 bits are all there is.
constexpr int wrap_line = __LINE__ + 3;
void wraps(const Config &c, ptr<const float> in, ptr<float> out, scalar<int> stride, scalar<int> rows) {
  Tile r = arange(0, c.rows);
  Tile at = in + r * stride;
  Tile x = load(col(at) + row(arange(0, c.columns)), {.mask = col(r) < rows});
  store(out + col(r) * c.columns + row(arange(0, c.columns)), x);
}
const Kernel wraps_kernel{"wraps", wraps};

TEST_P(CheckMode, FindsOffsetsThatWrap) {
  std::vector<float> values(32, 1);
  Memory in(device, values, "in"), out(device, values, "out");
  auto launch = [&](int rows) {
    wraps_kernel.launch({.device = device}, {}, in.buffer.as<const float>(), out.buffer.as<float>(), INT_MIN, rows);
  };
  const std::string text = trap(wrap_line, [&] { launch(3); }); // 2 * 2^31 is 0
  EXPECT_TRUE(contains(text, "the offset of this address wraps in 32 bits")) << text;
  launch(1);
}

// What has wrapped may become harmless on its way into an address, 0 or less than the buffer's size.
constexpr int wrap_ways = 6;
constexpr int through_line = __LINE__ + 7;
struct Way {
  int way = 0;
};
void through(const Way &c, ptr<float> out, scalar<int> r) {
  Tile square = r * r;
  const Tile ways[] = {r << 16, maximum(square, 0), minimum(-square - 1, 0) / 8, square % 8, square >> 3, square & -8};
  store(out + ways[c.way], 1.0f);
}
const Kernel through_kernel{"through", through};

TEST_P(CheckMode, FollowsWhatHasWrapped) {
  Memory out(device, std::vector<float>(8, 0), "out");
  for (int way = 0; way < wrap_ways; ++way) {
    SCOPED_TRACE(way);
    auto launch = [&](int r) { through_kernel.launch({.device = device}, {way}, out.buffer.as<float>(), r); };
    if (way == 3) { // 2^32 is a multiple of 8
      launch(1 << 16);
      continue;
    }
    const std::string text = trap(through_line, [&] { launch(way == 2 ? 65537 : 1 << 16); });
    EXPECT_TRUE(contains(text, "the offset of this address wraps in 32 bits")) << text;
    launch(0);
  }
}

// Bits that are kept of a hash are meant.
void hashed(const Way &, ptr<float> out, scalar<int> x) {
  store(out + ((x * 1103515245 + 12345) & 0x7fffffff) % 8, 1.0f);
}
const Kernel hashed_kernel{"hashed", hashed};

TEST_P(CheckMode, KeepsTheBitsOfAHash) {
  Memory out(device, std::vector<float>(8, 0), "out");
  hashed_kernel.launch({.device = device}, {}, out.buffer.as<float>(), 123456789);
}

// A loop that steps past the largest number would begin again at the smallest.
constexpr int steps_line = __LINE__ + 3;
void steps(const Way &, ptr<int> out, scalar<int> lower, scalar<int> upper, scalar<int> step) {
  Tile count = lower * 0;
  for (Tile i : range(lower, upper, step))
    count += i * 0 + 1;
  store(out, count);
}
const Kernel steps_kernel{"steps", steps};

TEST_P(CheckMode, FindsRangesThatWouldNotEnd) {
  const std::vector<int> none(1, -1);
  Memory out(device, none, "out");
  auto count = [&](int lower, int upper, int step) {
    steps_kernel.launch({.device = device}, {}, out.buffer.as<int>(), lower, upper, step);
    int result = -1;
    out.buffer.copy_to_host(&result, sizeof(result));
    return result;
  };
  const std::string text = trap(steps_line, [&] { count(2147480000, INT_MAX, 1000); });
  EXPECT_TRUE(contains(text, "error: assertion failed: this range steps past the largest number")) << text;
  EXPECT_EQ(count(2147480000, 2147482001, 1000), 3);
  EXPECT_EQ(count(INT_MAX - 1000, INT_MAX, 500), 2); // the last step arrives at the largest number
  EXPECT_EQ(count(0, 1, INT_MAX), 1);
  EXPECT_EQ(count(INT_MIN, 5, INT_MAX), 2);
  EXPECT_EQ(count(INT_MAX, INT_MIN, INT_MAX), 0);
}

INSTANTIATE_TEST_SUITE_P(, CheckMode, testing::Values("cpu", "interpreter", "emulated:sm_90a"), [](const auto &info) {
  return std::string(info.param).substr(0, info.param[0] == 'e' ? 8 : 11);
});

TEST(CheckModeOff, LeavesNoTrace) {
  const Kernel plain{"finite", [](const Config &c, ptr<const float> in, ptr<float> out, scalar<int>) {
                       Tile i = program_id(0) * (c.rows * c.columns) + col(arange(0, c.rows)) * c.columns +
                                row(arange(0, c.columns));
                       Tile x = load(in + i);
                       store(out + i, x);
                     }};
  EXPECT_EQ(finite_kernel.emit({}, Target::parse("sm_90a"), "ptx"), plain.emit({}, Target::parse("sm_90a"), "ptx"));
}

} // namespace
