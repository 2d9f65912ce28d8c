// The command line of kiln-compile, for any kernels.
#include "kiln/compile_tool.h"

#include "jit/pack_tool.h"
#include "jit/tool_commands.h"

#include "kiln/debug.h"
#include "kiln/tool_arguments.h"

#include <algorithm>
#include <cstdio>

using namespace kiln;

namespace {

constexpr const char *help =
    R"(usage: %1$s KERNEL [--set FIELD=VALUE]... [--arch ARCH] [--emit STAGE] [-o FILE] [--line-info]
       %1$s --pack FILE --target ARCH[,ARCH]... KERNEL [--config FIELD=VALUE[,FIELD=VALUE]...]... [KERNEL ...]...
       %1$s --list

Compiles a kernel and prints a stage of it. The name may leave out its last part, "_f16": the first kernel that has it
is taken.

  --list             print the kernels, each with the members of its config and their defaults
  --set FIELD=VALUE  change a member of the config
  --arch ARCH        what to compile for: %2$s
  --emit STAGE       what to print; the default is tile, the kernel as it was traced
                       of a GPU: tile, tile_gpu, threads, llvm, llvmir, ptx, cubin, report, json
                       of an emulated one: tile, tile_gpu, threads, llvm, llvmir, asm, report, json
                       of cpu: tile, loops, llvm, llvmir, asm
  -o FILE            write there instead of to standard output
  --line-info        make GPU code name lines of the kernel's source
  --pack FILE        write machine code of several kernels to a file, which programs without a compiler launch from
  --target ARCH,...  of a pack: the GPUs to compile for
  --config F=V,...   of a pack: a config of the kernel that was named last; without one, its default config
  --help             print this
  --version          print the version of Kiln
)";

void list(std::span<const AnyKernel> kernels) {
  for (const AnyKernel &kernel : kernels) {
    std::string line = kernel.name();
    for (const ConfigMember &field : kernel.fields())
      line += " " + member_text(field, field.value);
    std::puts(line.c_str());
  }
}

std::string emit(const AnyKernel &kernel, std::span<const ConfigValue> values, const jit::CompileCommand &command) {
  if (!command.target) {
    if (command.stage != "tile")
      throw InvalidArgument("error: --emit " + std::string(command.stage) + " needs --arch");
    return kernel.trace(values);
  }
  return kernel.emit(values, *command.target, command.stage);
}

} // namespace

int kiln::compile_tool(int argc, const char *const *argv, std::span<const AnyKernel> kernels) {
  const char *const program = argc > 0 ? argv[0] : "tool";
  const bool line_info = debug::line_info();
  const int status = run_tool([&] {
    if (std::ranges::any_of(std::span(argv, static_cast<std::size_t>(argc)),
                            [](std::string_view text) { return text == "--pack" || text.starts_with("--pack="); }))
      return jit::pack_tool(ToolArguments(argc, argv), kernels);
    const jit::CompileCommand command = jit::parse_compile_command(ToolArguments(argc, argv));
    if (command.help) {
      std::string targets;
      for (const Target &target : Target::all())
        targets += (targets.empty() ? "" : ", ") + target.name();
      std::printf(help, program, targets.c_str());
      return;
    }
    if (command.version)
      return print_version();
    if (command.list)
      return list(kernels);
    const AnyKernel &kernel = kernel_named(command.kernel, kernels);
    std::vector<ConfigValue> values = kernel.defaults();
    for (std::string_view assignment : command.assignments)
      assign(values, {kernel.name(), "--set", "config field", kernel.fields()}, assignment);
    debug::set_line_info(line_info || command.line_info);
    write_output(command.output, emit(kernel, values, command));
  });
  debug::set_line_info(line_info);
  return status;
}
