// Lesson 1: a kernel, from its source to a checked result.
//
// A Kiln kernel is a C++ function that describes what one *program* does to whole *tiles* of data. A launch runs many
// programs, the grid; each finds out which one it is and works on its own part.
#include <kiln/kiln.h>

#include <cstdio>
#include <vector>

// What may differ from one compiled version of the kernel to the next: a plain struct. Sizes of tiles are here, because
// they are fixed when a kernel is compiled. Everything else is a parameter.
struct VecAddConfig {
  int block = 1024; // elements of one program; every dimension of a tile is a power of two
};

// The kernel. Parameters are pointers and numbers; `ptr<const float>` is only read.
void vec_add(const VecAddConfig &c, kiln::ptr<const float> x, kiln::ptr<const float> y, kiln::ptr<float> out,
             kiln::scalar<int> n) {
  // A tile of 1024 indices: those of program 0 are 0 to 1023, those of program 1 are 1024 to 2047, and so on.
  kiln::Tile i = kiln::program_id(0) * c.block + kiln::arange(0, c.block);
  // n need not be a multiple of the block. The last program has lanes past the end; a lane whose mask is false does not
  // touch memory.
  kiln::Tile mask = i < n;
  kiln::Tile a = kiln::load(x + i, {.mask = mask});
  kiln::Tile b = kiln::load(y + i, {.mask = mask});
  kiln::store(out + i, a + b, {.mask = mask});
}

// The name is what error messages and profilers show.
const kiln::Kernel vec_add_kernel{"vec_add", vec_add};

int main(int argc, char **argv) try {
  const int n = 10000;
  std::vector<float> x(n), y(n), out(n);
  for (int i = 0; i < n; ++i) {
    x[i] = float(i);
    y[i] = 0.5F * float(i);
  }

  // Where to run: on the device that the command line names ("cpu", "emulated:sm_90a"), else on the first GPU, or on
  // the processor of a machine without one. Kernels work on memory of their device.
  const kiln::Device device = argc > 1                         ? kiln::Device::parse(argv[1])
                              : kiln::cuda::device_count() > 0 ? kiln::Device::cuda()
                                                               : kiln::Device::cpu();
  const std::size_t bytes = n * sizeof(float);
  kiln::DeviceBuffer device_x(device, bytes), device_y(device, bytes), device_out(device, bytes);
  device_x.copy_from_host(x.data(), bytes);
  device_y.copy_from_host(y.data(), bytes);

  // The first launch with a config runs vec_add once, on the host, to record what it describes, and compiles that.
  // Later launches with this config go straight to the compiled code, whatever the arguments.
  const VecAddConfig config;
  vec_add_kernel.launch({.grid = kiln::cdiv(n, config.block), .device = device}, config, device_x.as<float>(),
                        device_y.as<float>(), device_out.as<float>(), n);
  // On a GPU a launch is enqueued and returns at once. The copy waits for it.
  device_out.copy_to_host(out.data(), bytes);

  for (int i = 0; i < n; ++i)
    if (out[i] != 1.5F * float(i)) {
      std::printf("element %d is %g, not %g\n", i, out[i], 1.5F * float(i));
      return 1;
    }
  std::printf("%d sums on %s, all correct\n", n, device.name().c_str());

  // What was recorded can be read. No device is needed for this.
  std::printf("\nThe kernel for a block of 8:\n\n%s\n", vec_add_kernel.trace({.block = 8}).c_str());
  return 0;
} catch (const kiln::Error &error) {
  // What goes wrong in Kiln is one exception, and its message says what, where and what to do.
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
