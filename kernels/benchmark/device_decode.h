// A decode problem in memory of a device.
#pragma once

#include "paged_attention/random_problem.h"

#include "kiln/device_memory.h"

namespace kiln::bench {

template <class T>
class DeviceDecode {
public:
  DeviceDecode(const kernels::RandomPagedAttention<T> &host, Device device) : problem(host.problem) {
    const auto upload = [device]<class E>(DeviceBuffer &memory, const E *&pointer, std::int64_t size) {
      memory = DeviceBuffer(device, size * sizeof(E));
      memory.copy_from_host(pointer, memory.bytes());
      pointer = memory.template as<E>();
    };
    upload(q_, problem.q, std::int64_t(host.q.size()));
    upload(key_cache_, problem.key_cache, std::int64_t(host.key_cache.size()));
    upload(value_cache_, problem.value_cache, std::int64_t(host.value_cache.size()));
    upload(table_, problem.table, problem.batch * problem.max_pages);
    upload(lengths_, problem.lengths, problem.batch);
    out_ = DeviceBuffer(device, host.out.size() * sizeof(T));
    out_.fill(0xff); // NaN
    problem.out = out_.template as<T>();
  }

  /// Makes the workspace that a config needs.
  void reserve(const kernels::PagedAttentionConfig &config) {
    const Device device = out_.device();
    problem.workspace_size = kernels::workspace_bytes(problem, config, device);
    problem.workspace = nullptr;
    if (problem.workspace_size == 0)
      return;
    workspace_ = DeviceBuffer(device, problem.workspace_size);
    workspace_.fill(0);
    problem.workspace = workspace_.template as<void>();
  }

  /// Copies the result to the host, once it is there.
  void fetch(kernels::RandomPagedAttention<T> &host) const {
    synchronize(out_.device());
    out_.copy_to_host(host.out.data(), out_.bytes());
  }

  kernels::PagedAttention<T> problem;

private:
  DeviceBuffer q_, key_cache_, value_cache_, table_, lengths_, out_, workspace_;
};

} // namespace kiln::bench
