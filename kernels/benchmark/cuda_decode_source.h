// Paged-attention decode in CUDA C++ as one would write it by hand, without tensor cores: what the effort of an
// afternoon gives. NVRTC compiles it (cuda_decode.cpp), with HEAD_DIM, GROUP, PAGE, WARPS and BF16 defined. It includes
// nothing.
#pragma once

namespace kiln::bench {

constexpr char cuda_decode_source[] = R"cuda(
// Arrays without gaps: q and out [batch, heads, HEAD_DIM], caches [page, PAGE, kv_heads, HEAD_DIM], 16-bit elements.

__device__ constexpr int next_power_of_2(int n) { return n <= 1 ? 1 : 2 * next_power_of_2((n + 1) / 2); }
constexpr int vectors = HEAD_DIM / 8;              // 16-byte vectors of a row of K or V
constexpr int lanes = next_power_of_2(vectors);    // that share a token; those past the row idle
constexpr int teams = 32 / lanes;                  // tokens that a warp looks at side by side
constexpr int unrolled = 4;                        // tokens whose K and V a lane has under way
constexpr int heads = GROUP < 8 ? GROUP : 8;       // query heads of a block
constexpr int head_tiles = (GROUP + heads - 1) / heads;
constexpr int step = WARPS * teams * unrolled;     // tokens of a block's step
constexpr float lowest = -1e30f;                   // finite, so that a difference of two is a number
constexpr unsigned all_lanes = 0xffffffffu;

__device__ float2 widen(unsigned pair) {
#if BF16
  return {__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u)};
#else
  float2 x;
  asm("{ .reg .b16 low, high; mov.b32 {low, high}, %2; cvt.f32.f16 %0, low; cvt.f32.f16 %1, high; }"
      : "=f"(x.x), "=f"(x.y) : "r"(pair));
  return x;
#endif
}

__device__ unsigned narrow(float low, float high) {
  unsigned pair;
#if BF16
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
#else
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
#endif
  return pair;
}

__device__ void widen(const uint4 &vector, float (&x)[8]) {
  const unsigned pairs[4] = {vector.x, vector.y, vector.z, vector.w};
  for (int i = 0; i < 4; ++i) {
    const float2 two = widen(pairs[i]);
    x[2 * i] = two.x;
    x[2 * i + 1] = two.y;
  }
}

// Both add what partners of lanes `from`, 2 `from`, ... up to `to` have.
__device__ float sum_across(float x, int from, int to) {
  for (int distance = from; distance < to; distance *= 2)
    x += __shfl_xor_sync(all_lanes, x, distance);
  return x;
}

