#include "kiln/runtime/log.h"

#include "kiln/runtime/environment.h"

#include <cstdio>
#include <iterator>

using namespace kiln;
using namespace kiln::runtime;

namespace {

constexpr std::string_view names[] = {"off", "error", "warn", "info", "debug"};

void write(LogLevel level, std::string_view text) {
  std::string line = "kiln: ";
  if (level == LogLevel::error)
    line += "error: ";
  if (level == LogLevel::warn)
    line += "warning: ";
  line += text;
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr); // which has no buffer: one call, one write
}

LogLevel level_of_environment() {
  LogLevel level = LogLevel::warn;
  const std::string text = environment("KILN_LOG");
  if (!text.empty() && !parse_log_level(text, level))
    write(LogLevel::warn, "KILN_LOG is '" + text + "', not off, error, warn, info or debug");
  return level;
}

} // namespace

bool runtime::parse_log_level(std::string_view text, LogLevel &level) {
  for (std::size_t i = 0; i < std::size(names); ++i)
    if (text == names[i]) {
      level = LogLevel(i);
      return true;
    }
  return false;
}

LogLevel runtime::log_level() {
  static const LogLevel level = level_of_environment();
  return level;
}

void runtime::log(LogLevel level, std::string_view text) noexcept {
  try {
    if (logs(level))
      write(level, text);
  } catch (...) { // there is no memory for the line, which is lost
  }
}
