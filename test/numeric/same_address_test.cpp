// Tiles of pointers of which several are one address: accesses take effect in the order of the program all the same.
#include "support.h"

#include <numeric>

using namespace kiln;
using namespace kiln::test;

namespace {

constexpr int elements = 1024, places = 16;

struct SameAddressConfig {
  int num_warps = 4;
};

/// The first `places` elements are stored, and all are read back through the pointers that they were stored through.
void stored(const SameAddressConfig &, ptr<int> memory, ptr<int> out, ptr<const int> in) {
  auto i = arange(0, elements);
  auto p = memory + i % places;
  store(p, load(in + i), {.mask = i < places});
  store(out + i, load(p));
}

/// The last elements overwrite what the first have stored.
void stored_twice(const SameAddressConfig &, ptr<int> memory, ptr<int> out, ptr<const int> in) {
  auto i = arange(0, elements);
  auto p = memory + i % places;
  auto x = load(in + i);
  store(p, x, {.mask = i < places});
  store(p, x, {.mask = i >= elements - places});
  store(out + i, load(p));
}

void counted(const SameAddressConfig &, ptr<int> memory, ptr<int> out, ptr<const int> in) {
  auto i = arange(0, elements);
  auto p = memory + load(in + i) % places;
  atomic_add(p, 1, {.order = MemoryOrder::relaxed});
  store(out + i, load(p));
}

template <class T>
void added(const SameAddressConfig &, ptr<T> memory) {
  atomic_add(memory + arange(0, elements) % places, full({elements}, 1, std::is_same_v<T, half> ? f16 : bf16));
}

const Kernel stored_kernel{"stored", stored};
const Kernel stored_twice_kernel{"stored_twice", stored_twice};
const Kernel counted_kernel{"counted", counted};
const Kernel added_f16_kernel{"added_f16", added<half>};
const Kernel added_bf16_kernel{"added_bf16", added<bfloat16>};

class SameAddress : public OnDevice {
protected:
  /// What a kernel leaves in `out`, with zeros in its memory and 0, 1, ... in `in`.
  template <class K>
  std::vector<int> run(const K &kernel) {
    std::vector<int> zeros(places), numbers(elements), result(elements, -1);
    std::iota(numbers.begin(), numbers.end(), 0);
    const Device device = where().device;
    DeviceBuffer memory(device, sizeof(int) * places), out(device, sizeof(int) * elements),
        in(device, sizeof(int) * elements);
    memory.copy_from_host(zeros.data(), memory.bytes());
    in.copy_from_host(numbers.data(), in.bytes());
    kernel.launch({.device = device}, {}, memory.as<int>(), out.as<int>(), in.as<const int>());
    synchronize(device);
    out.copy_to_host(result.data(), out.bytes());
    return result;
  }

  template <class T, class K>
  void add(const K &kernel) {
    std::vector<T> values(places, T(0.0F));
    const Device device = where().device;
    DeviceBuffer memory(device, sizeof(T) * places);
    memory.copy_from_host(values.data(), memory.bytes());
    kernel.launch({.device = device}, {}, memory.as<T>());
    synchronize(device);
    memory.copy_to_host(values.data(), memory.bytes());
    for (T value : values)
      EXPECT_EQ(float(value), elements / places);
  }
};

TEST_P(SameAddress, AStoreAndThenALoad) {
  const std::vector<int> out = run(stored_kernel);
  for (int i = 0; i < elements; ++i)
    ASSERT_EQ(out[i], i % places) << i;
}

TEST_P(SameAddress, AStoreAndThenAStore) {
  const std::vector<int> out = run(stored_twice_kernel);
  for (int i = 0; i < elements; ++i)
    ASSERT_EQ(out[i], elements - places + i % places) << i;
}

TEST_P(SameAddress, ARelaxedAtomicAndThenALoad) {
  for (int count : run(counted_kernel))
    ASSERT_EQ(count, elements / places);
}

TEST_P(SameAddress, AtomicsOfNarrowFloats) {
  add<half>(added_f16_kernel);
  add<bfloat16>(added_bf16_kernel);
}

KILN_ON_DEVICES(SameAddress, "cpu", "interpreter", "cuda", "emulated", "emulated_sm_80");

} // namespace
