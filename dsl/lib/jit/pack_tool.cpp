#include "jit/pack_tool.h"

#include "kiln/debug.h"

#include <algorithm>
#include <cstdio>

using namespace kiln;
using namespace kiln::jit;

namespace {

struct Wanted {
  const AnyKernel *kernel;
  std::vector<std::vector<double>> configs;
};

struct CommandLine {
  std::string output;
  std::vector<Target> targets;
  std::vector<Wanted> kernels;
  bool line_info = false;
};

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

CommandLine parse(ToolArguments arguments, std::span<const AnyKernel> kernels) {
  CommandLine result;
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
      Wanted &wanted = result.kernels.back();
      std::vector<double> &values = wanted.configs.emplace_back(wanted.kernel->defaults());
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

} // namespace

void jit::pack_tool(ToolArguments arguments, std::span<const AnyKernel> kernels) {
  CommandLine command = parse(arguments, kernels);
  debug::set_line_info(debug::line_info() || command.line_info); // the caller restores it
  std::vector<runtime::PackContent> contents;
  for (Wanted &wanted : command.kernels) {
    if (wanted.configs.empty())
      wanted.configs.push_back(wanted.kernel->defaults());
    for (const std::vector<double> &values : wanted.configs)
      for (const Target target : command.targets)
        contents.push_back(wanted.kernel->pack(values, target));
  }
  runtime::write_pack(command.output, contents);
  std::printf("%s: %zu %s\n", command.output.c_str(), contents.size(), contents.size() == 1 ? "kernel" : "kernels");
}
