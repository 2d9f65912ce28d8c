// Lesson 5: choosing tiles by measuring.
//
// The config of a kernel does not change what it computes, only how fast. Which tiles are best depends on the machine
// and on the shape of the problem; the only way to know is to try. kiln::tune does the trying: it compiles all configs
// in parallel, checks what each computes, measures, and keeps what it found for the next run of the program.
#include <kiln/kiln.h>
#include <kiln/tune.h>

#include <cstdio>
#include <string>
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

int main(int argc, char **argv) try {
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

  // Any list will do. What cannot be compiled for the device is reported, and the others go on.
  std::vector<Config> configs;
  for (int block_rows : {1, 4, 16})
    for (int block_cols : {64, 256, 1024})
      configs.push_back({block_rows, block_cols});

  kiln::TuneSubject<Config> subject{
      .kernel = matvec_kernel,
      // Makes one launch. The grid may depend on the config; the tuner calls this with every config, many times, on a
      // GPU to record a graph of launches.
      .launch =
          [&](const Config &c, const kiln::TuneLaunch &at) {
            matvec_kernel.launch({.grid = kiln::cdiv(rows, c.block_rows), .device = at.device, .stream = at.stream}, c,
                                 device_a.as<float>(), device_x.as<float>(), device_y.as<float>(), rows, cols);
          },
      // A wrong config is not worth timing: each has to compute what the first one does. These sums are of small
      // integers and exact, in whatever order; for others there is .check = kiln::within<float>(tolerance).
      .output = &device_y,
  };
  // The times depend on the sizes, so they are part of the words under which the result is kept. Run this twice: the
  // second time nothing is measured.
  const kiln::TuneResult<Config> result =
      kiln::tune(configs, subject, {.device = device, .problem = std::to_string(rows) + " x " + std::to_string(cols)});
  std::printf("%s", result.table.c_str());
  for (const kiln::TuneFailure<Config> &failure : result.failures)
    std::printf("%s: %s\n", kiln::config_text(failure.config).c_str(), failure.reason.c_str());
  const Config best = result.best();
  const double us = result.measurements[result.fastest].us;
  std::printf("best on %s: %s, %.1f us, %.0f GB/s%s\n", device.name().c_str(), kiln::config_text(best).c_str(), us,
              double(rows) * cols * sizeof(float) / us * 1e-3, result.kept ? ", measured earlier" : "");

  // The tuner has changed nothing: the winner is used where it is passed to a launch.
  device_y.fill(0xff);
  subject.launch(best, {.device = device, .stream = nullptr, .set = 0});
  kiln::synchronize(device); // a GPU may still be at it
  device_y.copy_to_host(y.data(), device_y.bytes());
  return y == expected ? 0 : 1;
} catch (const kiln::Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
