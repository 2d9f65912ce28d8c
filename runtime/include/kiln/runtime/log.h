// What Kiln writes to standard error. KILN_LOG says how much.
#pragma once

#include "kiln/export.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace kiln::runtime {

enum class LogLevel : std::uint8_t {
  off,
  error, ///< what failed, with no caller to tell: a dump that cannot be written, a callback that throws
  warn,  ///< what goes on, though not as the environment asked; code that is taken from KILN_OVERRIDE_DIR
  info,  ///< each compile, with its times; those that take long, while they do; each step of tuning
  debug, ///< each launch; what of the machine is used: driver, assembler, cache
};

/// "off", "error", "warn", "info" or "debug"; nothing else.
KILN_API bool parse_log_level(std::string_view text, LogLevel &level);

/// What KILN_LOG says, read once; `warn` where it says nothing.
KILN_API LogLevel log_level();

inline bool logs(LogLevel level) { return level <= log_level(); }

/// Writes "kiln: " and the text - with "error: " or "warning: " in front of it at these levels - as one piece, where
/// the level is logged. Never throws.
KILN_API void log(LogLevel level, std::string_view text) noexcept;

} // namespace kiln::runtime
