// Lesson 3: tiles of rank 2, a loop that runs on the device, and variables that it carries.
#include <kiln/kiln.h>

#include <cmath>
#include <cstdio>
#include <vector>

struct MatmulConfig {
  int block_m = 32, block_n = 64, block_k = 32;
};

// out = a @ b; a is [m, k], b is [k, n], all row-major without gaps. One program computes a block of out.
void matmul(const MatmulConfig &c, kiln::ptr<const float> a, kiln::ptr<const float> b, kiln::ptr<float> out,
            kiln::scalar<int> m, kiln::scalar<int> n, kiln::scalar<int> k) {
  kiln::Tile rows = kiln::program_id(0) * c.block_m + kiln::arange(0, c.block_m);
  kiln::Tile cols = kiln::program_id(1) * c.block_n + kiln::arange(0, c.block_n);
  kiln::Tile step = kiln::arange(0, c.block_k);

  // col(x) makes a column [n, 1] of a tile [n], row(x) a row [1, n]. Adding the two broadcasts: a tile of pointers to a
  // block of the matrix.
  kiln::Tile a_block = a + kiln::col(rows) * k + kiln::row(step);
  kiln::Tile b_block = b + kiln::col(step) * n + kiln::row(cols);
  kiln::Tile row_mask = kiln::col(rows) < m;
  kiln::Tile col_mask = kiln::row(cols) < n;

  // `for` over kiln::range is a loop of the compiled kernel: its body is recorded once. `acc` is assigned inside, so
  // each iteration starts with what the one before left. A `for` over C++ numbers would be unrolled while recording.
  kiln::Tile acc = kiln::zeros({c.block_m, c.block_n}, kiln::f32);
  for (kiln::Tile start : kiln::range(0, k, c.block_k)) {
    kiln::Tile live = step < k - start;
    kiln::Tile x = kiln::load(a_block + start, {.mask = row_mask & kiln::row(live)});
    kiln::Tile y = kiln::load(b_block + start * n, {.mask = kiln::col(live) & col_mask});
    acc = kiln::dot(x, y, acc); // x @ y + acc
  }
  kiln::store(out + kiln::col(rows) * n + kiln::row(cols), acc, {.mask = row_mask & col_mask});
}

const kiln::Kernel matmul_kernel{"matmul", matmul};

int main(int argc, char **argv) try {
  const int m = 100, n = 130, k = 75;
  std::vector<float> a(m * k), b(k * n), out(m * n);
  for (int i = 0; i < m * k; ++i)
    a[i] = float(i % 17) - 8;
  for (int i = 0; i < k * n; ++i)
    b[i] = float(i % 13) - 6;

  const kiln::Device device = argc > 1                         ? kiln::Device::parse(argv[1])
                              : kiln::cuda::device_count() > 0 ? kiln::Device::cuda()
                                                               : kiln::Device::cpu();
  // Memory of the device with what a vector holds.
  const auto upload = [device](const auto &host) {
    kiln::DeviceBuffer memory(device, host.size() * sizeof(host[0]));
    memory.copy_from_host(host.data(), memory.bytes());
    return memory;
  };
  const kiln::DeviceBuffer device_a = upload(a), device_b = upload(b), device_out = upload(out);

  const MatmulConfig config;
  matmul_kernel.launch({.grid = {kiln::cdiv(m, config.block_m), kiln::cdiv(n, config.block_n)}, .device = device},
                       config, device_a.as<float>(), device_b.as<float>(), device_out.as<float>(), m, n, k);
  device_out.copy_to_host(out.data(), device_out.bytes());

  // Small integers: every sum is exact in f32, in whatever order.
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) {
      float expected = 0;
      for (int l = 0; l < k; ++l)
        expected += a[i * k + l] * b[l * n + j];
      if (out[i * n + j] != expected) {
        std::printf("out[%d, %d] is %g, not %g\n", i, j, out[i * n + j], expected);
        return 1;
      }
    }
  std::printf("%d x %d x %d on %s, every element exact\n", m, n, k, device.name().c_str());
  return 0;
} catch (const kiln::Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
