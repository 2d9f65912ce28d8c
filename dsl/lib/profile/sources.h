// The text of kernels' source files.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace kiln::profile {

/// Files, each read once, from the first of some directories that has it.
class Sources {
public:
  explicit Sources(std::vector<std::string> directories) : directories_(std::move(directories)) {}

  /// The lines of a file, which is looked for as it was compiled and as it is shown; none where it cannot be read. Tabs
  /// are two spaces; what is not UTF-8 or does not print is
  /// '?'.
  const std::vector<std::string> &lines(const std::string &file);
  /// A line, the first being 1; empty where there is none.
  const std::string &line(const std::string &file, unsigned number);

private:
  std::vector<std::string> directories_;
  std::map<std::string, std::vector<std::string>> files_;
};

/// Text that prints and is UTF-8.
std::string printable(std::string text);

/// The name of a file as it is shown: of one that was compiled as "../../kernels/k.h", "kernels/k.h".
std::string shown_name(const std::string &file);

} // namespace kiln::profile
