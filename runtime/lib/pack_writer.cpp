#include "pack_format.h"
#include "private_directory.h"

#include "kiln/error.h"

#include <cstdio>
#include <filesystem>
#include <system_error>

using namespace kiln;
using namespace kiln::runtime;

namespace {

/// The file that a path leads to through symbolic links, which need not be there. \returns 0 or the system's error.
int follow_links(std::filesystem::path &path) {
  constexpr int most_links = 40; // as many as the system follows
  for (int i = 0; i < most_links; ++i) {
    std::error_code error;
    const std::filesystem::path target = std::filesystem::read_symlink(path, error);
    if (error) // it is no link, or nothing
      return error == std::errc::invalid_argument || error == std::errc::no_such_file_or_directory ? 0 : error.value();
    path = path.parent_path() / target; // which is `target` where that begins at the root
  }
  return ELOOP;
}

} // namespace

void runtime::write_pack(const std::string &path, std::span<const PackContent> contents) {
  const std::vector<std::uint8_t> bytes = encode_pack(contents);
  const auto refuse = [&](const std::string &why) {
    throw PackError("pack '" + path + "': it cannot be written: " + why);
  };
  const auto fail = [&](int error) { refuse(system_message(error)); };
  // The new file takes the old one's place and mode, which nothing but a file has.
  struct stat old;
  const bool replaces = ::stat(path.c_str(), &old) == 0;
  if (replaces && !S_ISREG(old.st_mode))
    refuse("it is not a regular file");
  const mode_t mode = replaces ? old.st_mode & 0777 : 0666; // a new one's is as the user's mask says
  std::filesystem::path target = path;
  int error = follow_links(target);
  if (error != 0)
    fail(error);
  const std::string temporary = target.string() + ".new-" + unique_digits();
  {
    File file = open_at(AT_FDCWD, temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (!file)
      fail(file.error());
    if (replaces && ::fchmod(file.get(), mode) != 0)
      error = errno;
    if (error == 0)
      error = write_all(file.get(), bytes);
    // The name must not reach the disk before what it names: the machine may stop between the two.
    while (error == 0 && ::fsync(file.get()) != 0)
      if (errno != EINTR)
        error = errno;
    // Some file systems tell only now that there is no room.
    if (::close(file.release()) != 0 && error == 0 && errno != EINTR)
      error = errno;
  }
  if (error == 0 && std::rename(temporary.c_str(), target.c_str()) != 0)
    error = errno;
  if (error != 0) {
    (void)::unlink(temporary.c_str());
    fail(error);
  }
}
