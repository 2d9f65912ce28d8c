#include "kv_cache/reference.h"
#include "support.h"

#include <algorithm>
#include <numeric>

using namespace kiln;
using namespace kiln::test;

namespace {

class KvCacheStore : public OnDevice {
protected:
  struct Case {
    std::int64_t tokens = 5, kv_heads = 3, head_dim = 64, page_size = 4;
    int block_heads = 2;
    std::int64_t unit = 1; ///< stride along dim
    std::int64_t gap = 8;  ///< elements between tokens; with an odd number a GPU runs code that relies on no alignment
    bool hnd = false;
  };

  template <class T>
  void run(const Case &c) {
    std::ostringstream what;
    what << c.tokens << " tokens, " << c.kv_heads << " heads, head_dim " << c.head_dim << ", page_size " << c.page_size;
    SCOPED_TRACE(what.str());
    const std::int64_t d = c.head_dim * c.unit, pages = c.tokens / c.page_size + 3;
    const kernels::TokenStrides from{c.kv_heads * d + c.gap, d, c.unit};
    const std::int64_t page = c.page_size * c.kv_heads * d;
    const kernels::CacheStrides to = c.hnd ? kernels::CacheStrides{page, d, c.page_size * d, c.unit}
                                           : kernels::CacheStrides{page, c.kv_heads * d, d, c.unit};
    Buffer<T> key(c.tokens * from.token, "key"), value(c.tokens * from.token, "value");
    Buffer<T> key_cache(pages * page, "key_cache"), value_cache(pages * page, "value_cache");
    Buffer<T> key_expected(pages * page, "key_expected"), value_expected(pages * page, "value_expected");
    key.fill_normal(random);
    value.fill_normal(random);
    // Distinct slots, every third token skipped by different negative numbers.
    std::vector<std::int64_t> all(pages * c.page_size);
    std::iota(all.begin(), all.end(), 0);
    std::shuffle(all.begin(), all.end(), random);
    Buffer<std::int64_t> slots(c.tokens, "slots");
    for (std::int64_t i = 0; i < c.tokens; ++i)
      slots[i] = i % 3 == 2 ? -1 - 1000 * i : all[i];

    kernels::KvCacheStore<T> problem{.tokens = c.tokens,
                                     .kv_heads = c.kv_heads,
                                     .head_dim = c.head_dim,
                                     .page_size = c.page_size,
                                     .key = key.data(),
                                     .value = value.data(),
                                     .slots = slots.data(),
                                     .key_cache = key_cache.data(),
                                     .value_cache = value_cache.data(),
                                     .key_stride = from,
                                     .value_stride = from,
                                     .key_cache_stride = to,
                                     .value_cache_stride = to};
    auto config = kernels::default_config(problem);
    config.block_heads = c.block_heads;
    run_on_device(problem, [&](const auto &p, const auto &on) { kernels::kv_cache_store(p, config, on); });
    problem.key_cache = key_expected.data();
    problem.value_cache = value_expected.data();
    kernels::reference::kv_cache_store(problem);
    // Bit for bit, with the untouched slots and the guard bands.
    const std::size_t bytes = (key_cache.size() + 2 * Buffer<T>::guard) * sizeof(T);
    EXPECT_EQ(std::memcmp(key_cache.data() - Buffer<T>::guard, key_expected.data() - Buffer<T>::guard, bytes), 0);
    EXPECT_EQ(std::memcmp(value_cache.data() - Buffer<T>::guard, value_expected.data() - Buffer<T>::guard, bytes), 0);
  }
};

TEST_P(KvCacheStore, Types) {
  for_each_type([&]<class T>() { run<T>({}); });
}

TEST_P(KvCacheStore, Shapes) {
  run<half>({.tokens = 0});
  run<half>({.tokens = 1, .kv_heads = 1});
  run<half>({.kv_heads = 8, .page_size = 1, .block_heads = 4});
  run<half>({.kv_heads = 5, .head_dim = 80, .page_size = 3, .block_heads = 4});
  run<half>({.head_dim = 112, .page_size = 20});
  run<half>({.hnd = true});
  run<half>({.unit = 2});
  run<half>({.gap = 5});
}

TEST(KvCacheStoreInvalid, Messages) {
  half element{};
  std::int64_t slot = 0;
  const kernels::KvCacheStore<half> good{.tokens = 1,
                                         .kv_heads = 1,
                                         .head_dim = 64,
                                         .page_size = 16,
                                         .key = &element,
                                         .value = &element,
                                         .slots = &slot,
                                         .key_cache = &element,
                                         .value_cache = &element};
  const auto message = [&](auto change) {
    auto problem = good;
    auto config = kernels::default_config(good);
    change(problem, config);
    return invalid_argument([&] { kernels::kv_cache_store(problem, config, {.device = Device::cpu()}); });
  };
  EXPECT_EQ(message([](auto &p, auto &) { p.tokens = -1; }), "kv_cache_store: tokens is -1, must be at least 0");
  EXPECT_EQ(message([](auto &p, auto &) { p.slots = nullptr; }), "kv_cache_store: slots is null");
  EXPECT_EQ(message([](auto &p, auto &) { p.head_dim = 20; }),
            "kv_cache_store: head_dim is 20, must be a multiple of 16 from 16 to 256");
  EXPECT_EQ(message([](auto &p, auto &) { p.page_size = 8; }),
            "kv_cache_store: config.page_size is 16, but page_size is 8");
  EXPECT_EQ(message([](auto &p, auto &) { p.value_stride.dim = 3; }),
            "kv_cache_store: config.packed is true, but a stride named dim is not 1");
  EXPECT_EQ(message([](auto &, auto &c) { c.block_heads = 3; }),
            "kv_cache_store: config.block_heads is 3, must be a power of two from 1 to 65536");
}

KILN_ON_EACH_DEVICE(KvCacheStore);

} // namespace
