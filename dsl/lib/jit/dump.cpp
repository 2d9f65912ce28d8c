#include "jit/dump.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <mutex>

using namespace kiln::jit;

namespace {

std::string environment(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

bool wanted(llvm::StringRef stage) {
  std::string list = environment("KILN_DUMP");
  llvm::SmallVector<llvm::StringRef> stages;
  llvm::StringRef(list).split(stages, ',');
  return llvm::is_contained(stages, stage) || llvm::is_contained(stages, "all");
}

/// "decode{64, 4}" becomes "decode-64-4".
std::string file_name(const Subject &subject) {
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

const char *extension(llvm::StringRef stage) { return stage == "asm" ? "s" : stage == "llvmir" ? "ll" : "mlir"; }

} // namespace

bool kiln::jit::dumping() { return !environment("KILN_DUMP").empty(); }

void kiln::jit::dump(llvm::StringRef stage, llvm::StringRef text, const Subject &subject) {
  if (!wanted(stage))
    return;
  static std::mutex mutex; // kernels are compiled in parallel; their texts are printed one after another
  std::lock_guard lock(mutex);
  std::string directory = environment("KILN_DUMP_DIR");
  if (directory.empty()) {
    llvm::errs() << "// kiln: " << stage << " of '" << subject.kernel << "' with " << subject.config << "\n"
                 << text << "\n";
    return;
  }
  std::error_code error = llvm::sys::fs::create_directories(directory);
  std::string path = directory + "/" + file_name(subject) + "." + stage.str() + "." + extension(stage);
  if (!error) {
    llvm::raw_fd_ostream file(path, error);
    if (!error)
      file << text;
  }
  if (error)
    llvm::errs() << "kiln: KILN_DUMP_DIR: cannot write " << path << ": " << error.message() << "\n";
}
