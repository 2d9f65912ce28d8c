// Runs a fuzz target over files: those that are named, and those in the folders that are.
#include "fuzzer.h"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace fs = std::filesystem;

int main(int argc, char **argv) {
  int count = 0;
  const auto replay = [&](const fs::path &path) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size());
    ++count;
  };
  for (int i = 1; i < argc; ++i)
    if (fs::is_directory(argv[i]))
      for (const fs::directory_entry &entry : fs::directory_iterator(argv[i]))
        replay(entry.path());
    else
      replay(argv[i]);
  std::printf("%d inputs\n", count);
  return count == 0; // an empty corpus tests nothing
}
