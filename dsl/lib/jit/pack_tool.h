// kiln-compile --pack.
#pragma once

#include "kiln/tool_arguments.h"

namespace kiln::jit {

/// Compiles what the command line names and writes a pack. Throws InvalidArgument where the command line is wrong, what
/// compiling throws, and PackError.
void pack_tool(ToolArguments arguments, std::span<const AnyKernel> kernels);

} // namespace kiln::jit
