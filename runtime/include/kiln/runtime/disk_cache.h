#pragma once

#include "kiln/runtime/kernel_image.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Compiled kernels, and what tuning has measured, on disk: one file each, shared by all processes of a user.
///
/// An entry is written under a temporary name and appears under its own by rename(2), so a reader sees all of it or
/// nothing, whenever the writer is killed. Nothing waits for the disk: after a loss of power an entry may be
/// incomplete, which its checksum shows. Nothing is ever repaired or removed because it looks bad, only replaced by a
/// good entry or evicted; so a reader with a wrong view cannot take a good entry from another. Whatever fails is a
/// miss.
namespace kiln::runtime {

/// A digest of everything that the entry depends on, evenly distributed. Two kernels that differ have different keys,
/// and so have a kernel and a record of tuning; the cache does not look further.
using CacheKey = std::array<std::uint8_t, 32>;

/// 64 lower-case hexadecimal digits.
KILN_API std::string to_hex(const CacheKey &key);

/// Where the cache is and how large it may grow.
struct CacheSettings {
  static constexpr std::uint64_t default_max_bytes = std::uint64_t{1} << 30;

  std::string directory;                       ///< absolute; empty: nowhere
  std::uint64_t max_bytes = default_max_bytes; ///< of all entries together
  std::string off;                             ///< why nothing is cached; empty: caching is on
  bool misunderstood = false;                  ///< it is off because of a value that cannot be understood

  /// From KILN_CACHE_DIR, else XDG_CACHE_HOME/kiln, else HOME/.cache/kiln; KILN_CACHE_SIZE (bytes, or a number with K,
  /// M, G or T); KILN_CACHE=off. A value that cannot be understood turns the cache off and is named in `off`. A program
  /// that runs with more rights than its caller has takes nothing from the environment, and caches nothing.
  KILN_API static CacheSettings from_environment();
};

/// What happened since the cache object was made.
struct CacheCounters {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;    ///< the damaged ones included
  std::uint64_t writes = 0;    ///< entries published
  std::uint64_t evictions = 0; ///< entries removed to keep the size
  std::uint64_t corrupt = 0;   ///< entries found damaged
};

/// A file of the cache.
struct CacheFile {
  CacheKey key{};
  std::uint64_t bytes = 0;
  std::int64_t used = 0; ///< when it was last used, to the hour: seconds since 1970
};

/// What was measured when the configs of a kernel were compared.
struct TuningRecord {
  std::string kernel, device, problem; ///< in words, for whoever looks through the cache
  std::string results;                 ///< as the tuner writes and reads them

  friend bool operator==(const TuningRecord &, const TuningRecord &) = default;
};

/// What a file of the cache holds: when it is good, a kernel or a record of tuning.
struct CacheEntry {
  enum class State {
    good,
    absent,
    other_version, ///< intact, and of a version of Kiln that this one cannot read
    damaged,       ///< not what was published, or not a private regular file
    unreadable,    ///< the system refused to say
  };
  State state = State::absent;
  std::string fault; ///< in words, unless good
  std::optional<KernelImage> image = {};
  std::optional<TuningRecord> tuning = {};
};

/// A directory of cached kernels. Any number of threads and processes may use one directory, and threads one object.
/// The directory must be the user's own and writable by nobody else, or it is not used. Nothing is created before the
/// first entry is published.
class KILN_API DiskCache {
public:
  explicit DiskCache(CacheSettings settings) : settings_(std::move(settings)) {}
  DiskCache(const DiskCache &) = delete;
  DiskCache &operator=(const DiskCache &) = delete;

  const CacheSettings &settings() const { return settings_; }

  /// Why nothing can be found or kept: turned off, or a directory that is refused. Empty when the cache works, also
  /// when the directory does not exist yet.
  std::string unusable() const;

  /// The kernel, or nothing where there is no good entry. Never throws.
  std::optional<KernelImage> lookup(const CacheKey &key) noexcept;

  /// Keeps the kernel, in the place of whatever has that key, and removes the entries that were not used for longest
  /// when the cache has grown beyond its size. False when that was impossible; the cache is then as before. Never
  /// throws.
  bool publish(const CacheKey &key, const KernelImage &image) noexcept;

  /// The same for records of tuning.
  std::optional<TuningRecord> lookup_tuning(const CacheKey &key) noexcept;
  bool publish(const CacheKey &key, const TuningRecord &record) noexcept;

  CacheCounters counters() const;

  /// All entries, by file name only; the most recently used first.
  std::vector<CacheFile> files() const;

  /// Reads an entry without counting it or marking it as used.
  CacheEntry inspect(const CacheKey &key) const;

  /// Removes the entries that were not used for `seconds`, and what writers that died have left.
  /// \returns how many entries are gone. `fault` becomes why others could not be removed, or empty.
  std::uint64_t clear(std::int64_t seconds = 0, std::string *fault = nullptr);

private:
  CacheEntry lookup_entry(const CacheKey &key, bool tuning) noexcept;
  /// Logs why; the first time as a warning. \returns false.
  bool not_kept(const CacheKey &key, const std::string &why);
  bool publish_bytes(const CacheKey &key, std::span<const std::uint8_t> bytes);
  void make_room(int directory, const CacheKey &keep);

  CacheSettings settings_;
  std::atomic<std::uint64_t> hits_{0}, misses_{0}, writes_{0}, evictions_{0}, corrupt_{0};
  std::atomic<bool> warned_{false};
};

/// The cache that the environment describes, read when it is first asked for.
KILN_API DiskCache &process_cache();

} // namespace kiln::runtime
