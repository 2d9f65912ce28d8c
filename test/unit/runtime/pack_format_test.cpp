// The bytes of packs: what goes in comes out, and whatever else is in a file is refused.
#include "pack_support.h"

#include "../message_of.h"
#include "pack_format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <random>
#include <sys/stat.h>
#include <thread>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::test;

namespace {

using Bytes = std::vector<std::uint8_t>;

class PackFormat : public testing::Test {
protected:
  std::string path() const { return root_.path() + "/test.kpack"; }

  /// What opening a file of these bytes, and reading all of it, says; nothing where it says nothing.
  std::string fault(const Bytes &bytes) {
    write_file(path(), {bytes.begin(), bytes.end()});
    try {
      const Pack pack(path());
      for (std::size_t i = 0; i < pack.entries().size(); ++i)
        (void)pack.images(i);
    } catch (const PackError &error) {
      const std::string prefix = "pack '" + path() + "': ", text = error.what(),
                        remedy = "; make the pack with this version's kiln-compile --pack";
      EXPECT_TRUE(text.starts_with(prefix) && text.ends_with(remedy)) << text;
      return text.substr(prefix.size(), text.size() - prefix.size() - remedy.size());
    }
    return {};
  }

  TemporaryDirectory root_;
};

constexpr std::size_t checksum_at = 48;

template <class T>
T number_at(const Bytes &bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class T>
void put(Bytes &bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

/// Makes the checksum of header and index that of what they are now.
Bytes sealed(Bytes bytes) {
  const auto index_bytes = number_at<std::uint64_t>(bytes, 24);
  Bytes covered(bytes.begin(), bytes.begin() + checksum_at);
  covered.insert(covered.end(), bytes.begin() + pack_header_bytes,
                 bytes.begin() + static_cast<std::ptrdiff_t>(pack_header_bytes + index_bytes));
  XXH128_canonical_t sum;
  XXH128_canonicalFromHash(&sum, XXH3_128bits(covered.data(), covered.size()));
  std::memcpy(bytes.data() + checksum_at, sum.digest, sizeof sum.digest);
  return bytes;
}

Bytes example() {
  const PackContent contents[] = {scale_content(), fill_content(), scale_content("block=64 num_warps=2", "sm_80")};
  return encode_pack(contents);
}

TEST_F(PackFormat, WhatGoesInComesOut) {
  const PackContent contents[] = {scale_content(), fill_content(), scale_content("block=64 num_warps=2", "sm_80")};
  write_pack(path(), contents);
  const Pack pack(path());
  EXPECT_EQ(pack.path(), path());
  ASSERT_EQ(pack.entries().size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    const PackContent &content = contents[std::array{1, 0, 2}[i]]; // by name, config and architecture
    EXPECT_EQ(pack.entries()[i], content.entry);
    const std::vector<KernelImage> images = pack.images(i);
    ASSERT_EQ(images.size(), content.generic ? 2u : 1u);
    EXPECT_EQ(images[0], content.specialised);
    if (content.generic)
      EXPECT_EQ(images[1], *content.generic);
  }
  EXPECT_EQ(message_of<InvalidArgument>([&] { (void)pack.images(3); }),
            "pack '" + path() + "': there is no entry 3 of 3");
}

TEST_F(PackFormat, AnEmptyPackIsOne) {
  write_pack(path(), {});
  EXPECT_TRUE(Pack(path()).entries().empty());
}

TEST_F(PackFormat, EqualContentsAreEqualBytes) {
  const PackContent forth[] = {scale_content(), fill_content()}, back[] = {fill_content(), scale_content()};
  EXPECT_EQ(encode_pack(forth), encode_pack(back));
}

TEST_F(PackFormat, WritingReplacesAndLeavesNothingBeside) {
  write_file(path(), "older");
  const PackContent contents[] = {scale_content()};
  write_pack(path(), contents);
  EXPECT_EQ(Pack(path()).entries().size(), 1u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(root_.path()), {}), 1);
  EXPECT_EQ(message_of<PackError>([&] { write_pack("/nonexistent/a.kpack", contents); }),
            "pack '/nonexistent/a.kpack': it cannot be written: No such file or directory");
}

TEST_F(PackFormat, WritingKeepsTheModeAndFollowsLinks) {
  namespace fs = std::filesystem;
  const PackContent contents[] = {scale_content()};
  write_file(path(), "older");
  const auto mode = fs::perms::owner_all | fs::perms::group_read;
  fs::permissions(path(), mode);
  fs::create_directory(root_.path() + "/links");
  const std::string link = root_.path() + "/links/to-link", dangling = root_.path() + "/links/dangling";
  fs::create_symlink("to-file", link);
  fs::create_symlink(path(), root_.path() + "/links/to-file");
  write_pack(link, contents);
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(Pack(path()).entries().size(), 1u);
  EXPECT_EQ(fs::status(path()).permissions(), mode);
  fs::create_symlink("../new.kpack", dangling);
  write_pack(dangling, contents);
  EXPECT_TRUE(fs::is_symlink(dangling));
  EXPECT_TRUE(fs::is_regular_file(root_.path() + "/new.kpack"));
  fs::create_symlink("round", root_.path() + "/links/round");
  EXPECT_EQ(message_of<PackError>([&] { write_pack(root_.path() + "/links/round", contents); }),
            "pack '" + root_.path() + "/links/round': it cannot be written: Too many levels of symbolic links");
}

TEST_F(PackFormat, WhatIsNoFileIsNotReplaced) {
  const PackContent contents[] = {scale_content()};
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  const std::string link = root_.path() + "/link";
  std::filesystem::create_symlink(path(), link);
  for (const std::string &name : {path(), link, root_.path()})
    EXPECT_EQ(message_of<PackError>([&] { write_pack(name, contents); }),
              "pack '" + name + "': it cannot be written: it is not a regular file");
  EXPECT_TRUE(std::filesystem::is_fifo(path()));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(root_.path()), {}), 2);
}

