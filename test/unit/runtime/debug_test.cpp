#include "kiln/debug.h"

#include "kiln/error.h"
#include "kiln/runtime/call_buffers.h"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

using namespace kiln;

namespace {

/// An address that is compared and never read.
const void *at(std::uintptr_t address) { return reinterpret_cast<const void *>(address); }

std::string refusal(const void *address, std::size_t bytes, const char *name) {
  try {
    debug::register_buffer(address, bytes, name);
  } catch (const InvalidArgument &e) {
    return e.what();
  }
  debug::unregister_buffer(address);
  return "accepted";
}

TEST(Debug, AccessesMustLieWithinOneBuffer) {
  debug::Buffer a(at(0x1000), 0x100, "a"), b(at(0x1100), 0x10, "b");
  EXPECT_EQ(debug::describe_access(at(0x1000), 0x100, "load"), "");
  EXPECT_EQ(debug::describe_access(at(0x10ff), 1, "load"), "");
  EXPECT_EQ(debug::describe_access(at(0x1100), 16, "store"), "");
  EXPECT_EQ(debug::describe_access(at(0x5), 0, "store"), "");

  EXPECT_EQ(debug::describe_access(at(0x10fe), 4, "load"),
            "load of 4 bytes at 0x10fe, which runs past the end of buffer 'a' (256 bytes) at byte 254");
  EXPECT_EQ(debug::describe_access(at(0xffe), 4, "load"),
            "load of 4 bytes at 0xffe, 2 bytes before buffer 'a' (256 bytes)");
  EXPECT_EQ(debug::describe_access(at(0x1110), 1, "store"),
            "store of 1 byte at 0x1110, 0 bytes past the end of buffer 'b' (16 bytes)");
  EXPECT_EQ(debug::describe_access(at(0x1114), 1, "store"),
            "store of 1 byte at 0x1114, 4 bytes past the end of buffer 'b' (16 bytes)");
  EXPECT_NE(debug::describe_access(at(~std::uintptr_t{0} - 1), 4, "store"), "");
}

TEST(Debug, WithoutBuffersEveryAccessIsWrong) {
  EXPECT_EQ(debug::describe_access(at(0x20), 4, "load"),
            "load of 4 bytes at 0x20, and no buffer is registered (debug::register_buffer)");
}

TEST(Debug, ACallKnowsItsBuffers) {
  const debug::Buffer registered(at(0x1080), 0x20, "registered");
  {
    const runtime::CallBuffer buffers[] = {
        {"q", at(0x1000), 0x100}, {"empty", at(0x500), 0}, {"v", at(0x2010), 0x10}, {"k", at(0x2000), 0x20}};
    const runtime::CallBuffers call(buffers);
    EXPECT_EQ(debug::describe_access(at(0x1000), 0x80, "load"), "");
    EXPECT_EQ(debug::describe_access(at(0x1080), 0x20, "load"), "");
    EXPECT_EQ(debug::describe_access(at(0x10a0), 0x60, "load"), "");
    EXPECT_EQ(debug::describe_access(at(0x2000), 0x20, "store"), "");
    EXPECT_EQ(debug::describe_access(at(0x107e), 4, "load"),
              "load of 4 bytes at 0x107e, which runs past the end of buffer 'q' (128 bytes) at byte 126");
    EXPECT_EQ(debug::describe_access(at(0x2020), 4, "store"),
              "store of 4 bytes at 0x2020, 0 bytes past the end of buffer 'k and v' (32 bytes)");
    EXPECT_EQ(debug::describe_access(at(0x500), 1, "load"),
              "load of 1 byte at 0x500, 2816 bytes before buffer 'q' (128 bytes)");
    {
      const debug::Buffer later(at(0x2008), 8, "later");
      EXPECT_EQ(debug::describe_access(at(0x2007), 2, "load"),
                "load of 2 bytes at 0x2007, which runs past the end of buffer 'k and v' (8 bytes) at byte 7");
    }
    EXPECT_EQ(debug::describe_access(at(0x2007), 2, "load"), "") << "nothing lies between any more";
    std::thread([] {
      EXPECT_NE(debug::describe_access(at(0x2000), 4, "load"), "") << "a call of another thread";
    }).join();
    {
      const runtime::CallBuffer inner[] = {{"x", at(0x3000), 8}};
      const runtime::CallBuffers within(inner);
      EXPECT_EQ(debug::describe_access(at(0x3000), 8, "load"), "");
      EXPECT_NE(debug::describe_access(at(0x2000), 4, "load"), "");
    }
    EXPECT_EQ(debug::describe_access(at(0x2000), 4, "load"), "");
  }
  EXPECT_NE(debug::describe_access(at(0x2000), 4, "load"), "");
  EXPECT_EQ(debug::describe_access(at(0x1080), 0x20, "load"), "");
}

TEST(Debug, RefusesOverlapsAndImpossibleRanges) {
  debug::Buffer a(at(0x1000), 0x100, "a");
  EXPECT_EQ(refusal(at(0x10ff), 1, "b"),
            "debug::register_buffer: buffer 'b' at 0x10ff overlaps buffer 'a' (256 bytes) at 0x1000");
  EXPECT_EQ(refusal(at(0xf00), 0x101, "b"),
            "debug::register_buffer: buffer 'b' at 0xf00 overlaps buffer 'a' (256 bytes) at 0x1000");
  EXPECT_EQ(refusal(at(0x1000), 0x100, "a"),
            "debug::register_buffer: buffer 'a' at 0x1000 overlaps buffer 'a' (256 bytes) at 0x1000");
  EXPECT_EQ(refusal(at(0xf00), 0x100, "b"), "accepted");
  EXPECT_EQ(refusal(at(0x1100), 1, "b"), "accepted");
  EXPECT_EQ(refusal(nullptr, 8, "z"), "debug::register_buffer: buffer 'z' has a null address");
  EXPECT_EQ(
      refusal(at(0x1000), ~std::size_t{0}, "z"),
      "debug::register_buffer: buffer 'z' of 18446744073709551615 bytes at 0x1000 does not fit into the address space");
}

TEST(Debug, EmptyBuffersAreForgotten) {
  debug::Buffer a(at(0x1000), 0x100, "a");
  {
    debug::Buffer none(at(0x1000), 0, "none"), null(nullptr, 0, "null");
  }
  EXPECT_EQ(debug::describe_access(at(0x1000), 4, "load"), "") << "an empty registration ended a real one";
}

TEST(Debug, ChecksIncludeAsserts) {
  bool checks = debug::checks(), asserts = debug::asserts();
  debug::set_checks(false);
  debug::set_asserts(false);
  EXPECT_FALSE(debug::checks() || debug::asserts());
  debug::set_asserts(true);
  EXPECT_TRUE(debug::asserts());
  EXPECT_FALSE(debug::checks());
  debug::set_asserts(false);
  debug::set_checks(true);
  EXPECT_TRUE(debug::checks() && debug::asserts());
  debug::set_checks(checks);
  debug::set_asserts(asserts);
}

TEST(Debug, RegistrationFromManyThreads) {
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::uintptr_t t = 1; t <= 8; ++t)
    threads.emplace_back([&wrong, t] {
      for (std::uintptr_t i = 0; i < 500; ++i) {
        const void *mine = at(t << 20 | i << 4);
        debug::Buffer buffer(mine, 16, "mine");
        wrong += debug::describe_access(mine, 16, "store") != "";
        wrong += debug::describe_access(mine, 17, "store") == "";
      }
    });
  for (auto &t : threads)
    t.join();
  EXPECT_EQ(wrong, 0);
}

} // namespace
