// NVIDIA's tools as shared libraries: finding their files, telling their builds apart, and loading them.
#pragma once

#include "kiln/runtime/environment.h"

#include <array>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <type_traits>
#include <vector>

namespace kiln::runtime::assembler {

/// The directories of a list like PATH.
std::vector<std::filesystem::path> directories(const std::string &list);
/// CUDA_HOME, CUDA_PATH and where NVIDIA's packages put the toolkit.
std::vector<std::filesystem::path> toolkits();
bool is_file(const std::filesystem::path &path);

/// A file that was looked for and found, or the words ("no libnvrtc.so.13 or ...") for the user who misses it.
struct Found {
  std::filesystem::path path; // empty where there is none
  std::string problem;
};

/// What a library is looked for by.
struct LibraryNames {
  Variable variable;                 // names the file
  std::array<const char *, 2> files; // the better one first, wherever the other is
  const char *advice;                // follows the problem where no file is found
};

/// The file that the variable names; else one in LD_LIBRARY_PATH, in a CUDA toolkit, in the system's directories, or
/// where the dynamic linker finds it. Only the last loads it.
Found find_library(const LibraryNames &names);

/// What tells the build of a library from any other, read from its file once for each path: its build id, or its name
/// and size.
std::string library_identity(const std::filesystem::path &path);

/// A library that is loaded and never closed. A kind of library derives from it, and gets its functions when it is
/// made.
class LoadedLibrary {
public:
  explicit LoadedLibrary(const std::filesystem::path &path);

  std::string problem; // why it cannot be used; empty where it can

protected:
  template <class Function>
  void get(const char *name, Function &function) {
    function = reinterpret_cast<Function>(address(name));
  }

private:
  void *address(const char *name);

  std::filesystem::path path_;
  void *handle_ = nullptr;
};

/// The library in a file, loaded once for each path.
template <class Library>
const Library &load_library(const std::filesystem::path &path) {
  static_assert(std::is_base_of_v<LoadedLibrary, Library>);
  static std::mutex mutex;
  static auto *const loaded = new std::map<std::string, Library>;
  std::lock_guard lock(mutex);
  return loaded->try_emplace(path.string(), path).first->second;
}

/// A text that a library hands out in two calls, its size with the zero that ends it and the text.
std::string read_text(void *object, int (*size)(void *, std::size_t *), int (*text)(void *, char *));

} // namespace kiln::runtime::assembler
