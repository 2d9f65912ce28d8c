// NVIDIA's compiler of CUDA C++ as a library, which is loaded when it is first asked for: programs run without it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kiln::bench {

/// Its version, "13.0". Throws Error where there is none: "NVRTC: no libnvrtc.so.13 ...".
std::string nvrtc_version();

/// Compiles a source text for "sm_90a" and the like, with macros defined as "NAME=VALUE" says, into a cubin. Throws
/// Error where there is no NVRTC, and with its messages where it refuses the text.
std::vector<std::uint8_t> nvrtc_compile(const char *source, const std::string &arch,
                                        const std::vector<std::string> &defines);

} // namespace kiln::bench
