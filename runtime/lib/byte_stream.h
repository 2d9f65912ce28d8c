// How kernels and packs become bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace kiln::runtime {

/// Numbers little-endian; blocks after their length in 64 bits.
class ByteWriter {
public:
  template <typename T>
  void number(T value) {
    static_assert(std::is_unsigned_v<T>);
    for (std::size_t i = 0; i < sizeof(T); ++i)
      bytes_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  template <typename Bytes>
  void block(const Bytes &block) {
    number(std::uint64_t{block.size()});
    bytes_.insert(bytes_.end(), block.begin(), block.end());
  }
  void raw(std::span<const std::uint8_t> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  void reserve(std::size_t bytes) { bytes_.reserve(bytes); }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

private:
  std::vector<std::uint8_t> bytes_;
};

/// Reads within `bytes`. After a read past the end it has failed, and every read yields zero or nothing.
class ByteReader {
public:
  explicit ByteReader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  template <typename T>
  T number() {
    T value = 0;
    std::span<const std::uint8_t> bytes = take(sizeof(T));
    for (std::size_t i = 0; i < bytes.size(); ++i)
      value |= static_cast<T>(T{bytes[i]} << (8 * i));
    return value;
  }
  template <typename Bytes>
  void block(Bytes &block) {
    std::span<const std::uint8_t> bytes = take(number<std::uint64_t>());
    block.assign(bytes.begin(), bytes.end());
  }
  /// Exactly `bytes.size()` bytes, zeros where there are not so many.
  void raw(std::span<std::uint8_t> bytes) {
    std::span<const std::uint8_t> taken = take(bytes.size());
    std::copy(taken.begin(), taken.end(), bytes.begin());
  }
  std::size_t left() const { return rest_.size(); }
  bool failed() const { return failed_; }

private:
  std::span<const std::uint8_t> take(std::uint64_t count) {
    if (failed_ || count > rest_.size()) {
      failed_ = true;
      return {};
    }
    std::span<const std::uint8_t> taken = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

  std::span<const std::uint8_t> rest_;
  bool failed_ = false;
};

} // namespace kiln::runtime
