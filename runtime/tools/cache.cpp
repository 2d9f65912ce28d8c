// kiln-cache: looks after the cache of compiled kernels and tuning on disk.
#include "program.h"

#include "kiln/runtime/disk_cache.h"

#include <charconv>
#include <cstdio>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

using namespace kiln::runtime;
using namespace kiln::tools;

namespace {

using State = CacheEntry::State;

constexpr Program program{"kiln-cache",
                          "usage: kiln-cache list                       what it holds, the most recently used first\n"
                          "       kiln-cache show KEY                   one of them; the first digits of its key do\n"
                          "       kiln-cache verify                     reads all; status 1 if one is damaged\n"
                          "       kiln-cache clear [--older-than DAYS]  removes all, or those not used for so long\n"
                          "       kiln-cache stats                      where it is and how large\n"
                          "       kiln-cache path                       where it is\n"
                          "KILN_CACHE_DIR or XDG_CACHE_HOME say where, KILN_CACHE_SIZE how large it may grow.\n"};

/// In one line, whatever an entry's author put into it.
std::string printable(std::string text) {
  for (char &c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 127)
      c = '?';
  return text;
}

std::string format_bytes(std::uint64_t bytes) {
  static constexpr const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1023.95 && unit + 1 < std::size(units); ++unit)
    value /= 1024;
  char text[32];
  std::snprintf(text, sizeof(text), unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
  return text;
}

/// To the hour, for use is not noted more often.
std::string format_age(std::int64_t used) {
  std::int64_t seconds = std::time(nullptr) - used;
  if (seconds < 3600)
    return "under an hour ago";
  if (seconds < 48 * 3600)
    return count(static_cast<std::uint64_t>(seconds / 3600), "hour ago", "hours ago");
  return count(static_cast<std::uint64_t>(seconds / 86400), "day ago", "days ago");
}

std::string path_of(const DiskCache &cache, const CacheKey &key) {
  return cache.settings().directory + "/" + to_hex(key) + ".kiln";
}

std::string describe_parameters(const KernelImage &image) {
  static constexpr const char *kinds[] = {"pointer", "i", "f", "bool"};
  std::string text;
  for (const KernelParameter &parameter : image.parameters) {
    text += text.empty() ? "" : ", ";
    text += kinds[static_cast<unsigned>(parameter.kind)];
    if (parameter.kind == ParameterKind::integer || parameter.kind == ParameterKind::floating)
      text += std::to_string(8 * parameter.bytes);
  }
  return text.empty() ? "none" : text;
}

int list(const DiskCache &cache) {
  std::vector<CacheFile> files = cache.files();
  if (files.empty()) {
    std::printf("nothing in %s\n", cache.settings().directory.c_str());
    return 0;
  }
  std::printf("%-12s  %-28s  %-8s  %10s  %-17s  %s\n", "KEY", "KERNEL", "ARCH", "SIZE", "USED", "CONFIG");
  for (const CacheFile &file : files) {
    CacheEntry entry = cache.inspect(file.key);
    if (entry.state == State::absent) // gone in the meantime
      continue;
    std::string name = "?", arch = "?", config = "unusable: " + entry.fault;
    if (entry.image) {
      name = printable(entry.image->name);
      arch = printable(entry.image->arch);
      config = printable(entry.image->config);
    } else if (entry.tuning) {
      name = printable(entry.tuning->kernel);
      arch = "tuning";
      config = printable(entry.tuning->problem + " on " + entry.tuning->device);
    }
    std::printf("%-12s  %-28s  %-8s  %10s  %-17s  %s\n", to_hex(file.key).substr(0, 12).c_str(), name.c_str(),
                arch.c_str(), format_bytes(file.bytes).c_str(), format_age(file.used).c_str(), config.c_str());
  }
  return 0;
}

int show(const DiskCache &cache, std::string_view prefix) {
  if (prefix.empty() || prefix.find_first_not_of("0123456789abcdef") != std::string_view::npos)
    return program.usage_error("'" + std::string(prefix) + "' is no key: hexadecimal digits are, as list prints them");
  std::vector<CacheFile> matches;
  for (const CacheFile &file : cache.files())
    if (to_hex(file.key).starts_with(prefix))
      matches.push_back(file);
  if (matches.empty())
    return program.failure("no key begins with " + std::string(prefix));
  if (matches.size() > 1)
    return program.failure(std::to_string(matches.size()) + " keys begin with " + std::string(prefix) +
                           ": give more digits");

  const CacheFile &file = matches.front();
  CacheEntry entry = cache.inspect(file.key);
  std::printf("key         %s\n", to_hex(file.key).c_str());
  std::printf("file        %s, %s\n", path_of(cache, file.key).c_str(), format_bytes(file.bytes).c_str());
  std::printf("used        %s\n", format_age(file.used).c_str());
  if (entry.tuning) {
    std::printf("tuning of   %s\n", printable(entry.tuning->kernel).c_str());
    std::printf("problem     %s\n", printable(entry.tuning->problem).c_str());
    std::printf("device      %s\n", printable(entry.tuning->device).c_str());
    std::printf("\n%s", entry.tuning->results.c_str());
    return 0;
  }
  if (!entry.image)
    return program.failure("the entry is unusable: " + entry.fault);
  const KernelImage &image = *entry.image;
  std::printf("kernel      %s\n", printable(image.name).c_str());
  std::printf("config      %s\n", printable(image.config).c_str());
  std::printf("arch        %s\n", printable(image.arch).c_str());
  std::printf("program     %s, %s of shared memory\n", count(image.threads, "thread", "threads").c_str(),
              count(image.shared_bytes, "byte", "bytes").c_str());
  std::printf("warps       %u\n", image.num_warps);
  std::printf("parameters  %s\n", describe_parameters(image).c_str());
  std::printf("cubin       %s\n", count(image.cubin.size(), "byte", "bytes").c_str());
  if (!image.ptx.empty())
    std::printf("ptx         %s\n", count(image.ptx.size(), "byte", "bytes").c_str());
  if (!image.report.empty())
    std::printf("\n%s%s", image.report.c_str(), image.report.ends_with('\n') ? "" : "\n");
  return 0;
}

int verify(const DiskCache &cache) {
  std::uint64_t good = 0, other = 0, bad = 0;
  for (const CacheFile &file : cache.files()) {
    CacheEntry entry = cache.inspect(file.key);
    switch (entry.state) {
    case State::absent: // gone in the meantime
      break;
    case State::good:
      ++good;
      break;
    case State::other_version:
      ++other;
      break;
    case State::damaged:
    case State::unreadable:
      ++bad;
      std::printf("%s %s: %s\n", entry.state == State::damaged ? "damaged" : "unreadable",
                  path_of(cache, file.key).c_str(), entry.fault.c_str());
      break;
    }
  }
  std::printf("%llu good, %llu of other versions of Kiln, %llu damaged\n", static_cast<unsigned long long>(good),
              static_cast<unsigned long long>(other), static_cast<unsigned long long>(bad));
  return bad ? 1 : 0;
}

int clear(DiskCache &cache, std::int64_t days) {
  std::string fault;
  std::uint64_t removed = cache.clear(days * 86400, &fault);
  std::printf("removed %s from %s\n", count(removed, "entry", "entries").c_str(), cache.settings().directory.c_str());
  if (!fault.empty())
    return program.failure("not all entries could be removed: " + fault);
  return 0;
}

int stats(const DiskCache &cache, const std::string &off) {
  std::vector<CacheFile> files = cache.files();
  std::uint64_t bytes = 0;
  for (const CacheFile &file : files)
    bytes += file.bytes;
  std::printf("directory  %s\n", cache.settings().directory.c_str());
  std::printf("caching    %s\n", off.empty() ? "on" : ("off: " + off).c_str());
  std::printf("entries    %zu\n", files.size());
  std::printf("size       %s of %s\n", format_bytes(bytes).c_str(), format_bytes(cache.settings().max_bytes).c_str());
  if (!files.empty())
    std::printf("used       from %s to %s\n", format_age(files.back().used).c_str(),
                format_age(files.front().used).c_str());
  return 0;
}

std::optional<std::int64_t> parse_days(std::string_view text) {
  std::int64_t days = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), days);
  if (error != std::errc() || end != text.data() + text.size() || days < 0 || days > 100000)
    return std::nullopt;
  return days;
}

