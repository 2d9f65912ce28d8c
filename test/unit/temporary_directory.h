// A directory for the files of a test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/statvfs.h>
#include <unistd.h>

/// A new directory, removed with everything in it at the end of the scope. In memory where programs can be run from
/// there, for making thousands of files takes long on a disk.
class TemporaryDirectory {
public:
  TemporaryDirectory() {
    struct statvfs memory{};
    if (statvfs("/dev/shm", &memory) != 0 || (memory.f_flag & ST_NOEXEC) || !make("/dev/shm"))
      if (!make(std::filesystem::temp_directory_path()))
        throw std::runtime_error("cannot make the temporary directory " + path_);
  }
  TemporaryDirectory(const TemporaryDirectory &) = delete;
  TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;
  ~TemporaryDirectory() {
    std::error_code error;  // a destructor does not throw; a test that needs the directory gone looks itself
    if (getpid() == owner_) // not a child that exits
      std::filesystem::remove_all(path_, error);
  }

  const std::string &path() const { return path_; }
  /// A file in it.
  std::filesystem::path operator/(std::string_view name) const { return std::filesystem::path(path_) / name; }

private:
  bool make(const std::filesystem::path &base) {
    path_ = (base / "kiln-test-XXXXXX").string();
    return mkdtemp(path_.data());
  }

  std::string path_;
  const pid_t owner_ = getpid();
};
