#include "benchmark/gpu_decode.h"

#include "benchmark/gpu_timing.h"
#include "benchmark/plain_read.h"

#include "kiln/config.h"
#include "kiln/kernels/registry.h"

#include <array>
#include <cstdio>
#include <span>

namespace kiln::bench {
namespace {

constexpr double allowed_error = 5e-3;
/// The reference takes its time: it checks the first sequence, and others up to so many tokens.
constexpr std::int64_t checked_tokens = 16384;

std::vector<DecodeCell> usual_cells() {
  return {{"uniform", 2, 60},    {"uniform", 1, 512},   {"uniform", 16, 256},  {"uniform", 4, 2048},
          {"uniform", 1, 8192},  {"uniform", 1, 32768}, {"uniform", 16, 4096}, {"uniform", 64, 1024},
          {"uniform", 64, 4096}, {"ragged", 64, 8192},  {"ragged", 16, 16384}, {"skewed", 16, 65536}};
}

DecodeCell parse_cell(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() != 3 || (parts[0] != "uniform" && parts[0] != "ragged" && parts[0] != "skewed"))
    throw InvalidArgument("error: a cell is MODE:BATCH:LENGTH, the mode uniform, ragged or skewed; not '" +
                          std::string(text) + "'");
  return {std::string(parts[0]), whole_number(parts[1], "the batch of a cell"),
          whole_number(parts[2], "the length of a cell")};
}

/// The config fields that the problem decides.
constexpr std::array<std::string_view, 6> decided_fields = {"head_dim", "group",        "page_size",
                                                            "packed",   "same_strides", "lse"};

/// A problem on the device; K and V exist as often as it takes to overflow the cache, all else once.
template <class T>
class DecodeSets {
public:
  DecodeSets(Device device, const kernels::RandomPagedAttention<T> &host)
      : device_(device), host_(host), problem_(host.problem),
        cache_bytes_(std::int64_t(host.key_cache.size()) * sizeof(T)) {
    const auto upload = [&]<class E>(DeviceBuffer &memory, const E *&pointer, std::size_t size) {
      memory = DeviceBuffer(device, size * sizeof(E));
      memory.copy_from_host(pointer, memory.bytes());
      pointer = memory.template as<E>();
    };
    upload(q_, problem_.q, host.q.size());
    upload(table_, problem_.table, host.table.size());
    upload(lengths_, problem_.lengths, host.lengths.size());
    out_ = DeviceBuffer(device, host.out.size() * sizeof(T));
    problem_.out = out_.template as<T>();
    for (int i = sets_to_rotate(2 * cache_bytes_); i > 0; --i) {
      DeviceBuffer &cache = caches_.emplace_back(device, 2 * cache_bytes_);
      cache.copy_from_host(host.key_cache.data(), cache_bytes_);
      cache.copy_from_host(host.value_cache.data(), cache_bytes_, cache_bytes_);
    }
  }

  int sets() const { return int(caches_.size()); }

  /// Makes the workspace of a config.
  void reserve(const kernels::PagedAttentionConfig &config) {
    problem_.workspace_size = kernels::workspace_bytes(problem_, config, device_);
    workspace_ = DeviceBuffer(device_, problem_.workspace_size + 16);
    workspace_.fill(0);
    problem_.workspace = workspace_.as<float>();
  }
  void launch(const kernels::PagedAttentionConfig &config, int set, void *stream) {
    problem_.key_cache = caches_[set].template as<T>();
    problem_.value_cache = problem_.key_cache + cache_bytes_ / std::int64_t(sizeof(T));
    kernels::paged_attention(problem_, config, {.device = device_, .stream = stream});
  }
  /// The largest absolute error of a launch; NaN where it left one.
  double error(const kernels::PagedAttentionConfig &config, std::span<const double> expected) {
    out_.fill(0xff); // NaN
    launch(config, 0, nullptr);
    synchronize(device_);
    std::vector<T> found(expected.size());
    out_.copy_to_host(found.data(), found.size() * sizeof(T));
    double error = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double difference = std::abs(double(float(found[i])) - expected[i]);
      if (!(difference <= error))
        error = difference;
    }
    return error;
  }

