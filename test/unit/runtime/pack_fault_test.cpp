// Packs when system calls fail, and when the process that writes one is killed, at each of its system calls in turn.
#include "failing_calls.h"
#include "pack_support.h"

#include "kiln/error.h"

#include <set>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::test;

namespace {

std::vector<PackContent> older() { return {fill_content()}; }
std::vector<PackContent> newer() { return {fill_content(), scale_content()}; }

/// All kernels that a pack holds.
std::vector<KernelImage> images_of(const Pack &pack) {
  std::vector<KernelImage> images;
  for (std::size_t i = 0; i < pack.entries().size(); ++i)
    for (KernelImage &image : pack.images(i))
      images.push_back(std::move(image));
  return images;
}

std::vector<KernelImage> images_of(const std::vector<PackContent> &contents) {
  std::vector<KernelImage> images;
  for (const PackContent &content : contents) {
    images.push_back(content.specialised);
    if (content.generic)
      images.push_back(*content.generic);
  }
  return images;
}

class PackFault : public testing::Test {
protected:
  /// What is in the file: the one or the other.
  void expect_whole(std::optional<bool> is_newer) {
    const std::vector<KernelImage> found = images_of(Pack(path_));
    if (is_newer)
      EXPECT_EQ(found, images_of(*is_newer ? newer() : older()));
    else
      EXPECT_TRUE(found == images_of(newer()) || found == images_of(older()));
  }
  std::size_t count_files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(root_.path()), {}));
  }

  TemporaryDirectory root_;
  const std::string path_ = root_.path() + "/test.kpack";
};

TEST_F(PackFault, ReadingMayFailAtAnyCall) {
  write_pack(path_, newer());
  const std::size_t open_files = count_open_files();
  for (int error : errors)
    for (std::size_t chunk : {0, 100})
      for (int at = 1;; ++at) {
        SCOPED_TRACE("call " + std::to_string(at) + " fails with " + std::to_string(error));
        plan = {.armed = true, .at = at, .error = error, .chunk = chunk};
        std::optional<std::vector<KernelImage>> found;
        std::string fault;
        try {
          found = images_of(Pack(path_));
        } catch (const PackError &thrown) {
          fault = thrown.what();
        }
        plan.armed = false;
        if (found) {
          EXPECT_EQ(*found, images_of(newer()));
          EXPECT_TRUE(plan.struck.empty() || plan.struck == "close" || (plan.struck == "pread" && error == EINTR));
        } else {
          EXPECT_TRUE(fault.starts_with("pack '" + path_ + "': it cannot be ")) << fault;
          EXPECT_TRUE(fault.ends_with(std::system_category().message(error))) << fault;
        }
        ASSERT_EQ(count_open_files(), open_files);
        ASSERT_FALSE(HasFailure());
        if (plan.struck.empty()) {
          EXPECT_GT(at, 6);
          break;
        }
      }
}

/// A pack that is open goes on when what failed once works again.
TEST_F(PackFault, AFailureIsNotKept) {
  write_pack(path_, newer());
  const Pack pack(path_);
  plan = {.armed = true, .at = 1, .error = EIO};
  EXPECT_THROW((void)pack.images(0), PackError);
  plan.armed = false;
  EXPECT_EQ(images_of(pack), images_of(newer()));
}

TEST_F(PackFault, WritingMayFailAtAnyCall) {
  std::set<std::string_view> struck;
  for (int error : errors)
    for (bool from_then_on : {false, true})
      for (std::size_t chunk : {0, 1000})
        for (int at = 1;; ++at) {
          SCOPED_TRACE("call " + std::to_string(at) + " fails with " + std::to_string(error));
          write_pack(path_, older());
          plan = {.armed = true,
                  .at = at,
                  .error = error,
                  .from_then_on = from_then_on && error != EINTR, // which would be tried for ever
                  .chunk = chunk};
          std::string fault;
          try {
            write_pack(path_, newer());
          } catch (const PackError &thrown) {
            fault = thrown.what();
          }
          plan.armed = false;
          struck.insert(plan.struck);
          const bool written = fault.empty();
          expect_whole(written);
          if (!written)
            EXPECT_EQ(fault, "pack '" + path_ + "': it cannot be written: " + std::system_category().message(error));
          if (error == EINTR && plan.struck != "openat" && plan.struck != "rename")
            EXPECT_TRUE(written) << "an interrupted write goes on";
          if (!from_then_on) // or removing it fails as well
            EXPECT_EQ(count_files(), 1u);
          for (const auto &file : std::filesystem::directory_iterator(root_.path()))
            if (file.path() != path_)
              std::filesystem::remove(file.path());
          ASSERT_FALSE(HasFailure());
          if (plan.struck.empty()) {
            EXPECT_TRUE(written);
            EXPECT_GE(at, 5);
            break;
          }
        }
  EXPECT_TRUE(struck.contains("fsync")) << "the bytes are on the disk before the name is";
}

TEST_F(PackFault, TheWriterMayBeKilledAtAnyCallAndAfterAnyByte) {
  const auto bytes = static_cast<std::ptrdiff_t>(encode_pack(newer()).size());
  const auto killed = [&](const Plan &how) {
    write_pack(path_, older());
    const int status = wait_for(start_process([&] {
      plan = how;
      write_pack(path_, newer());
      return 0;
    }));
    expect_whole(status == 0 ? std::optional(true) : std::nullopt);
    return status != 0;
  };
  int at = 1;
  while (killed({.armed = true, .at = at}))
    ++at;
  EXPECT_GE(at, 5);
  for (std::ptrdiff_t written = 0; written <= bytes; written += written < 80 ? 1 : 61)
    EXPECT_TRUE(killed({.armed = true, .kill_after = written})) << written;
}

} // namespace
