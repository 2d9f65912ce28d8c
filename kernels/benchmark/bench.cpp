// kiln-bench: the figures by which Kiln's CPU path is judged. README.md says how each is measured.
#include "benchmark/decode_cell.h"
#include "benchmark/parallel_sum.h"

#include "kiln/kernels/registry.h"
#include "kiln/kernels/vector_add.h"
#include "kiln/kiln.h"
#include "kiln/runtime/cpu_launch.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

using namespace kiln;

namespace {

bool csv = false;

/// One figure; `goal` says what is asked of it, or is empty.
void print(const char *name, double value, const char *unit, const char *goal = "") {
  if (csv)
    std::printf("\"%s\",%.6g,%s,%s\n", name, value, unit, goal); // names hold commas
  else
    std::printf("  %-46s %10.3f %-6s %s\n", name, value, unit, goal);
  std::fflush(stdout);
}

void heading(const char *text) {
  if (!csv)
    std::printf("\n%s\n", text);
}

/// Trace and compile times of the decode kernel. The first compile of a process also loads the compiler.
void compile_times() {
  heading("Compiling the decode kernel for the CPU");
  const AnyKernel &kernel = kernels::find_kernel("paged_attention_decode_f16");
  kernels::PagedAttentionConfig config{.schedule = kernels::PagedSchedule::interleaved}; // what the CPU runs
  std::vector<double> trace, compile;
  // num_stages means nothing to the CPU: each value is a new key and the same work.
  for (config.num_stages = 2; config.num_stages <= 8; ++config.num_stages) {
    const CompileReport report = kernel.compile(bench::config_values(config), Device::cpu());
    trace.push_back(report.trace_ms);
    compile.push_back(report.compile_ms);
  }
  print("trace, first in the process", trace[0], "ms");
  print("trace, median of 7", bench::median(trace), "ms", "below 5");
  print("compile, first in the process", compile[0], "ms");
  print("compile, median of 7", bench::median(compile), "ms", "below 500");
}

/// A launch that has next to nothing to do, through the host entry point.
void launch_overhead() {
  heading("A launch with a config that is compiled");
  float x[16] = {}, y[16] = {}, out[16];
  const kernels::VectorAdd<float> problem{.x = x, .y = y, .out = out, .n = 16};
  const kernels::VectorAddConfig config{.block = 16};
  const auto launch = [&] { kernels::vector_add(problem, config, {.device = Device::cpu()}); };
  launch();
  const KernelCounters before = kernels::find_kernel("vector_add_f32").counters();
  const std::vector<double> times = bench::time_us(20000, launch);
  const KernelCounters after = kernels::find_kernel("vector_add_f32").counters();
  print("one program of 16 additions, median of 20000", bench::median(times), "us", "below 5");
  print("traces and compiles in these launches",
        double(after.traces - before.traces + after.compiles - before.compiles), "", "0");
}

/// Decode of a cell against a parallel sum of the same K and V, turn by turn. Both move from one set of K and V to the
/// next, so that neither finds them in a cache.
void decode(const bench::Cell &cell, bool judged) {
  constexpr std::int64_t rotated_bytes = 256 << 20, most_sets = 64;
  std::vector<std::unique_ptr<bench::DecodeProblem>> sets;
  do
    sets.push_back(std::make_unique<bench::DecodeProblem>(cell));
  while (std::int64_t(sets.size()) * sets[0]->kv_bytes() < rotated_bytes && std::int64_t(sets.size()) < most_sets);

  const kernels::PagedAttentionConfig config = kernels::default_config(sets[0]->problem, Device::cpu());
  std::uint64_t total = 0;
  const auto step = [&](std::size_t i) {
    kernels::paged_attention(sets[i % sets.size()]->problem, config, {.device = Device::cpu()});
  };
  bench::ParallelSum parallel_sum{int(runtime::cpu_threads())};
  const auto sum = [&](std::size_t i) {
    const bench::DecodeProblem &set = *sets[i % sets.size()];
    const std::array arrays{std::as_bytes(std::span(set.key_cache)), std::as_bytes(std::span(set.value_cache))};
    total += parallel_sum.run(arrays);
  };
  for (std::size_t i = 0; i < sets.size(); ++i) {
    step(i);
    sum(i);
  }
  if (const double error = sets[0]->max_error(); !(error < 5e-3)) {
    std::fprintf(stderr, "%s: wrong by %g, not timed\n", cell.name.c_str(), error);
    return;
  }
  const double sum_bytes = double((sets[0]->key_cache.size() + sets[0]->value_cache.size()) * sizeof(half));
  const std::size_t rounds = std::size_t(std::clamp(1.5e6 / (bench::time_us(1, [&] { step(0); })[0] * 2), 10.0, 300.0));
  std::vector<double> decode_us, sum_us;
  for (std::size_t i = 0; i < rounds; ++i) {
    decode_us.push_back(bench::time_us(1, [&] { step(i); })[0]);
    // The sum takes a set that was not just decoded.
    sum_us.push_back(bench::time_us(1, [&] { sum(i + sets.size() / 2); })[0]);
  }
  // The sum is used, so that no compiler drops it.
  if (total == 0)
    std::fprintf(stderr, "%s: the sum of all words is 0\n", cell.name.c_str());

  const double decode_rate = double(sets[0]->kv_bytes()) / bench::median(decode_us) * 1e-3;
  const double sum_rate = sum_bytes / bench::median(sum_us) * 1e-3;
  const auto line = [&](const char *what, double value, const char *unit, const char *goal = "") {
    print((cell.name + ": " + what).c_str(), value, unit, goal);
  };
  line("decode, median", bench::median(decode_us), "us");
  line("decode, median, K/V", decode_rate, "GB/s");
  line("parallel sum, median", sum_rate, "GB/s");
  line("decode / sum", decode_rate / sum_rate * 100, "%", judged ? "at least 40" : "");
}

} // namespace

int main(int argc, char **argv) {
  if (argc == 2 && std::strcmp(argv[1], "--csv") == 0) {
    csv = true;
    std::printf("figure,value,unit,goal\n");
  } else if (argc > 1) {
    std::fprintf(stderr, "usage: %s [--csv]\n", argv[0]);
    return 2;
  }
  try {
    if (!csv)
      std::printf("CPU, %u threads\n", runtime::cpu_threads());
    compile_times();
    launch_overhead();
    heading("Decode: fp16, 32 heads on 8 K/V heads, head_dim 128, pages of 16 tokens, shuffled block table");
    for (const bench::Cell &cell : bench::cells())
      decode(cell, cell.name == "4 x 2048");
  } catch (const Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
