// The peer of the decode kernel in CUDA C++: cuda_decode_source.h, compiled at run time.
#pragma once

#include "kiln/device.h"
#include "kiln/device_memory.h"
#include "kiln/kernels/paged_attention.h"
#include "kiln/runtime/cuda_kernel.h"

#include <optional>
#include <string>

namespace kiln::bench {

/// "cuda-c++-13.0". Throws CompileError where there is no NVRTC.
std::string cuda_decode_name();

/// What is chosen by measuring.
struct CudaDecodeConfig {
  int warps = 4; ///< of a block
  int parts = 1; ///< that a sequence is split into; more than one take a second launch

  std::string text() const { return "warps=" + std::to_string(warps) + " parts=" + std::to_string(parts); }
};

/// The cubin for a shape, compiled once in a process. Not for several threads. Throws CompileError where there is no
/// NVRTC.
std::vector<std::uint8_t> compile_cuda_decode(const std::string &arch, int head_dim, int group, int page_size,
                                              bool bf16, int warps);

/// The kernel for a shape and a number of warps, loaded on a device. It takes arrays without gaps.
template <class T>
class CudaDecode {
public:
  /// Throws CompileError where there is no NVRTC.
  CudaDecode(Device device, const kernels::PagedAttention<T> &shape, int warps);

  /// Makes room for the results of so many parts.
  void reserve(const kernels::PagedAttention<T> &problem, int parts);
  /// Enqueues it with as many parts as were reserved.
  void launch(const kernels::PagedAttention<T> &problem, void *stream) const;

private:
  Device device_;
  int parts_ = 1;
  DeviceBuffer sums_, values_;
  std::optional<runtime::CudaKernel> part_, merge_;
};

/// Whether a block's shared memory holds the results of so many warps.
bool cuda_decode_fits(int head_dim, int group, int warps);

} // namespace kiln::bench
