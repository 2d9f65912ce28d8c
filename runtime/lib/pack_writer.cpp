#include "pack_format.h"
#include "private_directory.h"

#include "kiln/error.h"

#include <cstdio>

using namespace kiln;
using namespace kiln::runtime;

void runtime::write_pack(const std::string &path, std::span<const PackContent> contents) {
  const std::vector<std::uint8_t> bytes = encode_pack(contents);
  const std::string temporary = path + ".new-" + unique_digits();
  const auto fail = [&](int error) {
    throw PackError("pack '" + path + "': it cannot be written: " + system_message(error));
  };
  int error = 0;
  {
    File file = open_at(AT_FDCWD, temporary, O_WRONLY | O_CREAT | O_EXCL, 0666); // as the user's mask says
    if (!file)
      fail(file.error());
    error = write_all(file.get(), bytes);
    // The name must not reach the disk before what it names: the machine may stop between the two.
    while (error == 0 && ::fsync(file.get()) != 0)
      if (errno != EINTR)
        error = errno;
    // Some file systems tell only now that there is no room.
    if (::close(file.release()) != 0 && error == 0 && errno != EINTR)
      error = errno;
  }
  if (error == 0 && std::rename(temporary.c_str(), path.c_str()) != 0)
    error = errno;
  if (error != 0) {
    (void)::unlink(temporary.c_str());
    fail(error);
  }
}
