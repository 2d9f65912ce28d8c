#include "dlpack/tensor.h"

#include "kiln/dtype.h"

#include <algorithm>
#include <optional>

namespace kiln::dlpack {
namespace {

std::string memory_text(DLDevice device) {
  switch (int(device.device_type)) {
  case kDLCPU:
  case kDLCUDAHost:
    return "the host";
  case kDLCUDA:
  case kDLCUDAManaged:
    return "CUDA device " + std::to_string(device.device_id);
  default:
    return "a device of DLPack type " + std::to_string(int(device.device_type));
  }
}

} // namespace

Tensor::Tensor(Tensors &all, const char *name, const DLTensor *tensor, DType dtype, int rank, const char *shape)
    : check_(&all.check), name_(name), tensor_(tensor) {
  all.check.require(tensor != nullptr, name, " is missing");
  all.check.require(tensor->ndim >= 0 && (tensor->ndim == 0 || tensor->shape), name, " has no shape");
  DType found;
  try {
    found = dtype_of(*tensor);
  } catch (const InvalidArgument &error) {
    all.check.require(false, name, " has elements that no kernel takes: ", error.what());
  }
  all.check.require(found == dtype, name, " has elements of ", name_of(found), ", must have ", name_of(dtype),
                    "; convert it before the call");
  all.check.require(rank < 0 || tensor->ndim == rank, name, " has shape ", shape_text(), ", must be ", shape);
  all.check.require(rank >= 0 || tensor->ndim >= 1, name, " has no dimension, must be ", shape);
  has_strides_ = tensor->strides != nullptr &&
                 std::find(tensor->shape, tensor->shape + tensor->ndim, 0) == tensor->shape + tensor->ndim;
  if (!all.first_) {
    all.first_ = tensor;
    all.first_name_ = name;
    return;
  }
  const std::string first = memory_text(all.first_->device), here = memory_text(tensor->device);
  all.check.require(first == here, name, " is in memory of ", here, ", but ", all.first_name_, " in that of ", first,
                    "; move one of them");
}

std::int64_t Tensor::stride(int axis) const {
  if (has_strides_ && tensor_->shape[axis] != 1)
    return tensor_->strides[axis];
  std::int64_t product = 1;
  for (int i = axis + 1; i < tensor_->ndim; ++i)
    product *= tensor_->shape[i];
  return product;
}

std::string Tensor::shape_text() const {
  std::string text = "[";
  for (int i = 0; i < tensor_->ndim; ++i)
    text += (i ? ", " : "") + std::to_string(tensor_->shape[i]);
  return text + "]";
}

void Tensor::same(int axis, const char *what, const Tensor &other, int other_axis) const {
  check_->require(size(axis) == other.size(other_axis), name_, " has ", size(axis), " ", what, ", but ", other.name_,
                  " has ", other.size(other_axis));
}

void Tensor::same_shape(const Tensor &other) const {
  bool same = rank() == other.rank();
  for (int i = 0; same && i < rank(); ++i)
    same = size(i) == other.size(i);
  check_->require(same, name_, " has shape ", shape_text(), ", but ", other.name_, " has ", other.shape_text());
}

void Tensor::side_by_side(int axis) const {
  check_->require(stride(axis) == 1, name_, " has a stride of ", stride(axis), " along dimension ", axis,
                  ", must be 1; make it contiguous before the call");
}

void Tensor::written(int axis) const {
  check_->require(stride(axis) != 0 || size(axis) <= 1 || elements() == 0, name_, " has a stride of 0 along dimension ",
                  axis, ", whose size is ", size(axis), ": what is written needs memory for each");
}

std::int64_t Tensor::elements() const {
  std::int64_t count = 1;
  for (int i = 0; i < rank(); ++i)
    count *= size(i);
  return count;
}

std::int64_t Tensor::dense_size() const {
  if (elements() == 0)
    return 0;
  std::int64_t count = 1;
  for (int i = rank() - 1; i >= 0; --i) {
    check_->require(stride(i) == count, name_, " has gaps: its stride along dimension ", i, " is ", stride(i), ", not ",
                    count, "; make it contiguous before the call");
    count *= size(i);
  }
  return count;
}

std::int64_t Tensor::rows() const {
  std::int64_t count = 1;
  for (int i = 0; i + 1 < rank(); ++i)
    count *= size(i);
  return count;
}

std::int64_t Tensor::row_stride() const {
  const std::int64_t cols = size(rank() - 1);
  if (elements() == 0)
    return cols;
  side_by_side(rank() - 1);
  // Dimensions of one element are skipped: nothing lies one stride away from their only element.
  std::optional<std::int64_t> row;
  std::int64_t expected = 0;
  for (int i = rank() - 2; i >= 0; --i) {
    if (size(i) == 1)
      continue;
    if (!row)
      row = stride(i);
    else
      check_->require(stride(i) == expected, name_, " has rows at more than one distance: its stride along dimension ",
                      i, " is ", stride(i), ", not ", expected, "; make it contiguous before the call");
    expected = stride(i) * size(i);
  }
  return row.value_or(cols);
}

} // namespace kiln::dlpack
