// NVIDIA's linker library, which contains ptxas.
#include "backends.h"

#include "kiln/error.h"

#include <array>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::assembler;

namespace {

constexpr LibraryNames library_names{
    "KILN_NVJITLINK", {"libnvJitLink.so.13", "libnvJitLink.so.12"}, " (KILN_NVJITLINK names one)"};

// nvJitLink's functions, which return 0 for success, and its values.
constexpr int input_ptx = 2;
constexpr int error_unrecognised_option = 1, error_unrecognised_arch = 16, error_unsupported_arch = 17;

struct Library : LoadedLibrary {
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

  explicit Library(const std::filesystem::path &path) : LoadedLibrary(path) {
    get("nvJitLinkCreate", create);
    get("nvJitLinkDestroy", destroy);
    get("nvJitLinkAddData", add_data);
    get("nvJitLinkComplete", complete);
    get("nvJitLinkGetLinkedCubinSize", cubin_size);
    get("nvJitLinkGetLinkedCubin", cubin);
    get("nvJitLinkGetErrorLogSize", error_log_size);
    get("nvJitLinkGetErrorLog", error_log);
    get("nvJitLinkGetInfoLogSize", info_log_size);
    get("nvJitLinkGetInfoLog", info_log);
  }
};

const Library &load(const std::filesystem::path &path) {
  const auto &library = load_library<Library>(path);
  if (!library.problem.empty())
    throw CompileError("nvJitLink cannot be used: " + library.problem + "; KILN_ASSEMBLER=ptxas takes another");
  return library;
}

} // namespace

Found assembler::find_nvjitlink() {
  Found found = find_library(library_names);
  if (found.path.empty())
    found.problem = "nvJitLink: " + found.problem;
  return found;
}

std::string assembler::nvjitlink_identity(const std::filesystem::path &path) {
  return "nvjitlink " + library_identity(path);
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
    std::string log = read_text(handle, library.error_log_size, library.error_log);
    refuse(result.assembler, arch, log.empty() ? "error " + std::to_string(status) : log);
  }
  result.log = read_text(handle, library.info_log_size, library.info_log);
}
