#include "kiln/runtime/cuda_compiler.h"

#include "assembler/libraries.h"
#include "kiln/error.h"

#include <regex>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::assembler;

namespace {

constexpr LibraryNames library_names{"KILN_NVRTC",
                                     {"libnvrtc.so.13", "libnvrtc.so.12"},
                                     "; install NVRTC (the package cuda-nvrtc-13-0 or nvidia-cuda-nvrtc), or name the "
                                     "library in KILN_NVRTC"};

// NVRTC's functions, which return 0 for success.
struct Library : LoadedLibrary {
  int (*create)(void **program, const char *source, const char *name, int headers, const char *const *texts,
                const char *const *names) = nullptr;
  int (*destroy)(void **program) = nullptr;
  int (*compile)(void *program, int options, const char *const *texts) = nullptr;
  int (*log_size)(void *program, std::size_t *size) = nullptr;
  int (*log)(void *program, char *text) = nullptr;
  int (*ptx_size)(void *program, std::size_t *size) = nullptr;
  int (*ptx)(void *program, char *text) = nullptr;

  explicit Library(const std::filesystem::path &path) : LoadedLibrary(path) {
    get("nvrtcCreateProgram", create);
    get("nvrtcDestroyProgram", destroy);
    get("nvrtcCompileProgram", compile);
    get("nvrtcGetProgramLogSize", log_size);
    get("nvrtcGetProgramLog", log);
    get("nvrtcGetPTXSize", ptx_size);
    get("nvrtcGetPTX", ptx);
  }
};

const Library &load() {
  const Found found = find_library(library_names);
  if (found.path.empty())
    throw CompileError("error: CUDA C++ needs NVRTC, which was not found: " + found.problem);
  const auto &library = load_library<Library>(found.path);
  if (!library.problem.empty())
    throw CompileError("error: CUDA C++ needs NVRTC, which cannot be used: " + library.problem +
                       "; install another, or name one in KILN_NVRTC");
  return library;
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
    const std::string log = with_places(read_text(guard.program, library.log_size, library.log));
    throw CompileError(log.empty() ? "error: NVRTC refuses '" + name + "' for " + arch + " (error " +
                                         std::to_string(status) + ")"
                                   : log);
  }
  return read_text(guard.program, library.ptx_size, library.ptx);
}

std::string runtime::nvrtc_identity() {
  const Found found = find_library(library_names);
  return found.path.empty() ? "" : "nvrtc " + library_identity(found.path);
}
