// An array of the host's as a tensor of DLPack.
#pragma once

#include "kiln/dlpack.h"

#include <numeric>
#include <utility>
#include <vector>

namespace kiln::test {

template <class T>
class DlArray {
public:
  std::vector<T> values;
  std::vector<std::int64_t> shape, strides;
  DLTensor tensor{};

  /// Without gaps. A tensor without strides is the same to its readers.
  explicit DlArray(std::vector<std::int64_t> sizes) : shape(std::move(sizes)) {
    values.resize(std::size_t(std::accumulate(shape.begin(), shape.end(), std::int64_t(1), std::multiplies<>())));
    describe();
  }
  /// With strides, in `count` elements.
  DlArray(std::vector<std::int64_t> sizes, std::vector<std::int64_t> steps, std::size_t count)
      : values(count), shape(std::move(sizes)), strides(std::move(steps)) {
    describe();
    tensor.strides = strides.data();
  }
  DlArray(const DlArray &) = delete;

  const DLTensor *get() const { return &tensor; }

private:
  void describe() {
    tensor.data = values.data();
    tensor.device = {kDLCPU, 0};
    tensor.ndim = std::int32_t(shape.size());
    tensor.dtype = dlpack::to_dlpack(dtype_of<T>);
    tensor.shape = shape.data();
  }
};

} // namespace kiln::test
