// What is wrong with the machine: drivers, devices, assemblers, the environment. Each of these has a process of its
// own.
#include "catalogue.h"

#include "../../unit/temporary_directory.h"

#include "kiln/debug.h"
#include "kiln/stream.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <vector>

#if KILN_FAKE_CUDA
#include "fake_cuda.h"
#endif

using namespace kiln_test;
using namespace kiln;

namespace {

struct Tiles {
  int block = 64;
  int num_warps = 4;
};

const Kernel copy_kernel{"copy", [](const Tiles &c, ptr<const float> in, ptr<float> out) {
                           Tile i = program_id(0) * c.block + arange(0, c.block);
                           store(out + i, load(in + i));
                         }};
const Kernel sum_kernel{"total", [](const Tiles &c, ptr<const float> in, ptr<float> out) {
                          store(out, sum(load(in + arange(0, c.block)), 0));
                        }};

void set(const char *name, const std::string &value) { setenv(name, value.c_str(), 1); }

void compile() { copy_kernel.compile({}, Target::parse("sm_90a")); }

/// A program in the place of ptxas that knows its version and then does as `body` says.
void set_ptxas(const std::string &body) {
  static const TemporaryDirectory directory;
  const std::filesystem::path file = directory / "ptxas";
  std::ofstream(file) << "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'tools, release 1.2, V1.2.3'; exit; fi\n"
                      << body << "\n";
  chmod(file.c_str(), 0700);
  set("KILN_ASSEMBLER", "ptxas");
  set("KILN_PTXAS", file.string());
}

/// Makes `text` the program of copy_kernel on sm_90a.
void override_with(const std::string &text) {
  static const TemporaryDirectory directory;
  std::ofstream(directory / "copy-64-4.sm_90a.tile.mlir") << text;
  set("KILN_OVERRIDE_DIR", directory.path());
}

#if KILN_FAKE_CUDA
/// What the driver says when the function is called.
void driver_says(const char *function, int status) { fake::state().fail[function] = status; }
#else
void driver_says(const char *, int) {}
#endif

void launch(const Kernel<Tiles, ptr<const float>, ptr<float>> &kernel, const DeviceBuffer &out) {
  kernel.launch({.grid = out.bytes() / 256, .device = out.device()}, {}, out.as<const float>(), out.as<float>());
}

// Reads far behind the end of every buffer.
const Kernel stray_kernel{"stray",
                          [](const Tiles &, ptr<float> out, scalar<std::int64_t> far) { store(out, load(out + far)); }};
const Kernel failing_kernel{"failing", [](const Tiles &, ptr<float> out) {
                              device_assert(load(out) > 1e30, "the sum is finite");
                              store(out, 2.0);
                            }};

} // namespace

