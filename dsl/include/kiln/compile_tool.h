// A command that prints what a program's own kernels are compiled to.
#pragma once

#include "kiln/any_kernel.h"

#include <initializer_list>
#include <span>

namespace kiln {

/// The `main` of a tool that compiles the kernels it is given and prints any stage of them, as `kiln-compile` does for
/// the kernels of the library:
///
///     int main(int argc, char **argv) { return kiln::compile_tool(argc, argv, {vec_add_kernel, softmax_kernel}); }
///
///     tool --list
///     tool vec_add --set block=256 --arch sm_90a --emit ptx
///     tool --pack kernels.kpack --target sm_80,sm_90a vec_add --config block=256 --config block=1024
///
/// `tool --help` lists the options. Returns the exit code: 0, 1 where a kernel cannot be compiled or a file not be
/// written, 2 where the command line is wrong. Messages go to standard error.
KILN_API int compile_tool(int argc, const char *const *argv, std::span<const AnyKernel> kernels);

inline int compile_tool(int argc, const char *const *argv, std::initializer_list<AnyKernel> kernels) {
  return compile_tool(argc, argv, std::span<const AnyKernel>(kernels.begin(), kernels.size()));
}

} // namespace kiln