TEST_F(PackFormat, WhatDoesNotBelongTogetherIsNotPacked) {
  const std::string subject = "cannot pack 'scale' with {block=128 num_warps=4} for sm_90a";
  auto refusal = [](auto change) {
    PackContent content = scale_content();
    change(content);
    return message_of<InvalidArgument>([&] { (void)encode_pack({&content, 1}); });
  };
  auto expect = [&](const std::string &why, auto change) { EXPECT_EQ(refusal(change), subject + ": " + why); };
  expect("it lacks the generic variant", [](auto &c) { c.generic.reset(); });
  expect("there is a generic variant, but no fact that decides", [](auto &c) { c.entry.facts = {}; });
  expect("the cubin is empty", [](auto &c) { c.generic->cubin.clear(); });
  expect("it is the code of 'other'", [](auto &c) { c.specialised.name = "other"; });
  expect("it is code for sm_80", [](auto &c) { c.specialised.arch = "sm_80"; });
  expect("it takes other parameters", [](auto &c) { c.specialised.parameters.pop_back(); });
  expect("a fact about parameter 3, of 3", [](auto &c) { c.entry.facts.add({3, 8, 16}); });
  expect("a fact about parameter 2 takes it for an integer of 8 bytes", [](auto &c) { c.entry.facts.add({2, 8, 16}); });
  expect("a fact about parameter 1 has the divisor 0", [](auto &c) { c.entry.facts.add({1, 8, 0}); });
  expect("parameter 2 is read-only and no pointer", [](auto &c) { c.entry.parameters[2].read_only = true; });
  EXPECT_NE(refusal([](auto &c) { c.entry.name = "new\nline"; }).find("name is empty or not printable"),
            std::string::npos);
  for (const char *config : {"block", "block=", "=1", "block=1 block=1", "a\x01=1"})
    EXPECT_NE(refusal([&](auto &c) { c.entry.config = config; }).find("its config is not of the form"),
              std::string::npos)
        << config;
  for (const char *arch : {"", "sm_", "sm_9", "sm_90b", "90a", "sm_1000", "sm_9 0"})
    EXPECT_NE(refusal([&](auto &c) { c.entry.arch = arch; }).find("its architecture is none"), std::string::npos)
        << arch;
  const PackContent twice[] = {scale_content(), scale_content()};
  EXPECT_EQ(message_of<InvalidArgument>([&] { (void)encode_pack(twice); }), subject + " twice");
}