Group kiln_test::device_mistakes() {
  return {
      "Devices and drivers",
      "A fault on a GPU destroys the CUDA context, which nothing can mend; the host, the CPU and other devices go on.",
      {
          Mistake{"No driver", "DeviceError", "Device::cuda(0): there is no CUDA driver",
                  "Device::cpu() and Device::interpreter() are on every machine", ON_HOST(Device::cuda();)},
          Mistake{"A driver that is too old", "DeviceError", "it supports CUDA 11.8", "Kiln needs 12.0 or later",
                  ON_HOST(set("FAKE_CUDA_VERSION", "11080"); Device::cuda();)}
              .in(World::devices),
          Mistake{"A driver that lacks a function", "DeviceError", "the CUDA driver lacks cuLaunchKernelEx",
                  "install one for CUDA 12.0 or later",
                  ON_HOST(set("FAKE_CUDA_MISSING", "cuLaunchKernelEx"); Device::cuda();)}
              .in(World::devices),
          Mistake{"A driver that finds no GPU", "DeviceError", "the CUDA driver finds no device",
                  "CUDA_VISIBLE_DEVICES", ON_HOST(set("FAKE_CUDA_DEVICES", "0"); Device::cuda();)}
              .in(World::devices),
          Mistake{"A driver that does not start", "DeviceError", "the CUDA driver cannot be initialised",
                  "Device::cpu() and Device::interpreter() are on every machine",
                  ON_HOST(set("FAKE_CUDA_INIT", "2"); Device::cuda();)}
              .in(World::devices),
          Mistake{"A device that there is not", "DeviceError", "there is no such device", "the CUDA driver finds 2",
                  ON_HOST(Device::cuda(2);)}
              .in(World::devices),
          Mistake{"More memory than the device has", "OutOfMemory",
                  "cuda:0: cannot allocate 1099511627776 bytes: CUDA_ERROR_OUT_OF_MEMORY",
                  "free some, or use smaller buffers",
                  ON_HOST(driver_says("cuMemAlloc", 2); DeviceBuffer buffer(Device::cuda(), std::size_t(1) << 40);)}
              .in(World::devices),
          Mistake{"Code for another device", "LaunchError",
                  "it was compiled for sm_90a, and the device 'Fake A' is sm_90a", "while running 'copy' with {64, 4}",
                  ON_HOST(driver_says("cuLibraryLoadData", 209); copy_kernel.compile({}, Device::cuda());)}
              .in(World::devices),
          Mistake{"A launch that the device has no room for", "LaunchError", "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES",
                  "1 x 1 x 1 blocks of 128 threads",
                  ON_HOST(DeviceBuffer out(Device::cuda(), 256); driver_says("cuLaunchKernelEx", 701);
                          launch(copy_kernel, out);)}
              .in(World::devices),
          Mistake{"A fault that a launch finds", "ContextLost", "CUDA_ERROR_ILLEGAL_ADDRESS",
                  "set CUDA_LAUNCH_BLOCKING=1, or run under compute-sanitizer",
                  ON_HOST(DeviceBuffer out(Device::cuda(), 256); driver_says("cuLaunchKernelEx", 700);
                          launch(copy_kernel, out);)}
              .in(World::devices),
          Mistake{"A fault that is found while waiting", "ContextLost", "CUDA_ERROR_ASSERT",
                  "the last kernel that was launched there: 'copy'",
                  ON_HOST(DeviceBuffer out(Device::cuda(), 256); launch(copy_kernel, out);
                          driver_says("cuCtxSynchronize", 710); synchronize(Device::cuda());)}
              .in(World::devices),
          Mistake{"A fault that a copy finds", "ContextLost", "CUDA_ERROR_ILLEGAL_ADDRESS",
                  "The host, the CPU and other devices go on",
                  ON_HOST(float host; DeviceBuffer out(Device::cuda(), 256); driver_says("cuMemcpyDtoH", 700);
                          out.copy_to_host(&host, 4);)}
              .in(World::devices),
          Mistake{"An address that is not mapped, on a GPU", "ContextLost", "CUDA_ERROR_ILLEGAL_ADDRESS",
                  "the last kernel that was launched there: 'stray'",
                  ON_HOST(DeviceBuffer out(Device::cuda(), 256);
                          stray_kernel.launch({.device = out.device()}, {}, out.as<float>(), std::int64_t(1) << 40);
                          synchronize(out.device());)}
              .in(World::gpu)
              .that_varies(),
          Mistake{"An assert that fails on a GPU", "ContextLost",
                  "error: assertion failed: the sum is finite\nnote: in program (0, 0, 0), thread 0\nnote: cuda:0: ",
                  "the last kernel that was launched there: 'failing'",
                  ON_HOST(debug::set_asserts(true); DeviceBuffer out(Device::cuda(), 256); out.fill(0);
                          failing_kernel.launch({.device = out.device()}, {}, out.as<float>());
                          synchronize(out.device());)}
              .in(World::gpu)
              .that_varies(),
          Mistake{"More memory than a GPU has", "OutOfMemory", "CUDA_ERROR_OUT_OF_MEMORY",
                  "free some, or use smaller buffers",
                  ON_HOST(DeviceBuffer buffer(Device::cuda(), std::size_t(1) << 44);)}
              .in(World::gpu)
              .that_varies(),
      }};
}

