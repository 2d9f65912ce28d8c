#include "jit/dump.h"

#include "kiln/runtime/environment.h"
#include "kiln/runtime/log.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>
#include <utility>

using namespace kiln::jit;
using kiln::runtime::environment;
using kiln::runtime::LogLevel;

namespace {

constexpr llvm::StringLiteral all_stages[] = {"tile",   "loops", "tile_gpu", "threads", "llvm",
                                              "llvmir", "asm",   "ptx",      "cubin",   "report"};

/// Tells each value of a variable once, so that what is wrong with it is said once.
class Change {
public:
  bool operator()(const std::string &value) {
    std::lock_guard lock(mutex_);
    return std::exchange(last_, value) != value;
  }

private:
  std::mutex mutex_;
  std::string last_;
};

/// What KILN_DUMP asks for. Says so, once for each of its values, where there is no such stage.
llvm::SmallVector<std::string> asked_for() {
  const std::string list = environment("KILN_DUMP");
  llvm::SmallVector<llvm::StringRef> names;
  llvm::StringRef(list).split(names, ',', -1, /*KeepEmpty=*/false);
  static Change is_new;
  if (is_new(list))
    for (llvm::StringRef name : names)
      if (name != "all" && !llvm::is_contained(all_stages, name))
        kiln::runtime::log(LogLevel::warn, "KILN_DUMP: there is no stage '" + name.str() + "': there are " +
                                               llvm::join(llvm::ArrayRef(all_stages), ", ") + ", and all");
  return {names.begin(), names.end()};
}

bool wanted(llvm::StringRef stage) {
  const llvm::SmallVector<std::string> stages = asked_for();
  return llvm::is_contained(stages, stage) || llvm::is_contained(stages, "all");
}

/// "decode{64, 4}" becomes "decode-64-4".
std::string base_name(const Subject &subject) {
  std::string name;
  for (char c : subject.kernel + subject.config) {
    bool plain = llvm::isAlnum(c) || c == '_' || c == '.';
    if (plain)
      name += c;
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  while (!name.empty() && name.back() == '-')
    name.pop_back();
  return name;
}

/// "decode-64-4.tile.mlir", "decode-64-4.sm_90a.ptx", "decode-64-4.generic.sm_90a.ptx",
/// "decode-64-4.emulated.sm_90a.asm.s".
std::string file_name(llvm::StringRef stage, const Subject &subject) {
  std::string name = base_name(subject);
  if (subject.variant == Variant::generic)
    name += ".generic";
  if (subject.emulated)
    name += ".emulated";
  if (!subject.arch.empty())
    name += "." + subject.arch;
  if (stage == "ptx" || stage == "cubin")
    return name + "." + stage.str();
  const char *extension = stage == "asm" ? ".s" : stage == "llvmir" ? ".ll" : stage == "report" ? ".txt" : ".mlir";
  return name + "." + stage.str() + extension;
}

std::string override_path(llvm::StringRef stage, const Subject &subject) {
  const std::string directory = environment("KILN_OVERRIDE_DIR");
  if (directory.empty())
    return {};
  static Change is_new;
  if (is_new(directory) && !llvm::sys::fs::is_directory(directory))
    kiln::runtime::log(LogLevel::warn, "KILN_OVERRIDE_DIR: there is no directory " + directory);
  return directory + "/" + file_name(stage, subject);
}

} // namespace

bool kiln::jit::dumping() { return !asked_for().empty(); }

void kiln::jit::dump(llvm::StringRef stage, llvm::StringRef text, const Subject &subject) {
  if (!wanted(stage))
    return;
  static std::mutex mutex; // kernels are compiled in parallel; their texts are printed one after another
  std::lock_guard lock(mutex);
  std::string directory = environment("KILN_DUMP_DIR");
  if (directory.empty() && stage == "cubin")
    return;
  if (directory.empty()) {
    llvm::errs() << "// kiln: " << stage << " of '" << subject.kernel << "' with " << subject.config << "\n"
                 << text << "\n";
    llvm::errs().clear_error(); // else the process would end with status 1 where nobody reads this
    return;
  }
  std::error_code error = llvm::sys::fs::create_directories(directory);
  std::string path = directory + "/" + file_name(stage, subject);
  if (!error) {
    llvm::raw_fd_ostream file(path, error);
    if (!error) {
      file << text;
      file.close();
      error = file.error();
      file.clear_error(); // else its end would end the process
    }
  }
  if (error)
    runtime::log(LogLevel::error, "KILN_DUMP_DIR: cannot write " + path + ": " + error.message());
}

std::optional<std::string> kiln::jit::override_for(llvm::StringRef stage, const Subject &subject) {
  const std::string path = override_path(stage, subject);
  if (path.empty() || !llvm::sys::fs::exists(path))
    return std::nullopt;
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    throw CompileError("error: KILN_OVERRIDE_DIR: cannot read " + path + ": " + file.getError().message());
  runtime::log(LogLevel::warn,
               stage.str() + " of '" + subject.kernel + "' with " + subject.config + " is taken from " + path);
  return (*file)->getBuffer().str();
}

bool kiln::jit::overridden(const Subject &subject) {
  return llvm::any_of(overridable_stages, [&](llvm::StringRef stage) {
    const std::string path = override_path(stage, subject);
    return !path.empty() && llvm::sys::fs::exists(path);
  });
}
