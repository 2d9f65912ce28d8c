// Conversions between all element types.
#include "run.h"

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

using kiln::Kernel;
using kiln::load;
using kiln::ptr;
using kiln::store;
using kiln_test::None;
using kiln_test::on_every_device;

namespace {

constexpr int n = 64;

template <class T>
constexpr bool is_storage = std::is_same_v<T, kiln::half> || std::is_same_v<T, kiln::bfloat16> ||
                            std::is_same_v<T, kiln::float8_e4m3> || std::is_same_v<T, kiln::float8_e5m2>;

template <class T>
double wide(T value) {
  if constexpr (is_storage<T>)
    return static_cast<float>(value);
  else
    return static_cast<double>(value);
}

/// docs/semantics.md, "Conversions".
template <class To, class From>
To reference(From from) {
  if constexpr (std::is_same_v<To, From>) {
    return from;
  } else if constexpr (std::is_same_v<To, bool>) {
    return wide(from) != 0; // true of NaN
  } else if constexpr (std::is_integral_v<To>) {
    if constexpr (std::is_integral_v<From>)
      return static_cast<To>(from);
    const double value = wide(from);
    if (std::isnan(value))
      return 0;
    if (value >= -static_cast<double>(std::numeric_limits<To>::min()))
      return std::numeric_limits<To>::max();
    if (value < static_cast<double>(std::numeric_limits<To>::min()))
      return std::numeric_limits<To>::min();
    return static_cast<To>(value);
  } else if constexpr (is_storage<To>) {
    // Of the inputs below only doubles and integers need rounding to float first; those are chosen to need none.
    if constexpr (std::is_integral_v<From>)
      return To(static_cast<float>(from));
    else
      return To(static_cast<float>(wide(from)));
  } else if constexpr (std::is_integral_v<From>) {
    return static_cast<To>(from);
  } else {
    return static_cast<To>(wide(from));
  }
}

template <class T>
std::vector<T> inputs() {
  std::vector<T> result;
  if constexpr (std::is_same_v<T, bool>) {
    result = {false, true};
  } else if constexpr (std::is_integral_v<T>) {
    result = {std::numeric_limits<T>::min(), T(std::numeric_limits<T>::min() + 1), -3, -1, 0, 1, 2, 3, 5, 17, 100,
              std::numeric_limits<T>::max()};
    if constexpr (sizeof(T) > 1)
      result.insert(result.end(), {255, 256, 257, 449, 464, 465, 480, 2049, 2051, 4099, -129});
    if constexpr (sizeof(T) > 2)
      result.insert(result.end(), {32768, 65519, 65520, 57344, 61440, 16777217, 16777219});
  } else {
    for (double value :
         {0.0,     -0.0,    0.25,    0.5,     -0.75,   1.0,     -1.5,         2.5,          126.5,
          127.0,   128.0,   -128.5,  -129.0,  240.0,   448.0,   464.0,        465.0,        1e3,
          32767.0, 32768.0, 57344.0, 61441.0, 65504.0, 65520.0, 2147483520.0, 2147483648.0, -2147483648.0,
          -3e9,    9.2e18,  1e19,    -1e19,   1e-3,    1e-7,    0x1p-9,       0x1p-10,      0x1.8p-10,
          0x1p-16, 0x1p-17, 0x1p-24, 0x1p-25, 1e30})
      result.push_back(T(static_cast<float>(value)));
    for (float value : {INFINITY, -INFINITY, NAN})
      result.push_back(T(value));
  }
  result.resize(n, T{});
  return result;
}

template <class From, class To>
void convert_kernel(const None &, ptr<const From> in, ptr<To> out) {
  auto i = kiln::arange(0, n);
  store(out + i, load(in + i).to(out.element_type));
}

template <class From, class To>
void check() {
  SCOPED_TRACE(std::string(kiln::name_of(kiln::dtype_of<From>)) + " to " + kiln::name_of(kiln::dtype_of<To>));
  Kernel kernel{"convert", convert_kernel<From, To>};
  const std::vector<From> in = inputs<From>();
  // std::vector<bool> has no memory of its elements.
  std::unique_ptr<From[]> from(new From[n]);
  std::copy(in.begin(), in.end(), from.get());
  on_every_device([&](kiln::Device device) {
    std::unique_ptr<To[]> out(new To[n]);
    kernel.launch({.device = device}, {}, from.get(), out.get());
    for (int i = 0; i < n; ++i) {
      const To expected = reference<To>(static_cast<From>(in[i]));
      if (std::isnan(wide(expected)))
        EXPECT_TRUE(std::isnan(wide(out[i]))) << wide(from[i]);
      else
        EXPECT_EQ(wide(out[i]), wide(expected)) << wide(from[i]);
    }
  });
}

template <class From>
void check_to_all() {
  check<From, bool>();
  check<From, std::int8_t>();
  check<From, std::int16_t>();
  check<From, std::int32_t>();
  check<From, std::int64_t>();
  check<From, kiln::float8_e4m3>();
  check<From, kiln::float8_e5m2>();
  check<From, kiln::half>();
  check<From, kiln::bfloat16>();
  check<From, float>();
  check<From, double>();
}

TEST(Conversion, FromI1) { check_to_all<bool>(); }
TEST(Conversion, FromI8) { check_to_all<std::int8_t>(); }
TEST(Conversion, FromI16) { check_to_all<std::int16_t>(); }
TEST(Conversion, FromI32) { check_to_all<std::int32_t>(); }
TEST(Conversion, FromI64) { check_to_all<std::int64_t>(); }
TEST(Conversion, FromF8E4M3) { check_to_all<kiln::float8_e4m3>(); }
TEST(Conversion, FromF8E5M2) { check_to_all<kiln::float8_e5m2>(); }
TEST(Conversion, FromF16) { check_to_all<kiln::half>(); }
TEST(Conversion, FromBF16) { check_to_all<kiln::bfloat16>(); }
TEST(Conversion, FromF32) { check_to_all<float>(); }
TEST(Conversion, FromF64) { check_to_all<double>(); }

} // namespace
