#include "benchmark/gpu_bench.h"
#include "benchmark/gpu_timing.h"

#include "kiln/config.h"
#include "kiln/kernels/registry.h"
#include "kiln/kiln.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <unistd.h>

namespace kiln::bench {
namespace {

const AnyKernel &decode_kernel() { return kernels::find_kernel("paged_attention_decode_f16"); }

/// What the first-launch part of another process says.
double first_launch_ms(const std::string &program) {
  std::FILE *child = popen(("\"" + program + "\" first-launch").c_str(), "r");
  double ms = 0;
  const bool read = child && std::fscanf(child, "%lf", &ms) == 1;
  if (!child || pclose(child) != 0 || !read)
    throw Error("first launch in a process: not run (the process says why)");
  return ms;
}

} // namespace

void compile(const std::string &program) {
  std::printf("figure,ms,goal\n");
  // Each num_stages is another key, and so far the same work.
  std::vector<double> trace, lower, assemble;
  setenv("KILN_CACHE", "off", 1);
  for (int stages = 2; stages <= 8; ++stages) {
    kernels::PagedAttentionConfig config;
    config.num_stages = stages;
    const CompileReport report = decode_kernel().compile(config_values(config), Target::parse("sm_90a")).report;
    trace.push_back(report.trace_ms);
    lower.push_back(report.lower_ms);
    assemble.push_back(report.assemble_ms);
  }
  unsetenv("KILN_CACHE");
  std::printf("decode: trace to cubin for sm_90a; first in the process,%.1f,at most 220\n",
              trace[0] + lower[0] + assemble[0]);
  std::printf("decode: trace; median of 7,%.1f,\n", median(trace));
  std::printf("decode: IR to PTX; median of 7,%.1f,\n", median(lower));
  std::printf("decode: PTX to cubin; median of 7,%.1f,\n", median(assemble));
  std::fflush(stdout);

  std::string scratch = (std::filesystem::temp_directory_path() / "kiln-bench-XXXXXX").string();
  if (!mkdtemp(scratch.data()))
    throw Error("no directory for a cache");
  setenv("KILN_CACHE_DIR", scratch.c_str(), 1);
  try {
    const double cold = first_launch_ms(program);
    std::vector<double> warm;
    for (int i = 0; i < 7; ++i)
      warm.push_back(first_launch_ms(program));
    std::printf("decode: first launch in a process; nothing in the cache,%.1f,\n", cold);
    std::printf("decode: first launch in a process; from the cache on disk; median of 7,%.1f,at most 10\n",
                median(warm));
    std::fflush(stdout);
  } catch (const Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  unsetenv("KILN_CACHE_DIR");
  std::filesystem::remove_all(scratch);
}

void first_launch(Device device) {
  // The driver starts before the clock does.
  const std::int32_t zeros[64] = {};
  DeviceBuffer memory(device, 1 << 20), integers(device, sizeof zeros);
  integers.copy_from_host(zeros, sizeof zeros);
  kernels::PagedAttention<half> problem{
      .batch = 1, .heads = 32, .kv_heads = 8, .head_dim = 128, .page_size = 16, .max_pages = 1, .scale = 1};
  problem.set_dense_strides();
  problem.q = problem.key_cache = problem.value_cache = memory.as<half>();
  problem.table = problem.lengths = integers.as<std::int32_t>();
  problem.out = memory.as<half>() + (1 << 18);
  const auto config = kernels::default_config(problem, device);
  problem.workspace_size = kernels::workspace_bytes(problem, config, device);
  DeviceBuffer workspace(device, problem.workspace_size + 16);
  workspace.fill(0);
  problem.workspace = workspace.as<float>();
  const double us = time_us(1, [&] { kernels::paged_attention(problem, config, {.device = device}); })[0];
  synchronize(device);
  std::printf("%.3f\n", us * 1e-3);
}

} // namespace kiln::bench
