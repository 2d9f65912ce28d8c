// Lesson 4: attention over a paged cache, the kernel that Kiln was made for.
//
// A language model that generates text keeps keys and values of all earlier tokens. A server keeps them in pages of a
// few tokens, taken from one pool, and a table for each sequence that says which page holds which part of it. For each
// new token (the query) every head computes
//
//     out = softmax(scale * q . K) @ V        over the tokens of its sequence
//
// Several query heads (a group) share a K/V head. This lesson is for a group and a head size that are powers of two;
// the kernel of the library, <kiln/kernels/paged_attention.h>, takes any.
#include <kiln/kiln.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <vector>

using kiln::Tile;

struct DecodeConfig {
  int head_dim = 64, group = 4, page_size = 16;
  int block_n = 32; // tokens of a step; not tied to the size of a page
};

// The softmax of a row that is seen block by block: the largest score so far, the sum of exp(score - largest), and the
// sum of the values weighted so. When a larger score comes, what is there is scaled down. Tiles are ordinary variables:
// they live in structs, and the loop below carries exactly these three.
struct OnlineSoftmax {
  Tile max, sum, acc;

  OnlineSoftmax(int rows, int dim)
      : max(kiln::full({rows}, -std::numeric_limits<float>::infinity(), kiln::f32)),
        sum(kiln::zeros({rows}, kiln::f32)), acc(kiln::zeros({rows, dim}, kiln::f32)) {}

  void update(const Tile &scores, const Tile &values) {
    Tile new_max = kiln::maximum(max, kiln::max(scores, 1));
    Tile rescale = kiln::exp2(max - new_max);
    Tile weights = kiln::exp2(scores - kiln::col(new_max));
    sum = sum * rescale + kiln::sum(weights, 1);
    acc = kiln::dot(weights.to(values.dtype()), values, acc * kiln::col(rescale));
    max = new_max;
  }
  Tile result() const { return acc / kiln::col(sum); }
};

// One program: one sequence, one K/V head, its whole group of query heads.
// q and out are [batch, kv_heads, group, head_dim], the caches [page, page_size, kv_heads, head_dim].
void decode(const DecodeConfig &c, kiln::ptr<const kiln::half> q, kiln::ptr<const kiln::half> k_cache,
            kiln::ptr<const kiln::half> v_cache, kiln::ptr<const std::int32_t> table,
            kiln::ptr<const std::int32_t> lengths, kiln::ptr<kiln::half> out, kiln::scalar<int> kv_heads,
            kiln::scalar<int> table_width, kiln::scalar<float> scale) {
  Tile seq = kiln::program_id(0), head = kiln::program_id(1);
  Tile length = kiln::load(lengths + seq);
  Tile rows = (seq * kv_heads + head) * c.group + kiln::arange(0, c.group);
  Tile d = kiln::arange(0, c.head_dim);
  Tile q_block = kiln::col(rows * c.head_dim) + kiln::row(d);
  Tile query = kiln::load(q + q_block);

  // exp(x) is exp2(x * log2(e)); the factor is free when it joins the scale.
  Tile scale2 = scale * 1.44269504F;
  // A cache may have more than 2^31 elements: offsets within it are 64-bit.
  Tile token_stride = kv_heads.to(kiln::i64) * c.head_dim;

  OnlineSoftmax state(c.group, c.head_dim);
  for (Tile start : kiln::range(0, length, c.block_n)) {
    Tile token = start + kiln::arange(0, c.block_n);
    Tile live = token < length;
    // Each token looks its own page up, so it does not matter how blocks and pages lie. Table entries past the end of
    // the sequence may be garbage: the mask keeps them from being read, and their tokens from being addressed.
    Tile page = kiln::load(table + seq * table_width + token / c.page_size, {.mask = live});
    Tile slot = page.to(kiln::i64) * c.page_size + token % c.page_size;
    Tile block = kiln::col(slot * token_stride + head * c.head_dim) + kiln::row(d);

    Tile keys = kiln::load(k_cache + block, {.mask = kiln::col(live)});
    Tile scores = kiln::dot(query, kiln::trans(keys)) * scale2;
    scores = kiln::where(kiln::row(live), scores, -std::numeric_limits<float>::infinity());
    // The values are masked too. The weight of a dead lane is 0, but unused slots may hold NaN, and 0 * NaN is NaN.
    Tile values = kiln::load(v_cache + block, {.mask = kiln::col(live)});
    state.update(scores, values);
  }
  kiln::store(out + q_block, state.result().to(kiln::f16));
}