int run(const std::vector<std::string_view> &arguments) {
  if (arguments.empty())
    return program.usage_error("no command");
  std::string command(arguments[0]);
  if (command == "--help" || command == "help")
    return program.help();
  if (command == "--version")
    return program.version();

  std::optional<std::int64_t> days = 0;
  if (command == "list" || command == "verify" || command == "stats" || command == "path") {
    if (arguments.size() > 1)
      return program.usage_error(command + " takes no arguments");
  } else if (command == "show") {
    if (arguments.size() != 2)
      return program.usage_error("show takes one key");
  } else if (command == "clear") {
    if (arguments.size() != 1 && (arguments.size() != 3 || arguments[1] != "--older-than"))
      return program.usage_error("clear takes nothing or --older-than DAYS");
    if (arguments.size() == 3 && !(days = parse_days(arguments[2])))
      return program.usage_error("'" + std::string(arguments[2]) + "' is no number of days");
  } else {
    return program.usage_error("there is no command '" + command + "'");
  }

  // What is there can be looked at and cleared while caching is off.
  CacheSettings settings = CacheSettings::from_environment();
  std::string off = std::move(settings.off);
  settings.off.clear();
  if (settings.directory.empty())
    return program.failure(off);
  DiskCache cache(settings);
  if (command == "path") {
    std::printf("%s\n", settings.directory.c_str());
    return 0;
  }
  if (std::string refusal = cache.unusable(); !refusal.empty())
    return program.failure(refusal);
  if (command == "list")
    return list(cache);
  if (command == "show")
    return show(cache, arguments[1]);
  if (command == "verify")
    return verify(cache);
  if (command == "clear")
    return clear(cache, *days);
  return stats(cache, off);
}

} // namespace

int main(int argc, char **argv) { return program.finish(run({argv + 1, argv + argc})); }