// Block (kv_head * head_tiles + tile, sequence, part): some query heads of a K/V head over a part of a sequence. With one
// part it writes the result; otherwise the part's maximum, sum and weighted sum of values, for decode_merge.
extern "C" __global__ void __launch_bounds__(WARPS * 32)
decode_part(const uint4 *__restrict__ q, const uint4 *__restrict__ key_cache, const uint4 *__restrict__ value_cache,
            const int *__restrict__ table, const int *__restrict__ lengths, unsigned *__restrict__ out,
            float2 *__restrict__ part_sums, float2 *__restrict__ part_values, int kv_heads, int max_pages,
            float scale_log2e) {
  const int parts = gridDim.z, part = blockIdx.z, sequence = blockIdx.y;
  const int kv_head = blockIdx.x / head_tiles, first_head = blockIdx.x % head_tiles * heads;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % lanes, team = threadIdx.x % 32 / lanes;
  const bool in_row = lane < vectors;
  const int length = lengths[sequence];
  const int share = ((length + parts - 1) / parts + step - 1) / step * step;
  const int begin = min(part * share, length), end = min(begin + share, length);
  const int *pages = table + (long long)sequence * max_pages;
  const int first_row = (sequence * kv_heads + kv_head) * GROUP + first_head; // of q and out

  float query[heads][8], values[heads][8] = {}, largest[heads], total[heads] = {};
#pragma unroll
  for (int h = 0; h < heads; ++h) {
    uint4 vector = {0, 0, 0, 0};
    if (in_row && first_head + h < GROUP)
      vector = q[(long long)(first_row + h) * vectors + lane];
    widen(vector, query[h]);
    for (int i = 0; i < 8; ++i)
      query[h][i] *= scale_log2e;
    largest[h] = lowest;
  }

  // Neighbouring teams have neighbouring tokens; pages are looked up one step ahead.
  const auto token_of = [&](int start, int u) { return start + (u * WARPS + warp) * teams + team; };
  int page[unrolled];
#pragma unroll
  for (int u = 0; u < unrolled; ++u)
    page[u] = token_of(begin, u) < end ? pages[token_of(begin, u) / PAGE] : 0;

  for (int start = begin; start < end; start += step) {
    uint4 key[unrolled], value[unrolled];
#pragma unroll
    for (int u = 0; u < unrolled; ++u) {
      const int token = token_of(start, u);
      key[u] = value[u] = {0, 0, 0, 0};
      if (token < end && in_row) {
        const long long row = ((long long)page[u] * PAGE + token % PAGE) * kv_heads + kv_head;
        key[u] = __ldcs(key_cache + row * vectors + lane);
        value[u] = __ldcs(value_cache + row * vectors + lane);
      }
    }
#pragma unroll
    for (int u = 0; u < unrolled; ++u)
      page[u] = token_of(start + step, u) < end ? pages[token_of(start + step, u) / PAGE] : 0;

    float score[heads][unrolled];
#pragma unroll
    for (int u = 0; u < unrolled; ++u) {
      float x[8];
      widen(key[u], x);
#pragma unroll
      for (int h = 0; h < heads; ++h) {
        float sum = 0;
        for (int i = 0; i < 8; ++i)
          sum += query[h][i] * x[i];
        sum = sum_across(sum, 1, lanes);
        score[h][u] = token_of(start, u) < end ? sum : 2 * lowest;
      }
    }
#pragma unroll
    for (int h = 0; h < heads; ++h) {
      float now = largest[h];
      for (int u = 0; u < unrolled; ++u)
        now = fmaxf(now, score[h][u]);
      const float fade = exp2f(largest[h] - now);
      largest[h] = now;
      total[h] *= fade;
      for (int i = 0; i < 8; ++i)
        values[h][i] *= fade;
      for (int u = 0; u < unrolled; ++u)
        total[h] += score[h][u] = exp2f(score[h][u] - now);
    }
#pragma unroll
    for (int u = 0; u < unrolled; ++u) {
      float x[8];
      widen(value[u], x);
#pragma unroll
      for (int h = 0; h < heads; ++h)
        for (int i = 0; i < 8; ++i)
          values[h][i] += score[h][u] * x[i];
    }
  }

  // The teams of a warp, then the warps.
  __shared__ float warp_values[WARPS][heads][HEAD_DIM], warp_largest[WARPS][heads], warp_total[WARPS][heads];
#pragma unroll
  for (int h = 0; h < heads; ++h) {
    float now = largest[h];
    for (int distance = lanes; distance < 32; distance *= 2)
      now = fmaxf(now, __shfl_xor_sync(all_lanes, now, distance));
    const float fade = exp2f(largest[h] - now);
    total[h] = sum_across(total[h] * fade, lanes, 32);
    for (int i = 0; i < 8; ++i) {
      values[h][i] = sum_across(values[h][i] * fade, lanes, 32);
      if (team == 0 && in_row)
        warp_values[warp][h][lane * 8 + i] = values[h][i];
    }
    if (threadIdx.x % 32 == 0) {
      warp_largest[warp][h] = now;
      warp_total[warp][h] = total[h];
    }
  }
  __syncthreads();
  for (int pair = threadIdx.x; pair < heads * HEAD_DIM / 2; pair += WARPS * 32) {
    const int h = pair / (HEAD_DIM / 2), d = pair % (HEAD_DIM / 2) * 2;
    if (first_head + h >= GROUP)
      continue;
    float now = lowest;
    for (int w = 0; w < WARPS; ++w)
      now = fmaxf(now, warp_largest[w][h]);
    float2 x = {0, 0};
    float sum = 0;
    for (int w = 0; w < WARPS; ++w) {
      const float fade = exp2f(warp_largest[w][h] - now);
      sum += fade * warp_total[w][h];
      x.x += fade * warp_values[w][h][d];
      x.y += fade * warp_values[w][h][d + 1];
    }
    const long long row = first_row + h;
    if (parts == 1) {
      const float normalise = sum > 0 ? 1 / sum : 0;
      out[(row * HEAD_DIM + d) / 2] = narrow(x.x * normalise, x.y * normalise);
    } else {
      part_values[((row * parts + part) * HEAD_DIM + d) / 2] = x;
      if (d == 0)
        part_sums[row * parts + part] = {now, sum};
    }
  }
}

// Block: a row of out. A thread: two of its elements.
extern "C" __global__ void __launch_bounds__(HEAD_DIM / 2)
decode_merge(const float2 *__restrict__ part_sums, const float2 *__restrict__ part_values, unsigned *__restrict__ out,
             int parts) {
  const long long row = blockIdx.x;
  float now = lowest;
  for (int part = 0; part < parts; ++part)
    now = fmaxf(now, part_sums[row * parts + part].x);
  float2 x = {0, 0};
  float sum = 0;
#pragma unroll 8
  for (int part = 0; part < parts; ++part) {
    const float2 of_part = part_sums[row * parts + part];
    const float2 two = part_values[(row * parts + part) * (HEAD_DIM / 2) + threadIdx.x];
    const float fade = exp2f(of_part.x - now);
    sum += fade * of_part.y;
    x.x += fade * two.x;
    x.y += fade * two.y;
  }
  const float normalise = sum > 0 ? 1 / sum : 0;
  out[row * (HEAD_DIM / 2) + threadIdx.x] = narrow(x.x * normalise, x.y * normalise);
}
)cuda";

} // namespace kiln::bench
