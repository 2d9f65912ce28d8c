// What the command lines of kiln-compile say.
#pragma once

#include "kiln/tool_arguments.h"

namespace kiln::jit {

/// What is to be compiled and printed.
struct CompileCommand {
  std::string_view kernel;
  std::vector<std::string_view> assignments;
  std::optional<Target> target;
  std::string_view stage = "tile";
  std::string output;
  bool line_info = false, list = false, help = false, version = false;
};

/// Throws InvalidArgument where the command line is wrong.
CompileCommand parse_compile_command(ToolArguments arguments);

/// A kernel that is to be packed, with as many configs.
struct PackedKernelCommand {
  const AnyKernel *kernel;
  std::vector<std::vector<ConfigValue>> configs;
};

/// What is to be packed.
struct PackCommand {
  std::string output;
  std::vector<Target> targets;
  std::vector<PackedKernelCommand> kernels;
  bool line_info = false;
};

/// The same for a command line with --pack. \returns at least one target and one kernel.
PackCommand parse_pack_command(ToolArguments arguments, std::span<const AnyKernel> kernels);

} // namespace kiln::jit
