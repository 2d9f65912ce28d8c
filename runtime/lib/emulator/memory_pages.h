// What a launch writes to global memory, page by page, so that it can be undone and compared.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace kiln::runtime::emulator {

/// Small enough that reading a whole page never leaves mapped memory.
inline constexpr std::size_t page_bytes = 4096;

using PageContents = std::array<unsigned char, page_bytes>;

/// A bit for each byte of a page.
class PageMask {
public:
  /// Bytes that lie within 64 aligned ones.
  void add(std::size_t offset, std::size_t bytes) {
    words_[offset / 64] |= (~std::uint64_t{0} >> (64 - bytes)) << offset % 64;
  }
  bool has(std::size_t offset) const { return words_[offset / 64] >> offset % 64 & 1; }
  /// Of the bytes offset / 64 * 64 and after.
  std::uint64_t word(std::size_t offset) const { return words_[offset / 64]; }
  PageMask &operator|=(const PageMask &other) {
    for (std::size_t i = 0; i < words_.size(); ++i)
      words_[i] |= other.words_[i];
    return *this;
  }

private:
  std::array<std::uint64_t, page_bytes / 64> words_{};
};

/// What one worker wrote to a page in one run.
struct PageWrites {
  PageMask written;
  std::array<std::uint32_t, page_bytes / 4> sites{}; ///< that last wrote to each 4 bytes
};

/// What one worker wrote in one run, by page number.
using WriteLog = std::unordered_map<std::uint64_t, std::unique_ptr<PageWrites>>;

/// What pages held before the launch wrote to them. Only the bytes that it writes later are of use: others may be
/// anybody's.
class SavedPages {
public:
  /// Saves a page that is about to be written to for the first time by somebody. From many threads at once.
  void save(std::uint64_t page);
  /// The contents of a saved page.
  const PageContents &operator[](std::uint64_t page) const;

private:
  // More than there are workers, so that they rarely meet.
  static constexpr std::size_t stripe_count = 64;
  struct Stripe {
    mutable std::mutex mutex;
    std::unordered_map<std::uint64_t, std::unique_ptr<PageContents>> pages;
  };
  std::array<Stripe, stripe_count> stripes_;
};

} // namespace kiln::runtime::emulator
