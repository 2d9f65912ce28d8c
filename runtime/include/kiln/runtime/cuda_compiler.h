#pragma once

#include "kiln/export.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// CUDA C++ to PTX or machine code, by NVIDIA's run-time compiler NVRTC. The library is looked for when it is first
/// needed: KILN_NVRTC names it, else it is where libraries are looked for or in a CUDA toolkit. No GPU is needed.
namespace kiln::runtime {

struct CudaOptions {
  /// Options of NVRTC, as its documentation spells them. `-I` is followed by the headers of the CUDA toolkit.
  std::vector<std::string> options = {};
  /// Headers that the source may include, name and text, looked for before those in files.
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// Compiles `source` for `arch` ("sm_90a") to relocatable PTX. `name` is what messages call the source where no #line
/// says otherwise.
/// \throws CompileError when the source is refused: the message is NVRTC's, "file:line: error: ..." for each fault; and
/// where there is no NVRTC: the message says what was looked for and what to install.
KILN_API std::string compile_cuda(const std::string &source, const std::string &name, const std::string &arch,
                                  const CudaOptions &options = {});

/// The same with a whole program, which calls nothing from elsewhere, to machine code: a cubin, which NVRTC assembles
/// itself.
KILN_API std::vector<std::uint8_t> compile_cuda_binary(const std::string &source, const std::string &name,
                                                       const std::string &arch, const CudaOptions &options = {});

/// NVRTC's version, "13.0".
/// \throws CompileError where there is no NVRTC, as compile_cuda() does.
KILN_API std::string nvrtc_version();

/// What tells this NVRTC from any other, for the keys of caches. Loads nothing. Empty where there is none.
KILN_API std::string nvrtc_identity();

} // namespace kiln::runtime
