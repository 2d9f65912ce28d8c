// A program of a user of Kiln, compiled by the user's compiler: a kernel of its own on the CPU, and an error caught
// across the library.
#include "kiln/kiln.h"
#include "kiln/version.h"

#include <cstdio>
#include <cstring>
#include <vector>

struct AxpyConfig {
  int block = 256;
};

void axpy(const AxpyConfig &c, kiln::ptr<const float> x, kiln::ptr<float> y, kiln::scalar<float> a,
          kiln::scalar<int> n) {
  auto offsets = kiln::program_id(0) * c.block + kiln::arange(0, c.block);
  auto mask = offsets < n;
  auto sum = a * kiln::load(x + offsets, {.mask = mask}) + kiln::load(y + offsets, {.mask = mask});
  kiln::store(y + offsets, sum, {.mask = mask});
}

int main() {
  const kiln::Kernel kernel{"axpy", axpy};
  const int n = 1000;
  std::vector<float> x(n), y(n, 1);
  for (int i = 0; i < n; ++i)
    x[i] = float(i);
  kernel.launch({.grid = (n + 255) / 256, .device = kiln::Device::cpu()}, {.block = 256}, x.data(), y.data(), 2, n);
  for (int i = 0; i < n; ++i) {
    if (y[i] != 2 * float(i) + 1) {
      std::printf("y[%d] is %g\n", i, double(y[i]));
      return 1;
    }
  }

  try {
    kernel.trace({.block = 100}); // not a power of two
    std::printf("a wrong config was accepted\n");
    return 1;
  } catch (const kiln::TraceError &error) {
    if (!std::strstr(error.what(), "main.cpp:")) {
      std::printf("the error does not name this file: %s\n", error.what());
      return 1;
    }
  }
  std::printf("kiln %s works\n", kiln::version());
}
