#include "kiln/runtime/disk_cache.h"

#include "cache_file.h"
#include "kiln/runtime/log.h"
#include "private_directory.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <memory>
#include <sys/resource.h>

using namespace kiln;
using namespace kiln::runtime;

namespace {

using State = CacheEntry::State;

/// A hit marks its entry as used when the last mark is older than this, so that most hits write nothing.
constexpr std::int64_t mark_seconds = 3600;
/// Looking through the directory takes milliseconds for thousands of entries, and more over a network. So it is done
/// once for this part of the size that is written,
constexpr std::uint64_t looks_per_size = 16;
/// and a cache that has grown too large is emptied to this part of its size.
constexpr std::uint64_t keep_eighths = 7;
/// Where files cannot be locked, a temporary file that nothing has written to for this long has lost its writer.
constexpr std::int64_t abandoned_seconds = 24 * 3600;
constexpr std::string_view entry_suffix = ".kiln";
constexpr std::string_view temporary_prefix = ".new-";

std::int64_t now() { return std::time(nullptr); }

std::string entry_name(const CacheKey &key) { return to_hex(key) + std::string(entry_suffix); }

std::optional<CacheKey> parse_entry_name(std::string_view name) {
  CacheKey key{};
  if (name.size() != 2 * key.size() + entry_suffix.size() || !name.ends_with(entry_suffix))
    return std::nullopt;
  for (std::size_t i = 0; i < 2 * key.size(); ++i) {
    char c = name[i];
    if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
      return std::nullopt;
    int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    key[i / 2] = static_cast<std::uint8_t>(key[i / 2] << 4 | digit);
  }
  return key;
}

CacheEntry unreadable(int error) { return {State::unreadable, system_message(error)}; }

/// Reads an entry. `mark` says to note that it was used.
CacheEntry read_entry(int directory, const CacheKey &key, bool mark) {
  // Not through a link, and not waiting for the other end of a pipe.
  File file = open_at(directory, entry_name(key), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file) {
    if (file.error() == ENOENT)
      return {State::absent, "there is no such entry"};
    if (file.error() == ELOOP)
      return {State::damaged, "it is a symbolic link"};
    return unreadable(file.error());
  }
  struct stat info;
  if (fstat(file.get(), &info) != 0)
    return unreadable(errno);
  if (!S_ISREG(info.st_mode))
    return {State::damaged, "it is not a regular file"};
  if (std::string fault = not_private(info); !fault.empty())
    return {State::damaged, "it " + fault};
  auto size = static_cast<std::uint64_t>(info.st_size);
  if (size > max_entry_bytes)
    return {State::damaged, "it has " + std::to_string(size) + " bytes"};
  auto bytes = std::make_unique_for_overwrite<std::uint8_t[]>(size);
  std::int64_t got = read_all(file.get(), {bytes.get(), size});
  if (got < 0)
    return unreadable(errno);
  CacheEntry entry = decode_entry(key, {bytes.get(), static_cast<std::size_t>(got)});
  if (mark && entry.state == State::good && std::abs(now() - info.st_mtime) > mark_seconds)
    (void)futimens(file.get(), nullptr); // a directory that cannot be written to has no order of use
  return entry;
}

/// Removes the file that a writer has left behind when it died. A living writer holds a lock on its file.
void remove_abandoned(int directory, const std::string &name, const struct stat &info) {
  File file = open_at(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file)
    return;
  bool abandoned =
      flock(file.get(), LOCK_EX | LOCK_NB) == 0 || (errno != EWOULDBLOCK && now() - info.st_mtime > abandoned_seconds);
  if (abandoned)
    (void)unlinkat(directory, name.c_str(), 0);
}

/// Whether whoever wrote an entry of so many bytes looks through the directory: as often as the size demands, by a draw
/// that the key makes. Processes need no common count for that, which could be wrong.
bool draw_look(const CacheKey &key, std::uint64_t bytes, std::uint64_t max_bytes) {
  std::uint64_t writes_per_look = max_bytes / looks_per_size / bytes;
  std::uint64_t number;
  std::memcpy(&number, key.data(), sizeof(number));
  return writes_per_look == 0 || number % writes_per_look == 0;
}

struct Found {
  CacheKey key;
  struct stat info;
};

/// All entries, in no order; abandoned temporary files are removed on the way.
std::vector<Found> scan(int directory, bool tidy) {
  std::vector<Found> found;
  for_each_name(directory, [&](const char *name) {
    std::optional<CacheKey> key = parse_entry_name(name);
    bool temporary = !key && tidy && std::string_view(name).starts_with(temporary_prefix);
    struct stat info;
    if ((!key && !temporary) || fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
      return;
    if (key)
      found.push_back({*key, info});
    else
      remove_abandoned(directory, name, info);
  });
  return found;
}

/// By last use, the oldest first; equal times in the order of the keys, so that all processes agree.
bool used_before(const Found &a, const Found &b) {
  if (a.info.st_mtim.tv_sec != b.info.st_mtim.tv_sec)
    return a.info.st_mtim.tv_sec < b.info.st_mtim.tv_sec;
  if (a.info.st_mtim.tv_nsec != b.info.st_mtim.tv_nsec)
    return a.info.st_mtim.tv_nsec < b.info.st_mtim.tv_nsec;
  return a.key < b.key;
}

/// Removes the file, unless somebody has used or replaced it since it was found. \returns whether this call did it;
/// where the system refuses it, `error` becomes its reason.
bool remove_entry(int directory, const Found &found, int &error) {
  std::string name = entry_name(found.key);
  struct stat info;
  if (fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || info.st_ino != found.info.st_ino ||
      info.st_mtim.tv_sec != found.info.st_mtim.tv_sec || info.st_mtim.tv_nsec != found.info.st_mtim.tv_nsec)
    return false;
  if (unlinkat(directory, name.c_str(), 0) == 0)
    return true;
  if (errno != ENOENT) // somebody else was faster
    error = errno;
  return false;
}

/// Writes the bytes under a temporary name and gives them their own. \returns 0 or the system's error.
int write_entry(int directory, const std::string &name, std::span<const std::uint8_t> bytes) {
  // Whoever removes an abandoned file cannot hit another.
  std::string temporary = std::string(temporary_prefix) + unique_digits();
  File file = open_at(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!file)
    return file.error();
  // Says that the writer lives. Where files cannot be locked, the age of the file has to tell.
  (void)flock(file.get(), LOCK_EX | LOCK_NB);
  int error = write_all(file.get(), bytes);
  if (error == 0 && renameat(directory, temporary.c_str(), directory, name.c_str()) != 0)
    error = errno;
  if (error != 0)
    (void)unlinkat(directory, temporary.c_str(), 0);
  return error; // the lock goes with the file, after the rename
}

/// "cache: <key> <what>", with as much of the key as kiln-cache needs.
void log_entry(const CacheKey &key, std::string_view what) {
  if (logs(LogLevel::debug))
    log(LogLevel::debug, "cache: " + to_hex(key).substr(0, 16) + " " + std::string(what));
}

} // namespace

std::string runtime::to_hex(const CacheKey &key) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (std::uint8_t byte : key) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

DiskCache &runtime::process_cache() {
  // Never destroyed: kernels may be launched after static destructors have begun.
  static DiskCache *const cache = [] {
    auto *made = new DiskCache(CacheSettings::from_environment());
    const CacheSettings &settings = made->settings();
    log(settings.misunderstood ? LogLevel::warn : LogLevel::debug,
        settings.off.empty()
            ? "cache: " + settings.directory + ", at most " + std::to_string(settings.max_bytes) + " bytes"
            : "cache: off, because " + settings.off);
    return made;
  }();
  return *cache;
}

std::string DiskCache::unusable() const {
  if (!settings_.off.empty())
    return settings_.off;
  std::string refusal;
  open_private_directory(settings_.directory, refusal);
  return refusal;
}

CacheEntry DiskCache::lookup_entry(const CacheKey &key, bool tuning) noexcept {
  if (!settings_.off.empty())
    return {};
  try {
    std::string refusal;
    if (File directory = open_private_directory(settings_.directory, refusal)) {
      CacheEntry entry = read_entry(directory.get(), key, /*mark=*/true);
      if (entry.state == State::good && entry.tuning.has_value() == tuning) {
        hits_.fetch_add(1, std::memory_order_relaxed);
        log_entry(key, "found");
        return entry;
      }
      if (entry.state == State::damaged)
        corrupt_.fetch_add(1, std::memory_order_relaxed);
      log_entry(key, "not found: " + (entry.fault.empty() ? "it is something else" : entry.fault));
    } else {
      log_entry(key, "not found: " + (refusal.empty() ? "the cache is empty" : refusal));
    }
  } catch (const std::exception &) {
    // No memory: as good as no entry.
  }
  misses_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

std::optional<KernelImage> DiskCache::lookup(const CacheKey &key) noexcept {
  return lookup_entry(key, /*tuning=*/false).image;
}

std::optional<TuningRecord> DiskCache::lookup_tuning(const CacheKey &key) noexcept {
  return lookup_entry(key, /*tuning=*/true).tuning;
}

bool DiskCache::publish(const CacheKey &key, const KernelImage &image) noexcept {
  try {
    return settings_.off.empty() && publish_bytes(key, encode_entry(key, image));
  } catch (const std::exception &) {
    return false; // no memory, or an image that no target could launch
  }
}

bool DiskCache::publish(const CacheKey &key, const TuningRecord &record) noexcept {
  try {
    return settings_.off.empty() && publish_bytes(key, encode_entry(key, record));
  } catch (const std::exception &) {
    return false; // no memory
  }
}

bool DiskCache::not_kept(const CacheKey &key, const std::string &why) {
  log_entry(key, "not kept: " + why);
  if (!warned_.exchange(true, std::memory_order_relaxed))
    log(LogLevel::warn, "cache: kernels are compiled and not kept: " + why + "; KILN_CACHE=off does without a cache");
  return false;
}

bool DiskCache::publish_bytes(const CacheKey &key, std::span<const std::uint8_t> bytes) {
  // Writing past the limit on file sizes would end the process.
  rlimit limit;
  if (bytes.size() > std::min(settings_.max_bytes, max_entry_bytes) ||
      (getrlimit(RLIMIT_FSIZE, &limit) == 0 && bytes.size() > limit.rlim_cur)) {
    return not_kept(key, std::to_string(bytes.size()) +
                             " bytes are too many for KILN_CACHE_SIZE, or for the limit on the size of files");
  }
  std::string refusal;
  File directory = create_private_directory(settings_.directory, refusal);
  if (!directory)
    return not_kept(key, refusal);
  // ENOENT: somebody took the temporary file for an abandoned one, in the moment before it was locked.
  std::string name = entry_name(key);
  int error = write_entry(directory.get(), name, bytes);
  for (int attempt = 1; error == ENOENT && attempt < 3; ++attempt)
    error = write_entry(directory.get(), name, bytes);
  if (error != 0)
    return not_kept(key, "cannot write to '" + settings_.directory + "': " + system_message(error));
  log_entry(key, "kept, " + std::to_string(bytes.size()) + " bytes");
  writes_.fetch_add(1, std::memory_order_relaxed);
  if (draw_look(key, bytes.size(), settings_.max_bytes))
    make_room(directory.get(), key);
  return true;
}

/// Counts all entries and removes the ones that were not used for longest, down to the size. `keep` is the one that was
/// just written.
void DiskCache::make_room(int directory, const CacheKey &keep) {
  std::vector<Found> found = scan(directory, /*tidy=*/true);
  std::uint64_t total = 0;
  for (const Found &file : found)
    total += static_cast<std::uint64_t>(file.info.st_size);
  if (total <= settings_.max_bytes)
    return;
  std::sort(found.begin(), found.end(), used_before);
  int refused = 0; // what cannot be removed stays
  for (const Found &file : found) {
    if (total <= settings_.max_bytes / 8 * keep_eighths)
      break;
    if (file.key == keep || !remove_entry(directory, file, refused))
      continue;
    log_entry(file.key, "evicted, " + std::to_string(file.info.st_size) + " bytes");
    total -= static_cast<std::uint64_t>(file.info.st_size);
    evictions_.fetch_add(1, std::memory_order_relaxed);
  }
}

CacheCounters DiskCache::counters() const {
  return {.hits = hits_.load(std::memory_order_relaxed),
          .misses = misses_.load(std::memory_order_relaxed),
          .writes = writes_.load(std::memory_order_relaxed),
          .evictions = evictions_.load(std::memory_order_relaxed),
          .corrupt = corrupt_.load(std::memory_order_relaxed)};
}

std::vector<CacheFile> DiskCache::files() const {
  std::string refusal;
  File directory = open_private_directory(settings_.directory, refusal);
  if (!directory)
    return {};
  std::vector<Found> found = scan(directory.get(), /*tidy=*/false);
  std::sort(found.begin(), found.end(), [](const Found &a, const Found &b) { return used_before(b, a); });
  std::vector<CacheFile> files;
  for (const Found &file : found)
    files.push_back({file.key, static_cast<std::uint64_t>(file.info.st_size), file.info.st_mtim.tv_sec});
  return files;
}

CacheEntry DiskCache::inspect(const CacheKey &key) const {
  std::string refusal;
  File directory = open_private_directory(settings_.directory, refusal);
  if (!directory)
    return refusal.empty() ? CacheEntry{State::absent, "there is no such entry"}
                           : CacheEntry{State::unreadable, refusal};
  return read_entry(directory.get(), key, /*mark=*/false);
}

std::uint64_t DiskCache::clear(std::int64_t seconds, std::string *fault) {
  std::string refusal;
  File directory = open_private_directory(settings_.directory, refusal);
  if (!directory) {
    if (fault)
      *fault = refusal;
    return 0;
  }
  std::uint64_t removed = 0;
  int error = 0;
  std::int64_t latest = now() - seconds;
  for (const Found &file : scan(directory.get(), /*tidy=*/true))
    if (seconds == 0 || file.info.st_mtim.tv_sec <= latest)
      removed += remove_entry(directory.get(), file, error);
  if (fault)
    *fault = error != 0 ? system_message(error) : "";
  return removed;
}
