// One tensor of a kernel, read and checked.
#pragma once

#include "kiln/dlpack.h"

#include "lib/check.h"

#include <initializer_list>
#include <string>

namespace kiln::dlpack {

/// The tensors of one call; the first one says on which device all are.
class Tensors {
public:
  explicit Tensors(const char *kernel) : check(kernel) {}

  const kernels::Checker check;

private:
  friend class Tensor;
  const DLTensor *first_ = nullptr;
  const char *first_name_ = nullptr;
};

/// A tensor by the name of the problem's field. Strides of dimensions of one element, and of a tensor without elements,
/// say nothing, and are taken to be those of a tensor without gaps, so that a kernel for such tensors can be used.
class Tensor {
public:
  /// `shape` tells people what is expected: "[batch, max_pages]". A rank of -1 is any.
  Tensor(Tensors &all, const char *name, const DLTensor *tensor, DType dtype, int rank, const char *shape);

  std::int64_t size(int axis) const { return tensor_->shape[axis]; }
  std::int64_t stride(int axis) const;
  int rank() const { return tensor_->ndim; }
  template <class T>
  T *data() const {
    return reinterpret_cast<T *>(static_cast<char *>(tensor_->data) + tensor_->byte_offset);
  }

  /// Requires a size to be that of another tensor.
  void same(int axis, const char *what, const Tensor &other, int other_axis) const;
  void same_shape(const Tensor &other) const;
  /// Requires the elements along the axis to lie side by side.
  void side_by_side(int axis) const;
  /// Requires the elements along the axis to be apart, so that they can be written. For what the problem does not say.
  void written(int axis) const;
  /// Requires a tensor without gaps; the number of its elements.
  std::int64_t dense_size() const;
  /// Of [..., cols]: the number of rows, and the elements from one to the next.
  std::int64_t rows() const;
  std::int64_t row_stride() const;

private:
  std::int64_t elements() const;
  std::string shape_text() const;

  const kernels::Checker *check_;
  const char *name_;
  const DLTensor *tensor_;
  bool has_strides_ = false; // that say something
};

} // namespace kiln::dlpack
