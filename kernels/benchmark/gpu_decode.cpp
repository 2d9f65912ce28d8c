#include "benchmark/device_decode.h"
#include "benchmark/gpu_bench.h"
#include "benchmark/gpu_timing.h"

#include "kiln/config.h"

#include <cstdio>
#include <memory>

namespace kiln::bench {
namespace {

struct NamedCell {
  Cell cell;
  const char *mode;
  int length;
};

std::vector<NamedCell> gpu_cells() {
  std::vector<NamedCell> cells;
  for (const auto &[batch, length] :
       {std::pair{2, 60}, {1, 512}, {16, 256}, {4, 2048}, {1, 8192}, {1, 32768}, {16, 4096}, {64, 1024}, {64, 4096}})
    cells.push_back({Cell::uniform(batch, length), "uniform", length});
  for (const auto &[batch, length] : {std::pair{64, 8192}, {16, 16384}})
    cells.push_back({Cell::ragged(batch, length), "ragged", length});
  cells.push_back({Cell::skewed(16, 65536), "skewed", 65536});
  return cells;
}

void run(Device device, const NamedCell &named) {
  DecodeProblem host(named.cell);
  std::vector<std::unique_ptr<DeviceDecode<half>>> sets;
  for (int i = sets_to_rotate(host.kv_bytes()); i > 0; --i)
    sets.push_back(std::make_unique<DeviceDecode<half>>(host, device));
  const auto launch = [&](const kernels::PagedAttentionConfig &c, int set, void *stream) {
    kernels::paged_attention(sets[set]->problem, c, {.device = device, .stream = stream});
  };
  const auto time = [&](const kernels::PagedAttentionConfig &c, int repeats) {
    for (const auto &set : sets)
      set->reserve(c);
    return graph_us(device, int(sets.size()), repeats, [&](int set, void *stream) { launch(c, set, stream); });
  };

  const kernels::PagedAttentionConfig first = kernels::default_config(host.problem, device);
  kernels::PagedAttentionConfig best = first;
  double best_us = time(first, search_repeats);
  for (int block_n : {16, 32, 64, 128})
    for (int warps : {1, 2, 4, 8}) {
      kernels::PagedAttentionConfig c = first;
      c.block_n = block_n;
      c.num_warps = warps;
      if (const double us = time(c, search_repeats); us < best_us) {
        best_us = us;
        best = c;
      }
    }
  sets[0]->reserve(best);
  launch(best, 0, nullptr);
  sets[0]->fetch(host);
  const double error = host.max_error(/*most_tokens=*/16384);
  const double us = time(best, final_repeats), default_us = time(first, final_repeats);
  const auto rate = [&](double t) { return double(host.bytes()) / t * 1e-3; };
  std::printf("kiln,%s,fp16,%lld,%lld,%lld,%lld,%zu,%s,%d,%.2f,%.0f,%.0f,%.1e,\"%s\"%s\n",
              where_and_when(device).c_str(), static_cast<long long>(DecodeProblem::page_size),
              static_cast<long long>(DecodeProblem::heads), static_cast<long long>(DecodeProblem::kv_heads),
              static_cast<long long>(DecodeProblem::head_dim), named.cell.lengths.size(), named.mode, named.length, us,
              rate(us), rate(default_us), error, config_text(best).c_str(), error < 5e-3 ? "" : " WRONG");
  std::fflush(stdout);
}

} // namespace

void decode(Device device) {
  std::printf(
      "peer,gpu,date,dtype,page,heads,kv_heads,head_dim,batch,mode,length,us,GBps,default_GBps,max_err,config\n");
  for (const NamedCell &cell : gpu_cells())
    run(device, cell);
}

} // namespace kiln::bench
