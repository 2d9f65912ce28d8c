#include "jit/pack_tool.h"

#include "jit/tool_commands.h"

#include "kiln/debug.h"

#include <cstdio>

using namespace kiln;
using namespace kiln::jit;

void jit::pack_tool(ToolArguments arguments, std::span<const AnyKernel> kernels) {
  PackCommand command = parse_pack_command(arguments, kernels);
  debug::set_line_info(debug::line_info() || command.line_info); // the caller restores it
  std::vector<runtime::PackContent> contents;
  for (PackedKernelCommand &wanted : command.kernels) {
    if (wanted.configs.empty())
      wanted.configs.push_back(wanted.kernel->defaults());
    for (const std::vector<ConfigValue> &values : wanted.configs)
      for (const Target target : command.targets)
        contents.push_back(wanted.kernel->pack(values, target));
  }
  runtime::write_pack(command.output, contents);
  std::printf("%s: %zu %s\n", command.output.c_str(), contents.size(), contents.size() == 1 ? "kernel" : "kernels");
}
