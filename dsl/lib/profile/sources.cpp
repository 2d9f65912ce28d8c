#include "profile/sources.h"

#include "llvm/Support/ConvertUTF.h"

#include <filesystem>
#include <fstream>

using namespace kiln;
using namespace kiln::profile;

std::string profile::printable(std::string text) {
  const auto *bytes = reinterpret_cast<const llvm::UTF8 *>(text.data());
  const bool is_utf8 = llvm::isLegalUTF8String(&bytes, bytes + text.size());
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\t')
      result += "  ";
    else if (byte < ' ' || byte == 127 || (byte > 127 && !is_utf8))
      result += '?';
    else
      result += c;
  }
  return result;
}

std::string profile::shown_name(const std::string &file) {
  std::size_t begin = 0;
  while (file.compare(begin, 3, "../") == 0)
    begin += 3;
  return printable(file.substr(begin));
}

const std::vector<std::string> &Sources::lines(const std::string &file) {
  const auto [entry, is_new] = files_.try_emplace(file);
  std::vector<std::string> &lines = entry->second;
  if (!is_new || file.empty())
    return lines;
  for (const std::string &directory : directories_) {
    std::filesystem::path path = std::filesystem::path(directory) / file; // an absolute name stands alone
    std::error_code missing;
    if (!std::filesystem::is_regular_file(path, missing))
      path = std::filesystem::path(directory) / shown_name(file);
    if (!std::filesystem::is_regular_file(path, missing))
      continue;
    std::ifstream stream(path, std::ios::binary);
    for (std::string line; std::getline(stream, line);) {
      if (line.ends_with('\r'))
        line.pop_back();
      lines.push_back(printable(std::move(line)));
    }
    if (!lines.empty())
      break;
  }
  return lines;
}

const std::string &Sources::line(const std::string &file, unsigned number) {
  static const std::string none;
  const std::vector<std::string> &all = lines(file);
  return number >= 1 && number <= all.size() ? all[number - 1] : none;
}
