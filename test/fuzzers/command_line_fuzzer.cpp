// The command lines of kiln-compile, an argument in each line.
#include "fuzzer.h"
#include "jit/tool_commands.h"

#include "kiln/error.h"
#include "kiln/kiln.h"

#include <algorithm>

using namespace kiln;
using namespace kiln::fuzz;

namespace {

enum class Order : std::int8_t { rows, columns };

struct Config {
  int block = 64;
  bool chunked = false;
  float scale = 1;
  Order order = Order::rows;
  std::int64_t rows = 1;
};

void nothing(const Config &, ptr<float>) {}

const Kernel first{"scale_f16", nothing}, second{"scale_f32", nothing}, third{"norm", nothing};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  static const AnyKernel kernels[] = {first, second, third};
  const std::vector<std::string> lines = lines_of({data, size});
  std::vector<const char *> arguments{"tool"};
  for (const std::string &line : lines)
    arguments.push_back(line.c_str());
  const ToolArguments all(static_cast<int>(arguments.size()), arguments.data());
  const auto may_refuse = [](auto &&f) {
    try {
      f();
    } catch (const InvalidArgument &error) {
      // A wrong command line is one line, unless it was said on several.
      expect(std::string_view(error.what()).starts_with("error: "), "a refusal begins as one");
    }
  };

  may_refuse([&] {
    const jit::CompileCommand command = jit::parse_compile_command(all);
    const AnyKernel &kernel = kernel_named(command.kernel, kernels);
    std::vector<ConfigValue> values = kernel.defaults();
    for (std::string_view assignment : command.assignments)
      assign(values, {kernel.name(), "--set", "config field", kernel.fields()}, assignment);
    (void)detail::config_of<Config>(values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      // What a tool prints of a config can be given to it again.
      std::vector<ConfigValue> again = kernel.defaults();
      assign(again, {kernel.name(), "--set", "config field", kernel.fields()},
             member_text(kernel.fields()[i], values[i]));
      expect(again[i] == values[i] || values[i] != values[i], "a value survives as text");
    }
  });
  may_refuse([&] {
    const jit::PackCommand command = jit::parse_pack_command(all, kernels);
    expect(!command.output.empty() && !command.targets.empty() && !command.kernels.empty(), "there is what is needed");
    for (const jit::PackedKernelCommand &wanted : command.kernels)
      for (const std::vector<ConfigValue> &values : wanted.configs) {
        expect(values.size() == wanted.kernel->fields().size(), "a config has all members");
        (void)detail::config_of<Config>(values);
      }
  });
  return 0;
}
