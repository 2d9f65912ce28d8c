// Every environment variable that Kiln reads; docs/reference/environment.md is made from this table.
#pragma once

#include "kiln/export.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace kiln::runtime {

struct EnvironmentVariable {
  std::string_view name;
  std::string_view otherwise; ///< what holds where it is not set or empty
  std::string_view meaning;   ///< Markdown
  std::string_view reader;    ///< what reads it, and when
};

/// In alphabetical order.
inline constexpr EnvironmentVariable environment_table[] = {
    {"CUDA_HOME", "no place",
     "A CUDA toolkit: nvJitLink, ptxas, NVRTC, libdevice and headers are looked for in it before `CUDA_PATH` and "
     "`/usr/local/cuda`.",
     "libkiln_runtime and libkiln, at each compile"},
    {"CUDA_PATH", "no place", "The same, after `CUDA_HOME`.", "libkiln_runtime and libkiln, at each compile"},
    {"HOME", "no place", "Where there is no `XDG_CACHE_HOME`, the cache on disk is in `$HOME/.cache/kiln`.",
     "libkiln_runtime, once"},
    {"KILN_ASSEMBLER", "the first that is there, in this order",
     "`nvjitlink`, `ptxas` or `driver`: what makes machine code from PTX.", "libkiln_runtime, at each compile"},
    {"KILN_ASSERT", "off", "Not empty and not `0`: `device_assert` is evaluated (`debug::set_asserts`).",
     "libkiln_runtime, once"},
    {"KILN_CACHE", "on", "`off` or `0`: nothing is kept on disk, nor taken from there.", "libkiln_runtime, once"},
    {"KILN_CACHE_DIR", "`$XDG_CACHE_HOME/kiln` or `$HOME/.cache/kiln`", "The directory of the cache on disk.",
     "libkiln_runtime, once"},
    {"KILN_CACHE_SIZE", "`1G`", "How large the cache may grow: bytes, or a number with K, M, G or T.",
     "libkiln_runtime, once"},
    {"KILN_CHECK", "off", "Not empty and not `0`: kernels are compiled with check mode (`debug::set_checks`).",
     "libkiln_runtime, once"},
    {"KILN_CUDA_DRIVER", "`libcuda.so.1`", "The library of the CUDA driver.", "libkiln_runtime, once"},
    {"KILN_DUMP", "none",
     "Stages of compiling, separated by commas, or `all`: each kernel that is compiled is printed at these stages.",
     "libkiln, at each compile"},
    {"KILN_DUMP_DIR", "standard error", "The directory that `KILN_DUMP` writes files into.",
     "libkiln, at each compile"},
    {"KILN_EMULATOR_SEED", "0", "The order in which emulated devices run warps and programs; 0 is the plain one.",
     "libkiln_runtime, once"},
    {"KILN_LIBRARY", "found beside the package", "The file `libkiln.so` that the Python package loads.",
     "Python package, on import"},
    {"KILN_LINE_INFO", "off", "Not empty and not `0`: GPU code carries line information (`debug::set_line_info`).",
     "libkiln_runtime, once"},
    {"KILN_LOG", "`warn`",
     "`off`, `error`, `warn`, `info` or `debug`: what is written to standard error "
     "([observing.md](../observing.md#the-log)).",
     "libkiln_runtime, once"},
    {"KILN_NUM_THREADS", "the processors of the process", "How many threads run programs on the CPU, from 1 to 1024.",
     "libkiln_runtime, once"},
    {"KILN_NVJITLINK", "found in toolkits and where libraries are", "The library nvJitLink.",
     "libkiln_runtime, at each compile"},
    {"KILN_NVRTC", "found in toolkits and where libraries are", "The library NVRTC, which compiles CUDA C++.",
     "libkiln_runtime, at each compile of CUDA C++"},
    {"KILN_NVTX", "on",
     "`0`: compiles, launches and tuning are no NVTX ranges, even if a profiler would take them "
     "([observing.md](../observing.md#nvtx)).",
     "libkiln_runtime, once"},
    {"KILN_OVERRIDE_DIR", "none",
     "A directory with files named as those of `KILN_DUMP_DIR`, which take the place of what would be compiled.",
     "libkiln, at each compile"},
    {"KILN_PTXAS", "found in `PATH` and toolkits", "The program ptxas.", "libkiln_runtime, at each compile"},
    {"LD_LIBRARY_PATH", "none", "Where nvJitLink and NVRTC are looked for first.", "libkiln_runtime, at each compile"},
    {"NVTX_INJECTION64_PATH", "none", "The library that takes NVTX ranges; profilers set it.",
     "NVTX in libkiln_runtime, once"},
    {"PATH", "none", "Where ptxas is looked for first.", "libkiln_runtime, at each compile"},
    {"TMPDIR", "`/tmp`", "Where files for ptxas, and the IR of a pass that failed, are written.",
     "libkiln_runtime and libkiln, at each compile"},
    {"XDG_CACHE_HOME", "`$HOME/.cache`", "The cache on disk is in its directory `kiln`. Has to be absolute.",
     "libkiln_runtime, once"},
};

/// One variable of the table: any other name does not compile.
class Variable {
public:
  consteval Variable(const char *name) : name_(name) {
    for (const EnvironmentVariable &known : environment_table)
      if (known.name == name)
        return;
    throw "the variable is not in the table of environment variables";
  }
  constexpr const char *name() const { return name_; }

private:
  const char *name_;
};

/// The variable's value; empty where it is not set.
KILN_API std::string environment(Variable variable);
/// The same, but nothing in a set-user-ID program, whose caller must not choose its files.
KILN_API std::string unprivileged_environment(Variable variable);
/// Whether the value is neither empty nor "0".
KILN_API bool environment_flag(Variable variable) noexcept;

} // namespace kiln::runtime