const kiln::Kernel decode_kernel{"decode", decode};

int main(int argc, char **argv) try {
  const DecodeConfig c;
  const int kv_heads = 2, table_width = 8;
  const std::vector<std::int32_t> lengths = {1, 16, 47, 100};
  const int batch = int(lengths.size()), pages = 16;
  const float scale = 1 / std::sqrt(float(c.head_dim));

  // Everything that no sequence uses holds NaN or nonsense.
  std::vector<kiln::half> q(batch * kv_heads * c.group * c.head_dim), out(q.size());
  std::vector<kiln::half> k(pages * c.page_size * kv_heads * c.head_dim, kiln::half(NAN)), v = k;
  std::vector<std::int32_t> table(batch * table_width, -1);
  std::uint32_t random = 1;
  const auto next = [&random] {
    random = random * 1664525 + 1013904223;
    return kiln::half(float(random >> 16) / 32768 - 1);
  };
  for (kiln::half &x : q)
    x = next();
  const auto offset = [&](int b, int token, int head) {
    const int page = table[b * table_width + token / c.page_size];
    return ((page * c.page_size + token % c.page_size) * kv_heads + head) * c.head_dim;
  };
  int used = 0;
  for (int b = 0; b < batch; ++b)
    for (int token = 0; token < lengths[b]; ++token) {
      if (token % c.page_size == 0)
        table[b * table_width + token / c.page_size] = used++ * 7 % pages; // pages in no particular order
      for (int i = 0; i < kv_heads * c.head_dim; ++i) {
        k[offset(b, token, 0) + i] = next();
        v[offset(b, token, 0) + i] = next();
      }
    }

  const kiln::Device device = argc > 1                         ? kiln::Device::parse(argv[1])
                              : kiln::cuda::device_count() > 0 ? kiln::Device::cuda()
                                                               : kiln::Device::cpu();
  // Memory of the device with what a vector holds.
  const auto upload = [device](const auto &host) {
    kiln::DeviceBuffer memory(device, host.size() * sizeof(host[0]));
    memory.copy_from_host(host.data(), memory.bytes());
    return memory;
  };
  const kiln::DeviceBuffer device_q = upload(q), device_k = upload(k), device_v = upload(v);
  const kiln::DeviceBuffer device_table = upload(table), device_lengths = upload(lengths), device_out = upload(out);
  decode_kernel.launch({.grid = {batch, kv_heads}, .device = device}, c, device_q.as<kiln::half>(),
                       device_k.as<kiln::half>(), device_v.as<kiln::half>(), device_table.as<std::int32_t>(),
                       device_lengths.as<std::int32_t>(), device_out.as<kiln::half>(), kv_heads, table_width, scale);
  device_out.copy_to_host(out.data(), device_out.bytes());

  // The definition, in double precision.
  double worst = 0;
  for (int b = 0; b < batch; ++b)
    for (int h = 0; h < kv_heads * c.group; ++h) {
      const int row = (b * kv_heads * c.group + h) * c.head_dim;
      std::vector<double> weights(lengths[b]), expected(c.head_dim);
      double total = 0;
      for (int t = 0; t < lengths[b]; ++t) {
        double score = 0;
        for (int i = 0; i < c.head_dim; ++i)
          score += double(float(q[row + i])) * float(k[offset(b, t, h / c.group) + i]);
        total += weights[t] = std::exp(score * scale);
      }
      for (int t = 0; t < lengths[b]; ++t)
        for (int i = 0; i < c.head_dim; ++i)
          expected[i] += weights[t] / total * float(v[offset(b, t, h / c.group) + i]);
      for (int i = 0; i < c.head_dim; ++i) {
        const double error = std::abs(float(out[row + i]) - expected[i]);
        if (error > worst || std::isnan(error)) // a NaN stays
          worst = error;
      }
    }
  std::printf("%d sequences of 1 to 100 tokens on %s, largest error %.2g\n", batch, device.name().c_str(), worst);
  return worst < 2e-3 ? 0 : 1;
} catch (const kiln::Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
