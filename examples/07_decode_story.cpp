// Lesson 7: where the speed of a kernel comes from.
//
// Attention over a paged cache three times. Each is right, and each needs the same bytes.
//
//   one token    a program for each query head walks over its sequence token by token
//   blocks       the same, but a block of tokens at a time, each of whose lanes looks its own page up
//   the library  <kiln/kernels/paged_attention.h>: the heads that share keys and values in one program, products on
//                tensor cores, loads under way ahead of their use, the tokens of the whole batch spread over the GPU
//
// The program checks all three on any device, prints how much IR they are and what a GPU needs for them, and
// how long they take. docs/lesson-decode.md tells the story with measured figures.
//
//     07_decode_story [DEVICE] [--ir]        --ir prints the IR
#include <kiln/any_kernel.h>
#include <kiln/kernels/paged_attention.h>
#include <kiln/kernels/registry.h>
#include <kiln/kiln.h>
#include <kiln/launch_timer.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

using kiln::half, kiln::ptr, kiln::scalar, kiln::Tile;

constexpr float inf = std::numeric_limits<float>::infinity();

struct StoryConfig {
  int head_dim = 128, group = 4, page_size = 16;
  int block_n = 32; // tokens of a step; of `blocks` alone
  int num_warps = 4;
};

// q and out are [batch, heads, head_dim], the caches [page, page_size, kv_heads, head_dim]. `scale2` is the scale of
// the scores times log2(e), so that exp2 is the exponential.
void one_token(const StoryConfig &c, ptr<const half> q, ptr<const half> k_cache, ptr<const half> v_cache,
               ptr<const std::int32_t> table, ptr<const std::int32_t> lengths, ptr<half> out, scalar<int> kv_heads,
               scalar<int> table_width, scalar<float> scale2) {
  Tile head = kiln::program_id(0), seq = kiln::program_id(1), kv_head = head / c.group;
  Tile d = kiln::arange(0, c.head_dim);
  Tile place = (seq * (kv_heads * c.group) + head) * c.head_dim + d;
  Tile query = kiln::load(q + place).to(kiln::f32) * scale2;

  // What is known of the softmax so far: the largest score, the sum of exp2(score - largest), the values weighted so.
  Tile largest = kiln::full({}, -inf, kiln::f32), total = kiln::zeros({}, kiln::f32);
  Tile acc = kiln::zeros({c.head_dim}, kiln::f32);
  for (Tile token : kiln::range(0, kiln::load(lengths + seq))) {
    // Three loads that wait for one another, and then a sum over the whole row, for two short rows.
    Tile page = kiln::load(table + seq * table_width + token / c.page_size);
    Tile slot = page.to(kiln::i64) * c.page_size + token % c.page_size;
    Tile row = (slot * kv_heads + kv_head) * c.head_dim + d;
    Tile score = kiln::sum(query * kiln::load(k_cache + row).to(kiln::f32), 0);
    Tile now = kiln::maximum(largest, score);
    Tile fade = kiln::exp2(largest - now), weight = kiln::exp2(score - now);
    acc = acc * fade + weight * kiln::load(v_cache + row).to(kiln::f32);
    total = total * fade + weight;
    largest = now;
  }
  kiln::store(out + place, (acc / total).to(kiln::f16));
}

