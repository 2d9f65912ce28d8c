// What numeric tests share: devices, random inputs, poisoned outputs with guard bands, comparison.
#pragma once

#include "device_run.h"

#include "kiln/cuda.h"
#include "kiln/debug.h"
#include "kiln/kernels/execution.h"
#include "kiln/kiln.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace kiln::test {

/// The seed of this run: fresh each time, or what KILN_TEST_SEED says, to repeat a failure.
inline std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const char *text = std::getenv("KILN_TEST_SEED");
    const std::uint64_t s = text ? std::strtoull(text, nullptr, 10) : std::random_device{}();
    return s;
  }();
  return value;
}

inline std::string seed_note() { return "repeat with KILN_TEST_SEED=" + std::to_string(seed()); }

/// One generator for each test, so that a test repeats alone.
inline std::mt19937_64 generator() {
  const auto *info = testing::UnitTest::GetInstance()->current_test_info();
  std::uint64_t hash = seed();
  for (const char *c = info->name(); *c; ++c)
    hash = hash * 1099511628211U + static_cast<unsigned char>(*c);
  return std::mt19937_64(hash);
}

/// Memory for a kernel: every byte is poison (for floats a NaN) until it is written, and so are the guard bands on both
/// sides. Registered with the checkers while it lives, without the guard bands.
template <class T>
class Buffer {
public:
  static constexpr std::size_t guard = 128;

  /// Of an output, the kernel must write every element.
  explicit Buffer(std::size_t size, const char *name = "buffer", bool is_output = false)
      : size_(size), memory_(size + 2 * guard), host_(memory_.data(), memory_.size() * sizeof(T)) {
    forget();
    if (is_output)
      debug::register_output(data(), size * sizeof(T), name);
    else
      debug::register_buffer(data(), size * sizeof(T), name);
  }
  ~Buffer() {
    if (size_ > 0)
      debug::unregister_buffer(data());
  }
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;

  T *data() { return memory_.data() + guard; }
  const T *data() const { return memory_.data() + guard; }
  std::size_t size() const { return size_; }
  T &operator[](std::size_t i) { return data()[i]; }
  const T &operator[](std::size_t i) const { return data()[i]; }

  /// Makes all of it poison again.
  void forget() { std::memset(static_cast<void *>(memory_.data()), poison_byte, memory_.size() * sizeof(T)); }

  /// True when element i (also of a guard band) is as it was made.
  bool untouched(std::ptrdiff_t i) const {
    const auto *bytes = reinterpret_cast<const unsigned char *>(data() + i);
    for (std::size_t b = 0; b < sizeof(T); ++b)
      if (bytes[b] != poison_byte)
        return false;
    return true;
  }
  /// Fails unless everything outside `written` is poison still.
  template <class Written>
  void expect_only(Written &&written) const {
    for (std::ptrdiff_t i = -std::ptrdiff_t(guard); i < std::ptrdiff_t(size_ + guard); ++i) {
      const bool inside = i >= 0 && i < std::ptrdiff_t(size_);
      if ((inside && written(i)) || untouched(i))
        continue;
      ADD_FAILURE() << "element " << i << " of " << size_ << " was written";
      return;
    }
  }

  template <class Generator>
  void fill_normal(Generator &random, float deviation = 1) {
    std::normal_distribution<float> normal(0, deviation);
    for (std::size_t i = 0; i < size_; ++i)
      data()[i] = T(normal(random));
  }

private:
  static constexpr unsigned char poison_byte = 0xff; // a NaN in every float type, -1 in integers
  std::size_t size_;
  std::vector<T> memory_;
  HostMemory host_;
};

/// Unit roundoff of T: what one rounding of a result may add, relative to it.
template <class T>
constexpr double unit_roundoff() {
  if (std::is_same_v<T, half>)
    return 0x1p-11;
  if (std::is_same_v<T, bfloat16>)
    return 0x1p-8;
  return 0x1p-24;
}

/// Fails where |actual(i) - expected(i)| > absolute + relative * |expected(i)|; reports the first and counts the rest.
template <class Actual>
void expect_close(std::span<const double> expected, Actual &&actual, double absolute, double relative) {
  std::size_t wrong = 0, first = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double a = actual(i), e = expected[i];
    const bool equal = a == e || (std::isnan(a) && std::isnan(e));
    if (equal || std::abs(a - e) <= absolute + relative * std::abs(e))
      continue;
    if (wrong++ == 0)
      first = i;
  }
  EXPECT_EQ(wrong, 0U) << "of " << expected.size() << "; element " << first << " is " << double(actual(first))
                       << ", not " << expected[first];
}

/// A test that runs on each executor, and on the CPU also with every access compared with the registered buffers. On
/// CUDA it is skipped where there is no GPU; emulated ones ("emulated", of sm_90a) run with all of their checks.
class OnDevice : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    random = generator();
    debug::set_checks(is_on("cpu_checked"));
    if (is_on("cuda") && cuda::device_count() == 0)
      GTEST_SKIP() << cuda::unavailable_reason();
    trace.emplace(__FILE__, __LINE__, seed_note());
  }
  void TearDown() override { debug::set_checks(false); }
  bool is_on(std::string_view device) const { return device == GetParam(); }
  /// True where only small shapes are affordable.
  bool small() const { return is_on("cpu_checked") || is_on("interpreter"); }
  bool emulated() const { return is_on("emulated") || is_on("emulated_sm_80"); }
  /// True where GPU code runs.
  bool on_gpu() const { return is_on("cuda") || emulated(); }
  kernels::Execution where() const {
    if (is_on("cuda"))
      return {.device = Device::cuda(0)};
    if (on_gpu())
      return {.device = Device::emulated(is_on("emulated") ? "sm_90a" : "sm_80")};
    return {.device = is_on("interpreter") ? Device::interpreter() : Device::cpu()};
  }
  /// entry(problem, where()), with the problem's pointers leading to memory of the device.
  template <class Problem, class Entry>
  void run_on_device(const Problem &problem, Entry &&entry) const {
    run_on(where().device, problem, [&](const Problem &p) { entry(p, where()); });
  }

  std::mt19937_64 random;
  std::optional<testing::ScopedTrace> trace;
};

#define KILN_ON_DEVICES(suite, ...)                                                                                    \
  INSTANTIATE_TEST_SUITE_P(On, suite, testing::Values(__VA_ARGS__),                                                    \
                           [](const auto &info) { return std::string(info.param); })
#define KILN_ON_EACH_DEVICE(suite)                                                                                     \
  KILN_ON_DEVICES(suite, "cpu", "cpu_checked", "interpreter", "cuda", "emulated", "emulated_sm_80")

/// Calls f.template operator()<T>() for each element type of the kernel library.
template <class F>
void for_each_type(F &&f) {
  {
    SCOPED_TRACE("f16");
    f.template operator()<half>();
  }
  {
    SCOPED_TRACE("bf16");
    f.template operator()<bfloat16>();
  }
  {
    SCOPED_TRACE("f32");
    f.template operator()<float>();
  }
}

/// The message of the InvalidArgument that f() throws; fails when it throws none.
template <class F>
std::string invalid_argument(F &&f) {
  try {
    f();
  } catch (const InvalidArgument &error) {
    return error.what();
  }
  ADD_FAILURE() << "no InvalidArgument";
  return {};
}

} // namespace kiln::test
