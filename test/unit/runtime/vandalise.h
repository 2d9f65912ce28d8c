// Damage to the files of a cache, for tests that others never believe what is in them then.
#pragma once

#include <fcntl.h>
#include <random>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

/// Cuts a file, removes it, renames it to `other` or makes it a link there, opens it to everybody, or changes some of
/// its first `bytes` bytes.
template <class Random>
void vandalise(const std::string &path, const std::string &other, off_t bytes, Random &random) {
  const auto somewhere = [&] { return static_cast<off_t>(random() % static_cast<unsigned long>(bytes)); };
  switch (random() % 6) {
  case 0:
    (void)!truncate(path.c_str(), somewhere());
    break;
  case 1:
    unlink(path.c_str());
    break;
  case 2:
    rename(path.c_str(), other.c_str());
    break;
  case 3:
    unlink(path.c_str());
    (void)!symlink(other.c_str(), path.c_str());
    break;
  case 4:
    chmod(path.c_str(), 0666);
    break;
  default:
    if (int file = open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW); file >= 0) {
      for (int i = 0; i < 3; ++i) {
        const auto byte = static_cast<char>(random());
        (void)!pwrite(file, &byte, 1, somewhere());
      }
      close(file);
    }
  }
}
