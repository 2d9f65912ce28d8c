// What the tests of the disk cache share: kernels made up from a key, and child processes.
#pragma once

#include "../temporary_directory.h"

#include "kiln/runtime/disk_cache.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kiln::runtime::test {

inline CacheSettings settings(std::string directory, std::uint64_t max_bytes = CacheSettings::default_max_bytes) {
  return {.directory = std::move(directory), .max_bytes = max_bytes, .off = {}};
}

inline CacheKey key_of(unsigned number) {
  CacheKey key{};
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<std::uint8_t>((number >> (8 * (i % 4))) + 17 * i);
  return key;
}

/// A kernel that belongs to the key number. `writer` tells images for one key apart.
inline KernelImage image_of(unsigned number, std::size_t cubin_bytes = 64, unsigned writer = 0) {
  KernelImage image;
  image.name = "kernel_" + std::to_string(number);
  image.config = "{.n = " + std::to_string(number) + "}";
  image.arch = "sm_90a";
  image.num_warps = 4;
  image.threads = 128;
  image.parameters = {{ParameterKind::pointer, 8}, {ParameterKind::integer, 4}};
  image.report = "writer " + std::to_string(writer);
  image.cubin.resize(cubin_bytes);
  for (std::size_t i = 0; i < cubin_bytes; ++i)
    image.cubin[i] = static_cast<std::uint8_t>(number + 31 * i + (i >> 8) * (writer + 1));
  return image;
}

/// Whether the image is the one that `image_of` makes for this number, whoever wrote it.
inline bool belongs(const KernelImage &image, unsigned number) {
  constexpr std::string_view prefix = "writer ";
  if (!image.report.starts_with(prefix))
    return false;
  auto writer = static_cast<unsigned>(std::stoul(image.report.substr(prefix.size())));
  return image == image_of(number, image.cubin.size(), writer);
}

inline std::string path_of(const std::string &directory, const CacheKey &key) {
  return directory + "/" + to_hex(key) + ".kiln";
}

inline std::string read_file(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::string &path, const std::string &bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline std::size_t count_temporaries(const std::string &directory) {
  std::size_t count = 0;
  for (const auto &file : std::filesystem::directory_iterator(directory))
    count += file.path().filename().string().starts_with(".new-");
  return count;
}

/// Runs `body` in a child process, which ends with what it returns.
template <typename Body>
pid_t start_process(Body &&body) {
  pid_t child = fork();
  if (child == 0)
    _exit(body());
  return child;
}

/// The status of waitpid.
inline int wait_for(pid_t child) {
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

/// A value that child processes share with their parent.
template <typename T>
class Shared {
public:
  Shared() {
    void *memory = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    value_ = new (memory) T();
  }
  Shared(const Shared &) = delete;
  Shared &operator=(const Shared &) = delete;
  ~Shared() { munmap(value_, sizeof(T)); }

  T &operator*() { return *value_; }
  T *operator->() { return value_; }

private:
  T *value_;
};

} // namespace kiln::runtime::test