Group kiln_test::machine_mistakes() {
  return {
      "Tools and environment",
      "The variables are those of [compiling.md](../compiling.md) and [cache.md](../cache.md). A cache that cannot be "
      "used is not a mistake: the kernel "
      "is compiled each time, and `kiln-cache` says why.",
      {
          Mistake{"An assembler of an unknown name", "InvalidArgument", "KILN_ASSEMBLER is 'nvcc'",
                  "expected nvjitlink, ptxas or driver", ON_HOST(set("KILN_ASSEMBLER", "nvcc"); compile();)}
              .in(World::own),
          Mistake{"No ptxas", "CompileError", "KILN_PTXAS names no program (/nowhere/ptxas)",
                  "install a CUDA toolkit, or name one in CUDA_HOME",
                  ON_HOST(set("KILN_ASSEMBLER", "ptxas"); set("KILN_PTXAS", "/nowhere/ptxas");
                          copy_kernel.compile({}, Device::cuda());)}
              .in(World::devices),
          Mistake{"No nvJitLink", "CompileError", "KILN_NVJITLINK names no file (/nowhere/libnvJitLink.so.13)",
                  "install a CUDA toolkit, or name one in CUDA_HOME",
                  ON_HOST(set("KILN_ASSEMBLER", "nvjitlink"); set("KILN_NVJITLINK", "/nowhere/libnvJitLink.so.13");
                          copy_kernel.compile({}, Device::cuda());)}
              .in(World::devices),
          Mistake{"An nvJitLink that is none", "CompileError",
                  "nvJitLink cannot be used: ", "KILN_ASSEMBLER=ptxas takes another",
                  ON_HOST(set("KILN_ASSEMBLER", "nvjitlink"); set("KILN_NVJITLINK", "/proc/self/exe");
                          copy_kernel.compile({}, Device::cuda());)}
              .in(World::devices)
              .that_varies(),
          Mistake{"A ptxas that refuses", "CompileError",
                  "ptxas 1.2.3 cannot assemble for sm_90a:\nkernel.ptx, line 7: error",
                  "note: while compiling 'copy' with {64, 4}",
                  ON_HOST(set_ptxas("echo \"$5, line 7: error\" | sed 's|.*/||'; exit 255"); compile();)}
              .in(World::own),
          Mistake{"A ptxas that crashes", "CompileError", "ptxas 1.2.3 cannot assemble for sm_90a", "signal 11",
                  ON_HOST(set_ptxas("kill -SEGV $$"); compile();)}
              .in(World::own),
          Mistake{"No room for ptxas to work in", "CompileError", "cannot make a temporary directory /proc/kiln-ptxas-",
                  "TMPDIR", ON_HOST(set_ptxas("exit 0"); set("TMPDIR", "/proc"); compile();)}
              .in(World::own),
          Mistake{"Overriding with a kernel of another name", "CompileError",
                  "KILN_OVERRIDE_DIR: the file holds no kernel 'copy'", "KILN_OVERRIDE_DIR",
                  ON_HOST(override_with("module {}"); compile();)}
              .in(World::own),
          Mistake{
              "A nonsensical number of threads", "InvalidArgument", "KILN_NUM_THREADS is 'all'",
              "expected a number from 1 to 1024",
              ON_HOST(set("KILN_NUM_THREADS", "all"); DeviceBuffer out(Device::cpu(), 1024); launch(copy_kernel, out);)}
              .in(World::own),
          Mistake{"A nonsensical seed", "InvalidArgument", "KILN_EMULATOR_SEED is 'often'",
                  "not a number from 0 to 2^64 - 1",
                  ON_HOST(set("KILN_EMULATOR_SEED", "often"); DeviceBuffer out(Device::emulated("sm_90a"), 256);
                          launch(copy_kernel, out);)}
              .in(World::own),
          Mistake{"A cache that cannot be written", "", "", "",
                  ON_HOST(set("KILN_CACHE", "on"); set("KILN_CACHE_DIR", "/proc/nowhere"); compile();)}
              .in(World::own),
          Mistake{"A cache of a nonsensical size", "", "", "",
                  ON_HOST(set("KILN_CACHE", "on"); set("KILN_CACHE_SIZE", "much"); compile();)}
              .in(World::own),
      }};
}
