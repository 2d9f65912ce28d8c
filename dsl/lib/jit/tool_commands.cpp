#include "jit/tool_commands.h"

#include "kiln/error.h"

#include <algorithm>

using namespace kiln;
using namespace kiln::jit;

namespace {

/// Calls `take` for each of "a,b,c".
template <class Take>
void split(std::string_view text, Take &&take) {
  for (;;) {
    const std::size_t comma = text.find(',');
    take(text.substr(0, comma));
    if (comma == text.npos)
      return;
    text.remove_prefix(comma + 1);
  }
}

void add_target(std::vector<Target> &targets, std::string_view name) {
  const Target target = Target::parse(name);
  if (target.is_cpu() || target.is_emulated())
    throw InvalidArgument("error: a pack holds code for GPUs, and '" + target.name() + "' is none");
  if (std::ranges::count(targets, target) == 0)
    targets.push_back(target);
}

} // namespace

CompileCommand jit::parse_compile_command(ToolArguments arguments) {
  CompileCommand result;
  while (arguments.next()) {
    const std::string_view argument = arguments.text();
    if (argument == "--set")
      result.assignments.push_back(arguments.value("FIELD=VALUE"));
    else if (argument == "--arch")
      result.target = Target::parse(arguments.value("the name of a target"));
    else if (argument == "--emit")
      result.stage = arguments.value("the name of a stage");
    else if (argument == "-o")
      result.output = arguments.value("the name of a file");
    else if (arguments.is_flag("--line-info"))
      result.line_info = true;
    else if (arguments.is_flag("--list"))
      result.list = true;
    else if (arguments.is_flag("--help") || arguments.is_flag("-h"))
      result.help = true;
    else if (arguments.is_flag("--version"))
      result.version = true;
    else
      arguments.take_kernel(result.kernel, "a member of the config is changed with --set");
  }
  return result;
}

PackCommand jit::parse_pack_command(ToolArguments arguments, std::span<const AnyKernel> kernels) {
  PackCommand result;
  while (arguments.next()) {
    const std::string_view argument = arguments.text();
    if (argument == "--pack") {
      result.output = arguments.value("the name of a file");
    } else if (argument == "--target") {
      split(arguments.value("the names of targets"), [&](std::string_view name) { add_target(result.targets, name); });
    } else if (argument == "--config") {
      const std::string_view config = arguments.value("FIELD=VALUE,...");
      if (result.kernels.empty())
        throw InvalidArgument("error: --config '" + std::string(config) + "': no kernel was named before it");
      PackedKernelCommand &wanted = result.kernels.back();
      std::vector<ConfigValue> &values = wanted.configs.emplace_back(wanted.kernel->defaults());
      split(config, [&](std::string_view assignment) {
        assign(values, {wanted.kernel->name(), "--config", "config field", wanted.kernel->fields()}, assignment);
      });
    } else if (arguments.is_flag("--line-info")) {
      result.line_info = true;
    } else if (arguments.is_option()) {
      throw InvalidArgument("error: '" + std::string(argument) +
                            "' does not go with --pack, which takes --target, --config and --line-info");
    } else {
      result.kernels.push_back({&kernel_named(argument, kernels), {}});
    }
  }
  if (result.output.empty())
    throw InvalidArgument("error: --pack needs the name of a file");
  if (result.targets.empty())
    throw InvalidArgument("error: --pack needs --target, the names of the GPUs to compile for");
  if (result.kernels.empty())
    throw InvalidArgument("error: --pack needs the names of kernels; --list prints those there are");
  return result;
}