TEST_F(PackFormat, OtherFilesAreRefused) {
  auto refusal = [&](const std::string &file) { return message_of<PackError>([&] { Pack pack(file); }); };
  EXPECT_EQ(refusal("/nonexistent/a.kpack"),
            "pack '/nonexistent/a.kpack': it cannot be opened: No such file or directory");
  EXPECT_EQ(refusal(root_.path()), "pack '" + root_.path() + "': it is not a regular file");
  EXPECT_EQ(fault({}), "it is no pack of kernels");
  EXPECT_EQ(fault(Bytes(500, 0)), "it is no pack of kernels");
  Bytes bytes = example();
  put(bytes, 8, std::uint32_t{2});
  EXPECT_EQ(fault(bytes), "it is a pack of format 2, and this library reads format 1");
  EXPECT_EQ(fault(Bytes(bytes.begin(), bytes.begin() + 20)), // also where a later version has a shorter header
            "it is a pack of format 2, and this library reads format 1");
  bytes = example();
  put(bytes, 12, KernelImage::abi_version + 1);
  EXPECT_EQ(fault(bytes), "its kernels have ABI 2, and this library knows 1");
}

TEST_F(PackFormat, EveryLengthIsRefusedButItsOwn) {
  const Bytes bytes = example();
  EXPECT_EQ(fault(bytes), "");
  EXPECT_EQ(fault(Bytes(bytes.begin(), bytes.begin() + 30)), "it ends within its header, after 30 bytes");
  for (std::size_t length = 0; length < bytes.size(); length += length < 1200 ? 1 : 53)
    EXPECT_NE(fault(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length))), "") << length;
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_EQ(fault(longer),
            "it has " + std::to_string(longer.size()) + " bytes, and its header says " + std::to_string(bytes.size()));
}

TEST_F(PackFormat, EveryChangedByteIsNoticed) {
  const Bytes good = example();
  const std::size_t index_end = pack_header_bytes + number_at<std::uint64_t>(good, 24);
  for (std::size_t at = 0; at < good.size(); at += at < index_end + 600 ? 1 : 37) {
    Bytes bytes = good;
    bytes[at] ^= static_cast<std::uint8_t>(1u << (at % 8));
    EXPECT_NE(fault(bytes), "") << at;
  }
  Bytes bytes = good;
  ++bytes[index_end - 1];
  EXPECT_EQ(fault(bytes), "the checksum of its index does not match");
  bytes = good;
  ++bytes.back();
  EXPECT_EQ(fault(bytes), "the code of 'scale' with {block=64 num_warps=2} for sm_80 is damaged: "
                          "its checksum does not match");
}

