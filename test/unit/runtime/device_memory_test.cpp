// Device buffers on the host. Those of CUDA are tested with the driver, real or not.
#include "kiln/device_memory.h"

#include "../message_of.h"
#include "kiln/error.h"

#include <algorithm>
#include <cstdint>
#include <gtest/gtest.h>
#include <numeric>
#include <string>
#include <vector>

using namespace kiln;

namespace {

class HostBuffer : public testing::TestWithParam<Device> {};

TEST_P(HostBuffer, HoldsWhatIsCopiedIn) {
  std::vector<int> in(1000), out(1000);
  std::iota(in.begin(), in.end(), 7);
  DeviceBuffer buffer(GetParam(), 4000);
  EXPECT_EQ(buffer.bytes(), 4000u);
  EXPECT_EQ(buffer.device(), GetParam());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 256, 0u);
  buffer.copy_from_host(in.data(), 4000);
  buffer.copy_to_host(out.data(), 4000);
  EXPECT_EQ(in, out);
  EXPECT_EQ(buffer.as<int>()[3], 10);
}

TEST_P(HostBuffer, CopiesPartsAndFills) {
  DeviceBuffer buffer(GetParam(), 16);
  buffer.fill(0xab);
  const std::uint32_t value = 0x01020304;
  buffer.copy_from_host(&value, 4, 8);
  std::uint32_t words[3] = {};
  buffer.copy_to_host(words, 12, 4);
  EXPECT_EQ(words[0], 0xababababu);
  EXPECT_EQ(words[1], value);
  EXPECT_EQ(words[2], 0xababababu);
}

TEST_P(HostBuffer, RefusesRangesThatLeaveIt) {
  DeviceBuffer buffer(GetParam(), 16);
  char bytes[32] = {};
  try {
    buffer.copy_from_host(bytes, 8, 12);
    FAIL() << "no error";
  } catch (const InvalidArgument &e) {
    EXPECT_STREQ(e.what(), "DeviceBuffer::copy_from_host: bytes 12 to 20 are not within the buffer of 16 bytes");
  }
  EXPECT_THROW(buffer.copy_to_host(bytes, 17), InvalidArgument);
  EXPECT_THROW(buffer.copy_to_host(bytes, 1, 17), InvalidArgument);
  EXPECT_THROW(buffer.copy_to_host(bytes, SIZE_MAX, 1), InvalidArgument);
}

TEST_P(HostBuffer, RefusesToCopyWithoutHostMemory) {
  DeviceBuffer buffer(GetParam(), 64);
  const auto message = [](auto copy) {
    try {
      copy();
    } catch (const InvalidArgument &e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(message([&] { buffer.copy_from_host(nullptr, 64); }),
            "DeviceBuffer::copy_from_host: the host's pointer is null, of 64 bytes");
  EXPECT_EQ(message([&] { buffer.copy_to_host(nullptr, 8, 8); }),
            "DeviceBuffer::copy_to_host: the host's pointer is null, of 8 bytes");
  // Of nothing there is nothing to copy.
  buffer.copy_from_host(nullptr, 0);
  buffer.copy_to_host(nullptr, 0, 64);
}

TEST_P(HostBuffer, MovesAndIsEmptyAfterwards) {
  DeviceBuffer a(GetParam(), 64);
  void *data = a.data();
  DeviceBuffer b = std::move(a);
  EXPECT_EQ(b.data(), data);
  EXPECT_EQ(a.data(), nullptr);
  EXPECT_EQ(a.bytes(), 0u);
  a = std::move(b);
  EXPECT_EQ(a.data(), data);
  EXPECT_EQ(a.bytes(), 64u);
}

TEST_P(HostBuffer, OfNoBytesIsNull) {
  DeviceBuffer buffer(GetParam(), 0);
  EXPECT_EQ(buffer.data(), nullptr);
  buffer.fill(1);
  buffer.copy_from_host(nullptr, 0);
  buffer.copy_to_host(nullptr, 0);
}

TEST_P(HostBuffer, TooLargeIsOutOfMemory) {
  EXPECT_EQ(message_of<OutOfMemory>([] { DeviceBuffer(GetParam(), SIZE_MAX); }),
            GetParam().name() + ": cannot allocate 18446744073709551615 bytes: the host has no memory for them; use "
                                "smaller buffers, or free some");
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "the sanitizers end the process where the system's allocator returns";
#endif
  EXPECT_THROW(DeviceBuffer(GetParam(), SIZE_MAX / 2), OutOfMemory);
}

TEST_P(HostBuffer, NeedsNoSynchronisation) {
  synchronize(GetParam());
  synchronize(GetParam(), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Devices, HostBuffer,
                         testing::Values(Device::cpu(), Device::interpreter(), Device::emulated("sm_90a")),
                         [](const auto &info) {
                           std::string name = info.param.name();
                           std::ranges::replace(name, ':', '_');
                           return name;
                         });

TEST(DeviceBuffer, NeedsADevice) { EXPECT_THROW(DeviceBuffer(Device(), 4), InvalidArgument); }

} // namespace
