#include "kiln/runtime/cuda_compiler.h"

#include "assembler/libraries.h"
#include "kiln/error.h"

#include <memory>
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
  int (*version)(int *major, int *minor) = nullptr;
  int (*create)(void **program, const char *source, const char *name, int headers, const char *const *texts,
                const char *const *names) = nullptr;
  int (*destroy)(void **program) = nullptr;
  int (*compile)(void *program, int options, const char *const *texts) = nullptr;
  int (*log_size)(void *program, std::size_t *size) = nullptr;
  int (*log)(void *program, char *text) = nullptr;
  int (*ptx_size)(void *program, std::size_t *size) = nullptr;
  int (*ptx)(void *program, char *text) = nullptr;
  int (*cubin_size)(void *program, std::size_t *size) = nullptr;
  int (*cubin)(void *program, char *bytes) = nullptr;

  explicit Library(const std::filesystem::path &path) : LoadedLibrary(path) {
    get("nvrtcVersion", version);
    get("nvrtcCreateProgram", create);
    get("nvrtcDestroyProgram", destroy);
    get("nvrtcCompileProgram", compile);
    get("nvrtcGetProgramLogSize", log_size);
    get("nvrtcGetProgramLog", log);
    get("nvrtcGetPTXSize", ptx_size);
    get("nvrtcGetPTX", ptx);
    get("nvrtcGetCUBINSize", cubin_size);
    get("nvrtcGetCUBIN", cubin);
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
  // Never destroyed: device functions may be compiled after static destructors have begun.
  static const std::regex &place = *new std::regex(R"((^|\n)([^\n(]+)\((\d+)\): )", std::regex::optimize);
  std::string result = std::regex_replace(log, place, "$1$2:$3: ");
  while (!result.empty() && result.back() == '\n')
    result.pop_back();
  return result;
}

/// A source that has been compiled.
class Program {
public:
  Program(const std::string &source, const std::string &name, const std::string &arch, const CudaOptions &options,
          std::vector<std::string> arguments) {
    arguments.push_back("--gpu-architecture=" + arch);
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
    void *program = nullptr;
    if (library.create(&program, source.c_str(), name.c_str(), static_cast<int>(header_texts.size()),
                       header_texts.data(), header_names.data()) != 0)
      throw CompileError("error: NVRTC makes no program of '" + name + "'");
    program_.reset(program);
    const int status = library.compile(program, static_cast<int>(texts.size()), texts.data());
    if (status == 0)
      return;
    const std::string log = with_places(read_text(program, library.log_size, library.log));
    throw CompileError(log.empty() ? "error: NVRTC refuses '" + name + "' for " + arch + " (error " +
                                         std::to_string(status) + ")"
                                   : log);
  }

  const Library &library = load();
  void *get() const { return program_.get(); }

private:
  struct Destroy {
    const Library &library;
    void operator()(void *program) const { library.destroy(&program); }
  };
  std::unique_ptr<void, Destroy> program_{nullptr, Destroy{library}};
};

} // namespace

std::string runtime::compile_cuda(const std::string &source, const std::string &name, const std::string &arch,
                                  const CudaOptions &options) {
  const Program program(source, name, arch, options, {"--relocatable-device-code=true"});
  return read_text(program.get(), program.library.ptx_size, program.library.ptx);
}

std::vector<std::uint8_t> runtime::compile_cuda_binary(const std::string &source, const std::string &name,
                                                       const std::string &arch, const CudaOptions &options) {
  const Program program(source, name, arch, options, {});
  std::size_t bytes = 0;
  int status = program.library.cubin_size(program.get(), &bytes);
  std::vector<std::uint8_t> cubin(bytes);
  if (status == 0)
    status = program.library.cubin(program.get(), reinterpret_cast<char *>(cubin.data()));
  if (status != 0)
    throw CompileError("error: NVRTC has no machine code of '" + name + "' for " + arch + " (error " +
                       std::to_string(status) + ")");
  return cubin;
}

std::string runtime::nvrtc_version() {
  int major = 0, minor = 0;
  if (load().version(&major, &minor) != 0)
    throw CompileError("error: NVRTC does not tell its version");
  return std::to_string(major) + "." + std::to_string(minor);
}

std::string runtime::nvrtc_identity() {
  const Found found = find_library(library_names);
  return found.path.empty() ? "" : "nvrtc " + library_identity(found.path);
}