void blocks(const StoryConfig &c, ptr<const half> q, ptr<const half> k_cache, ptr<const half> v_cache,
            ptr<const std::int32_t> table, ptr<const std::int32_t> lengths, ptr<half> out, scalar<int> kv_heads,
            scalar<int> table_width, scalar<float> scale2) {
  Tile head = kiln::program_id(0), seq = kiln::program_id(1), kv_head = head / c.group;
  Tile d = kiln::arange(0, c.head_dim);
  Tile place = (seq * (kv_heads * c.group) + head) * c.head_dim + d;
  Tile query = kiln::load(q + place).to(kiln::f32) * scale2;
  Tile length = kiln::load(lengths + seq);

  Tile largest = kiln::full({}, -inf, kiln::f32), total = kiln::zeros({}, kiln::f32);
  Tile acc = kiln::zeros({c.head_dim}, kiln::f32);
  for (Tile start : kiln::range(0, length, c.block_n)) {
    Tile token = start + kiln::arange(0, c.block_n), live = token < length;
    // A gather: one entry of the table for each lane. One for the block would be wrong where a block spans pages.
    Tile page = kiln::load(table + seq * table_width + token / c.page_size, {.mask = live});
    Tile slot = page.to(kiln::i64) * c.page_size + token % c.page_size;
    Tile rows = kiln::col((slot * kv_heads + kv_head) * c.head_dim) + kiln::row(d);
    // As many rows are under way as a block has tokens, and the largest score is looked for once a block.
    Tile keys = kiln::load(k_cache + rows, {.mask = kiln::col(live)}).to(kiln::f32);
    Tile values = kiln::load(v_cache + rows, {.mask = kiln::col(live)}).to(kiln::f32);
    Tile scores = kiln::where(live, kiln::sum(keys * kiln::row(query), 1), -inf);
    Tile now = kiln::maximum(largest, kiln::max(scores, 0));
    Tile fade = kiln::exp2(largest - now), weights = kiln::exp2(scores - now);
    acc = acc * fade + kiln::sum(kiln::col(weights) * values, 0);
    total = total * fade + kiln::sum(weights, 0);
    largest = now;
  }
  kiln::store(out + place, (acc / total).to(kiln::f16));
}

const kiln::Kernel one_token_kernel{"one_token", one_token};
const kiln::Kernel blocks_kernel{"blocks", blocks};

// A problem on a device, with the result that it should have. Keys and values exist `sets` times.
class Problem {
public:
  Problem(kiln::Device device, const std::vector<std::int32_t> &lengths, int kv_heads)
      : device(device), on_gpu(device.kind() == kiln::Device::Kind::cuda), lengths(lengths) {
    p.batch = std::int64_t(lengths.size());
    p.kv_heads = kv_heads;
    p.heads = kv_heads * c.group;
    p.head_dim = c.head_dim;
    p.page_size = c.page_size;
    p.max_pages = kiln::cdiv(*std::max_element(lengths.begin(), lengths.end()), c.page_size);
    p.scale = 1 / std::sqrt(float(c.head_dim));
    p.set_dense_strides();

    std::int64_t used = 0;
    for (int length : lengths)
      used += kiln::cdiv(length, c.page_size);
    const auto random = [state = std::uint32_t(1)]() mutable {
      state = state * 1664525 + 1013904223;
      return half(float(state >> 16) / 32768 - 1);
    };
    q.resize(p.batch * p.heads * p.head_dim);
    k.resize(used * c.page_size * kv_heads * c.head_dim);
    v.resize(k.size());
    std::generate(q.begin(), q.end(), random);
    std::generate(k.begin(), k.end(), random);
    std::generate(v.begin(), v.end(), random);
    table.assign(p.batch * p.max_pages, -1);
    // Pages in no particular order: steps of a number that has no divisor in common with theirs.
    std::int64_t step = 7919;
    while (used % step == 0)
      ++step;
    std::int64_t next = 0;
    for (std::int64_t b = 0; b < p.batch; ++b)
      for (int i = 0; i * c.page_size < lengths[b]; ++i)
        table[b * p.max_pages + i] = std::int32_t(next++ * step % used);

    device_q = upload(q), device_table = upload(table), device_lengths = upload(lengths);
    device_out = kiln::DeviceBuffer(device, q.size() * sizeof(half));
    // Enough sets to overflow the GPU's L2 cache: where calls take turns with them, none finds its data there.
    const std::int64_t set_bytes = 2 * std::int64_t(k.size() * sizeof(half));
    for (int i = on_gpu ? kiln::sets_to_rotate(set_bytes) : 1; i > 0; --i) {
      device_k.push_back(upload(k));
      device_v.push_back(upload(v));
    }
    p.q = device_q.as<half>();
    p.table = device_table.as<std::int32_t>();
    p.lengths = device_lengths.as<std::int32_t>();
    p.out = device_out.as<half>();
    library_config = kiln::kernels::default_config(p, device);
    gpu_config = on_gpu ? library_config : kiln::kernels::default_config(p, kiln::Device::parse("emulated:sm_90a"));
    p.workspace_size = kiln::kernels::workspace_bytes(p, library_config, device);
    workspace = kiln::DeviceBuffer(device, p.workspace_size + 16);
    workspace.fill(0);
    p.workspace = workspace.as<void>();
  }

