#include "benchmark/nvrtc.h"

#include "kiln/error.h"

#include <cstdlib>
#include <dlfcn.h>

namespace kiln::bench {
namespace {

// NVRTC's functions, which return 0 for success.
struct Nvrtc {
  int (*version)(int *major, int *minor) = nullptr;
  int (*create)(void **program, const char *source, const char *name, int headers, const char *const *texts,
                const char *const *names) = nullptr;
  int (*destroy)(void **program) = nullptr;
  int (*compile)(void *program, int options, const char *const *texts) = nullptr;
  int (*log_size)(void *program, std::size_t *size) = nullptr;
  int (*log)(void *program, char *text) = nullptr;
  int (*cubin_size)(void *program, std::size_t *size) = nullptr;
  int (*cubin)(void *program, char *bytes) = nullptr;
  std::string problem;

  Nvrtc() {
    void *library = open();
    if (!library)
      return;
    const auto get = [&](const char *name, auto &function) {
      void *address = dlsym(library, name);
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(address);
      if (!address)
        problem = std::string("NVRTC: the library lacks ") + name;
    };
    get("nvrtcVersion", version);
    get("nvrtcCreateProgram", create);
    get("nvrtcDestroyProgram", destroy);
    get("nvrtcCompileProgram", compile);
    get("nvrtcGetProgramLogSize", log_size);
    get("nvrtcGetProgramLog", log);
    get("nvrtcGetCUBINSize", cubin_size);
    get("nvrtcGetCUBIN", cubin);
  }

private:
  void *open() {
    if (const char *path = std::getenv("KILN_NVRTC")) {
      void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
      if (!library)
        problem = std::string("NVRTC: KILN_NVRTC names no library (") + dlerror() + ")";
      return library;
    }
    std::vector<std::string> directories{""}; // the dynamic linker's own
    for (const char *variable : {"CUDA_HOME", "CUDA_PATH"})
      if (const char *toolkit = std::getenv(variable))
        directories.push_back(std::string(toolkit) + "/lib64/");
    directories.emplace_back("/usr/local/cuda/lib64/");
    for (const char *name : {"libnvrtc.so.13", "libnvrtc.so.12"})
      for (const std::string &directory : directories)
        if (void *library = dlopen((directory + name).c_str(), RTLD_NOW | RTLD_LOCAL))
          return library;
    problem = "NVRTC: no libnvrtc.so.13 or libnvrtc.so.12 where libraries are looked for, nor in a CUDA toolkit "
              "(KILN_NVRTC names one)";
    return nullptr;
  }
};

/// Never closed.
const Nvrtc &nvrtc() {
  static const Nvrtc library;
  if (!library.problem.empty())
    throw Error(library.problem);
  return library;
}

} // namespace

std::string nvrtc_version() {
  int major = 0, minor = 0;
  if (nvrtc().version(&major, &minor) != 0)
    throw Error("NVRTC: it does not say its version");
  return std::to_string(major) + "." + std::to_string(minor);
}

std::vector<std::uint8_t> nvrtc_compile(const char *source, const std::string &arch,
                                        const std::vector<std::string> &defines) {
  const Nvrtc &library = nvrtc();
  std::vector<std::string> options{"--gpu-architecture=" + arch, "--std=c++17", "--use_fast_math"};
  for (const std::string &define : defines)
    options.push_back("-D" + define);
  std::vector<const char *> texts;
  for (const std::string &option : options)
    texts.push_back(option.c_str());

  void *program = nullptr;
  if (library.create(&program, source, "decode.cu", 0, nullptr, nullptr) != 0)
    throw Error("NVRTC: it makes no program");
  std::vector<std::uint8_t> cubin;
  int status = library.compile(program, int(texts.size()), texts.data());
  std::size_t size = 0;
  std::string log;
  if (status != 0) {
    library.log_size(program, &size);
    log.resize(size);
    library.log(program, log.data());
  } else {
    status = library.cubin_size(program, &size);
    cubin.resize(size);
    if (status == 0)
      status = library.cubin(program, reinterpret_cast<char *>(cubin.data()));
  }
  library.destroy(&program);
  if (status != 0)
    throw Error("NVRTC: error " + std::to_string(status) + " for " + arch + "\n" + log);
  return cubin;
}

} // namespace kiln::bench
