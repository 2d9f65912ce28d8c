// kiln-profile: what the kernels of the library do, line by line of their source, counted by the emulator.
#include "tools/profile_problem.h"
#include "tools/program.h"

#include "kiln/emulator.h"
#include "kiln/kernels/registry.h"
#include "kiln/profile_report.h"
#include "kiln/tool_arguments.h"

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

using namespace kiln;

namespace {

constexpr const char *help =
    R"(usage: %1$s KERNEL [--set FIELD=VALUE]... [--shape SIZE=VALUE]... [--arch ARCH] [--html FILE]
       %1$s --list

Runs a kernel once on a small problem of random numbers, on an emulated GPU, and prints what each line of its source did:
instructions of warps by class, sectors of global memory and how much of them was used, passes through shared memory and
how many of them bank conflicts cost, and what was in flight at waits for asynchronous copies. The name may leave out its
last part, "_f16".

  --list              print the kernels, each with the sizes of its problem and their defaults
  --set FIELD=VALUE   change a member of the config; kiln-compile --list shows them
  --shape SIZE=VALUE  change a size of the problem
  --arch ARCH         the GPU: sm_90a, which is the default, or emulated:sm_90a, which is the same here
  --html FILE         write a page with the whole source beside the numbers there, and print no tables
  --source DIRECTORY  where the kernels' source is; else it is looked for in the current directory and beside this program
  --help              print this
  --version           print the version of Kiln
)";

struct CommandLine {
  std::string_view kernel;
  std::vector<std::string_view> assignments, sizes;
  std::string arch = "sm_90a";
  std::string html, source;
  bool list = false, help = false, version = false;
};

CommandLine parse(ToolArguments arguments) {
  CommandLine result;
  while (arguments.next()) {
    const std::string_view argument = arguments.text();
    if (argument == "--set")
      result.assignments.push_back(arguments.value("FIELD=VALUE"));
    else if (argument == "--shape")
      result.sizes.push_back(arguments.value("SIZE=VALUE"));
    else if (argument == "--arch")
      result.arch = arguments.value("the name of an architecture");
    else if (argument == "--html")
      result.html = arguments.value("the name of a file");
    else if (argument == "--source")
      result.source = arguments.value("a directory");
    else if (arguments.is_flag("--list"))
      result.list = true;
    else if (arguments.is_flag("--help") || arguments.is_flag("-h"))
      result.help = true;
    else if (arguments.is_flag("--version"))
      result.version = true;
    else
      arguments.take_kernel(result.kernel, "a member of the config is changed with --set, a size with --shape");
  }
  return result;
}

void list() {
  for (const AnyKernel &kernel : kernels::all_kernels()) {
    std::string line = kernel.name();
    for (const ConfigMember &size : profile_tool::shape_of(kernel))
      line += " " + member_text(size, size.value);
    std::puts(line.c_str());
  }
}

/// All GPUs are emulated here, with or without the prefix that tells them from others elsewhere.
Device device_of(std::string_view arch) {
  constexpr std::string_view prefix = "emulated:";
  return Device::emulated(arch.starts_with(prefix) ? arch.substr(prefix.size()) : arch);
}

std::vector<std::string> source_directories(const CommandLine &command) {
  if (!command.source.empty())
    return {command.source};
  std::vector<std::string> directories{"."};
  std::error_code unknown;
  if (const auto program = std::filesystem::read_symlink("/proc/self/exe", unknown); !unknown)
    directories.push_back((program.parent_path().parent_path() / "share/kiln/source").string());
  return directories;
}

/// What one run of the kernel launched.
std::vector<LaunchProfile> profile(const AnyKernel &kernel, const CommandLine &command) {
  const auto sizes = profile_tool::shape_of(kernel);
  std::vector<ConfigValue> shape;
  for (const ConfigMember &size : sizes)
    shape.push_back(size.value);
  for (std::string_view assignment : command.sizes)
    assign(shape, {kernel.name(), "--shape", "size", sizes}, assignment);
  // Only the first run of a launch is counted; the second, for comparison, is for tests.
  EmulatorOptions options = emulator_options();
  options.compare_poison = false;
  set_emulator_options(options);
  EmulatorProfiler profiler;
  profile_tool::run(kernel, shape, command.assignments, device_of(command.arch));
  return profiler.launches();
}

std::string text_of(std::span<const LaunchProfile> launches, const ProfileReportOptions &options) {
  std::string text;
  for (const LaunchProfile &launch : launches)
    text += (text.empty() ? "" : "\n") + profile_text(launch, options);
  return text;
}

} // namespace

int main(int argc, char **argv) {
  const int status = run_tool([&] {
    const CommandLine command = parse(ToolArguments(argc, argv));
    if (command.help) {
      std::printf(help, argv[0]);
      return;
    }
    if (command.version)
      return print_version();
    if (command.list)
      return list();
    const AnyKernel &kernel = kernel_named(command.kernel, kernels::all_kernels());
    const std::vector<LaunchProfile> launches = profile(kernel, command);
    const ProfileReportOptions options{.source_directories = source_directories(command),
                                       .colours = isatty(STDOUT_FILENO) != 0};
    write_output(command.html, command.html.empty() ? text_of(launches, options) : profile_html(launches, options));
  });
  return tools::finish("kiln-profile", status);
}
