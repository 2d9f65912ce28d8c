// Lesson 6: the library's decode kernel with tiles from the command line.
//
//     06_decode_tiles                                     the tiles that the library takes for this problem
//     06_decode_tiles cuda --block-n 64 --num-warps 4     others: compiled on the spot, by this process
//     06_decode_tiles cuda --batch 16 --length 4096 --tune
//
// Tile sizes are members of a plain struct, and a kernel is compiled when a config is first launched. So nothing has to
// be instantiated, generated or built again to try others: a number that a user types is as good as one in the source.
#include <kiln/kernels/paged_attention.h>
#include <kiln/kernels/registry.h>
#include <kiln/kiln.h>
#include <kiln/tune.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

using kiln::kernels::PagedAttentionConfig;
using kiln::kernels::PagedSchedule;

/// The members of the config that this program can set: tiles, and what they are spread over.
constexpr std::pair<const char *, int PagedAttentionConfig::*> fields[] = {
    {"--block-n", &PagedAttentionConfig::block_n},
    {"--num-warps", &PagedAttentionConfig::num_warps},
    {"--num-stages", &PagedAttentionConfig::num_stages},
    {"--programs-per-core", &PagedAttentionConfig::programs_per_core},
};

std::string options_of(const PagedAttentionConfig &config) {
  std::string text = config.schedule == PagedSchedule::rows     ? "--schedule rows"
                     : config.schedule == PagedSchedule::shares ? "--schedule shares"
                                                                : "--schedule interleaved";
  for (const auto &[option, field] : fields)
    text += std::string(" ") + option + " " + std::to_string(config.*field);
  return text;
}

/// What is worth trying. On a GPU: how many tokens a step takes, how many warps share it, how many steps ahead it
/// reads, and how the tokens of the batch are spread. A processor has no warps and no stages.
std::vector<PagedAttentionConfig> candidates(const PagedAttentionConfig &base, kiln::Device device) {
  std::vector<PagedAttentionConfig> configs{base}; // the first, which the results of the others are compared with
  for (int block_n : {32, 64, 128}) {
    PagedAttentionConfig c = base;
    c.block_n = block_n;
    if (device == kiln::Device::cpu()) {
      configs.push_back(c);
      continue;
    }
    for (PagedSchedule schedule : {PagedSchedule::rows, PagedSchedule::shares})
      for (int num_warps : {4, 8})
        for (int num_stages : {2, 3})
          for (int programs_per_core : {1, 2}) {
            c.schedule = schedule;
            c.num_warps = num_warps;
            c.num_stages = num_stages;
            c.programs_per_core = programs_per_core;
            if (schedule == PagedSchedule::shares || programs_per_core == 1) // means nothing to `rows`
              configs.push_back(c);
          }
  }
  return configs;
}

