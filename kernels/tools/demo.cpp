// kiln-demo: one decode step of paged attention on every device of this machine, or on those that the command line
// names, checked against the double-precision reference.
#include "kiln/kernels/registry.h"
#include "kiln/kiln.h"
#include "kiln/tool_arguments.h"

#include "benchmark/decode_cell.h"
#include "benchmark/device_decode.h"
#include "tools/program.h"

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

using namespace kiln;

namespace {

constexpr double allowed_error = 5e-3;

constexpr const char *help =
    R"(usage: %s [DEVICE]...

Runs a decode step of paged attention on each device, or on the CPU and the first GPU where none is named; times it and
checks it against a double-precision reference. Status 1 says that a result was wrong.

  DEVICE     cpu, interpreter, cuda:N, emulated:ARCH, such as emulated:sm_90a
  --help     print this
  --version  print the version of Kiln
)";

/// All of them where that takes a moment.
std::vector<bench::Cell> cells(Device device) {
  const bool slow = device.kind() == Device::Kind::emulated || device == Device::interpreter();
  return slow ? std::vector{bench::Cell::uniform(2, 60)} : bench::cells();
}

/// What was chosen for the problem and has a meaning on the device.
std::string tiles_text(const kernels::PagedAttentionConfig &config, Device device) {
  constexpr const char *schedules[] = {"rows", "interleaved", "shares", "parts"};
  std::string text = std::string(schedules[int(config.schedule)]) + ", block_n " + std::to_string(config.block_n);
  if (device.kind() == Device::Kind::cuda || device.kind() == Device::Kind::emulated)
    text += ", " + std::to_string(config.num_warps) + " warps, " + std::to_string(config.num_stages) + " stages";
  return text;
}

/// Compiles, runs, times and checks one cell; prints its row.
bool run(const bench::Cell &cell, Device device) {
  bench::DecodeProblem decode(cell);
  const kernels::PagedAttentionConfig config = kernels::default_config(decode.problem, device);
  const CompileReport report = kernels::find_kernel("paged_attention_decode_f16")
                                   .compile(bench::config_values(kernels::compiled_config(config)), device);
  std::optional<bench::DeviceDecode<half>> on_gpu;
  if (device != Device::cpu())
    on_gpu.emplace(decode, device).reserve(config);
  const auto step = [&] {
    kernels::paged_attention(on_gpu ? on_gpu->problem : decode.problem, config, {.device = device});
    synchronize(device);
  };
  // As many runs as fit into a third of a second, at least 5.
  const double first = bench::time_us(1, step)[0];
  const int runs = int(std::clamp(300e3 / first, 5.0, 500.0));
  const double us = bench::median(bench::time_us(runs, step));
  if (on_gpu)
    on_gpu->fetch(decode);
  const double error = decode.max_error();
  const bool pass = error < allowed_error;

  char compiled[32] = "cached";
  if (!report.cached)
    std::snprintf(compiled, sizeof compiled, "%.1f", report.trace_ms + report.compile_ms);
  std::printf("%-15s %-18s %-40s %10s %10.1f %8.2f %10.1e  %s\n", device.name().c_str(), cell.name.c_str(),
              tiles_text(config, device).c_str(), compiled, us, double(decode.bytes()) / us * 1e-3, error,
              pass ? "pass" : "FAIL");
  std::fflush(stdout);
  return pass;
}

int demo(int argc, char **argv) {
  std::vector<Device> devices;
  bool help_wanted = false, version_wanted = false;
  const int status = run_tool([&] {
    ToolArguments arguments(argc, argv);
    while (arguments.next()) {
      if (arguments.is_flag("--help") || arguments.is_flag("-h"))
        help_wanted = true;
      else if (arguments.is_flag("--version"))
        version_wanted = true;
      else if (arguments.is_option())
        throw InvalidArgument("error: unknown option '" + std::string(arguments.text()) + "'");
      else
        devices.push_back(Device::parse(arguments.text()));
    }
    if (help_wanted)
      std::printf(help, argv[0]);
    else if (version_wanted)
      print_version();
  });
  if (status != 0 || help_wanted || version_wanted)
    return status;
  std::printf(
      "Paged-attention decode: fp16, 32 query heads on 8 K/V heads, head_dim 128, pages of 16 tokens, shuffled block "
      "table.\n"
      "run us: the median; GB/s: K, V, q, out, table and lengths; max error: absolute, against a double-precision\n"
      "reference; below %g passes.\n\n",
      allowed_error);
  std::printf("%-15s %-18s %-40s %10s %10s %8s %10s\n", "device", "batch x length", "schedule and tiles", "compile ms",
              "run us", "GB/s", "max error");
  bool pass = true;
  try {
    std::string missing;
    if (devices.empty()) {
      devices.push_back(Device::cpu());
      try {
        devices.push_back(Device::cuda(0));
      } catch (const DeviceError &error) {
        missing = error.what();
      }
    }
    for (Device device : devices)
      for (const bench::Cell &cell : cells(device))
        pass = run(cell, device) && pass;
    if (!missing.empty())
      std::printf("%-15s not run: %s\n", "cuda:0", missing.c_str());
  } catch (const Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  std::printf("\n%s\n", pass ? "All cells pass." : "A cell FAILED.");
  return pass ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) { return tools::finish("kiln-demo", demo(argc, argv)); }
