// A decode problem on a GPU with as many copies of K and V as it takes to overflow the L2 cache.
#pragma once

#include "benchmark/gpu_timing.h"
#include "benchmark/largest_error.h"

#include "paged_attention/random_problem.h"

#include "kiln/device_memory.h"

#include <cmath>
#include <span>
#include <vector>

namespace kiln::bench {

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
    kernels::paged_attention(problem(set), config, {.device = device_, .stream = stream});
  }
  /// The problem with K and V of a set.
  const kernels::PagedAttention<T> &problem(int set) {
    problem_.key_cache = caches_[set].template as<T>();
    problem_.value_cache = problem_.key_cache + cache_bytes_ / std::int64_t(sizeof(T));
    return problem_;
  }
  /// The largest absolute error of launch(set, stream), which enqueues it; NaN where it left one.
  template <class Launch>
  double error(std::span<const double> expected, Launch &&launch) {
    out_.fill(0xff); // NaN
    launch(0, nullptr);
    synchronize(device_);
    std::vector<T> found(expected.size());
    out_.copy_to_host(found.data(), found.size() * sizeof(T));
    LargestError error;
    for (std::size_t i = 0; i < expected.size(); ++i)
      error.add(std::abs(double(float(found[i])) - expected[i]));
    return error.value();
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

} // namespace kiln::bench
