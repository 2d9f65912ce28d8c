// kiln-bench-gpu: the figures by which Kiln's GPU path is judged. README.md says how each is measured.
#include "benchmark/gpu_bench.h"

#include "kiln/cuda.h"
#include "kiln/error.h"

#include <cstdio>
#include <string_view>

using namespace kiln;

namespace {

int usage(const char *program) {
  std::fprintf(stderr, "usage: %s [compile|bandwidth|decode]...\n", program);
  return 2;
}

void run(std::string_view part, const char *program) {
  if (part == "compile") // first: it starts processes, before this one has touched the driver
    bench::compile(program);
  else if (part == "bandwidth")
    bench::bandwidth(Device::cuda(0));
  else if (part == "decode")
    bench::decode(Device::cuda(0));
  else
    bench::first_launch(Device::cuda(0));
}

} // namespace

int main(int argc, char **argv) {
  constexpr std::string_view parts[] = {"compile", "bandwidth", "decode", "first-launch"};
  const auto wanted = [&](std::string_view part) {
    for (int i = 1; i < argc; ++i)
      if (argv[i] == part)
        return true;
    return argc == 1 && part != "first-launch";
  };
  for (int i = 1; i < argc; ++i) {
    bool known = false;
    for (std::string_view part : parts)
      known = known || part == argv[i];
    if (!known)
      return usage(argv[0]);
  }
  try {
    for (std::string_view part : parts) {
      if (!wanted(part))
        continue;
      if (part != "compile" && cuda::device_count() == 0) {
        std::fprintf(stderr, "%.*s: not run: %s\n", int(part.size()), part.data(), cuda::unavailable_reason().c_str());
        continue;
      }
      run(part, argv[0]);
    }
  } catch (const Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
