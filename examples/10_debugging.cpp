// Lesson 10: a bug, and the tools that find it. docs/debugging.md tells the story.
//
// The kernel is the decode step of lesson 4 with one query head and no matrices, and it has a bug: one character. With
// --fixed it has none.
#include <kiln/debug.h>
#include <kiln/kiln.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

using kiln::Tile;

struct Config {
  int head_dim = 16, page_size = 16;
  int block = 32; // tokens of a step
  bool fixed = false, print = false;
};

// One program: one sequence. q and out are [batch, head_dim], the caches [pages, page_size, head_dim].
void decode(const Config &c, kiln::ptr<const float> q, kiln::ptr<const float> k_cache, kiln::ptr<const float> v_cache,
            kiln::ptr<const int> table, kiln::ptr<const int> lengths, kiln::ptr<float> out,
            kiln::scalar<int> table_width, kiln::scalar<int> pages) {
  Tile seq = kiln::program_id(0);
  Tile length = kiln::load(lengths + seq);
  Tile d = kiln::arange(0, c.head_dim);
  Tile query = kiln::load(q + seq * c.head_dim + d);

  Tile largest = kiln::full({}, -std::numeric_limits<float>::infinity(), kiln::f32);
  Tile total = kiln::full({}, 0, kiln::f32);
  Tile acc = kiln::zeros({c.head_dim}, kiln::f32);
  for (Tile start : kiln::range(0, length, c.block)) {
    Tile token = start + kiln::arange(0, c.block);
    Tile live = c.fixed ? token < length : token <= length;
    Tile page = kiln::load(table + seq * table_width + token / c.page_size, {.mask = live});
    kiln::check_range(page, 0, pages, "page", {.mask = live});
    Tile slot = page * c.page_size + token % c.page_size;
    Tile block = kiln::col(slot * c.head_dim) + kiln::row(d);
    Tile keys = kiln::load(k_cache + block, {.mask = kiln::col(live)});
    kiln::check_finite(keys, "keys", {.mask = kiln::col(live)});
    Tile scores = kiln::sum(keys * kiln::row(query), 1);
    if (c.print)
      kiln::device_print("scores", {scores});
    scores = kiln::where(live, scores, -std::numeric_limits<float>::infinity());

    Tile new_largest = kiln::maximum(largest, kiln::max(scores, 0));
    Tile rescale = kiln::exp(largest - new_largest);
    Tile weights = kiln::exp(scores - new_largest);
    Tile values = kiln::load(v_cache + block, {.mask = kiln::col(live)});
    total = total * rescale + kiln::sum(weights, 0);
    acc = acc * rescale + kiln::sum(values * kiln::col(weights), 0);
    largest = new_largest;
  }
  kiln::store(out + seq * c.head_dim + d, acc / total);
}

const kiln::Kernel decode_kernel{"decode", decode};

int main(int argc, char **argv) try {
  kiln::Device device = kiln::Device::cpu();
  Config c;
  int length = 47;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--fixed") == 0)
      c.fixed = true;
    else if (std::strcmp(argv[i], "--print") == 0)
      c.print = true;
    else if (std::strcmp(argv[i], "--length") == 0 && i + 1 < argc)
      length = std::atoi(argv[++i]);
    else
      device = kiln::Device::parse(argv[i]);
  }
  const int pages = 8, table_width = pages;
  if (length < 1 || length > pages * c.page_size) {
    std::fprintf(stderr, "--length is from 1 to %d\n", pages * c.page_size);
    return 2;
  }

  // What no token uses holds NaN. The pool has a page more than the sequence may use, and entries of the table that
  // are not in use name that one.
  std::vector<float> q(c.head_dim), out(c.head_dim), k((pages + 1) * c.page_size * c.head_dim, NAN), v = k;
  std::vector<int> table(table_width, pages);
  for (int i = 0; i < c.head_dim; ++i)
    q[i] = float(i % 3 - 1);
  for (int page = 0; page * c.page_size < length; ++page)
    table[page] = pages - 1 - page;
  const auto element = [&](int token, int i) {
    return (table[token / c.page_size] * c.page_size + token % c.page_size) * c.head_dim + i;
  };
  for (int t = 0; t < length; ++t)
    for (int i = 0; i < c.head_dim; ++i) {
      k[element(t, i)] = float((t + i) % 5) / 8;
      v[element(t, i)] = float((t + 2 * i) % 7);
    }

  const auto upload = [device](const auto &host) {
    kiln::DeviceBuffer memory(device, host.size() * sizeof(host[0]));
    memory.copy_from_host(host.data(), memory.bytes());
    return memory;
  };
  const kiln::DeviceBuffer device_q = upload(q), device_k = upload(k), device_v = upload(v),
                           device_table = upload(table), device_lengths = upload(std::vector<int>{length});
  kiln::DeviceBuffer device_out(device, out.size() * sizeof(float));
  // For check mode and emulated devices: what a kernel may use of the pools. A GPU has no use for it.
  const std::size_t pool = std::size_t(pages) * c.page_size * c.head_dim * sizeof(float);
  const kiln::debug::Buffer buffers[] = {{device_q.data(), device_q.bytes(), "q"},
                                         {device_k.data(), pool, "k_cache"},
                                         {device_v.data(), pool, "v_cache"},
                                         {device_table.data(), device_table.bytes(), "table"},
                                         {device_lengths.data(), device_lengths.bytes(), "lengths"},
                                         {device_out.data(), device_out.bytes(), "out"}};

  decode_kernel.launch({.grid = 1, .device = device}, c, device_q.as<float>(), device_k.as<float>(),
                       device_v.as<float>(), device_table.as<int>(), device_lengths.as<int>(), device_out.as<float>(),
                       table_width, pages);
  device_out.copy_to_host(out.data(), device_out.bytes());

  std::vector<double> weights(length), expected(c.head_dim);
  double total = 0, worst = 0;
  for (int t = 0; t < length; ++t) {
    double score = 0;
    for (int i = 0; i < c.head_dim; ++i)
      score += double(q[i]) * k[element(t, i)];
    total += weights[t] = std::exp(score);
  }
  for (int i = 0; i < c.head_dim; ++i) {
    for (int t = 0; t < length; ++t)
      expected[i] += weights[t] / total * v[element(t, i)];
    const double error = std::abs(out[i] - expected[i]);
    if (error > worst || std::isnan(error)) // a NaN stays
      worst = error;
  }
  const bool right = worst < 1e-5;
  std::printf("%d tokens on %s: %s, out[0] is %g and should be %g\n", length, device.name().c_str(),
              right ? "right" : "wrong", double(out[0]), expected[0]);
  return right ? 0 : 1;
} catch (const kiln::Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
