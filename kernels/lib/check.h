// Validation of what host entry points are given.
#pragma once

#include "kiln/error.h"

#include <cstdint>
#include <string>
#include <type_traits>

namespace kiln::kernels {

/// The checks of one entry point; its name begins every message.
class Checker {
public:
  explicit Checker(const char *kernel) : kernel_(kernel) {}

  /// Throws InvalidArgument with the parts joined, unless ok.
  template <class... Parts>
  void require(bool ok, const Parts &...parts) const {
    if (ok)
      return;
    std::string text = std::string(kernel_) + ": ";
    (append(text, parts), ...);
    throw InvalidArgument(text);
  }

  void size(const char *field, std::int64_t value, std::int64_t least = 0) const {
    require(value >= least, field, " is ", value, ", must be at least ", least);
  }
  /// Sizes that kernels count in 32 bits, leaving room for a block past the end.
  void small_size(const char *field, std::int64_t value, std::int64_t least = 0) const {
    size(field, value, least);
    require(value <= 0x7fff0000, field, " is ", value, ", must be at most ", 0x7fff0000);
  }
  void pointer(const char *field, const void *value) const { require(value != nullptr, field, " is null"); }
  void equal(const char *field, std::int64_t value, const char *expected, std::int64_t wanted) const {
    require(value == wanted, field, " is ", value, ", but ", expected, " is ", wanted);
  }
  /// A tile dimension.
  void block(const char *field, int value) const {
    require(value > 0 && value <= 65536 && (value & (value - 1)) == 0, field, " is ", value,
            ", must be a power of two from 1 to 65536");
  }
  /// Heads are split into powers of two of at least 16 elements, the shortest that matrix hardware multiplies.
  void head_dim(const char *field, std::int64_t value) const {
    require(value >= 16 && value <= 256 && value % 16 == 0, field, " is ", value,
            ", must be a multiple of 16 from 16 to 256");
  }
  /// A member whose enumeration is numbered from 0.
  template <class E>
    requires std::is_enum_v<E>
  void enumeration(const char *field, E value, E last) const {
    require(int(value) >= 0 && int(value) <= int(last), field, " is ", int(value), ", must be from 0 to ", int(last));
  }
  void warps(int value) const {
    require(value > 0 && value <= 32 && (value & (value - 1)) == 0, "config.num_warps is ", value,
            ", must be a power of two from 1 to 32");
  }
  void stages(int value) const {
    require(value >= 1 && value <= 16, "config.num_stages is ", value, ", must be from 1 to 16");
  }
  /// What is written has other memory for each step along a dimension.
  void written_stride(const char *field, std::int64_t stride, const char *size_field, std::int64_t size) const {
    require(stride != 0 || size <= 1, field, " is 0, but ", size_field, " is ", size,
            ": what is written needs memory for each");
  }
  /// Kernels read `in` through pointers that promise nothing else writes there.
  template <class A, class B>
  void disjoint(const char *out_field, const A *out, std::int64_t out_count, const char *in_field, const B *in,
                std::int64_t in_count) const {
    const auto o = reinterpret_cast<std::uintptr_t>(out), i = reinterpret_cast<std::uintptr_t>(in);
    require(o + out_count * sizeof(A) <= i || i + in_count * sizeof(B) <= o, out_field, " overlaps ", in_field);
  }

private:
  static void append(std::string &text, const char *part) { text += part; }
  static void append(std::string &text, const std::string &part) { text += part; }
  template <class N>
    requires std::is_arithmetic_v<N>
  static void append(std::string &text, N part) {
    text += std::to_string(part);
  }

  const char *kernel_;
};

} // namespace kiln::kernels
