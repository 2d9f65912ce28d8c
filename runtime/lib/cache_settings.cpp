#include "kiln/runtime/disk_cache.h"

#include "kiln/runtime/environment.h"

#include <filesystem>

using namespace kiln;
using namespace kiln::runtime;

namespace {

/// "4096", "512K", "64M", "2G", "1T".
std::optional<std::uint64_t> parse_size(std::string_view text) {
  unsigned shift = 0;
  if (!text.empty())
    switch (text.back()) {
    case 'K':
      shift = 10;
      break;
    case 'M':
      shift = 20;
      break;
    case 'G':
      shift = 30;
      break;
    case 'T':
      shift = 40;
      break;
    }
  if (shift)
    text.remove_suffix(1);
  if (text.empty() || text.size() > 18) // 10^18 fits into 64 bits
    return std::nullopt;
  std::uint64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9')
      return std::nullopt;
    value = 10 * value + static_cast<std::uint64_t>(c - '0');
  }
  if (value > (UINT64_MAX >> shift))
    return std::nullopt;
  return value << shift;
}

std::string find_directory() {
  if (std::string directory = unprivileged_environment("KILN_CACHE_DIR"); !directory.empty()) {
    std::error_code ignored; // then the path stays relative, which serves as well until the program changes directory
    std::filesystem::path absolute = std::filesystem::absolute(directory, ignored);
    return absolute.empty() ? directory : absolute.string();
  }
  if (std::string base = unprivileged_environment("XDG_CACHE_HOME");
      base.starts_with('/')) // relative ones are invalid, says XDG
    return base + "/kiln";
  if (std::string home = unprivileged_environment("HOME"); home.starts_with('/'))
    return home + "/.cache/kiln";
  return {};
}

} // namespace

CacheSettings CacheSettings::from_environment() {
  CacheSettings settings;
  const auto misunderstand = [&](std::string why) {
    settings.off = std::move(why);
    settings.misunderstood = true;
  };
  settings.directory = find_directory();
  if (settings.directory.empty())
    settings.off = "there is no place for a cache: none of KILN_CACHE_DIR, XDG_CACHE_HOME and HOME is set";
  if (std::string size = unprivileged_environment("KILN_CACHE_SIZE"); !size.empty()) {
    if (std::optional<std::uint64_t> bytes = parse_size(size))
      settings.max_bytes = *bytes;
    else
      misunderstand("KILN_CACHE_SIZE is '" + size + "', not a number of bytes such as 512M or 2G");
  }
  std::string mode = unprivileged_environment("KILN_CACHE");
  if (mode == "off" || mode == "0") {
    settings.off = "KILN_CACHE turns it off";
    settings.misunderstood = false;
  } else if (!mode.empty() && mode != "on" && mode != "1") {
    misunderstand("KILN_CACHE is '" + mode + "', neither on nor off");
  }
  return settings;
}
