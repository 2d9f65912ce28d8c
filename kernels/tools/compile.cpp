// kiln-compile: lists the kernels of the library, and prints one as IR of the tile dialect, to be read or fed to
// kiln-opt.
#include "kiln/kernels/registry.h"

#include <charconv>
#include <cstdio>
#include <cstring>

using namespace kiln;

namespace {

constexpr const char *usage = "usage: kiln-compile --list\n"
                              "       kiln-compile KERNEL [FIELD=VALUE]...\n";

int list() {
  for (const kernels::KernelEntry &kernel : kernels::all_kernels()) {
    std::printf("%s", kernel.name.c_str());
    for (const kernels::ConfigField &field : kernel.fields)
      std::printf(" %s=%lld", field.name, static_cast<long long>(field.value));
    std::printf("\n");
  }
  return 0;
}

/// Changes the value of the field that "FIELD=VALUE" names.
void set(const kernels::KernelEntry &kernel, std::vector<std::int64_t> &values, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  const std::string_view name = assignment.substr(0, equals);
  for (std::size_t i = 0; i < values.size() && equals != std::string_view::npos; ++i) {
    if (name != kernel.fields[i].name)
      continue;
    const std::string_view text = assignment.substr(equals + 1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), values[i]);
    if (error != std::errc() || end != text.data() + text.size())
      throw InvalidArgument("error: '" + std::string(assignment) + "': expected a number after '='");
    return;
  }
  throw InvalidArgument("error: " + kernel.name + " has no config field '" + std::string(name) + "'");
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    std::fputs(usage, stderr);
    return 2;
  }
  if (std::strcmp(argv[1], "--list") == 0)
    return list();
  try {
    const kernels::KernelEntry &kernel = kernels::find_kernel(argv[1]);
    std::vector<std::int64_t> values;
    for (const kernels::ConfigField &field : kernel.fields)
      values.push_back(field.value);
    for (int i = 2; i < argc; ++i)
      set(kernel, values, argv[i]);
    std::puts(kernel.trace(values).c_str());
  } catch (const Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
