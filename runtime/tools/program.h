// What the command-line tools of the runtime share.
#pragma once

#include "kiln/version.h"

#include <cstdint>
#include <cstdio>
#include <string>

namespace kiln::tools {

/// A program, by the name that its messages begin with. Its functions return exit statuses.
struct Program {
  const char *name;
  const char *usage; ///< with a newline at the end

  int help() const {
    std::fputs(usage, stdout);
    return 0;
  }
  int version() const {
    std::printf("Kiln %s\n", kiln::version());
    return 0;
  }
  int failure(const std::string &message) const {
    std::fprintf(stderr, "%s: %s\n", name, message.c_str());
    return 1;
  }
  int usage_error(const std::string &message) const {
    std::fprintf(stderr, "%s: %s\n%s", name, message.c_str(), usage);
    return 2;
  }
  /// The last thing that main() does.
  int finish(int status) const {
    return std::fflush(stdout) != 0 || std::ferror(stdout) ? failure("cannot write the output") : status;
  }
};

/// The same for a program that says by itself what else fails.
inline int finish(const char *name, int status) { return status == 0 ? Program{name, ""}.finish(0) : status; }

/// "1 byte", "2 bytes"
inline std::string count(std::uint64_t number, const char *singular, const char *plural) {
  return std::to_string(number) + " " + (number == 1 ? singular : plural);
}

} // namespace kiln::tools
