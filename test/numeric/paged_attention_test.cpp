#include "paged_attention/tuned.h"
#include "paged_problem.h"

#include "kiln/emulator.h"
#include "kiln/kernels/registry.h"
#include "kiln/stream.h"

#include <array>
#include <optional>
#include <set>

using namespace kiln;
using namespace kiln::test;
using kernels::PagedSchedule;

namespace {

class PagedAttention : public OnDevice {
protected:
  /// A case small enough for this device.
  PagedCase base() const {
    PagedCase c;
    if (small()) {
      c.kv_heads = 1;
      c.group = 2;
      c.head_dim = 16;
      c.page_size = 4;
      c.block_n = 8;
      c.lengths = {0, 1, 3, 4, 5, 7, 8, 9, 21};
    } else if (emulated()) {
      c.lengths = {0, 1, 16, 31, 33, 100};
    }
    return c;
  }

  /// So many make grids from one program to more than there is work for; only a real GPU has cores enough.
  int most_programs_per_core() const { return is_on("cuda") ? 2 : 32; }

  template <class T>
  void run(PagedProblem<T> &p, const kernels::PagedAttentionConfig &config) {
    p.make_workspace(config, where().device);
    launch(p, config);
  }
  /// With the workspace that is there.
  template <class T>
  void launch(PagedProblem<T> &p, const kernels::PagedAttentionConfig &config) {
    run_on_device(p.problem, [&](const auto &q, const auto &on) { kernels::paged_attention(q, config, on); });
    p.check();
    p.check_counters(where().device);
  }
  /// A program a row, and then the work spread over a random number of programs.
  template <class T>
  void run(PagedCase c) {
    run_one<T>(c);
    const auto some = [&](int most) { return 1 + int(random() % most); };
    c.schedule = random() % 2 ? PagedSchedule::shares : PagedSchedule::parts;
    c.part_blocks = some(3);
    c.programs_per_core = some(most_programs_per_core());
    run_one<T>(c);
  }
  template <class T>
  void run_one(const PagedCase &c) {
    SCOPED_TRACE(c.text());
    PagedProblem<T> p(c, random);
    run(p, p.config());
  }
};

TEST_P(PagedAttention, Types) {
  for_each_type([&]<class T>() { run<T>(base()); });
}

TEST_P(PagedAttention, Interleaved) {
  PagedCase c = base();
  c.schedule = PagedSchedule::interleaved;
  c.kv_heads = 3;
  if (on_gpu()) {
    PagedProblem<half> p(c, random);
    EXPECT_EQ(invalid_argument([&] { kernels::paged_attention(p.problem, p.config(), where()); }),
              "paged_attention: config.schedule is interleaved, but the device is " + where().device.name());
    return;
  }
  for_each_type([&]<class T>() { run_one<T>(c); });
  c.group = 5;
  c.head_dim = small() ? 16 : 80;
  c.layout = CacheLayout::hnd;
  run_one<half>(c);
  c.lengths = {0};
  run_one<half>(c);
}

TEST_P(PagedAttention, DefaultConfig) {
  PagedProblem<half> p(base(), random);
  const kernels::PagedAttentionConfig config = kernels::default_config(p.problem, where().device);
  EXPECT_EQ(config.schedule == PagedSchedule::interleaved, where().device == Device::cpu());
  run(p, config);
  p.forget_results();
  run_on_device(p.problem, [](const auto &q, const auto &on) { kernels::paged_attention(q, on); });
  p.check();
}

TEST_P(PagedAttention, Groups) {
  for (int group : {1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64}) {
    if (small() && group > 5)
      break;
    PagedCase c = base();
    c.group = group;
    run<half>(c);
  }
}

TEST_P(PagedAttention, HeadDims) {
  for (int head_dim : {32, 64, 80, 96, 112, 128, 192, 256}) {
    PagedCase c = base();
    c.head_dim = head_dim;
    if (small()) {
      if (head_dim > 112)
        break;
      c.lengths = {9};
    }
    run<half>(c);
  }
}

TEST_P(PagedAttention, PageSizes) {
  // Smaller than, equal to and larger than a block; no powers of two among them.
  for (int page_size : {1, 3, 8, 16, 20, 64, 100}) {
    PagedCase c = base();
    c.page_size = page_size;
    c.block_n = small() ? 8 : 16;
    c.lengths = {0, 1, 2};
    for (int near : {page_size, c.block_n})
      for (int d : {-1, 0, 1})
        c.lengths.push_back(near + d);
    c.lengths.push_back(2 * page_size + c.block_n + 3);
    if (small() && page_size > 20)
      break;
    run<half>(c);
  }
}

TEST_P(PagedAttention, Blocks) {
  for (int block_n : {1, 16, 32, 128}) {
    PagedCase c = base();
    c.block_n = block_n;
    if (small()) {
      if (block_n > 16)
        break;
      c.lengths = {0, 1, 15, 16, 17};
    }
    run<bfloat16>(c);
  }
}

TEST_P(PagedAttention, Layouts) {
  for (CacheLayout layout : {CacheLayout::nhd, CacheLayout::hnd, CacheLayout::interleaved, CacheLayout::strided}) {
    PagedCase c = base();
    c.layout = layout;
    run<half>(c);
    run<float>(c);
  }
}

TEST_P(PagedAttention, OddStrides) {
  PagedCase c = base();
  c.gap = 3;
  for (PagedSchedule schedule : {PagedSchedule::rows, PagedSchedule::shares, PagedSchedule::parts}) {
    c.schedule = schedule;
    run_one<half>(c);
  }
}

TEST_P(PagedAttention, TablePadding) {
  for (TablePadding padding : {TablePadding::minus_one, TablePadding::garbage}) {
    PagedCase c = base();
    c.padding = padding;
    c.extra_table_width = 7;
    run<half>(c);
  }
}

TEST_P(PagedAttention, SharedPages) {
  PagedCase c = base();
  c.shared_pages = true;
  c.lengths = small() ? std::vector<int>{9, 9, 12} : std::vector<int>{70, 70, 130, 16};
  run<half>(c);
}

TEST_P(PagedAttention, WithoutLse) {
  PagedCase c = base();
  c.lse = false;
  run<half>(c);
}

TEST_P(PagedAttention, AllEmpty) {
  PagedCase c = base();
  c.lengths = {0, 0};
  run<half>(c);
  c.lengths = {};
  run<half>(c);
}

TEST_P(PagedAttention, LargeScores) {
  // Scores of a few hundred overflow exp() unless the maximum is subtracted; in f32, so that only the softmax is
  // tested.
  PagedCase c = base();
  c.scale = 20;
  run<float>(c);
}

TEST_P(PagedAttention, Overlap) {
  PagedCase c = base();
  c.overlap = true;
  for_each_type([&]<class T>() { run<T>(c); });
  c.gap = 3;
  run<half>(c);
  if (!on_gpu()) {
    c.schedule = PagedSchedule::interleaved;
    run_one<half>(c);
  }
}

TEST_P(PagedAttention, OverlapsWithWhatItReads) {
  // Each launch reads the query that the one before it writes; all share a workspace. One sequence is long, so that the
  // programs of a launch end at different times.
  PagedCase c = base();
  c.lse = false;
  c.lengths.push_back(small() ? 50 : is_on("cuda") ? 5000 : 300);
  for (PagedSchedule schedule : {PagedSchedule::rows, PagedSchedule::shares, PagedSchedule::parts}) {
    SCOPED_TRACE(int(schedule));
    c.schedule = schedule;
    c.programs_per_core = is_on("cuda") ? 1 : 8;
    PagedProblem<half> p(c, random);
    p.make_workspace(p.config(), where().device);
    const std::int64_t elements = p.problem.batch * p.problem.heads * p.problem.head_dim;
    std::vector<float> last[2];
    for (bool overlap : {false, true})
      run_on_device(p.problem, [&](kernels::PagedAttention<half> q, const kernels::Execution &on) {
        DeviceBuffer rows[] = {DeviceBuffer(on.device, elements * sizeof(half)),
                               DeviceBuffer(on.device, elements * sizeof(half))};
        std::optional<debug::Buffer> registered[2];
        if (on.device.kind() != Device::Kind::cuda)
          for (int i : {0, 1})
            registered[i].emplace(rows[i].data(), rows[i].bytes(), "rows");
        std::vector<half> host(elements, half(0.5F));
        rows[0].copy_from_host(host.data(), elements * sizeof(half));
        q.q_stride = q.out_stride = {q.heads * q.head_dim, q.head_dim, 1};
        kernels::PagedAttentionConfig config = p.config();
        config.overlap = overlap;
        const int launches = is_on("cuda") ? 40 : 3;
        for (int i = 0; i < launches; ++i) {
          q.q = rows[i % 2].template as<half>();
          q.out = rows[(i + 1) % 2].template as<half>();
          kernels::paged_attention(q, config, on);
        }
        synchronize(on.device);
        rows[launches % 2].copy_to_host(host.data(), elements * sizeof(half));
        for (half element : host)
          last[overlap].push_back(float(element));
      });
    EXPECT_EQ(last[0], last[1]);
    p.check_counters(where().device);
  }
}

TEST_P(PagedAttention, EmptyTable) {
  PagedCase c = base();
  c.lengths = {0, 0, 0};
  c.extra_table_width = 0;
  PagedProblem<float> p(c, random);
  p.problem.max_pages = 0;
  p.problem.table = nullptr;
  run(p, p.config());
}

// ---- schedules that share the work ------------------------------------------------------------------------------

TEST_P(PagedAttention, Grids) {
  // Fewer programs than sequences, as many as units and more; sequences that lie in one share, in two and in many.
  PagedCase c = base();
  c.kv_heads = 2;
  c.lengths =
      small() ? std::vector<int>{40, 0, 1, 8, 0, 0, 70, 9, 3} : std::vector<int>{160, 0, 1, 32, 0, 0, 300, 33, 3};
  for (PagedSchedule schedule : {PagedSchedule::shares, PagedSchedule::parts})
    for (int programs : {1, 2, 3, 5, 8, 16, 31, 32}) {
      if (programs > most_programs_per_core())
        break;
      c.schedule = schedule;
      c.programs_per_core = programs;
      c.lengths_tile = programs % 2 ? 4 : 16;
      run_one<half>(c);
    }
}

TEST_P(PagedAttention, OneSequence) {
  // Pages smaller and larger than a block, a table with more entries than are used, of anything; no block for most
  // programs, one for each, and several.
  PagedCase c = base();
  c.lengths_tile = 1;
  c.padding = TablePadding::garbage;
  for (PagedSchedule schedule : {PagedSchedule::shares, PagedSchedule::parts})
    for (int page_size : {1, 3, 4, 16, 64}) {
      if (small() && page_size > 16)
        break;
      c.schedule = schedule;
      c.page_size = page_size;
      c.block_n = small() ? 4 : 16;
      c.programs_per_core = 1 + int(random() % most_programs_per_core());
      c.extra_table_width = int(random() % 4);
      c.gap = page_size == 4 ? 3 : 8;
      c.layout = page_size == 16 ? CacheLayout::strided : CacheLayout::nhd;
      for (int length : {0, 1, c.block_n, c.block_n + 1, small() ? 37 : is_on("cuda") ? 7001 : 333}) {
        c.lengths = {length};
        SCOPED_TRACE(c.text());
        PagedProblem<half> p(c, random);
        kernels::PagedAttentionConfig config = p.config();
        config.num_stages = 1 + length % 3;
        run(p, config);
      }
    }
}

TEST_P(PagedAttention, Skewed) {
  PagedCase c = base();
  c.lengths.assign(small() ? 11 : 40, small() ? 5 : 20);
  c.lengths[3] = small() ? 200 : 3000;
  for (PagedSchedule schedule : {PagedSchedule::shares, PagedSchedule::parts}) {
    c.schedule = schedule;
    run_one<half>(c);
    c.lengths_tile = 32;
  }
}

TEST_P(PagedAttention, MostlyEmpty) {
  // Tiles of lengths without a token, before, between and after.
  PagedCase c = base();
  c.lengths.assign(37, 0);
  c.lengths[17] = small() ? 30 : 200;
  c.lengths[18] = 1;
  for (PagedSchedule schedule : {PagedSchedule::shares, PagedSchedule::parts}) {
    c.schedule = schedule;
    run_one<half>(c);
    c.lengths[36] = 2;
    run_one<half>(c);
  }
}

TEST_P(PagedAttention, OneWorkspace) {
  // Launches of different problems and schedules leave it ready for one another.
  PagedCase large = base();
  large.kv_heads = 2;
  large.lengths.assign(7, small() ? 21 : 150);
  for (PagedSchedule schedule : {PagedSchedule::shares, PagedSchedule::parts}) {
    large.schedule = schedule;
    PagedCase other = large;
    other.kv_heads = 1;
    other.lengths = {small() ? 60 : 400, 1};
    PagedProblem<half> p(large, random), q(other, random);
    const std::int64_t needed = std::max(kernels::workspace_bytes(p.problem, p.config(), where().device),
                                         kernels::workspace_bytes(q.problem, q.config(), where().device));
    p.make_workspace(p.config(), where().device, needed);
    for (int i = 0; i < 3; ++i) {
      launch(p, p.config());
      p.forget_results();
      q.take_workspace(p);
      launch(q, q.config());
      q.forget_results();
      p.take_workspace(q);
    }
  }
}

TEST_P(PagedAttention, BatchInvariant) {
  // The same bits alone and in a batch, whatever the grid is.
  PagedCase c = base();
  c.schedule = PagedSchedule::parts;
  c.lengths = small() ? std::vector<int>{50, 3, 0, 33, 16} : std::vector<int>{500, 30, 0, 257, 64};
  PagedProblem<half> batch(c, random);
  kernels::PagedAttentionConfig config = batch.config();
  run(batch, config);
  std::vector<std::vector<float>> expected;
  for (std::int64_t b = 0; b < std::int64_t(c.lengths.size()); ++b)
    expected.push_back(batch.result(b));
  for (std::int64_t b = 0; b < std::int64_t(c.lengths.size()); ++b) {
    SCOPED_TRACE(b);
    // As well aligned as those of the batch.
    Buffer<std::int32_t> table(batch.problem.max_pages, "table"), length(1, "length");
    const auto [lse_batch, lse_head] = batch.problem.lse_stride;
    Buffer<float> lse(batch.problem.heads * lse_head, "lse");
    std::copy_n(batch.problem.table + b * batch.problem.table_stride.batch, table.size(), table.data());
    length[0] = c.lengths[b];
    for (int programs : {1, 3, 32}) {
      batch.forget_results();
      kernels::PagedAttention<half> alone = batch.problem;
      alone.batch = 1;
      alone.q += b * alone.q_stride.batch;
      alone.table = table.data();
      alone.lengths = length.data();
      alone.out += b * alone.out_stride.batch;
      alone.lse = lse.data();
      config.programs_per_core = std::min(programs, most_programs_per_core());
      batch.make_workspace(config, where().device);
      alone.workspace = batch.problem.workspace;
      alone.workspace_size = batch.problem.workspace_size;
      run_on_device(alone, [&](const auto &q, const auto &on) { kernels::paged_attention(q, config, on); });
      for (std::int64_t head = 0; head < batch.problem.heads; ++head)
        batch.problem.lse[b * lse_batch + head * lse_head] = lse[head * lse_head];
      EXPECT_EQ(batch.result(b), expected[b]);
    }
  }
}

TEST_P(PagedAttention, WorkspaceDependsOnMaxima) {
  PagedCase c = base();
  for (PagedSchedule schedule : {PagedSchedule::shares, PagedSchedule::parts}) {
    c.schedule = schedule;
    PagedProblem<half> p(c, random);
    p.problem.lengths = nullptr;
    kernels::PagedAttention<half> larger = p.problem;
    const auto bytes = [&](const auto &problem) {
      return kernels::workspace_bytes(problem, p.config(), where().device);
    };
    larger.batch *= 2;
    EXPECT_GE(bytes(larger), bytes(p.problem));
    larger.max_pages *= 3;
    EXPECT_GE(bytes(larger), bytes(p.problem));
    EXPECT_GT(bytes(p.problem), 0);
  }
  c.schedule = PagedSchedule::rows;
  PagedProblem<half> p(c, random);
  EXPECT_EQ(kernels::workspace_bytes(p.problem, p.config(), where().device), 0);
}

// What is about running compiled code.
class PagedAttentionCompiled : public PagedAttention {};

// What a server changes from step to step must not compile anything: kernels are made for what the table of tuned
// configs tells apart, and for nothing else.
TEST_P(PagedAttentionCompiled, OnceForEachTunedConfigInASweep) {
  const EmulatorOptions options = emulator_options();
  set_emulator_options({.seed = options.seed, .compare_poison = false}); // results are compared with the reference
  const AnyKernel &kernel = kernels::find_kernel("paged_attention_decode_f16");
  const KernelCounters before = kernel.counters();
  std::set<std::vector<double>> configs;
  constexpr int problems = 200;
  const auto up_to = [&](int most) { return int(random() % std::uint64_t(most + 1)); };
  for (int i = 0; i < problems; ++i) {
    PagedCase c;
    c.group = 3; // a model that no other test has
    c.head_dim = 32;
    c.page_size = 8;
    c.lengths.clear();
    c.kv_heads = 1 + up_to(2);
    // Some batches are large, of sequences that are mostly empty.
    const bool is_large = i % 16 == 0;
    for (int b = is_large ? 33 + up_to(10) : 1 + up_to(2); b > 0; --b)
      c.lengths.push_back(std::max(up_to(20) - (is_large ? 18 : 0), 0));
    c.lengths.front() = up_to(90);
    c.layout = std::array{CacheLayout::nhd, CacheLayout::hnd, CacheLayout::interleaved}[up_to(2)];
    c.gap = 8 * up_to(3);
    c.extra_table_width = up_to(1 << up_to(12));
    c.scale = 0.1F * float(1 + up_to(9));
    PagedProblem<half> p(c, random);
    SCOPED_TRACE(c.text() + ", table of " + std::to_string(p.problem.max_pages));
    const kernels::PagedAttentionConfig config = kernels::default_config(p.problem, where().device);
    std::vector<double> compiled;
    for_each_field(kernels::compiled_config(config), [&](auto value) { compiled.push_back(double(value)); });
    configs.insert(compiled);
    run(p, config);
  }
  set_emulator_options(options);
  const KernelCounters after = kernel.counters();
  const std::size_t made = configs.size();
  EXPECT_GE(made, on_gpu() ? 3U : 1U);
  EXPECT_LE(made, std::size(kernels::tuned_paged));
  EXPECT_EQ(after.traces - before.traces, made);
  EXPECT_EQ(after.compiles - before.compiles + after.disk_hits - before.disk_hits, made);
  EXPECT_EQ(after.hits - before.hits, problems - made);
}

// Offsets of more than 2^31 elements: the pages lie far apart in memory that is reserved, of which only they are ever
// touched.
TEST_P(PagedAttentionCompiled, OffsetsPastTwoToTheThirtyOne) {
  PagedCase c;
  c.lengths = {40};
  c.page_stride = std::int64_t(3) << 30;
  PagedProblem<half> p(c, random);
  run(p, p.config());
}

// What is not the same on every GPU: instructions for types, shared memory. The rest is tested on one of them.
class PagedAttentionOlder : public PagedAttention {};

TEST_P(PagedAttentionOlder, Types) {
  for_each_type([&]<class T>() {
    for (PagedSchedule schedule : {PagedSchedule::rows, PagedSchedule::shares, PagedSchedule::parts}) {
      PagedCase c = base();
      c.schedule = schedule;
      run_one<T>(c);
    }
  });
}

TEST_P(PagedAttentionOlder, DefaultConfig) {
  PagedCase c = base();
  c.head_dim = 256;
  PagedProblem<half> p(c, random);
  run(p, kernels::default_config(p.problem, where().device));
}

TEST(PagedAttentionGraph, ReplaysSeeNewSequences) {
  if (cuda::device_count() == 0)
    GTEST_SKIP() << cuda::unavailable_reason();
  const Device device = Device::cuda(0);
  auto random = generator();
  const testing::ScopedTrace trace(__FILE__, __LINE__, seed_note());
  const auto replay = [&](PagedProblem<half> &p, const kernels::PagedAttentionConfig &config) {
    p.make_workspace(config, device);
    DeviceCopies copies(device);
    kernels::PagedAttention<half> on_device = p.problem;
    for_each_pointer(on_device, [&](auto *&pointer) { copies.move(pointer); });
    Stream stream(device);
    Graph graph;
    graph.begin(stream);
    kernels::paged_attention(on_device, config, {.device = device, .stream = stream.handle()});
    graph.end();
    for (int step = 0; step < 4; ++step) {
      graph.launch(stream);
      stream.synchronize();
      copies.fetch();
      p.check();
      p.check_counters(device);
      p.change_sequences();
      p.forget_results();
      copies.upload();
    }
  };
  PagedCase c;
  c.programs_per_core = 1;
  for (PagedSchedule schedule : {PagedSchedule::rows, PagedSchedule::shares, PagedSchedule::parts}) {
    c.schedule = schedule;
    SCOPED_TRACE(c.text());
    PagedProblem<half> p(c, random);
    replay(p, p.config());
    kernels::PagedAttentionConfig overlapping = p.config();
    overlapping.overlap = true;
    replay(p, overlapping);
  }
  // What is launched without a config: of tables of a block, of a few and of many.
  c.head_dim = 128;
  for (int extra_table_width : {0, 60, 4000}) {
    SCOPED_TRACE(extra_table_width);
    c.lengths = extra_table_width == 0 ? std::vector<int>{0, 1, 33, 64} : std::vector<int>{0, 1, 500, 15, 64, 2};
    c.extra_table_width = extra_table_width;
    PagedProblem<half> p(c, random);
    replay(p, kernels::default_config(p.problem, device));
  }
}

TEST(PagedAttentionInvalid, Messages) {
  auto random = generator();
  PagedProblem<half> p(PagedCase{}, random);
  const kernels::PagedAttentionConfig config = p.config();
  const auto message = [&](auto change) {
    auto problem = p.problem;
    auto c = config;
    change(problem, c);
    return invalid_argument([&] { kernels::paged_attention(problem, c, {.device = Device::cpu()}); });
  };
  EXPECT_EQ(message([](auto &q, auto &) { q.heads = 9; }),
            "paged_attention: heads is 9, not a multiple of kv_heads, 2");
  EXPECT_EQ(message([](auto &q, auto &) { q.heads = 130; }),
            "paged_attention: heads / kv_heads is 65, must be at most 64");
  EXPECT_EQ(message([](auto &q, auto &) { q.heads = 4; }),
            "paged_attention: config.group is 4, but heads / kv_heads is 2");
  EXPECT_EQ(message([](auto &q, auto &) { q.head_dim = 72; }),
            "paged_attention: head_dim is 72, must be a multiple of 16 from 16 to 256");
  EXPECT_EQ(message([](auto &q, auto &) { q.page_size = 0; }), "paged_attention: page_size is 0, must be at least 1");
  EXPECT_EQ(message([](auto &q, auto &) { q.page_size = 32; }),
            "paged_attention: config.page_size is 16, but page_size is 32");
  EXPECT_EQ(message([](auto &q, auto &) { q.batch = -1; }), "paged_attention: batch is -1, must be at least 0");
  EXPECT_EQ(message([](auto &q, auto &) { q.batch = 65536; }),
            "paged_attention: batch is 65536, must be at most 65535");
  EXPECT_EQ(message([](auto &q, auto &) { q.lengths = nullptr; }), "paged_attention: lengths is null");
  EXPECT_EQ(message([](auto &q, auto &) { q.table = nullptr; }), "paged_attention: table is null");
  EXPECT_EQ(message([](auto &q, auto &) { q.lse = nullptr; }), "paged_attention: config.lse is true, but lse is null");
  EXPECT_EQ(message([](auto &q, auto &) { q.scale = NAN; }), "paged_attention: scale is nan, must be finite");
  EXPECT_EQ(message([](auto &q, auto &) { q.key_cache_stride.dim = 2; }),
            "paged_attention: config.packed is true, but a stride named dim or entry is not 1");
  EXPECT_EQ(message([](auto &, auto &c) { c.block_n = 48; }),
            "paged_attention: config.block_n is 48, must be a power of two from 1 to 65536");
  EXPECT_EQ(message([](auto &, auto &c) { c.num_stages = 0; }),
            "paged_attention: config.num_stages is 0, must be from 1 to 16");
  EXPECT_EQ(message([](auto &q, auto &) { q.value_cache_stride.page++; }),
            "paged_attention: config.same_strides is true, but key_cache_stride and value_cache_stride differ");
  EXPECT_EQ(message([](auto &q, auto &) { q.max_pages = 1 << 27; }),
            "paged_attention: page_size * max_pages is 2147483648, must be at most 2147418112");
  kernels::PagedAttentionConfig interleaved = config;
  interleaved.schedule = PagedSchedule::interleaved;
  EXPECT_EQ(invalid_argument([&] { kernels::paged_attention(p.problem, interleaved, {}); }),
            "paged_attention: config.schedule is interleaved, but the device is none");
}

TEST(PagedAttentionInvalid, Shares) {
  auto random = generator();
  PagedCase c;
  c.schedule = PagedSchedule::shares;
  PagedProblem<half> p(c, random);
  p.make_workspace(p.config(), Device::interpreter());
  const std::int64_t bytes = p.problem.workspace_size;
  const auto message = [&](auto change) {
    auto problem = p.problem;
    auto config = p.config();
    change(problem, config);
    return invalid_argument([&] { kernels::paged_attention(problem, config, {.device = Device::interpreter()}); });
  };
  EXPECT_EQ(message([](auto &q, auto &) { q.workspace = nullptr; }), "paged_attention: workspace is null");
  EXPECT_EQ(message([](auto &q, auto &) { q.workspace_size--; }), "paged_attention: workspace_size is " +
                                                                      std::to_string(bytes - 1) +
                                                                      ", must be at least " + std::to_string(bytes));
  EXPECT_EQ(message([](auto &q, auto &) { q.workspace = static_cast<char *>(q.workspace) + 4; }),
            "paged_attention: workspace is not 16-byte aligned");
  EXPECT_EQ(message([](auto &, auto &c) { c.programs_per_core = 33; }),
            "paged_attention: config.programs_per_core is 33, must be from 1 to 32");
  EXPECT_EQ(message([](auto &q, auto &c) { q.heads = q.kv_heads = 65536, c.group = 1; }),
            "paged_attention: kv_heads is 65536, must be at most 65535 where programs share");
  EXPECT_EQ(message([](auto &, auto &c) { c.part_blocks = 0; }),
            "paged_attention: config.part_blocks is 0, must be from 1 to 65536");
  EXPECT_EQ(message([](auto &p, auto &c) { p.batch = 2, c.lengths_tile = 1; }),
            "paged_attention: config.lengths_tile is 1, but batch is 2");
  EXPECT_EQ(message([](auto &, auto &c) { c.lengths_tile = 24; }),
            "paged_attention: config.lengths_tile is 24, must be a power of two from 1 to 65536");
  EXPECT_EQ(message([](auto &, auto &c) { c.part_blocks = 65536, c.block_n = 65536; }),
            "paged_attention: config.block_n * config.part_blocks is 4294967296, must be at most 2147418112");
  EXPECT_EQ(
      message([](auto &q, auto &) { q.batch = 65535, q.max_pages = 1 << 24; }),
      "paged_attention: batch * page_size * max_pages / config.block_n is 549747425280, must be at most 2147418112");
}

KILN_ON_DEVICES(PagedAttention, "cpu", "cpu_checked", "interpreter", "cuda", "emulated");
KILN_ON_DEVICES(PagedAttentionCompiled, "cpu", "cuda", "emulated");
KILN_ON_DEVICES(PagedAttentionOlder, "emulated_sm_80");

} // namespace
