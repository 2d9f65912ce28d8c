// Whether arrays that a kernel is given share memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>

namespace kiln::kernels {

/// An array of at most four dimensions.
class StridedArray {
public:
  /// `stride` counts elements.
  struct Axis {
    std::int64_t size, stride;
  };

  template <class T>
  StridedArray(const T *data, std::initializer_list<Axis> axes)
      : begin_(reinterpret_cast<std::uintptr_t>(data)), element_(sizeof(T)) {
    for (const Axis &axis : axes) {
      empty_ = empty_ || axis.size <= 0;
      if (axis.size <= 1)
        continue;
      // No memory is as large as what does not fit in 64 bits: such an array is not looked at.
      std::int64_t stride, reach;
      if (__builtin_mul_overflow(axis.stride, element_, &stride) ||
          __builtin_mul_overflow(axis.size - 1, stride, &reach) || reach == INT64_MIN ||
          __builtin_add_overflow(extent_, reach < 0 ? -reach : reach, &extent_)) {
        empty_ = true;
        return;
      }
      // The same elements, counted from the lowest address on.
      if (reach < 0)
        begin_ -= std::uintptr_t(-reach);
      axes_[rank_++] = {axis.size, stride < 0 ? -stride : stride};
    }
    std::sort(axes_, axes_ + rank_, [](const Axis &a, const Axis &b) { return a.stride > b.stride; });
  }

  /// Whether an element of this array certainly shares a byte with one of the other. Known for two without gaps and for
  /// two with the same sizes and strides, which may lie in each other's gaps as K and V do in one allocation.
  bool overlaps(const StridedArray &other) const {
    if (empty_ || other.empty_ || end() <= other.begin_ || other.end() <= begin_)
      return false;
    if (is_dense() && other.is_dense())
      return true;
    const auto distance = std::int64_t(other.begin_ - begin_);
    return element_ == other.element_ && distance % element_ == 0 && is_nested() &&
           std::equal(axes_, axes_ + rank_, other.axes_, other.axes_ + other.rank_,
                      [](const Axis &a, const Axis &b) { return a.size == b.size && a.stride == b.stride; }) &&
           reaches(distance, 0);
  }

private:
  std::uintptr_t end() const { return begin_ + std::uintptr_t(extent_ + element_); }

  /// Whether a step along an axis leads past everything along the later ones.
  bool is_nested() const {
    std::int64_t inner = 0;
    for (int i = rank_; i-- > 0; inner += (axes_[i].size - 1) * axes_[i].stride)
      if (axes_[i].stride <= inner)
        return false;
    return true;
  }

  bool is_dense() const {
    std::int64_t inner = element_;
    for (int i = rank_; i-- > 0; inner *= axes_[i].size)
      if (axes_[i].stride != inner)
        return false;
    return true;
  }

  /// Whether steps along the axes from this one on, fewer than their sizes in either direction, lead that far. What the
  /// later axes reach is less than a step of this one, so only the two next to the distance may do.
  bool reaches(std::int64_t distance, int axis) const {
    if (axis == rank_)
      return distance == 0;
    const auto [size, stride] = axes_[axis];
    const std::int64_t below = distance / stride - (distance % stride < 0 ? 1 : 0);
    for (const std::int64_t steps : {below, below + 1})
      if (-size < steps && steps < size && reaches(distance - steps * stride, axis + 1))
        return true;
    return false;
  }

  std::uintptr_t begin_;
  std::int64_t element_;    // bytes
  std::int64_t extent_ = 0; // bytes from the first to the last element's begin
  Axis axes_[4] = {};       // those of more than one element, the widest first; strides in bytes
  int rank_ = 0;
  bool empty_ = false;
};

} // namespace kiln::kernels
