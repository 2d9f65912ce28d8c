// A decode problem in memory of a device.
#pragma once

#include "benchmark/decode_cell.h"

#include "kiln/device_memory.h"

namespace kiln::bench {

class DeviceDecode {
public:
  DeviceDecode(const DecodeProblem &host, Device device) : problem(host.problem) {
    const auto upload = [device]<class T>(DeviceBuffer &memory, const T *&pointer, std::int64_t size) {
      memory = DeviceBuffer(device, size * sizeof(T));
      memory.copy_from_host(pointer, memory.bytes());
      pointer = memory.as<T>();
    };
    upload(q_, problem.q, std::int64_t(host.q.size()));
    upload(key_cache_, problem.key_cache, std::int64_t(host.key_cache.size()));
    upload(value_cache_, problem.value_cache, std::int64_t(host.value_cache.size()));
    upload(table_, problem.table, problem.batch * problem.max_pages);
    upload(lengths_, problem.lengths, problem.batch);
    out_ = DeviceBuffer(device, host.out.size() * sizeof(half));
    out_.fill(0xff); // NaN
    problem.out = out_.as<half>();
  }

  /// Copies the result to the host, once it is there.
  void fetch(DecodeProblem &host) const {
    synchronize(out_.device());
    out_.copy_to_host(host.out.data(), out_.bytes());
  }

  kernels::PagedAttention<half> problem;

private:
  DeviceBuffer q_, key_cache_, value_cache_, table_, lengths_, out_;
};

} // namespace kiln::bench