  // One of the first two kernels.
  template <class Kernel>
  void launch(const Kernel &kernel, const StoryConfig &config, int set, void *stream) {
    kernel.launch({.grid = {p.heads, p.batch}, .device = device, .stream = stream}, config, p.q,
                  device_k[set].as<half>(), device_v[set].as<half>(), p.table, p.lengths, p.out, int(p.kv_heads),
                  int(p.max_pages), p.scale * 1.44269504F);
  }
  void launch_library(int set, void *stream) {
    p.key_cache = device_k[set].as<half>();
    p.value_cache = device_v[set].as<half>();
    kiln::kernels::paged_attention(p, library_config, {.device = device, .stream = stream});
  }

  // The largest difference from the definition in double precision.
  double error() {
    std::vector<half> out(q.size());
    kiln::synchronize(device);
    device_out.copy_to_host(out.data(), device_out.bytes());
    double worst = 0;
    for (std::int64_t row = 0; row < p.batch * p.heads; ++row) {
      const std::int64_t b = row / p.heads, kv_head = row % p.heads / c.group;
      const auto place = [&](int token) {
        const std::int64_t page = table[b * p.max_pages + token / c.page_size];
        return ((page * c.page_size + token % c.page_size) * p.kv_heads + kv_head) * c.head_dim;
      };
      std::vector<double> weights(lengths[b]), expected(c.head_dim);
      double total = 0;
      for (int t = 0; t < lengths[b]; ++t) {
        double score = 0;
        for (int i = 0; i < c.head_dim; ++i)
          score += double(float(q[row * c.head_dim + i])) * float(k[place(t) + i]);
        total += weights[t] = std::exp(score * p.scale);
      }
      for (int t = 0; t < lengths[b]; ++t)
        for (int i = 0; i < c.head_dim; ++i)
          expected[i] += weights[t] / total * float(v[place(t) + i]);
      for (int i = 0; i < c.head_dim; ++i)
        if (const double e = std::abs(float(out[row * c.head_dim + i]) - expected[i]); e > worst || std::isnan(e))
          worst = e; // a NaN stays
    }
    return worst;
  }

  const StoryConfig c;
  const kiln::Device device;
  const bool on_gpu;
  std::vector<std::int32_t> lengths, table;
  std::vector<half> q, k, v;
  kiln::DeviceBuffer device_q, device_table, device_lengths, device_out, workspace;
  std::vector<kiln::DeviceBuffer> device_k, device_v;
  kiln::kernels::PagedAttention<half> p;
  kiln::kernels::PagedAttentionConfig library_config; // what it chooses for the device
  kiln::kernels::PagedAttentionConfig gpu_config;     // and for a GPU

private:
  template <class T>
  kiln::DeviceBuffer upload(const std::vector<T> &host) const {
    kiln::DeviceBuffer memory(device, host.size() * sizeof(T));
    memory.copy_from_host(host.data(), memory.bytes());
    return memory;
  }
};

using Launch = kiln::LaunchTimer::Launch;

// Microseconds of a launch, the median of 30 samples. On a GPU each is a replay of a graph whose launches take turns
// with the sets.
double microseconds(kiln::Device device, int sets, const Launch &launch) {
  kiln::LaunchTimer timer(device, sets, launch);
  std::vector<double> us;
  for (int i = 0; i < 30; ++i)
    us.push_back(timer.sample_us());
  std::nth_element(us.begin(), us.begin() + 15, us.end());
  return us[15];
}

