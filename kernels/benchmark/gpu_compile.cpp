#include "benchmark/decode_cell.h"
#include "benchmark/device_decode.h"
#include "benchmark/gpu_bench.h"

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

/// An empty cache for the processes that are started meanwhile.
class TemporaryCache {
public:
  TemporaryCache() {
    if (!mkdtemp(path_.data()))
      throw Error("no directory for a cache");
    setenv("KILN_CACHE_DIR", path_.c_str(), 1);
  }
  TemporaryCache(const TemporaryCache &) = delete;
  TemporaryCache &operator=(const TemporaryCache &) = delete;
  ~TemporaryCache() {
    unsetenv("KILN_CACHE_DIR");
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

private:
  std::string path_ = (std::filesystem::temp_directory_path() / "kiln-bench-XXXXXX").string();
};

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

  try {
    std::vector<double> cold, warm;
    for (int i = 0; i < 5; ++i) {
      const TemporaryCache cache;
      cold.push_back(first_launch_ms(program));
    }
    std::printf("decode: first launch in a process; nothing in the cache; median of 5,%.1f,\n", median(cold));
    const TemporaryCache cache;
    first_launch_ms(program);
    for (int i = 0; i < 7; ++i)
      warm.push_back(first_launch_ms(program));
    std::printf("decode: first launch in a process; from the cache on disk; median of 7,%.1f,at most 10\n",
                median(warm));
    std::fflush(stdout);
  } catch (const Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
}

void first_launch(Device device) {
  // The driver starts before the clock does.
  const DecodeProblem host(Cell::uniform(1, 16));
  DeviceDecode<half> decode(host, device);
  const auto config = kernels::default_config(decode.problem, device);
  decode.reserve(config);
  const double us = time_us(1, [&] { kernels::paged_attention(decode.problem, config, {.device = device}); })[0];
  synchronize(device);
  std::printf("%.3f\n", us * 1e-3);
}

} // namespace kiln::bench
