// kiln-bench-gpu: the figures by which Kiln's GPU path is judged. README.md says how each is measured.
#include "benchmark/gpu_bench.h"
#include "benchmark/gpu_decode.h"
#include "benchmark/gpu_matmul.h"

#include "kiln/cuda.h"
#include "kiln/error.h"
#include "kiln/tool_arguments.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <vector>

using namespace kiln;

namespace {

int usage(const char *program) {
  std::fprintf(stderr, "usage: %s [compile|bandwidth|decode|matmul]...\n%s%s", program,
               std::string(bench::DecodeOptions::usage()).c_str(), std::string(bench::MatmulOptions::usage()).c_str());
  return 2;
}

void run(std::string_view part, const char *program, const bench::DecodeOptions &decode,
         const bench::MatmulOptions &matmul) {
  if (part == "compile") // first: it starts processes, before this one has touched the driver
    bench::compile(program);
  else if (part == "bandwidth")
    bench::bandwidth(Device::cuda(0));
  else if (part == "decode")
    bench::decode(Device::cuda(0), decode);
  else if (part == "matmul")
    bench::matmul(Device::cuda(0), matmul);
  else
    bench::first_launch(Device::cuda(0));
}

} // namespace

int main(int argc, char **argv) {
  constexpr std::string_view parts[] = {"compile", "bandwidth", "decode", "matmul", "first-launch"};
  std::vector<std::string_view> wanted;
  bench::DecodeOptions decode;
  bench::MatmulOptions matmul;
  try {
    ToolArguments arguments(argc, argv);
    while (arguments.next()) {
      if (std::ranges::find(parts, arguments.text()) != std::end(parts))
        wanted.push_back(arguments.text());
      else if (!(wanted.size() == 1 && wanted[0] == "matmul" ? matmul.take(arguments) : decode.take(arguments)))
        return usage(argv[0]);
    }
  } catch (const Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  if (wanted.empty())
    wanted.assign({"compile", "bandwidth", "decode"});
  try {
    for (std::string_view part : parts) {
      if (std::ranges::find(wanted, part) == wanted.end())
        continue;
      if (part != "compile" && cuda::device_count() == 0) {
        std::fprintf(stderr, "%.*s: not run: %s\n", int(part.size()), part.data(), cuda::unavailable_reason().c_str());
        continue;
      }
      run(part, argv[0], decode, matmul);
    }
  } catch (const Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
