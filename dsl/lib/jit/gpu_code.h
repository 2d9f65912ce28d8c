// Kernels as GPU code: compiled, or found in the cache on disk.
#pragma once

#include "jit/executable.h"

#include "kiln/runtime/kernel_image.h"

#include "llvm/ADT/StringRef.h"

#include <string>

namespace kiln::jit {

/// What a kernel became, and where it came from.
struct GpuCode {
  enum class Origin { compiled, disk };

  /// The cubin is empty where there is no assembler; then it cannot be launched.
  runtime::KernelImage image;
  CompileReport report; // without trace_ms
  Origin origin = Origin::compiled;
  bool looked_up = false; // on disk
};

/// Code of a traced kernel, specialised or generalised already, for `subject.arch`. Throws CompileError.
GpuCode make_gpu_code(detail::TracedKernel traced, const Subject &subject, CompileOptions options);

/// Loads code onto a CUDA device. Throws what runtime::CudaKernel throws, and CompileError where there is no cubin.
std::unique_ptr<Executable> load_cuda_executable(const GpuCode &code, Device device, const Subject &subject);

/// One stage of compiling for `subject.arch`, past every cache. Throws CompileError, and InvalidArgument where there is
/// no such stage.
std::string gpu_stage(detail::TracedKernel traced, const Subject &subject, CompileOptions options, double trace_ms,
                      std::string_view stage);

} // namespace kiln::jit
