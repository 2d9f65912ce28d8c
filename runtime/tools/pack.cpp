// kiln-pack: looks into packs of compiled kernels. It launches nothing and needs no GPU.
#include "program.h"

#include "kiln/error.h"
#include "kiln/pack.h"

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

using namespace kiln;
using namespace kiln::tools;

namespace {

constexpr Program program{"kiln-pack",
                          "usage: kiln-pack list FILE    the kernels of a pack\n"
                          "       kiln-pack show FILE    the same, with parameters, facts and sizes\n"
                          "       kiln-pack verify FILE  reads all of it; status 1 if anything is damaged\n"
                          "kiln-compile --pack makes packs.\n"};

void list(const Pack &pack) {
  std::printf("%-32s  %-8s  %-8s  %s\n", "KERNEL", "ARCH", "VARIANTS", "CONFIG");
  for (const PackEntry &entry : pack.entries())
    std::printf("%-32s  %-8s  %-8d  %s\n", entry.name.c_str(), entry.arch.c_str(), entry.facts.empty() ? 1 : 2,
                entry.config.c_str());
}

void show(const Pack &pack) {
  for (std::size_t i = 0; i < pack.entries().size(); ++i) {
    const PackEntry &entry = pack.entries()[i];
    std::printf("%s%s for %s\n", i ? "\n" : "", entry.name.c_str(), entry.arch.c_str());
    std::printf("  config      %s\n", entry.config.c_str());
    std::string text;
    for (const PackParameter &parameter : entry.parameters)
      text += (text.empty() ? "" : ", ") + parameter.text();
    std::printf("  parameters  %s\n", text.empty() ? "none" : text.c_str());
    for (const runtime::Fact &fact : entry.facts)
      std::printf("  fact        parameter %u is a multiple of %lld\n", static_cast<unsigned>(fact.param),
                  static_cast<long long>(fact.divisor));
    if (entry.waits)
      std::printf("  waits       for the launches before it\n");
    const std::vector<runtime::KernelImage> images = pack.images(i);
    for (std::size_t variant = 0; variant < images.size(); ++variant)
      std::printf("  %-10s  %s, %s of shared memory, %s of code\n", variant == 0 ? "specialised" : "generic",
                  count(images[variant].threads, "thread", "threads").c_str(),
                  count(images[variant].shared_bytes, "byte", "bytes").c_str(),
                  count(images[variant].cubin.size(), "byte", "bytes").c_str());
  }
}

void verify(const Pack &pack) {
  for (std::size_t i = 0; i < pack.entries().size(); ++i)
    pack.images(i);
  std::printf("%s, all good\n", count(pack.entries().size(), "kernel", "kernels").c_str());
}

int run(const std::vector<std::string_view> &arguments) {
  if (arguments.size() == 1 && (arguments[0] == "--help" || arguments[0] == "help"))
    return program.help();
  if (arguments.size() == 1 && arguments[0] == "--version")
    return program.version();
  if (arguments.empty())
    return program.usage_error("no command");
  const auto command = arguments[0] == "list"     ? list
                       : arguments[0] == "show"   ? show
                       : arguments[0] == "verify" ? verify
                                                  : nullptr;
  if (!command)
    return program.usage_error("there is no command '" + std::string(arguments[0]) + "'");
  if (arguments.size() != 2)
    return program.usage_error(std::string(arguments[0]) + " takes one file");
  try {
    command(Pack(std::string(arguments[1])));
  } catch (const std::exception &error) {
    return program.failure(error.what());
  }
  return 0;
}

} // namespace

int main(int argc, char **argv) { return program.finish(run({argv + 1, argv + argc})); }
