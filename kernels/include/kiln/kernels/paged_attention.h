/// The decode step of attention over a paged key/value cache.
#pragma once

#include "kiln/kernels/kv_cache.h"

namespace kiln::kernels {

/// How the work of a step is divided among programs.
enum class PagedSchedule : std::int8_t {
  /// A program for each K/V head of each sequence.
  rows,
  /// The same, but a program takes several K/V heads, block by block, so that what lies side by side in memory is read
  /// together. For the CPU and the interpreter.
  interleaved,
  /// As many programs as the device runs at a time, each of which takes an equal share of the tokens of the whole
  /// batch. A sequence that lies in several shares is merged by the last of its programs to finish. Shares are found
  /// on the device, from the lengths; the grid depends on sizes that the host knows.
  shares,
  /// Batch-invariant: the same, but every sequence is cut into parts of part_blocks blocks, which are merged in their
  /// order, so a sequence has the same bits alone and in any batch. On a GPU other code runs where a pointer is not
  /// 16-byte aligned, or a stride of q, out or the caches no multiple of 16 bytes; its bits may be others.
  parts,
};

/// Tiles of paged_attention, and what of the problem is known when the kernel is compiled. Everything else - batch,
/// number of heads, lengths, width of the table, strides, scale - is a run-time value: a server compiles one kernel per
/// model.
struct PagedAttentionConfig {
  int head_dim = 128;
  int group = 4; ///< query heads that share a K/V head
  int page_size = 16;
  int block_n = 64;         ///< tokens of a step; a power of two, smaller or larger than a page
  bool packed = true;       ///< every stride named `dim` or `entry` is 1
  bool same_strides = true; ///< K and V have the same strides
  bool lse = false;         ///< write the log-sum-exp
  PagedSchedule schedule = PagedSchedule::rows;
  int part_blocks = 16; ///< blocks of a part; of the schedule `parts` alone
  /// Lengths that a program looks at together; of `shares` and `parts`. A kernel of 1 is for batches of one.
  int lengths_tile = 32;
  int programs_per_core =
      2; ///< of `shares` and `parts`: programs for each multiprocessor of a GPU or thread of the CPU
  int num_warps = 4;
  int num_stages = 2;
  /// Launch programmatically (LaunchOptions::programmatic): the launch may start while the one before it in the stream
  /// ends, and waits for it before it reads or writes anything. A launch behind it may do the same. On GPUs of compute
  /// capability 9.0 or more; elsewhere it changes nothing.
  bool overlap = false;
};

/// Element strides of q and out, [batch, heads, head_dim].
struct HeadStrides {
  std::int64_t batch = 0, head = 0, dim = 1;
};

/// Element strides of the block table, [batch, max_pages].
struct TableStrides {
  std::int64_t batch = 0, entry = 1;
};

/// Element strides of the log-sum-exp, [batch, heads].
struct LseStrides {
  std::int64_t batch = 0, head = 1;
};

/// One query token a sequence:
///
///     out[b, h] = softmax(scale * q[b, h] . K[b, :, h / group]) @ V[b, :, h / group]       over lengths[b] tokens
///
/// where token i of sequence b lies in page table[b, i / page_size] at i % page_size, and group = heads / kv_heads.
/// T is half, bfloat16 or float; scores, softmax and sums are f32. A sequence of length 0 gives zeros, and -inf as its
/// log-sum-exp. Table entries and slots past a sequence's length are never used: they may hold anything. Strides count
/// elements.
template <class T>
struct PagedAttention {
  std::int64_t batch = 0;     ///< 0 is legal and does nothing
  std::int64_t heads = 0;     ///< a multiple of kv_heads
  std::int64_t kv_heads = 0;  ///< heads / kv_heads is 1 to 64, powers of two or not
  std::int64_t head_dim = 0;  ///< a multiple of 16, at most 256
  std::int64_t page_size = 0; ///< tokens in a page, any number from 1
  std::int64_t max_pages = 0; ///< width of the table
  float scale = 0;            ///< usually 1 / sqrt(head_dim)

  const T *q = nullptr;                  ///< [batch, heads, head_dim]
  const T *key_cache = nullptr;          ///< [num_pages, page_size, kv_heads, head_dim]
  const T *value_cache = nullptr;        ///< the same
  const std::int32_t *table = nullptr;   ///< [batch, max_pages]: physical pages
  const std::int32_t *lengths = nullptr; ///< [batch], each from 0 to page_size * max_pages
  T *out = nullptr;                      ///< [batch, heads, head_dim]
  float *lse = nullptr;                  ///< [batch, heads] or null: natural log of the sum of exp(score)
  void *workspace = nullptr;             ///< see workspace_bytes; null where that is 0
  std::int64_t workspace_size = 0;       ///< bytes

  HeadStrides q_stride = {}, out_stride = {};
  CacheStrides key_cache_stride = {}, value_cache_stride = {};
  TableStrides table_stride = {};
  LseStrides lse_stride = {};

  /// Sets every stride to that of an array without gaps whose dimensions are in the order given above.
  void set_dense_strides() {
    q_stride = out_stride = {heads * head_dim, head_dim, 1};
    key_cache_stride = value_cache_stride = {page_size * kv_heads * head_dim, kv_heads * head_dim, head_dim, 1};
    table_stride = {max_pages, 1};
    lse_stride = {heads, 1};
  }
};

/// The config that the table of tuned configs has for such a problem on a device, from sizes that the host knows:
/// batch, max_pages and the shape of the heads. head_dim, group, page_size, packed, same_strides and lse are those of
/// the problem.
template <class T>
KILN_API PagedAttentionConfig default_config(const PagedAttention<T> &problem, Device device = {});

/// The config under which the kernel is compiled: members that say nothing about its code are 0, so configs that
/// differ in them share it.
KILN_API PagedAttentionConfig compiled_config(PagedAttentionConfig config);

/// The bytes of memory of the device that the schedules `shares` and `parts` need; 0 for the others. They depend on
/// batch, kv_heads, max_pages and the config, grow with each of the sizes, and not on lengths: memory for the largest
/// problem serves all smaller ones.
///
/// The caller zeroes it once, before its first use; each launch leaves it ready for the next one, of any problem and
/// config that it is large enough for. Launches that may run at the same time need one each: one for each stream. Those
/// of one stream share it, also with config.overlap: each waits for the one before it. It is 16-byte aligned. After a
/// launch that did not end as it should it has to be zeroed again.
template <class T>
KILN_API std::int64_t workspace_bytes(const PagedAttention<T> &problem, const PagedAttentionConfig &config,
                                      Device device = {});

/// Throws InvalidArgument where a field does not make sense, out overlaps q or the config is for another problem, and
/// what Kernel::launch throws. On a GPU nothing but a launch is enqueued, which may be captured in a graph: replays see
/// the lengths, tables and values of their time.
template <class T>
KILN_API void paged_attention(const PagedAttention<T> &problem, const PagedAttentionConfig &config,
                              const Execution &where = {});

/// With default_config, for problems whose workspace is as large as that one needs.
template <class T>
void paged_attention(const PagedAttention<T> &problem, const Execution &where = {}) {
  paged_attention(problem, default_config(problem, where.device), where);
}

} // namespace kiln::kernels