// A kernel of the story: what it is for a GPU, and how it runs on the device.
struct Chapter {
  const char *name;
  kiln::AnyKernel kernel;
  std::vector<kiln::ConfigValue> config;
  Launch launch;
};

template <class Config>
std::vector<kiln::ConfigValue> values_of(const Config &config) {
  std::vector<kiln::ConfigValue> values;
  kiln::for_each_field(config, [&](auto value) { values.push_back(value); });
  return values;
}

std::vector<Chapter> chapters(Problem &problem) {
  const StoryConfig narrow{.num_warps = 1}, wide{.block_n = 32, .num_warps = 4};
  return {{"one token", one_token_kernel, values_of(narrow),
           [&, narrow](int set, void *stream) { problem.launch(one_token_kernel, narrow, set, stream); }},
          {"blocks", blocks_kernel, values_of(wide),
           [&, wide](int set, void *stream) { problem.launch(blocks_kernel, wide, set, stream); }},
          {"library", kiln::kernels::find_kernel("paged_attention_decode_f16"),
           values_of(kiln::kernels::compiled_config(problem.gpu_config)),
           [&](int set, void *stream) { problem.launch_library(set, stream); }}};
}

// Runs all chapters on a problem; false where one is wrong.
bool tell(Problem &problem, const char *what) {
  std::printf("\n%s on %s\n%-10s %12s %14s\n", what, problem.device.name().c_str(), "", "us", "largest error");
  bool right = true;
  for (const Chapter &chapter : chapters(problem)) {
    problem.device_out.fill(0xff); // NaN: nothing left over passes for a result
    chapter.launch(0, nullptr);
    const double error = problem.error();
    right = right && error < 2e-3;
    std::string us = "-";
    if (kiln::has_times(problem.device)) {
      char text[32];
      std::snprintf(text, sizeof text, "%.2f",
                    microseconds(problem.device, int(problem.device_k.size()), chapter.launch));
      us = text;
    }
    std::printf("%-10s %12s %14.2g\n", chapter.name, us.c_str(), error);
  }
  return right;
}

// What each kernel is made of: its IR, and what the device (without a GPU: an H100) needs for it.
void describe(Problem &problem, bool print_ir) {
  for (const Chapter &chapter : chapters(problem)) {
    const std::string ir = chapter.kernel.trace(chapter.config);
    std::printf("---- %s: %d lines of IR\n", chapter.name, int(std::count(ir.begin(), ir.end(), '\n')));
    if (print_ir)
      std::printf("%s\n", ir.c_str());
    const kiln::CompileReport report =
        problem.on_gpu ? chapter.kernel.compile(chapter.config, problem.device)
                       : chapter.kernel.compile(chapter.config, kiln::Target::parse("sm_90a")).report;
    std::printf("%s\n", report.text().c_str());
  }
}

int main(int argc, char **argv) try {
  kiln::Device device = kiln::cuda::device_count() > 0 ? kiln::Device::cuda() : kiln::Device::cpu();
  bool print_ir = false;
  for (int i = 1; i < argc; ++i)
    if (std::strcmp(argv[i], "--ir") == 0)
      print_ir = true;
    else
      device = kiln::Device::parse(argv[i]);

  bool right = true;
  if (device.kind() == kiln::Device::Kind::cuda) {
    // The two problems that the story began with: 32 query heads on 8 K/V heads of 128, pages of 16.
    Problem many(device, std::vector<std::int32_t>(16, 256), 8);
    describe(many, print_ir);
    right = tell(many, "16 sequences of 256 tokens");
    Problem longer(device, std::vector<std::int32_t>(4, 2048), 8);
    right = tell(longer, "4 sequences of 2048 tokens") && right;
  } else {
    Problem small(device, {1, 16, 47, 300}, 2);
    describe(small, print_ir);
    right = tell(small, "4 sequences of 1 to 300 tokens");
  }
  return right ? 0 : 1;
} catch (const kiln::Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
