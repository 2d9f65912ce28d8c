// Lesson 2: tiles that are reduced, two ways to get wrong numbers, and C++ as the language of configs.
//
// Softmax of the rows of a matrix: exp(x - max) / sum(exp(x - max)).
#include <kiln/kiln.h>

#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

constexpr float inf = std::numeric_limits<float>::infinity();

struct SoftmaxConfig {
  int block = 128;  // at least the number of columns
  bool log = false; // the logarithm of the softmax instead
};

void softmax(const SoftmaxConfig &c, kiln::ptr<const kiln::half> in, kiln::ptr<kiln::half> out,
             kiln::scalar<int> stride, kiln::scalar<int> cols) {
  kiln::Tile first = kiln::program_id(0) * stride; // one program a row
  kiln::Tile i = kiln::arange(0, c.block);
  kiln::Tile mask = i < cols;

  // The lanes past the row take part in the reductions below, so what they hold matters. The neutral element of the
  // maximum is -inf; the default, 0, would be the maximum of a row of negative numbers. exp(-inf) is 0, which is
  // neutral in the sum too.
  kiln::Tile x = kiln::load(in + first + i, {.mask = mask, .other = -inf});

  // Each operation on f16 rounds to f16. The sum of many numbers deserves better: convert once, work in f32.
  x = x.to(kiln::f32);

  // max and sum take the axis that disappears; a tile of rank 1 gives a scalar, which broadcasts.
  kiln::Tile shifted = x - kiln::max(x, 0);
  kiln::Tile total = kiln::sum(kiln::exp(shifted), 0);

  // A C++ `if` decides while the kernel is recorded: of this, only one branch is in the compiled kernel.
  kiln::Tile result;
  if (c.log)
    result = shifted - kiln::log(total);
  else
    result = kiln::exp(shifted) / total;

  kiln::store(out + first + i, result.to(kiln::f16), {.mask = mask});
}

const kiln::Kernel softmax_kernel{"softmax", softmax};

int main(int argc, char **argv) try {
  const int rows = 50, cols = 100, stride = 112;
  std::vector<kiln::half> in(rows * stride), out(rows * stride), out_log(rows * stride);
  for (int i = 0; i < rows * stride; ++i)
    in[i] = kiln::half(float(i * 37 % 101) / 10 - 20);

  const kiln::Device device = argc > 1                         ? kiln::Device::parse(argv[1])
                              : kiln::cuda::device_count() > 0 ? kiln::Device::cuda()
                                                               : kiln::Device::cpu();
  // Memory of the device with what a vector holds.
  const auto upload = [device](const auto &host) {
    kiln::DeviceBuffer memory(device, host.size() * sizeof(host[0]));
    memory.copy_from_host(host.data(), memory.bytes());
    return memory;
  };
  const kiln::DeviceBuffer device_in = upload(in), device_out = upload(out), device_log = upload(out_log);
  const kiln::half *from = device_in.as<kiln::half>();
  const kiln::LaunchOptions launch{.grid = rows, .device = device};
  softmax_kernel.launch(launch, {}, from, device_out.as<kiln::half>(), stride, cols);
  softmax_kernel.launch(launch, {.log = true}, from, device_log.as<kiln::half>(), stride, cols);
  device_out.copy_to_host(out.data(), device_out.bytes());
  device_log.copy_to_host(out_log.data(), device_log.bytes());

  double worst = 0;
  const auto look_at = [&](double error) {
    if (error > worst || std::isnan(error)) // a NaN stays
      worst = error;
  };
  for (int r = 0; r < rows; ++r) {
    const kiln::half *x = &in[r * stride];
    double largest = -inf, total = 0;
    for (int c = 0; c < cols; ++c)
      largest = std::fmax(largest, float(x[c]));
    for (int c = 0; c < cols; ++c)
      total += std::exp(float(x[c]) - largest);
    for (int c = 0; c < cols; ++c) {
      const double expected = std::exp(float(x[c]) - largest) / total;
      look_at(std::abs(float(out[r * stride + c]) - expected));
      // log(p) is up to 20 here, so its f16 is accurate to 2^-7.
      look_at(std::abs(std::exp(float(out_log[r * stride + c])) - expected) / 16);
    }
  }
  std::printf("%d rows of %d on %s, largest error %.2g\n", rows, cols, device.name().c_str(), worst);
  return worst < 1e-3 ? 0 : 1;
} catch (const kiln::Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
