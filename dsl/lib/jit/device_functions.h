// The device functions of a kernel as code: of a GPU, or the user's own for the host.
#pragma once

#include "jit/executable.h"

#include "kiln/Target/NVPTX/DeviceCode.h"

#include "llvm/ADT/StringRef.h"

#include <string>
#include <utility>
#include <vector>

namespace kiln::jit {

/// CUDA C++ as PTX for `subject.arch`, and bitcode. Throws CompileError with what NVRTC says.
std::vector<gpu::DeviceCode> device_code(const detail::TracedKernel &traced, const Subject &subject);

/// Whether the kernel's code depends on files that its key knows nothing of: CUDA C++ may include them.
bool includes_files(const detail::TracedKernel &traced);
/// Whether CUDA C++ is among the functions.
bool needs_nvrtc(const detail::TracedKernel &traced);

/// What compiled code calls on the host. Valid for as long as this object; the code needs it for as long.
class HostFunctions {
public:
  /// `target` ("the CPU") is for the message. Throws CompileError where a function has no host implementation.
  HostFunctions(const detail::TracedKernel &traced, const Subject &subject, const char *target);

  const std::vector<std::pair<llvm::StringRef, void *>> &symbols() const { return symbols_; }
  /// The function `symbol`; null where there is none.
  const detail::DeviceFunctionCode *find(llvm::StringRef symbol) const;

private:
  std::vector<detail::DeviceFunctionUse> functions_;
  std::vector<std::string> names_;
  std::vector<std::pair<llvm::StringRef, void *>> symbols_;
};

} // namespace kiln::jit
