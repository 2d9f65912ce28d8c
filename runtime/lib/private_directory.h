// Files in a directory that nobody else can write to.
#pragma once

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <functional>
#include <span>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace kiln::runtime {

/// An open file, or the error that opening it gave.
class File {
public:
  static File failed(int error) { return File(-1, error); }
  explicit File(int descriptor, int error = 0) : descriptor_(descriptor), error_(error) {}
  File(File &&other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), error_(other.error_) {}
  File &operator=(File &&) = delete;
  ~File() {
    if (descriptor_ >= 0)
      ::close(descriptor_);
  }

  explicit operator bool() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }
  int error() const { return error_; }
  int release() { return std::exchange(descriptor_, -1); }

private:
  int descriptor_;
  int error_;
};

/// "Permission denied".
std::string system_message(int error);

/// openat(2), closed when the process starts another program.
File open_at(int directory, const std::string &name, int flags, mode_t mode = 0);

/// Reads until `bytes` is full or the file ends. \returns how many bytes there were, or -1 and errno.
std::int64_t read_all(int file, std::span<std::uint8_t> bytes);

/// The same from a place in the file, whose position it neither uses nor moves.
std::int64_t read_at(int file, std::span<std::uint8_t> bytes, std::uint64_t offset);

/// Writes all bytes. \returns 0 or the system's error.
int write_all(int file, std::span<const std::uint8_t> bytes);

/// "belongs to user 1000, not to user 0", "can be written to by others (mode 0777)", or nothing.
std::string not_private(const struct stat &info);

/// 16 digits for the name of a new file: no two files ever share them.
std::string unique_digits();

/// Opens the directory for use with open_at. Where it is missing the file is false and `refusal` empty; where it is not
/// this user's own or others can write to it, or the system refuses it, `refusal` says so. The path may lead through
/// symbolic links: what counts is the directory that was opened.
File open_private_directory(const std::string &path, std::string &refusal);

/// The same; a missing directory is made first, with the missing ones above it, for this user alone.
/// `refusal` says also why it cannot be made.
File create_private_directory(const std::string &path, std::string &refusal);

/// Calls `visit` with each name in the directory, in no order, "." and ".." left out.
void for_each_name(int directory, const std::function<void(const char *)> &visit);

} // namespace kiln::runtime
