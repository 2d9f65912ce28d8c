// Lesson 5: choosing tiles by measuring.
//
// The config of a kernel does not change what it computes, only how fast. Which tiles are best depends on the machine
// and on the shape of the problem; the only way to know is to try.
#include <kiln/kiln.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <vector>

struct Config {
  int block_rows = 1, block_cols = 256;
  int num_warps = 4; // threads of a GPU that share a program, in units of 32; nothing to a processor
};

// y = a @ x for a row-major matrix: reads each element of a once, so it should run as fast as memory delivers.
void matvec(const Config &c, kiln::ptr<const float> a, kiln::ptr<const float> x, kiln::ptr<float> y,
            kiln::scalar<int> rows, kiln::scalar<int> cols) {
  kiln::Tile r = kiln::program_id(0) * c.block_rows + kiln::arange(0, c.block_rows);
  kiln::Tile i = kiln::arange(0, c.block_cols);
  kiln::Tile row_mask = r < rows;
  kiln::Tile block = a + kiln::col(r * cols) + kiln::row(i);
  kiln::Tile acc = kiln::zeros({c.block_rows, c.block_cols}, kiln::f32);
  for (kiln::Tile start : kiln::range(0, cols, c.block_cols)) {
    kiln::Tile live = i < cols - start;
    kiln::Tile v = kiln::load(x + start + i, {.mask = live});
    acc += kiln::load(block + start, {.mask = kiln::col(row_mask) & kiln::row(live)}) * kiln::row(v);
  }
  kiln::store(y + r, kiln::sum(acc, 1), {.mask = row_mask});
}

const kiln::Kernel matvec_kernel{"matvec", matvec};

int main(int argc, char **argv) {
  const int rows = 1000, cols = 3000;
  std::vector<float> a(rows * cols), x(cols), y(rows), expected(rows);
  for (int i = 0; i < rows * cols; ++i)
    a[i] = float(i % 7) - 3;
  for (int i = 0; i < cols; ++i)
    x[i] = float(i % 5) - 2;
  for (int r = 0; r < rows; ++r)
    for (int i = 0; i < cols; ++i)
      expected[r] += a[r * cols + i] * x[i]; // small integers: exact

  const kiln::Device device = argc > 1                         ? kiln::Device::parse(argv[1])
                              : kiln::cuda::device_count() > 0 ? kiln::Device::cuda()
                                                               : kiln::Device::cpu();
  // Memory of the device with what a vector holds.
  const auto upload = [device](const auto &host) {
    kiln::DeviceBuffer memory(device, host.size() * sizeof(host[0]));
    memory.copy_from_host(host.data(), memory.bytes());
    return memory;
  };
  const kiln::DeviceBuffer device_a = upload(a), device_x = upload(x);
  kiln::DeviceBuffer device_y = upload(y);
  Config best;
  double best_us = INFINITY;
  std::printf("%-12s %12s %10s %8s\n", "config", "compile ms", "run us", "GB/s");
  for (const Config &c :
       {Config{1, 64}, Config{1, 256}, Config{1, 1024}, Config{4, 64}, Config{4, 256}, Config{16, 64}}) {
    // Compiling ahead keeps it out of the measurement, and says what it took.
    const kiln::CompileReport report = matvec_kernel.compile(c, device);
    const auto run = [&] {
      matvec_kernel.launch({.grid = kiln::cdiv(rows, c.block_rows), .device = device}, c, device_a.as<float>(),
                           device_x.as<float>(), device_y.as<float>(), rows, cols);
      kiln::synchronize(device); // a GPU may still be at it
    };

    // A wrong config is not worth timing. Poison first, so that nothing left over passes for a result.
    device_y.fill(0xff);
    run();
    device_y.copy_to_host(y.data(), device_y.bytes());
    if (y != expected) {
      std::printf("%-12s wrong\n", kiln::config_text(c).c_str());
      return 1;
    }

    // The median of several runs: a machine with other work to do makes single runs slow, never fast.
    std::vector<double> us;
    for (int i = 0; i < 15; ++i) {
      const auto begin = std::chrono::steady_clock::now();
      run();
      us.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
    }
    std::nth_element(us.begin(), us.begin() + 7, us.end());
    std::printf("%-12s %12.1f %10.1f %8.2f\n", kiln::config_text(c).c_str(), report.trace_ms + report.compile_ms, us[7],
                double(rows) * cols * sizeof(float) / us[7] * 1e-3);
    if (us[7] < best_us) {
      best_us = us[7];
      best = c;
    }
  }
  std::printf("best on %s: %s\n", device.name().c_str(), kiln::config_text(best).c_str());
  return 0;
}