int main(int argc, char **argv) try {
  // The command line.
  kiln::Device device = kiln::cuda::device_count() > 0 ? kiln::Device::cuda() : kiln::Device::cpu();
  std::vector<std::pair<int PagedAttentionConfig::*, int>> wanted;
  int batch = 4, length = 300;
  bool tune = false;
  PagedSchedule schedule{};
  bool has_schedule = false;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--tune") {
      tune = true;
      continue;
    }
    if (!option.starts_with("--")) {
      device = kiln::Device::parse(option);
      continue;
    }
    const std::string value = i + 1 < argc ? argv[++i] : "";
    const auto field = std::ranges::find(fields, option, [](const auto &f) { return std::string(f.first); });
    if (field != std::end(fields))
      wanted.emplace_back(field->second, std::atoi(value.c_str()));
    else if (option == "--batch")
      batch = std::atoi(value.c_str());
    else if (option == "--length")
      length = std::atoi(value.c_str());
    else if (option == "--schedule" && (value == "rows" || value == "shares")) {
      schedule = value == "rows" ? PagedSchedule::rows : PagedSchedule::shares;
      has_schedule = true;
    } else {
      std::fprintf(stderr,
                   "usage: %s [DEVICE] [--batch N] [--length N] [--schedule rows|shares] [--block-n N]\n"
                   "  [--num-warps N] [--num-stages N] [--programs-per-core N] [--tune]\n",
                   argv[0]);
      return 2;
    }
  }
  if (batch < 1 || length < 1) {
    std::fprintf(stderr, "--batch and --length must be positive\n");
    return 2;
  }

  // A batch of sequences of `length` tokens, their pages in no particular order.
  const int kv_heads = 8, group = 4, heads = kv_heads * group, head_dim = 128, page_size = 16;
  const int width = kiln::cdiv(length, page_size), pages = batch * width;
  std::uint32_t random = 1;
  const auto next = [&random] {
    random = random * 1664525 + 1013904223;
    return kiln::half(float(random >> 16) / 32768 - 1);
  };
  std::vector<kiln::half> q(batch * heads * head_dim), out(q.size());
  std::vector<kiln::half> k(std::size_t(pages) * page_size * kv_heads * head_dim), v(k.size());
  for (auto *values : {&q, &k, &v})
    for (kiln::half &x : *values)
      x = next();
  std::vector<std::int32_t> table(pages), lengths(batch, length);
  for (int i = 0; i < pages; ++i)
    table[i] = i;
  for (int i = pages - 1; i > 0; --i) {
    random = random * 1664525 + 1013904223;
    std::swap(table[i], table[random % (i + 1)]);
  }

  // Memory of the device with what a vector holds.
  const auto upload = [&device](const auto &host) {
    kiln::DeviceBuffer memory(device, host.size() * sizeof(host[0]));
    memory.copy_from_host(host.data(), memory.bytes());
    return memory;
  };
  const kiln::DeviceBuffer device_q = upload(q), device_k = upload(k), device_v = upload(v);
  const kiln::DeviceBuffer device_table = upload(table), device_lengths = upload(lengths);
  kiln::DeviceBuffer device_out = upload(out), workspace;
  kiln::kernels::PagedAttention<kiln::half> problem{.batch = batch,
                                                    .heads = heads,
                                                    .kv_heads = kv_heads,
                                                    .head_dim = head_dim,
                                                    .page_size = page_size,
                                                    .max_pages = width,
                                                    .scale = 1 / std::sqrt(float(head_dim)),
                                                    .q = device_q.as<kiln::half>(),
                                                    .key_cache = device_k.as<kiln::half>(),
                                                    .value_cache = device_v.as<kiln::half>(),
                                                    .table = device_table.as<std::int32_t>(),
                                                    .lengths = device_lengths.as<std::int32_t>(),
                                                    .out = device_out.as<kiln::half>()};
  problem.set_dense_strides();
  // What a schedule needs depends on the config.
  const auto make_workspace = [&](const PagedAttentionConfig &config) {
    problem.workspace_size = kiln::kernels::workspace_bytes(problem, config, device);
    workspace = kiln::DeviceBuffer(device, problem.workspace_size);
    workspace.fill(0);
    problem.workspace = workspace.data();
  };

  // The config: what the library would take, and what was asked for.
  PagedAttentionConfig config = kiln::kernels::default_config(problem, device);
  if (has_schedule)
    config.schedule = schedule;
  for (const auto &[field, value] : wanted)
    config.*field = value;

  if (tune) {
    const kiln::TuneResult<PagedAttentionConfig> result = kiln::tune(
        candidates(config, device),
        {.kernel = kiln::kernels::find_kernel("paged_attention_decode_f16"),
         .launch =
             [&](const PagedAttentionConfig &c, const kiln::TuneLaunch &at) {
               kiln::kernels::paged_attention(problem, c, {.device = at.device, .stream = at.stream});
             },
         .prepare = make_workspace,
         .compiled = kiln::kernels::compiled_config, // programs_per_core is the host's: two configs share a kernel
         .output = &device_out,
         .check = kiln::within<kiln::half>(2e-3)}, // sums in another order are rounded differently
        {.device = device, .problem = std::to_string(batch) + " x " + std::to_string(length)});
    for (const auto &m : result.measurements)
      std::printf("%9.2f us %s %s\n", m.us, m.given_up ? "(given up)" : "          ", options_of(m.config).c_str());
    for (const auto &failure : result.failures)
      std::printf("not %s: %s\n", options_of(failure.config).c_str(), failure.reason.c_str());
    std::printf("%s\n", result.kept ? "These were measured earlier; kiln-cache clear forgets them." : "");
    config = result.best();
  }
  make_workspace(config);
  kiln::kernels::paged_attention(problem, config, {.device = device});
  kiln::synchronize(device);
  device_out.copy_to_host(out.data(), device_out.bytes());

  // The definition, in double precision, for some of the heads.
  double worst = 0;
  for (int b = 0; b < batch; b += std::max(1, batch / 2))
    for (int h = 0; h < heads; h += 13) {
      std::vector<double> weights(length), expected(head_dim);
      double total = 0;
      const auto offset = [&](int token) {
        const int page = table[b * width + token / page_size];
        return (std::size_t(page * page_size + token % page_size) * kv_heads + h / group) * head_dim;
      };
      const std::size_t row = (std::size_t(b) * heads + h) * head_dim;
      for (int t = 0; t < length; ++t) {
        double score = 0;
        for (int i = 0; i < head_dim; ++i)
          score += double(float(q[row + i])) * float(k[offset(t) + i]);
        total += weights[t] = std::exp(score * problem.scale);
      }
      for (int t = 0; t < length; ++t)
        for (int i = 0; i < head_dim; ++i)
          expected[i] += weights[t] / total * float(v[offset(t) + i]);
      for (int i = 0; i < head_dim; ++i) {
        const double error = std::abs(float(out[row + i]) - expected[i]);
        if (error > worst || std::isnan(error)) // a NaN stays
          worst = error;
      }
    }
  std::printf("%d x %d on %s with %s: largest error %.2g\n", batch, length, device.name().c_str(),
              options_of(config).c_str(), worst);
  return worst < 2e-3 ? 0 : 1;
} catch (const kiln::Error &error) { // tiles that are no power of two, too large for shared memory, ...
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