  /// K and V of a set, in words of 32 bits.
  const std::int32_t *words(int set) const { return caches_[set].template as<std::int32_t>(); }
  std::int64_t words() const { return 2 * cache_bytes_ / 4; }

private:
  Device device_;
  const kernels::RandomPagedAttention<T> &host_;
  kernels::PagedAttention<T> problem_;
  std::int64_t cache_bytes_;
  DeviceBuffer q_, table_, lengths_, out_, workspace_;
  std::vector<DeviceBuffer> caches_;
};

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
        best = {us, config_text(config) + " " + std::to_string(programs)};
      }
      if (programs == blocks)
        break;
    }
  return best;
}

template <class T>
void measure(Device device, const DecodeOptions &options, const DecodeCell &cell) {
  const kernels::RandomPagedAttention<T> host(cell.lengths(), options.shape);
  const kernels::PagedAttention<T> &p = host.problem;
  std::int64_t tokens = 0;
  for (std::int64_t length : host.lengths)
    tokens += length;
  const std::int64_t bytes = tokens * p.kv_heads * 2 * p.head_dim * std::int64_t(sizeof(T)) +
                             2 * p.batch * p.heads * p.head_dim * std::int64_t(sizeof(T)) + 4 * host.pages +
                             4 * p.batch;
  const auto print = [&](const char *peer, double us, double error, const std::string &config) {
    std::printf("%s,%s,%lld,%lld,%lld,%lld,%d,%s,%d,%.2f,%.0f,%.1e,%s%s\n", peer, options.bf16 ? "bf16" : "fp16",
                static_cast<long long>(p.page_size), static_cast<long long>(p.heads),
                static_cast<long long>(p.kv_heads), static_cast<long long>(p.head_dim), cell.batch, cell.mode.c_str(),
                cell.length, us, double(bytes) / us * 1e-3, error, config.c_str(),
                error < allowed_error ? "" : " WRONG");
    std::fflush(stdout);
  };

  DecodeSets<T> sets(device, host);
  const auto [roof_us, roof_config] = plain_read_us(device, sets, bytes);
  print("plain read", roof_us, 0, roof_config);

  kernels::PagedAttention<T> checked = p;
  std::int64_t checked_so_far = host.lengths[0];
  for (checked.batch = 1; checked.batch < p.batch; ++checked.batch)
    if ((checked_so_far += host.lengths[checked.batch]) > checked_tokens)
      break;
  const std::vector<double> expected = kernels::reference::paged_attention(checked).out;

  const AnyKernel &kernel =
      kernels::find_kernel(options.bf16 ? "paged_attention_decode_bf16" : "paged_attention_decode_f16");
  const auto configs = changed(kernels::default_config(p, device), kernel, options.changes);
  const kernels::PagedAttentionConfig *best = nullptr;
  double best_us = INFINITY;
  for (const kernels::PagedAttentionConfig &config : configs) {
    try {
      sets.reserve(config);
      const double error = sets.error(config, expected);
      if (!(error < allowed_error)) {
        print("kiln", NAN, error, tiles_text(kernel, config, decided_fields));
        continue;
      }
      const double us = graph_us(device, sets.sets(), configs.size() > 1 ? search_repeats : final_repeats,
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
  const double error = sets.error(*best, expected);
  const double us =
      graph_us(device, sets.sets(), final_repeats, [&](int set, void *stream) { sets.launch(*best, set, stream); });
  print("kiln", us, error, tiles_text(kernel, *best, decided_fields));
}

} // namespace

std::vector<std::int32_t> DecodeCell::lengths() const {
  if (mode == "uniform")
    return Cell::uniform(batch, length).lengths;
  return mode == "ragged" ? Cell::ragged(batch, length).lengths : Cell::skewed(batch, length).lengths;
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
         "  [--head-dim N] [--page N] [--bf16] [--every-config]\n";
}

void decode(Device device, const DecodeOptions &options) {
  std::printf("peer,dtype,page,heads,kv_heads,head_dim,batch,mode,length,us,GBps,max_err,config\n");
  for (const DecodeCell &cell : options.cells.empty() ? usual_cells() : options.cells)
    options.bf16 ? measure<bfloat16>(device, options, cell) : measure<half>(device, options, cell);
}

} // namespace kiln::bench
