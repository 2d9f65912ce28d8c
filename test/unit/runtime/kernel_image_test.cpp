#include "kiln/runtime/kernel_image.h"

#include "kiln/error.h"

#include <gtest/gtest.h>
#include <random>

using namespace kiln;
using namespace kiln::runtime;

namespace {

KernelImage example() {
  KernelImage image;
  image.name = "decode";
  image.config = "{.block_n = 64, .num_warps = 4}";
  image.arch = "sm_90a";
  image.num_warps = 4;
  image.threads = 128;
  image.shared_bytes = 49152;
  image.parameters = {{ParameterKind::pointer, 8},
                      {ParameterKind::integer, 4},
                      {ParameterKind::floating, 2},
                      {ParameterKind::boolean, 1}};
  image.report = "registers 64\nspills 0\n";
  image.ptx = ".version 8.0\n";
  image.cubin = {0x7f, 'E', 'L', 'F', 0, 0xff};
  return image;
}

std::string reason(const std::vector<std::uint8_t> &bytes) {
  std::string text;
  EXPECT_FALSE(deserialise(bytes, &text));
  return text;
}

/// Whatever the bytes are, an image comes out that could be launched and written again, or none and a reason.
void expect_sound(const std::vector<std::uint8_t> &bytes) {
  std::string text;
  std::optional<KernelImage> image = deserialise(bytes, &text);
  if (image)
    EXPECT_EQ(serialise(*image), bytes);
  else
    EXPECT_FALSE(text.empty());
}

TEST(KernelImage, RoundTrip) {
  KernelImage image = example();
  EXPECT_EQ(deserialise(serialise(image)), image);
  image.config = image.report = image.ptx = "";
  image.parameters.clear();
  EXPECT_EQ(deserialise(serialise(image)), image);
  image.ptx = std::string("a\0b", 3); // opaque: nothing ends at a zero byte
  image.cubin.assign(100000, 0);
  EXPECT_EQ(deserialise(serialise(image)), image);
}

TEST(KernelImage, ImpossibleImagesAreNamed) {
  auto fault = [](auto change) {
    KernelImage image = example();
    change(image);
    std::string text = check_image(image);
    try {
      serialise(image);
      ADD_FAILURE() << "serialised";
    } catch (const InvalidArgument &e) {
      EXPECT_EQ(e.what(), "cannot serialise a kernel image: " + text);
    }
    return text;
  };
  EXPECT_EQ(check_image(example()), "");
  EXPECT_EQ(fault([](KernelImage &i) { i.name = ""; }), "the kernel's name is empty or holds a zero byte");
  EXPECT_EQ(fault([](KernelImage &i) { i.name[1] = '\0'; }), "the kernel's name is empty or holds a zero byte");
  EXPECT_EQ(fault([](KernelImage &i) { i.arch = ""; }), "the architecture is empty");
  EXPECT_EQ(fault([](KernelImage &i) { i.threads = 0; }), "threads is 0, not from 1 to 1024");
  EXPECT_EQ(fault([](KernelImage &i) { i.threads = 1025; }), "threads is 1025, not from 1 to 1024");
  EXPECT_EQ(fault([](KernelImage &i) { i.num_warps = 33; }), "num_warps is 33, not from 1 to 32");
  EXPECT_EQ(fault([](KernelImage &i) { i.shared_bytes = 1u << 25; }),
            "shared_bytes is 33554432, more than any target has");
  EXPECT_EQ(fault([](KernelImage &i) { i.parameters.resize(40000); }),
            "40000 parameters are more than any target takes");
  EXPECT_EQ(fault([](KernelImage &i) { i.parameters[0].bytes = 4; }), "parameter 0 has kind 0 and 4 bytes");
  EXPECT_EQ(fault([](KernelImage &i) { i.parameters[1].bytes = 3; }), "parameter 1 has kind 1 and 3 bytes");
  EXPECT_EQ(fault([](KernelImage &i) { i.parameters[3].kind = static_cast<ParameterKind>(9); }),
            "parameter 3 has kind 9 and 1 bytes");
  EXPECT_EQ(fault([](KernelImage &i) { i.cubin.clear(); }), "the cubin is empty");
}

TEST(KernelImage, OtherBytesAreRefused) {
  std::vector<std::uint8_t> bytes = serialise(example());
  EXPECT_EQ(reason({}), "not a kernel image");
  EXPECT_EQ(reason(std::vector<std::uint8_t>(100, 0)), "not a kernel image");

  std::vector<std::uint8_t> longer = bytes;
  longer.push_back(0);
  EXPECT_EQ(reason(longer), "1 bytes follow the image");

  std::vector<std::uint8_t> newer = bytes;
  newer[4] = KernelImage::abi_version + 1;
  EXPECT_EQ(reason(newer), "kernel ABI 2, and this library knows 1");

  for (std::size_t length = 4; length < bytes.size(); ++length)
    EXPECT_FALSE(deserialise(std::span(bytes).first(length))) << length;
  EXPECT_EQ(reason(std::vector<std::uint8_t>(bytes.begin(), bytes.end() - 1)), "the image ends early");
}

TEST(KernelImage, HostileLengthsAskForNoMemory) {
  std::vector<std::uint8_t> bytes = serialise(example());
  for (std::size_t at = 20; at + 8 <= bytes.size(); ++at) {
    std::vector<std::uint8_t> hostile = bytes;
    std::fill_n(hostile.begin() + static_cast<std::ptrdiff_t>(at), 8, 0xff);
    expect_sound(hostile);
  }
}

TEST(KernelImage, AnyBytesAreSafe) {
  const std::vector<std::uint8_t> good = serialise(example());
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::vector<std::uint8_t> bytes = good;
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    expect_sound(bytes);
  }
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::uint8_t> bytes = good;
    for (unsigned change = random() % 6 + 1; change > 0 && !bytes.empty(); --change) {
      std::size_t at = random() % bytes.size();
      switch (random() % 4) {
      case 0:
        bytes[at] = static_cast<std::uint8_t>(random());
        break;
      case 1:
        bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 2:
        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), random() % 40, 0xff);
        break;
      default:
        bytes.resize(at + 1);
      }
    }
    expect_sound(bytes);
  }
}

} // namespace
