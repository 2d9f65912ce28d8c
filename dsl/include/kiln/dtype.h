// Element types and shapes: what is known of a tile while tracing.
#pragma once

#include "kiln/element_type.h"
#include "kiln/error.h"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>

namespace kiln {

/// The dimensions of a tile, outermost first; none for a scalar. Of more than `max_rank` only their number is kept: an
/// operation that is given such a shape says so, and where.
class Shape {
public:
  static constexpr int max_rank = 8;

  constexpr Shape() = default;
  constexpr Shape(std::initializer_list<std::int64_t> dims) {
    for (std::int64_t dim : dims)
      push_back(dim);
  }

  constexpr int rank() const { return rank_; }
  constexpr std::size_t size() const { return static_cast<std::size_t>(rank_); }
  constexpr std::int64_t operator[](std::size_t axis) const { return dims_[axis]; }
  constexpr const std::int64_t *begin() const { return dims_; }
  constexpr const std::int64_t *end() const { return dims_ + (rank_ < max_rank ? rank_ : max_rank); }
  /// The number of elements; 1 for a scalar.
  constexpr std::int64_t elements() const {
    std::int64_t product = 1;
    for (std::int64_t dim : *this)
      product *= dim;
    return product;
  }
  constexpr void push_back(std::int64_t dim) {
    if (rank_ < max_rank)
      dims_[rank_] = dim;
    ++rank_;
  }
  friend constexpr bool operator==(const Shape &a, const Shape &b) {
    if (a.rank_ != b.rank_)
      return false;
    for (const std::int64_t *x = a.begin(), *y = b.begin(); x != a.end(); ++x, ++y)
      if (*x != *y)
        return false;
    return true;
  }

private:
  std::int64_t dims_[max_rank] = {};
  int rank_ = 0;
};

} // namespace kiln
