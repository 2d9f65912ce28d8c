#include "libraries.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <fstream>
#include <link.h>

using namespace kiln::runtime;
using namespace kiln::runtime::assembler;

namespace {

/// The build id in the notes of a shared library, in hexadecimal digits. Read from the file: loading a library of 100
/// MB takes many times as long as finding a kernel in the cache.
std::string build_id(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary);
  Elf64_Ehdr header{};
  file.read(reinterpret_cast<char *>(&header), sizeof(header));
  if (!file || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_shentsize != sizeof(Elf64_Shdr))
    return "";
  // Sections rather than segments: this library has the note in a section alone.
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section{};
    file.seekg(static_cast<std::streamoff>(header.e_shoff + i * sizeof(section)));
    file.read(reinterpret_cast<char *>(&section), sizeof(section));
    if (!file || section.sh_type != SHT_NOTE || section.sh_size > 4096)
      continue;
    std::vector<char> notes(section.sh_size);
    file.seekg(static_cast<std::streamoff>(section.sh_offset));
    file.read(notes.data(), static_cast<std::streamsize>(notes.size()));
    Elf64_Nhdr note{};
    const std::size_t content = sizeof(note) + 4; // after the name "GNU"
    if (!file || notes.size() < content)
      return "";
    std::memcpy(&note, notes.data(), sizeof(note));
    if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 || note.n_descsz > notes.size() - content)
      continue;
    std::string text;
    for (std::size_t b = 0; b < note.n_descsz; ++b) {
      char digits[3];
      std::snprintf(digits, sizeof(digits), "%02x",
                    static_cast<unsigned>(static_cast<unsigned char>(notes[content + b])));
      text += digits;
    }
    return text;
  }
  return "";
}

/// The same, or where the library was built without one, its full name, which has the version.
std::string identity_in_file(const std::filesystem::path &path) {
  std::string id = build_id(path);
  if (!id.empty())
    return id;
  std::error_code error;
  return std::filesystem::canonical(path, error).filename().string() + " of " +
         std::to_string(std::filesystem::file_size(path, error)) + " bytes";
}

} // namespace

std::vector<std::filesystem::path> assembler::directories(const std::string &list) {
  std::vector<std::filesystem::path> result;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(':', begin), list.size());
    // An empty entry would be the working directory, which is no place to load code from.
    if (end > begin)
      result.emplace_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return result;
}

std::vector<std::filesystem::path> assembler::toolkits() {
  std::vector<std::filesystem::path> result;
  for (Variable name : {Variable("CUDA_HOME"), Variable("CUDA_PATH")})
    if (std::string value = environment(name); !value.empty())
      result.emplace_back(value);
  result.emplace_back("/usr/local/cuda");
  result.emplace_back("/opt/cuda");
  return result;
}

bool assembler::is_file(const std::filesystem::path &path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

Found assembler::find_library(const LibraryNames &names) {
  if (std::string path = environment(names.variable); !path.empty())
    return is_file(path) ? Found{path, ""}
                         : Found{{}, std::string(names.variable.name()) + " names no file (" + path + ")"};
  std::vector<std::filesystem::path> places = directories(environment("LD_LIBRARY_PATH"));
  for (const std::filesystem::path &toolkit : toolkits()) {
    places.push_back(toolkit / "lib64");
    places.push_back(toolkit / "lib");
  }
  for (const char *directory : {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"})
    places.emplace_back(directory);
  for (const char *name : names.files)
    for (const std::filesystem::path &place : places)
      if (is_file(place / name))
        return {place / name, ""};
  // What only the dynamic linker knows of: its cache, or a copy that the program has loaded.
  for (const char *name : names.files)
    if (void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL))
      if (link_map *map = nullptr; dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0)
        return {map->l_name, ""};
  return {{},
          std::string("no ") + names.files[0] + " or " + names.files[1] +
              " where libraries are looked for, nor in a CUDA toolkit" + names.advice};
}

std::string assembler::library_identity(const std::filesystem::path &path) {
  static std::mutex mutex;
  static auto *const known = new std::map<std::string, std::string>;
  std::lock_guard lock(mutex);
  auto [it, fresh] = known->try_emplace(path.string());
  if (fresh)
    it->second = identity_in_file(path);
  return it->second;
}

LoadedLibrary::LoadedLibrary(const std::filesystem::path &path)
    : path_(path), handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
  if (!handle_)
    problem = dlerror();
}

void *LoadedLibrary::address(const char *name) {
  void *result = handle_ ? dlsym(handle_, name) : nullptr;
  if (!result && problem.empty())
    problem = path_.string() + " lacks " + name;
  return result;
}

std::string assembler::read_text(void *object, int (*size)(void *, std::size_t *), int (*text)(void *, char *)) {
  std::size_t bytes = 0;
  if (size(object, &bytes) != 0 || bytes == 0)
    return "";
  std::string result(bytes, '\0');
  text(object, result.data());
  result.resize(std::strlen(result.c_str()));
  return result;
}