/// As somebody would write them who knows the checksum.
TEST_F(PackFormat, EveryFieldIsChecked) {
  const Bytes good = encode_pack(std::vector{scale_content()});
  auto refusal = [&](auto change) {
    Bytes bytes = good;
    change(bytes);
    return fault(sealed(bytes));
  };
  auto of_entry = [&](auto change) {
    const std::string text = refusal(change), prefix = "entry 0 of its index: ";
    EXPECT_TRUE(text.starts_with(prefix)) << text;
    return text.substr(std::min(prefix.size(), text.size()));
  };
  auto of_code = [&](auto change) {
    const std::string text = refusal(change),
                      prefix = "the code of 'scale' with {block=128 num_warps=4} for sm_90a is damaged: ";
    EXPECT_TRUE(text.starts_with(prefix)) << text;
    return text.substr(std::min(prefix.size(), text.size()));
  };
  EXPECT_EQ(fault(sealed(good)), "");
  Bytes huge = good;
  put(huge, 24, std::uint64_t{good.size()});
  EXPECT_EQ(fault(huge), "its index has " + std::to_string(good.size()) + " bytes, more than can be");
  EXPECT_NE(refusal([](Bytes &b) { put(b, 32, std::uint32_t{0}); }).find("bytes follow the entries"),
            std::string::npos);
  EXPECT_EQ(refusal([](Bytes &b) { put(b, 32, std::uint32_t{0xffffffff}); }), "the index ends early");
  EXPECT_EQ(refusal([](Bytes &b) { put(b, 32, std::uint32_t{2}); }), "entry 1 of its index: the index ends early");
  EXPECT_EQ(refusal([](Bytes &b) { b[40] = 1; }), "its header is damaged");

  // The entry: three blocks, each after its length.
  const std::size_t name = pack_header_bytes, config = name + 8 + 5, arch = config + 8 + 21, parameters = arch + 8 + 6,
                    facts = parameters + 4 + 3 * 2, waits = facts + 4 + 3 * 11, images = waits + 1;
  EXPECT_EQ(of_entry([&](Bytes &b) { put(b, name, ~std::uint64_t{0}); }), "the index ends early");
  EXPECT_EQ(of_entry([&](Bytes &b) { b[name + 8] = '\n'; }), "the kernel's name is empty or not printable");
  EXPECT_EQ(of_entry([&](Bytes &b) { b[config + 8] = '='; }), "its config is not of the form NAME=VALUE NAME=VALUE");
  EXPECT_EQ(of_entry([&](Bytes &b) { b[arch + 8] = 'x'; }), "its architecture is none");
  EXPECT_EQ(of_entry([&](Bytes &b) { put(b, parameters, ~std::uint32_t{0}); }), "the index ends early");
  EXPECT_EQ(of_entry([&](Bytes &b) { b[parameters + 4] = 11; }), "parameter 0 has no type");
  EXPECT_EQ(of_entry([&](Bytes &b) { b[parameters + 5] = 4; }), "parameter 0 has no type");
  EXPECT_EQ(of_entry([&](Bytes &b) { b[parameters + 9] = 2; }), "parameter 2 is read-only and no pointer");
  EXPECT_EQ(of_entry([&](Bytes &b) { put(b, facts, ~std::uint32_t{0}); }), "the index ends early");
  EXPECT_EQ(of_entry([&](Bytes &b) { b[facts + 4] = 9; }), "a fact about parameter 9, of 3");
  EXPECT_EQ(of_entry([&](Bytes &b) { b[facts + 6] = 4; }),
            "a fact about parameter 0 takes it for an integer of 4 bytes");
  EXPECT_EQ(of_entry([&](Bytes &b) { put(b, facts + 7, std::int64_t{-16}); }),
            "a fact about parameter 0 has the divisor -16");
  EXPECT_EQ(of_entry([&](Bytes &b) { b[waits] = 2; }), "whether it waits is 2, neither 0 nor 1");
  EXPECT_EQ(of_entry([&](Bytes &b) { b[images] = 3; }), "the index ends early");
  EXPECT_EQ(of_entry([&](Bytes &b) { b[images] = 1; }), "1 images do not go with 3 facts");
  for (std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{63}, std::uint64_t{good.size()}, ~std::uint64_t{0}})
    EXPECT_EQ(of_entry([&](Bytes &b) { put(b, images + 1, offset); }), "its code lies outside the file") << offset;
  for (std::uint64_t bytes : {std::uint64_t{good.size()}, ~std::uint64_t{0}})
    EXPECT_EQ(of_entry([&](Bytes &b) { put(b, images + 9, bytes); }), "its code lies outside the file") << bytes;
  EXPECT_EQ(of_code([&](Bytes &b) { ++b[images + 17]; }), "its checksum does not match");
  EXPECT_EQ(of_code([&](Bytes &b) { put(b, images + 9, std::uint64_t{0}); }), "its checksum does not match");

  // Entries in order, and each once.
  Bytes two = encode_pack(std::vector{scale_content("a=1"), scale_content("a=2")});
  std::string text(two.begin(), two.end());
  text[text.find("a=2") + 2] = '1';
  EXPECT_EQ(fault(sealed({text.begin(), text.end()})), "entry 1 of its index: it is out of order");
}

