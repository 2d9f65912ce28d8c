// Running a kernel of a test on everything that can run one.
#pragma once

#include "kiln/kiln.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

namespace kiln_test {

struct None {};

/// Calls f(device) for each device that every machine has.
template <class F>
void on_every_device(F f) {
  for (kiln::Device device : {kiln::Device::interpreter(), kiln::Device::cpu()}) {
    SCOPED_TRACE(device.name());
    f(device);
  }
}

/// Launches one program whose first parameter is an output of `size` elements, and expects these values on every
/// device.
template <class Out, class... Params, class Config, class... Args>
void expect_output(const kiln::Kernel<Config, kiln::ptr<Out>, Params...> &kernel, const Config &config,
                   const std::vector<Out> &expected, Args... args) {
  on_every_device([&](kiln::Device device) {
    std::vector<Out> out(expected.size());
    kernel.launch({.device = device}, config, out.data(), args...);
    for (std::size_t i = 0; i < out.size(); ++i)
      EXPECT_EQ(out[i], expected[i]) << "element " << i;
  });
}

} // namespace kiln_test
