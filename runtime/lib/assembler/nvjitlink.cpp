// NVIDIA's linker library, which contains ptxas.
#include "backends.h"

#include "kiln/error.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <fstream>
#include <link.h>
#include <map>
#include <mutex>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::assembler;

namespace {

constexpr std::array<const char *, 2> library_names = {"libnvJitLink.so.13", "libnvJitLink.so.12"};

// nvJitLink's functions, which return 0 for success, and its values.
constexpr int input_ptx = 2;
constexpr int error_unrecognised_option = 1, error_unrecognised_arch = 16, error_unsupported_arch = 17;

struct Library {
  int (*create)(void **handle, unsigned count, const char **options) = nullptr;
  int (*destroy)(void **handle) = nullptr;
  int (*add_data)(void *handle, int type, const void *data, std::size_t size, const char *name) = nullptr;
  int (*complete)(void *handle) = nullptr;
  int (*cubin_size)(void *handle, std::size_t *size) = nullptr;
  int (*cubin)(void *handle, void *cubin) = nullptr;
  int (*error_log_size)(void *handle, std::size_t *size) = nullptr;
  int (*error_log)(void *handle, char *log) = nullptr;
  int (*info_log_size)(void *handle, std::size_t *size) = nullptr;
  int (*info_log)(void *handle, char *log) = nullptr;
  std::string problem;
};

Library open(const std::string &path) {
  Library library;
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    library.problem = dlerror();
    return library;
  }
  auto get = [&](const char *name, auto &function) {
    void *address = dlsym(handle, name);
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(address);
    if (!address)
      library.problem = path + " lacks " + name;
  };
  get("nvJitLinkCreate", library.create);
  get("nvJitLinkDestroy", library.destroy);
  get("nvJitLinkAddData", library.add_data);
  get("nvJitLinkComplete", library.complete);
  get("nvJitLinkGetLinkedCubinSize", library.cubin_size);
  get("nvJitLinkGetLinkedCubin", library.cubin);
  get("nvJitLinkGetErrorLogSize", library.error_log_size);
  get("nvJitLinkGetErrorLog", library.error_log);
  get("nvJitLinkGetInfoLogSize", library.info_log_size);
  get("nvJitLinkGetInfoLog", library.info_log);
  return library;
}

/// The library, loaded once for each path and never closed.
const Library &load(const std::filesystem::path &path) {
  static std::mutex mutex;
  static auto *const loaded = new std::map<std::string, Library>;
  std::lock_guard lock(mutex);
  auto [it, fresh] = loaded->try_emplace(path.string());
  if (fresh)
    it->second = open(path.string());
  if (!it->second.problem.empty())
    throw CompileError("nvJitLink cannot be used: " + it->second.problem + "; KILN_ASSEMBLER=ptxas takes another");
  return it->second;
}

std::string read_log(void *handle, int (*size)(void *, std::size_t *), int (*read)(void *, char *)) {
  std::size_t bytes = 0;
  if (size(handle, &bytes) != 0 || bytes == 0)
    return "";
  std::string text(bytes, '\0');
  read(handle, text.data());
  text.resize(std::strlen(text.c_str()));
  return text;
}

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

} // namespace

Found assembler::find_nvjitlink() {
  if (std::string path = environment("KILN_NVJITLINK"); !path.empty())
    return is_file(path) ? Found{path, ""} : Found{{}, "nvJitLink: KILN_NVJITLINK names no file (" + path + ")"};
  std::vector<std::filesystem::path> places = directories(environment("LD_LIBRARY_PATH"));
  for (const std::filesystem::path &toolkit : toolkits()) {
    places.push_back(toolkit / "lib64");
    places.push_back(toolkit / "lib");
  }
  for (const char *directory : {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"})
    places.emplace_back(directory);
  for (const char *name : library_names)
    for (const std::filesystem::path &place : places)
      if (is_file(place / name))
        return {place / name, ""};
  // What only the dynamic linker knows of: its cache, or a copy that the program has loaded.
  for (const char *name : library_names)
    if (void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL))
      if (link_map *map = nullptr; dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0)
        return {map->l_name, ""};
  return {{},
          std::string("nvJitLink: no ") + library_names[0] + " or " + library_names[1] +
              " where libraries are looked for, nor in a CUDA toolkit (KILN_NVJITLINK names one)"};
}

std::string assembler::library_identity(const std::filesystem::path &path) {
  std::string id = build_id(path);
  if (!id.empty())
    return id;
  std::error_code error; // built without one; the full name has the version
  return std::filesystem::canonical(path, error).filename().string() + " of " +
         std::to_string(std::filesystem::file_size(path, error)) + " bytes";
}

std::string assembler::nvjitlink_identity(const std::filesystem::path &path) {
  static std::mutex mutex;
  static auto *const known = new std::map<std::string, std::string>;
  std::lock_guard lock(mutex);
  auto [it, fresh] = known->try_emplace(path.string());
  if (fresh)
    it->second = "nvjitlink " + library_identity(path);
  return it->second;
}

void assembler::assemble_with_nvjitlink(const std::filesystem::path &path, std::string_view ptx,
                                        const std::string &arch, Assembled &result) {
  const Library &library = load(path);
  const std::string target = "-arch=" + arch;
  // For PTX the library's own -fma=0 has no effect; what it hands to ptxas has.
  // Where there is a driver the library keeps what it has assembled, and then says nothing of spills and shared memory.
  std::array<const char *, 5> arguments = {target.c_str(), "-O3", "-verbose", "-Xptxas=--fmad=false", "-no-cache"};
  struct Guard {
    const Library &library;
    void *handle = nullptr;
    ~Guard() { library.destroy(&handle); }
  } guard{library};
  void *&handle = guard.handle;
  // After a failure there is a handle all the same: good for destroying, and for nothing else.
  int status = library.create(&handle, static_cast<unsigned>(arguments.size()), arguments.data());
  if (status == error_unrecognised_option) { // an older library, without this option
    library.destroy(&handle);
    status = library.create(&handle, static_cast<unsigned>(arguments.size() - 1), arguments.data());
  }
  if (status != 0) {
    const bool unknown = status == error_unrecognised_arch || status == error_unsupported_arch;
    refuse(result.assembler, arch,
           unknown ? "it does not know this architecture; a newer CUDA toolkit may"
                   : "it does not accept its options (error " + std::to_string(status) + ")");
  }

  // The text ends in a zero, which belongs to it here.
  const std::string text(ptx);
  status = library.add_data(handle, input_ptx, text.c_str(), text.size() + 1, "kernel");
  if (status == 0)
    status = library.complete(handle);
  std::size_t size = 0;
  if (status == 0)
    status = library.cubin_size(handle, &size);
  if (status == 0) {
    result.cubin.resize(size);
    status = library.cubin(handle, result.cubin.data());
  }
  if (status != 0) {
    std::string log = read_log(handle, library.error_log_size, library.error_log);
    refuse(result.assembler, arch, log.empty() ? "error " + std::to_string(status) : log);
  }
  result.log = read_log(handle, library.info_log_size, library.info_log);
}