/// The code of one kernel in the place of another's, with its checksum.
TEST_F(PackFormat, CodeOfAnotherKernelIsRefused) {
  for (const auto &[change, why] : std::initializer_list<std::pair<void (*)(KernelImage &), const char *>>{
           {[](KernelImage &image) { image.name = "stale"; }, "it is the code of 'stale'"},
           {[](KernelImage &image) { image.arch = "sm_89a"; }, "it is code for sm_89a"},
           {[](KernelImage &image) { image.parameters[2] = {ParameterKind::floating, 4}; },
            "it takes other parameters"},
       }) {
    const PackContent content = scale_content();
    PackIndex index;
    index.entries = {content.entry};
    KernelImage image = content.specialised;
    change(image);
    const Bytes bytes = serialise(image);
    PackedImage where{.offset = pack_header_bytes, .bytes = bytes.size()};
    XXH128_canonical_t sum;
    XXH128_canonicalFromHash(&sum, XXH3_128bits(bytes.data(), bytes.size()));
    std::memcpy(where.checksum.data(), sum.digest, sizeof sum.digest);
    KernelImage decoded;
    EXPECT_EQ(decode_image(bytes, where, content.entry, decoded), why);
  }
}

TEST_F(PackFormat, AnySealedBytesAreSafe) {
  const Bytes good = example();
  const std::size_t index_bytes = number_at<std::uint64_t>(good, 24);
  std::mt19937 random(3);
  for (int round = 0; round < 3000; ++round) {
    Bytes bytes = good;
    for (unsigned change = random() % 4 + 1; change > 0; --change)
      bytes[pack_header_bytes + random() % index_bytes] =
          random() % 2 ? static_cast<std::uint8_t>(random()) : std::uint8_t{0xff};
    (void)fault(sealed(bytes)); // which is nothing, or a PackError
  }
}

TEST_F(PackFormat, ATruncatedFileIsNoticedWhileItIsOpen) {
  const Bytes good = example();
  write_file(path(), {good.begin(), good.end()});
  const Pack pack(path());
  std::filesystem::resize_file(path(), good.size() - 1);
  EXPECT_EQ(message_of<PackError>([&] { (void)pack.images(2); }),
            "pack '" + path() + "': it has become shorter since it was opened");
  EXPECT_EQ(pack.images(0).size(), 1u);
}

TEST_F(PackFormat, AReplacedFileStaysWhatWasOpened) {
  write_pack(path(), std::vector{scale_content()});
  const Pack pack(path());
  write_pack(path(), std::vector{fill_content()});
  EXPECT_EQ(pack.images(0)[0].name, "scale");
  std::filesystem::remove(path());
  EXPECT_EQ(pack.images(0)[0].name, "scale");
}

TEST_F(PackFormat, WritersOfOneFileDoNotMeet) {
  const std::vector contents{scale_content(), fill_content()};
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t)
    writers.emplace_back([&] {
      for (int i = 0; i < 50; ++i)
        EXPECT_NO_THROW(write_pack(path(), contents));
    });
  for (std::thread &writer : writers)
    writer.join();
  EXPECT_EQ(Pack(path()).entries().size(), 2u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(root_.path()), {}), 1) << "and leave nothing";
}

TEST(PackArch, CodeRunsWithinItsGeneration) {
  EXPECT_GT(arch_fits("sm_80", 8, 0), 0);
  EXPECT_GT(arch_fits("sm_80", 8, 9), 0);
  EXPECT_GT(arch_fits("sm_86", 8, 9), arch_fits("sm_80", 8, 9));
  EXPECT_EQ(arch_fits("sm_86", 8, 0), 0);
  EXPECT_EQ(arch_fits("sm_80", 9, 0), 0);
  EXPECT_GT(arch_fits("sm_90a", 9, 0), arch_fits("sm_90", 9, 0));
  EXPECT_EQ(arch_fits("sm_100a", 10, 3), 0);
  EXPECT_GT(arch_fits("sm_120a", 12, 0), 0);
  EXPECT_EQ(arch_fits("nonsense", 9, 0), 0);
}

} // namespace
