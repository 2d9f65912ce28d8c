// Running an entry point on a device that has memory of its own: what the host prepared goes there and what the kernel
// left comes back.
#pragma once

#include "kiln/device_memory.h"
#include "kiln/kernels/kv_cache.h"
#include "kiln/kernels/matmul.h"
#include "kiln/kernels/paged_attention.h"
#include "kiln/kernels/rms_norm.h"
#include "kiln/kernels/softmax.h"
#include "kiln/kernels/vector_add.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <list>
#include <type_traits>
#include <vector>

namespace kiln::test {

/// Memory of the host that pointers of a problem may lead to, known while it lives.
class HostMemory {
public:
  /// A part that a launch uses; the rest is poison on the device too, and is not copied.
  struct Part {
    std::size_t offset, bytes;
  };

  HostMemory(void *begin, std::size_t bytes) : begin_(static_cast<std::byte *>(begin)), bytes_(bytes) {
    living().push_back(this);
  }
  ~HostMemory() { std::erase(living(), this); }
  HostMemory(const HostMemory &) = delete;
  HostMemory &operator=(const HostMemory &) = delete;

  std::byte *begin() const { return begin_; }
  std::size_t bytes() const { return bytes_; }
  std::vector<Part> parts() const { return parts_.empty() ? std::vector<Part>{{0, bytes_}} : parts_; }
  /// Of memory too large to be copied as a whole.
  void add_part(const void *begin, std::size_t bytes) {
    parts_.push_back({std::size_t(static_cast<const std::byte *>(begin) - begin_), bytes});
  }

  /// The memory that holds an address; null where none does.
  static const HostMemory *of(const void *address) {
    for (const HostMemory *memory : living())
      if (address >= memory->begin_ && address < memory->begin_ + memory->bytes_)
        return memory;
    return nullptr;
  }

private:
  static std::vector<HostMemory *> &living() {
    static std::vector<HostMemory *> all;
    return all;
  }

  std::byte *begin_;
  std::size_t bytes_;
  std::vector<Part> parts_;
};

/// Copies on a device of the memories that pointers lead to, guard bands and poison included.
class DeviceCopies {
public:
  explicit DeviceCopies(Device device) : device_(device) {}

  /// Turns an address of the host into that of its copy.
  template <class T>
  void move(T *&pointer) {
    if (!pointer)
      return;
    const HostMemory *host = HostMemory::of(pointer);
    ASSERT_NE(host, nullptr) << "the pointer leads to memory that this test does not own";
    Copy &copy = copy_of(*host);
    copy.written = copy.written || !std::is_const_v<T>;
    const std::size_t offset = std::size_t(reinterpret_cast<const std::byte *>(pointer) - host->begin());
    pointer = reinterpret_cast<T *>(copy.memory.template as<std::byte>() + offset);
  }

  /// Copies what the host holds now.
  void upload() {
    for (Copy &copy : copies_)
      for (const HostMemory::Part &part : copy.host->parts())
        copy.memory.copy_from_host(copy.host->begin() + part.offset, part.bytes, part.offset);
  }

  /// Brings back what kernels may have written, and fails where they wrote to what they were to read.
  void fetch() {
    for (const Copy &copy : copies_)
      for (const HostMemory::Part &part : copy.host->parts()) {
        std::vector<std::byte> found(part.bytes);
        copy.memory.copy_to_host(found.data(), part.bytes, part.offset);
        std::byte *host = copy.host->begin() + part.offset;
        if (copy.written)
          std::memcpy(host, found.data(), part.bytes);
        else
          EXPECT_EQ(std::memcmp(host, found.data(), part.bytes), 0) << "an input was written";
      }
  }

private:
  struct Copy {
    const HostMemory *host;
    DeviceBuffer memory;
    bool written = false;
  };

  Copy &copy_of(const HostMemory &host) {
    const auto known = std::find_if(copies_.begin(), copies_.end(), [&](const Copy &c) { return c.host == &host; });
    if (known != copies_.end())
      return *known;
    Copy &copy = copies_.emplace_back(Copy{&host, DeviceBuffer(device_, host.bytes())});
    copy.memory.fill(0xff);
    for (const HostMemory::Part &part : host.parts())
      copy.memory.copy_from_host(host.begin() + part.offset, part.bytes, part.offset);
    return copy;
  }

  Device device_;
  std::list<Copy> copies_;
};

// f(pointer) for each pointer of a problem.

template <class T, class F>
void for_each_pointer(kernels::VectorAdd<T> &p, F &&f) {
  f(p.x), f(p.y), f(p.out);
}
template <class T, class F>
void for_each_pointer(kernels::Softmax<T> &p, F &&f) {
  f(p.in), f(p.out);
}
template <class T, class F>
void for_each_pointer(kernels::RmsNorm<T> &p, F &&f) {
  f(p.x), f(p.weight), f(p.out);
}
template <class T, class F>
void for_each_pointer(kernels::Matmul<T> &p, F &&f) {
  f(p.a), f(p.b), f(p.out);
}
template <class T, class F>
void for_each_pointer(kernels::KvCacheStore<T> &p, F &&f) {
  f(p.key), f(p.value), f(p.slots), f(p.key_cache), f(p.value_cache);
}
template <class T, class F>
void for_each_pointer(kernels::PagedAttention<T> &p, F &&f) {
  f(p.q), f(p.key_cache), f(p.value_cache), f(p.table), f(p.lengths), f(p.out), f(p.lse), f(p.workspace);
}

/// Calls entry(problem), where the problem's pointers lead to memory of the device; what it wrote is in the host's
/// memory afterwards.
template <class Problem, class Entry>
void run_on(Device device, Problem problem, Entry &&entry) {
  if (device.kind() != Device::Kind::cuda) {
    entry(problem);
    return;
  }
  DeviceCopies copies(device);
  for_each_pointer(problem, [&](auto *&pointer) { copies.move(pointer); });
  entry(problem);
  synchronize(device);
  copies.fetch();
}

} // namespace kiln::test
