// ptxas, in a process of its own.
#include "backends.h"

#include "kiln/error.h"

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <unistd.h>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::assembler;

namespace {

constexpr double version_time_limit = 20; // seconds; it takes milliseconds

/// A directory that only this user can look into, removed with all that is in it.
class PrivateDirectory {
public:
  PrivateDirectory() {
    std::error_code error;
    std::filesystem::path base = std::filesystem::temp_directory_path(error);
    std::string pattern = ((error ? "/tmp" : base) / "kiln-ptxas-XXXXXX").string();
    if (!mkdtemp(pattern.data()))
      throw CompileError("cannot make a temporary directory " + pattern + ": " + std::strerror(errno) +
                         "; TMPDIR names another place");
    path_ = pattern;
  }
  ~PrivateDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  PrivateDirectory(const PrivateDirectory &) = delete;
  PrivateDirectory &operator=(const PrivateDirectory &) = delete;

  const std::filesystem::path &path() const { return path_; }

private:
  std::filesystem::path path_;
};

void write_file(const std::filesystem::path &path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (!file)
    throw CompileError("cannot write " + path.string() + ": " + std::strerror(errno));
}

} // namespace

Found assembler::find_ptxas() {
  auto usable = [](const std::filesystem::path &path) { return is_file(path) && access(path.c_str(), X_OK) == 0; };
  if (std::string path = environment("KILN_PTXAS"); !path.empty())
    return usable(path) ? Found{path, ""} : Found{{}, "ptxas: KILN_PTXAS names no program (" + path + ")"};
  for (const std::filesystem::path &directory : directories(environment("PATH")))
    if (usable(directory / "ptxas"))
      return {directory / "ptxas", ""};
  for (const std::filesystem::path &toolkit : toolkits())
    if (usable(toolkit / "bin" / "ptxas"))
      return {toolkit / "bin" / "ptxas", ""};
  return {{}, "ptxas: no such program on PATH, nor in a CUDA toolkit (KILN_PTXAS names one)"};
}

std::string assembler::ptxas_identity(const std::filesystem::path &path) {
  static std::mutex mutex;
  static auto *const known = new std::map<std::string, std::string>;
  std::lock_guard lock(mutex);
  if (auto it = known->find(path.string()); it != known->end())
    return it->second;
  // "Cuda compilation tools, release 13.0, V13.0.88"
  const ProcessResult process = run(path, {"--version"}, version_time_limit);
  std::string identity;
  if (std::size_t begin = process.output.find(", V"); begin != std::string::npos)
    identity = "ptxas " + process.output.substr(begin + 3, process.output.find_first_of(" \n", begin + 3) - begin - 3);
  // What keeps it from answering, memory or file descriptors that are short, may be over the next time.
  if (process.status == 0 && !process.timed_out)
    known->emplace(path.string(), identity);
  return identity;
}

void assembler::assemble_with_ptxas(const std::filesystem::path &path, std::string_view ptx, const std::string &arch,
                                    double time_limit, Assembled &result) {
  const PrivateDirectory directory;
  const std::filesystem::path input = directory.path() / "kernel.ptx", output = directory.path() / "kernel.cubin";
  write_file(input, ptx);
  const std::vector<std::string> arguments = {"-arch=" + arch, "-O3", "-v",           "--fmad=false",
                                              input.string(),  "-o",  output.string()};
  ProcessResult process = run(path, arguments, time_limit);
  // The name of a file that is gone helps nobody, and it differs from run to run.
  for (std::size_t at; (at = process.output.find(input.string())) != std::string::npos;)
    process.output.replace(at, input.string().size(), "kernel.ptx");

  if (process.timed_out)
    refuse(result.assembler, arch,
           "it did not end within " + std::to_string(static_cast<long>(time_limit)) + " s and was stopped\n" +
               process.output);
  std::ifstream file(output, std::ios::binary);
  result.cubin.assign(std::istreambuf_iterator<char>(file), {});
  if (process.status != 0 || result.cubin.empty())
    refuse(result.assembler, arch,
           !process.output.empty() ? process.output
           : process.status > 128  ? "it was ended by signal " + std::to_string(process.status - 128)
                                   : "it ended with status " + std::to_string(process.status));
  result.log = std::move(process.output);
}
