#include "benchmark/gpu_decode.h"

#include "benchmark/cuda_decode.h"
#include "benchmark/decode_sets.h"
#include "benchmark/gathered_read.h"
#include "benchmark/plain_read.h"

#include "kiln/config.h"
#include "kiln/kernels/registry.h"

#include <array>
#include <cstdio>
#include <memory>
#include <numeric>
#include <span>

namespace kiln::bench {
namespace {

/// The reference takes its time: it checks the first sequence, and others up to so many tokens.
constexpr std::int64_t checked_tokens = 16384;

std::vector<DecodeCell> usual_cells() {
  return {{"uniform", 2, 60},    {"uniform", 1, 512},   {"uniform", 16, 256},  {"uniform", 4, 2048},
          {"uniform", 1, 8192},  {"uniform", 1, 32768}, {"uniform", 16, 4096}, {"uniform", 64, 1024},
          {"uniform", 64, 4096}, {"ragged", 64, 8192},  {"ragged", 16, 16384}, {"skewed", 16, 65536}};
}

DecodeCell parse_cell(std::string_view text) {
  const std::vector<std::string_view> parts = kernels::split(text, ':');
  if (parts.size() != 3 || (parts[0] != "uniform" && parts[0] != "ragged" && parts[0] != "skewed"))
    throw InvalidArgument("error: a cell is MODE:BATCH:LENGTH, the mode uniform, ragged or skewed; not '" +
                          std::string(text) + "'");
  return {std::string(parts[0]), whole_number(parts[1], "the batch of a cell"),
          whole_number(parts[2], "the length of a cell")};
}

std::string parse_peer(std::string_view text) {
  if (text != "plain_read" && text != "gathered_read" && text != "cuda" && text != "kiln")
    throw InvalidArgument("error: --peer is plain_read, gathered_read, cuda or kiln; not '" + std::string(text) + "'");
  return std::string(text);
}

/// The config fields that the problem decides.
constexpr std::array<std::string_view, 6> decided_fields = {"head_dim", "group",        "page_size",
                                                            "packed",   "same_strides", "lse"};

/// Microseconds of the fastest plain read of so many bytes of each set, and its config.
template <class T>
std::pair<double, std::string> plain_read_us(Device device, const DecodeSets<T> &sets, std::int64_t bytes) {
  static const Kernel kernel{"plain_read", plain_read_body};
  const int cores = cuda::properties(device).multiprocessors;
  const std::int64_t words = std::min(sets.words(), bytes / 16 * 4);
  std::pair<double, std::string> best{INFINITY, ""};
  DeviceBuffer out(device, std::size_t(cores) * 16 * sizeof(std::int32_t));
  for (const PlainReadConfig &config : {PlainReadConfig{2048, 4}, {4096, 4}, {4096, 8}, {8192, 8}, {16384, 16}})
    for (int programs_per_core : {1, 2, 4, 8, 16}) {
      const std::int64_t blocks = cdiv(words, config.block),
                         programs = std::min<std::int64_t>(blocks, cores * programs_per_core);
      const auto time = [&](int repeats) {
        return graph_us(device, sets.sets(), repeats, [&](int set, void *stream) {
          kernel.launch({.grid = programs, .device = device, .stream = stream}, config, sets.words(set),
                        out.as<std::int32_t>(), words);
        });
      };
      double us = time(search_repeats);
      if (us < best.first) {
        us = time(final_repeats);
        best = {us, "block=" + std::to_string(config.block) + " num_warps=" + std::to_string(config.num_warps) +
                        " programs=" + std::to_string(programs)};
      }
      if (programs == blocks)
        break;
    }
  return best;
}

/// A figure of the table.
struct Measured {
  double us = NAN, error = NAN;
  std::string config;
};

/// The fastest gathered read of a set; `print` is called for every one.
template <class T>
Measured measure_gathered_read(Device device, DecodeSets<T> &sets, std::span<const std::int32_t> lengths,
                               const auto &print) {
  static const Kernel kernel{"gathered_read", gathered_read_body};
  const kernels::PagedAttention<T> &p = sets.problem(0);
  const std::int64_t head_words = p.head_dim * std::int64_t(sizeof(T)) / 4, token_words = p.kv_heads * head_words;
  const auto upload = [&](const auto &values) {
    DeviceBuffer buffer(device, values.size() * sizeof values[0]);
    buffer.copy_from_host(values.data(), buffer.bytes());
    return buffer;
  };
  Measured best;
  best.us = INFINITY;
  for (int heads : {1, 2, 4})
    for (int tokens : {32, 64, 128})
      for (int num_stages : {2, 3, 4})
        for (int programs_per_core : {1, 2, 3, 4}) {
          if (p.kv_heads % heads != 0 || tokens < 16 * heads)
            continue;
          const GatheredReadConfig config{int(heads * head_words), int(p.page_size), tokens / heads, 4, num_stages};
          const std::int64_t rows = p.kv_heads / heads, cores = cuda::properties(device).multiprocessors,
                             programs = std::max<std::int64_t>(1, cores * programs_per_core / rows);
          const GatheredReadPlan plan(lengths, config.block_n, programs);
          const DeviceBuffer starts = upload(plan.starts), pieces = upload(plan.pieces),
                             out(device, std::size_t(rows * programs) * 4);
          const auto time = [&](int repeats) {
            return graph_us(device, sets.sets(), repeats, [&](int set, void *stream) {
              kernel.launch({.grid = {rows, programs}, .device = device, .stream = stream}, config, sets.words(set),
                            sets.words(set) + sets.words() / 2, token_words, p.table, p.table_stride.batch,
                            starts.as<const std::int32_t>(), pieces.as<const std::int32_t>(), out.as<std::int32_t>());
            });
          };
          try {
            Measured found{time(search_repeats), 0,
                           "heads=" + std::to_string(heads) + " block_n=" + std::to_string(config.block_n) +
                               " num_stages=" + std::to_string(num_stages) +
                               " programs_per_core=" + std::to_string(programs_per_core)};
            print(found);
            if (found.us < best.us) {
              found.us = time(final_repeats);
              best = std::move(found);
            }
          } catch (const CompileError &) { // more shared memory than there is
          }
        }
  return best;
}

/// The kernel in CUDA C++ with the fastest of its configs. Throws Error where there is no NVRTC.
template <class T>
Measured measure_cuda(Device device, DecodeSets<T> &sets, std::span<const double> expected, int most_tokens) {
  const kernels::PagedAttention<T> p = sets.problem(0);
  const std::int64_t most_blocks = 12 * std::int64_t(cuda::properties(device).multiprocessors);
  std::unique_ptr<CudaDecode<T>> best;
  CudaDecodeConfig best_config;
  double best_us = INFINITY;
  const auto run = [&](const CudaDecode<T> &kernel, int repeats) {
    return graph_us(device, sets.sets(), repeats,
                    [&](int set, void *stream) { kernel.launch(sets.problem(set), stream); });
  };
  for (int warps : {4, 8}) {
    if (!cuda_decode_fits(int(p.head_dim), int(p.heads / p.kv_heads), warps))
      continue;
    auto kernel = std::make_unique<CudaDecode<T>>(device, p, warps);
    bool better = false;
    for (int parts = 1; parts == 1 || (p.batch * p.kv_heads * parts <= most_blocks && most_tokens >= 64 * parts);
         parts *= 2) {
      kernel->reserve(p, parts);
      if (const double us = run(*kernel, search_repeats); us < best_us) {
        best_us = us;
        best_config = {warps, parts};
        better = true;
      }
    }
    if (better)
      best = std::move(kernel);
  }
  best->reserve(p, best_config.parts);
  const double error = sets.error(expected, [&](int set, void *stream) { best->launch(sets.problem(set), stream); });
  return {run(*best, final_repeats), error, best_config.text()};
}

template <class T>
void measure(Device device, const DecodeOptions &options, const DecodeCell &cell) {
  const kernels::RandomPagedAttention<T> host(cell.lengths(), options.shape);
  const kernels::PagedAttention<T> &p = host.problem;
  const std::int64_t tokens = std::accumulate(host.lengths.begin(), host.lengths.end(), std::int64_t(0));
  const std::int64_t bytes = tokens * p.kv_heads * 2 * p.head_dim * std::int64_t(sizeof(T)) +
                             2 * p.batch * p.heads * p.head_dim * std::int64_t(sizeof(T)) + 4 * host.pages +
                             4 * p.batch;
  const double allowed_error = options.bf16 ? 2e-2 : 5e-3;
  const auto print = [&](const std::string &peer, double us, double error, const std::string &config) {
    std::printf("%s,%s,%lld,%lld,%lld,%lld,%d,%s,%d,%.2f,%.0f,%.1e,%s%s\n", peer.c_str(),
                options.bf16 ? "bf16" : "fp16", static_cast<long long>(p.page_size), static_cast<long long>(p.heads),
                static_cast<long long>(p.kv_heads), static_cast<long long>(p.head_dim), cell.batch, cell.mode.c_str(),
                cell.length, us, double(bytes) / us * 1e-3, error, config.c_str(),
                error < allowed_error ? "" : " WRONG");
    std::fflush(stdout);
  };

  DecodeSets<T> sets(device, host);
  if (options.wants("plain_read")) {
    const auto [us, config] = plain_read_us(device, sets, bytes);
    print("plain read", us, 0, config);
  }
  if (options.wants("gathered_read")) {
    const auto print_one = [&](const Measured &one) { print("gathered read", one.us, one.error, one.config); };
    const Measured best = measure_gathered_read(device, sets, host.lengths, [&](const Measured &one) {
      if (options.every_config)
        print_one(one);
    });
    if (!options.every_config)
      print_one(best);
  }
  if (!options.wants("cuda") && !options.wants("kiln"))
    return;

  kernels::PagedAttention<T> checked = p;
  std::int64_t checked_so_far = host.lengths[0];
  for (checked.batch = 1; checked.batch < p.batch; ++checked.batch)
    if ((checked_so_far += host.lengths[checked.batch]) > checked_tokens)
      break;
  const std::vector<double> expected = kernels::reference::paged_attention(checked).out;

  if (options.wants("cuda")) {
    try {
      const std::string name = cuda_decode_name();
      const Measured peer = measure_cuda(device, sets, expected, cell.length);
      print(name, peer.us, peer.error, peer.config);
    } catch (const Error &error) {
      std::fprintf(stderr, "cuda: not run: %s\n", error.what());
    }
  }
  if (!options.wants("kiln"))
    return;
  const AnyKernel &kernel =
      kernels::find_kernel(options.bf16 ? "paged_attention_decode_bf16" : "paged_attention_decode_f16");
  const auto configs = changed(kernels::default_config(p, device), kernel, options.changes);
  const kernels::PagedAttentionConfig *best = nullptr;
  double best_us = INFINITY;
  for (const kernels::PagedAttentionConfig &config : configs) {
    try {
      sets.reserve(config);
      const double error = sets.error(expected, [&](int set, void *stream) { sets.launch(config, set, stream); });
      if (!(error < allowed_error)) {
        print("kiln", NAN, error, tiles_text(kernel, config, decided_fields));
        continue;
      }
      const double us =
          graph_us(device, sets.sets(), configs.size() == 1 || options.every_config ? final_repeats : search_repeats,
                   [&](int set, void *stream) { sets.launch(config, set, stream); });
      if (options.every_config)
        print("kiln", us, error, tiles_text(kernel, config, decided_fields));
      if (us < best_us) {
        best_us = us;
        best = &config;
      }
    } catch (const Error &error) {
      std::fprintf(stderr, "not run: %s: %s\n", tiles_text(kernel, config, decided_fields).c_str(), error.what());
    }
  }
  if (!best || options.every_config)
    return;
  sets.reserve(*best);
  const auto launch = [&](int set, void *stream) { sets.launch(*best, set, stream); };
  const double error = sets.error(expected, launch);
  const double us = graph_us(device, sets.sets(), final_repeats, launch);
  print("kiln", us, error, tiles_text(kernel, *best, decided_fields));
}

} // namespace

std::vector<std::int32_t> DecodeCell::lengths() const {
  if (mode == "uniform")
    return Cell::uniform(batch, length).lengths;
  return mode == "ragged" ? Cell::ragged(batch, length).lengths : Cell::skewed(batch, length).lengths;
}

bool DecodeOptions::wants(std::string_view peer) const {
  return peers.empty() ? peer == "plain_read" || peer == "kiln" : std::ranges::find(peers, peer) != peers.end();
}

bool DecodeOptions::take(ToolArguments &arguments) {
  const std::string_view option = arguments.text();
  const auto number = [&](const char *what) { return whole_number(arguments.value("a number"), what); };
  if (option == "--cell")
    cells.push_back(parse_cell(arguments.value("MODE:BATCH:LENGTH")));
  else if (option == "--set")
    changes.push_back(parse_change(arguments.value("FIELD=VALUE[,VALUE...]")));
  else if (option == "--kv-heads")
    shape.kv_heads = number("--kv-heads");
  else if (option == "--group")
    shape.group = number("--group");
  else if (option == "--head-dim")
    shape.head_dim = number("--head-dim");
  else if (option == "--page")
    shape.page_size = number("--page");
  else if (option == "--peer")
    peers.push_back(parse_peer(arguments.value("a peer")));
  else if (arguments.is_flag("--bf16"))
    bf16 = true;
  else if (arguments.is_flag("--every-config"))
    every_config = true;
  else
    return false;
  return true;
}

std::string_view DecodeOptions::usage() {
  return "decode takes [--cell MODE:BATCH:LENGTH]... [--set FIELD=VALUE[,VALUE...]]... [--kv-heads N] [--group N]\n"
         "  [--head-dim N] [--page N] [--bf16] [--peer plain_read|gathered_read|cuda|kiln]... [--every-config]\n";
}

void decode(Device device, const DecodeOptions &options) {
  std::printf("peer,dtype,page,heads,kv_heads,head_dim,batch,mode,length,us,GBps,max_err,config\n");
  for (const DecodeCell &cell : options.cells.empty() ? usual_cells() : options.cells)
    options.bf16 ? measure<bfloat16>(device, options, cell) : measure<half>(device, options, cell);
}

} // namespace kiln::bench
