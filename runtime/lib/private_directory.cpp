#include "private_directory.h"

#include <atomic>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <sys/random.h>
#include <system_error>

using namespace kiln;
using namespace kiln::runtime;

std::string runtime::system_message(int error) { return std::system_category().message(error); }

File runtime::open_at(int directory, const std::string &name, int flags, mode_t mode) {
  int descriptor = openat(directory, name.c_str(), flags | O_CLOEXEC, mode);
  return descriptor >= 0 ? File(descriptor) : File::failed(errno);
}

namespace {

/// Calls `take` for the next part of `bytes`, after so many, until it is full or the file ends.
template <class Take>
std::int64_t read_parts(std::span<std::uint8_t> bytes, Take &&take) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    ssize_t got = take(bytes.subspan(done), done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return -1;
    if (got == 0)
      break;
    done += static_cast<std::size_t>(got);
  }
  return static_cast<std::int64_t>(done);
}

} // namespace

std::int64_t runtime::read_all(int file, std::span<std::uint8_t> bytes) {
  return read_parts(bytes,
                    [&](std::span<std::uint8_t> part, std::size_t) { return read(file, part.data(), part.size()); });
}

std::int64_t runtime::read_at(int file, std::span<std::uint8_t> bytes, std::uint64_t offset) {
  return read_parts(bytes, [&](std::span<std::uint8_t> part, std::size_t done) {
    return pread(file, part.data(), part.size(), static_cast<off_t>(offset + done));
  });
}

int runtime::write_all(int file, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    ssize_t put = write(file, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return 0;
}

std::string runtime::not_private(const struct stat &info) {
  if (info.st_uid != geteuid())
    return "belongs to user " + std::to_string(info.st_uid) + ", not to user " + std::to_string(geteuid());
  if (info.st_mode & (S_IWGRP | S_IWOTH)) {
    char mode[8];
    std::snprintf(mode, sizeof(mode), "%04o", info.st_mode & 07777);
    return "can be written to by others (mode " + std::string(mode) + ")";
  }
  return {};
}

std::string runtime::unique_digits() {
  std::uint64_t number = 0;
  if (getrandom(&number, sizeof(number), 0) != sizeof(number)) { // no such call on this system
    static std::atomic<std::uint64_t> count{0};
    number = static_cast<std::uint64_t>(getpid()) << 32 ^ static_cast<std::uint64_t>(std::time(nullptr)) << 8 ^ ++count;
  }
  char digits[17];
  std::snprintf(digits, sizeof(digits), "%016llx", static_cast<unsigned long long>(number));
  return digits;
}

File runtime::open_private_directory(const std::string &path, std::string &refusal) {
  refusal.clear();
  File directory = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  if (!directory) {
    if (directory.error() != ENOENT)
      refusal = "cannot open '" + path + "': " + system_message(directory.error());
    return directory;
  }
  struct stat info;
  if (fstat(directory.get(), &info) != 0)
    refusal = "cannot open '" + path + "': " + system_message(errno);
  else if (std::string fault = not_private(info); !fault.empty())
    refusal = "'" + path + "' " + fault;
  return refusal.empty() ? std::move(directory) : File::failed(EPERM);
}

File runtime::create_private_directory(const std::string &path, std::string &refusal) {
  File directory = open_private_directory(path, refusal);
  if (directory || !refusal.empty())
    return directory;
  int first_error = 0;
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    // What exists already, or appears at this moment, is as good. Of other failures the first is told, if the directory
    // cannot be opened in the end: the rest follow from it.
    if (mkdir(path.substr(0, end).c_str(), 0700) != 0 && errno != EEXIST && first_error == 0)
      first_error = errno;
    if (end == std::string::npos)
      break;
  }
  File made = open_private_directory(path, refusal);
  if (!made && refusal.empty())
    refusal = "cannot create '" + path + "': " + system_message(first_error != 0 ? first_error : made.error());
  return made;
}

void runtime::for_each_name(int directory, const std::function<void(const char *)> &visit) {
  File copy = open_at(directory, ".", O_RDONLY | O_DIRECTORY); // with a position of its own
  if (!copy)
    return;
  DIR *stream = fdopendir(copy.get());
  if (!stream)
    return;
  copy.release();
  while (const dirent *entry = readdir(stream))
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
      visit(entry->d_name);
  closedir(stream);
}
