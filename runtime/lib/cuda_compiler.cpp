#include "kiln/runtime/cuda_compiler.h"

#include "assembler/backends.h"
#include "kiln/error.h"

#include <array>
#include <cstring>
#include <dlfcn.h>
#include <link.h>
#include <map>
#include <mutex>
#include <regex>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::assembler;

namespace {

constexpr std::array<const char *, 2> library_names = {"libnvrtc.so.13", "libnvrtc.so.12"};

// NVRTC's functions, which return 0 for success.
struct Library {
  int (*create)(void **program, const char *source, const char *name, int headers, const char *const *texts,
                const char *const *names) = nullptr;
  int (*destroy)(void **program) = nullptr;
  int (*compile)(void *program, int options, const char *const *texts) = nullptr;
  int (*log_size)(void *program, std::size_t *size) = nullptr;
  int (*log)(void *program, char *text) = nullptr;
  int (*ptx_size)(void *program, std::size_t *size) = nullptr;
  int (*ptx)(void *program, char *text) = nullptr;
  std::string problem;
};

Found find() {
  if (std::string path = environment("KILN_NVRTC"); !path.empty())
    return is_file(path) ? Found{path, ""} : Found{{}, "KILN_NVRTC names no file (" + path + ")"};
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
          std::string("no ") + library_names[0] + " or " + library_names[1] +
              " where libraries are looked for, nor in a CUDA toolkit; install NVRTC (the package cuda-nvrtc-13-0 or "
              "nvidia-cuda-nvrtc), or name the library in KILN_NVRTC"};
}

Library open(const std::filesystem::path &path) {
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
      library.problem = path.string() + " lacks " + name;
  };
  get("nvrtcCreateProgram", library.create);
  get("nvrtcDestroyProgram", library.destroy);
  get("nvrtcCompileProgram", library.compile);
  get("nvrtcGetProgramLogSize", library.log_size);
  get("nvrtcGetProgramLog", library.log);
  get("nvrtcGetPTXSize", library.ptx_size);
  get("nvrtcGetPTX", library.ptx);
  return library;
}

/// The library, loaded once for each path and never closed.
const Library &load() {
  static std::mutex mutex;
  static auto *const loaded = new std::map<std::string, Library>;
  const Found found = find();
  if (found.path.empty())
    throw CompileError("error: CUDA C++ needs NVRTC, which was not found: " + found.problem);
  std::lock_guard lock(mutex);
  auto [it, fresh] = loaded->try_emplace(found.path.string());
  if (fresh)
    it->second = open(found.path);
  if (!it->second.problem.empty())
    throw CompileError("error: CUDA C++ needs NVRTC, which cannot be used: " + it->second.problem +
                       "; install another, or name one in KILN_NVRTC");
  return it->second;
}

std::string read(void *program, int (*size)(void *, std::size_t *), int (*text)(void *, char *)) {
  std::size_t bytes = 0;
  if (size(program, &bytes) != 0 || bytes == 0)
    return "";
  std::string result(bytes, '\0');
  text(program, result.data());
  result.resize(std::strlen(result.c_str()));
  return result;
}

/// "file(12): error: ..." as all of Kiln's messages name places, "file:12: error: ...".
std::string with_places(const std::string &log) {
  static const std::regex place(R"((^|\n)([^\n(]+)\((\d+)\): )", std::regex::optimize);
  std::string result = std::regex_replace(log, place, "$1$2:$3: ");
  while (!result.empty() && result.back() == '\n')
    result.pop_back();
  return result;
}

} // namespace

std::string runtime::compile_cuda(const std::string &source, const std::string &name, const std::string &arch,
                                  const CudaOptions &options) {
  const Library &library = load();
  std::vector<std::string> arguments{"--gpu-architecture=" + arch, "--relocatable-device-code=true"};
  arguments.insert(arguments.end(), options.options.begin(), options.options.end());
  for (const std::filesystem::path &toolkit : toolkits())
    if (is_file(toolkit / "include" / "cuda_fp16.h")) {
      arguments.push_back("-I" + (toolkit / "include").string());
      break;
    }
  std::vector<const char *> texts, header_texts, header_names;
  for (const std::string &argument : arguments)
    texts.push_back(argument.c_str());
  for (const auto &[header, text] : options.headers) {
    header_names.push_back(header.c_str());
    header_texts.push_back(text.c_str());
  }

  struct Guard {
    const Library &library;
    void *program = nullptr;
    ~Guard() {
      if (program)
        library.destroy(&program);
    }
  } guard{library};
  if (library.create(&guard.program, source.c_str(), name.c_str(), static_cast<int>(header_texts.size()),
                     header_texts.data(), header_names.data()) != 0)
    throw CompileError("error: NVRTC makes no program of '" + name + "'");
  const int status = library.compile(guard.program, static_cast<int>(texts.size()), texts.data());
  if (status != 0) {
    const std::string log = with_places(read(guard.program, library.log_size, library.log));
    throw CompileError(log.empty() ? "error: NVRTC refuses '" + name + "' for " + arch + " (error " +
                                         std::to_string(status) + ")"
                                   : log);
  }
  return read(guard.program, library.ptx_size, library.ptx);
}

std::string runtime::nvrtc_identity() {
  static std::mutex mutex;
  static auto *const known = new std::map<std::string, std::string>;
  const Found found = find();
  if (found.path.empty())
    return "";
  std::lock_guard lock(mutex);
  auto [it, fresh] = known->try_emplace(found.path.string());
  if (fresh)
    it->second = "nvrtc " + library_identity(found.path);
  return it->second;
}
