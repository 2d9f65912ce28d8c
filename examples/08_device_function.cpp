// Lesson 8: functions that the language does not have, written in CUDA C++ and called on tiles.
//
// The rows of a matrix are divided by their root mean square, scaled, and pass through an activation: GELU in the form
// with a hyperbolic tangent, which comes with its derivative. The activation is CUDA C++, as it may stand in a code
// base that exists; Kiln compiles it into the kernel.
#include <kiln/kiln.h>

#include <cmath>
#include <cstdio>
#include <vector>

constexpr float c0 = 0.7978845608f, c1 = 0.044715f;

float gelu_on_host(float x, float *slope) {
  const float t = std::tanh(c0 * (x + c1 * x * x * x));
  *slope = 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * c0 * (1 + 3 * c1 * x * x);
  return 0.5f * x * (1 + t);
}

// A device function has the type of a C++ function of scalars. A parameter that is a pointer is a result. The source is
// compiled by NVRTC when a kernel is compiled for a GPU that calls it; a mistake in it is reported at its line here.
//
// `host` is the same function for everything that is no GPU: the CPU, emulated GPUs, the interpreter. It may be any
// callable of the same type.
//
// The function is pure, which is the default: nothing happens but that it returns, so Kiln may call it more or less
// often than the kernel does. `.pure = false` makes it exactly one call for each element.
const auto gelu = kiln::DeviceFunction<float(float, float *)>::cuda("gelu", R"(
constexpr float c0 = 0.7978845608f, c1 = 0.044715f;

__device__ float gelu(float x, float *slope) {
  float t = tanhf(c0 * (x + c1 * x * x * x));
  *slope = 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * c0 * (1 + 3 * c1 * x * x);
  return 0.5f * x * (1 + t);
})",
                                                                    {.host = gelu_on_host});

// Arguments of several shapes are broadcast, as those of operators are. Numbers take the type of the parameter.
const auto scale = kiln::DeviceFunction<float(float, float, float)>::cuda(
    "scale", "__device__ float scale(float x, float weight, float rms) { return x * weight / rms; }",
    {.host = [](float x, float weight, float rms) { return x * weight / rms; }});

struct NormConfig {
  int block = 256; // at least the number of columns
};

// One program: one row.
void norm_gelu(const NormConfig &c, kiln::ptr<const float> in, kiln::ptr<const float> weight, kiln::ptr<float> out,
               kiln::ptr<float> slopes, kiln::scalar<int> cols) {
  kiln::Tile first = kiln::program_id(0) * cols;
  kiln::Tile i = kiln::arange(0, c.block);
  kiln::Tile mask = i < cols;
  kiln::Tile x = kiln::load(in + first + i, {.mask = mask});
  kiln::Tile rms = kiln::sqrt(kiln::sum(x * x, 0) / cols.to(kiln::f32) + 1e-6f);

  // `rms` is a scalar, the others are tiles. The lanes past the row are computed too: a mask is for memory.
  kiln::Tile y = scale(x, kiln::load(weight + i, {.mask = mask}), rms);
  auto [activated, slope] = gelu(y);
  kiln::store(out + first + i, activated, {.mask = mask});
  kiln::store(slopes + first + i, slope, {.mask = mask});
}

const kiln::Kernel norm_gelu_kernel{"norm_gelu", norm_gelu};

int main(int argc, char **argv) try {
  const int rows = 40, cols = 200;
  std::vector<float> in(rows * cols), weight(cols), out(rows * cols), slopes(rows * cols);
  for (int i = 0; i < rows * cols; ++i)
    in[i] = float(i * 37 % 101) / 25 - 2;
  for (int i = 0; i < cols; ++i)
    weight[i] = 0.5f + float(i % 7) / 4;

  const kiln::Device device = argc > 1                         ? kiln::Device::parse(argv[1])
                              : kiln::cuda::device_count() > 0 ? kiln::Device::cuda()
                                                               : kiln::Device::cpu();
  // Memory of the device with what a vector holds.
  const auto upload = [device](const std::vector<float> &host) {
    kiln::DeviceBuffer memory(device, host.size() * sizeof(float));
    memory.copy_from_host(host.data(), memory.bytes());
    return memory;
  };
  const kiln::DeviceBuffer device_in = upload(in), device_weight = upload(weight), device_out = upload(out),
                           device_slopes = upload(slopes);
  norm_gelu_kernel.launch({.grid = rows, .device = device}, {}, device_in.as<float>(), device_weight.as<float>(),
                          device_out.as<float>(), device_slopes.as<float>(), cols);
  device_out.copy_to_host(out.data(), device_out.bytes());
  device_slopes.copy_to_host(slopes.data(), device_slopes.bytes());

  const double pi = 3.14159265358979323846;
  double worst = 0;
  const auto look_at = [&](double error) {
    if (error > worst || std::isnan(error)) // a NaN stays
      worst = error;
  };
  for (int r = 0; r < rows; ++r) {
    double squares = 0;
    for (int c = 0; c < cols; ++c)
      squares += double(in[r * cols + c]) * in[r * cols + c];
    for (int c = 0; c < cols; ++c) {
      const double y = in[r * cols + c] * double(weight[c]) / std::sqrt(squares / cols + 1e-6);
      const auto exact = [&](double x) {
        return 0.5 * x * (1 + std::tanh(std::sqrt(2 / pi) * (x + 0.044715 * x * x * x)));
      };
      look_at(std::abs(out[r * cols + c] - exact(y)));
      look_at(std::abs(slopes[r * cols + c] - (exact(y + 1e-4) - exact(y - 1e-4)) / 2e-4));
    }
  }
  std::printf("%d rows of %d on %s, largest error %.2g\n", rows, cols, device.name().c_str(), worst);
  return worst < 1e-5 ? 0 : 1;
} catch (const kiln::Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
