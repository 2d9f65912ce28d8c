// kiln-bench-launch: the processor time of a launch on a GPU, beside that of the driver's own call. README.md says how
// it is measured.
#include "benchmark/decode_cell.h"
#include "benchmark/device_decode.h"

#include "kiln/kiln.h"
#include "kiln/runtime/assembler.h"
#include "kiln/runtime/cuda_kernel.h"
#include "kiln/stream.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <functional>
#include <vector>

using namespace kiln;

namespace {

// Fewer than the driver queues before a launch waits for the GPU.
constexpr int launches_per_round = 200;
constexpr int rounds = 200;

struct Config {
  int num_warps = 4;
};

/// Twelve parameters and next to nothing to do, so that the GPU never falls behind.
void twelve(const Config &, ptr<std::int32_t> p0, ptr<std::int32_t> p1, ptr<std::int32_t> p2, ptr<std::int32_t> p3,
            ptr<std::int32_t> p4, ptr<std::int32_t> p5, scalar<std::int32_t> n0, scalar<std::int32_t> n1,
            scalar<std::int32_t> n2, scalar<std::int32_t> n3, scalar<std::int32_t> n4, scalar<std::int32_t> n5) {
  (void)p1, (void)p2, (void)p3, (void)p4, (void)p5;
  store(p0, n0 + n1 + n2 + n3 + n4 + n5);
}
const Kernel twelve_kernel{"twelve", twelve};

/// The same parameters and nothing to do at all.
constexpr char empty_ptx[] = ".version 7.0\n.target sm_80\n.address_size 64\n"
                             ".visible .entry empty(.param .u64 p0, .param .u64 p1, .param .u64 p2, .param .u64 p3,\n"
                             " .param .u64 p4, .param .u64 p5, .param .u32 n0, .param .u32 n1, .param .u32 n2,\n"
                             " .param .u32 n3, .param .u32 n4, .param .u32 n5) {\n ret;\n}\n";

/// The driver's launch, as a program that uses it directly would call it.
struct BareDriver {
  int (*load)(void **module, const void *image) = nullptr;
  int (*get_function)(void **function, void *module, const char *name) = nullptr;
  int (*launch)(void *function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *stream,
                void **args, void **extra) = nullptr;

  BareDriver() {
    void *driver = dlopen("libcuda.so.1", RTLD_NOW);
    const auto get = [&](const char *name, auto &function) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(driver ? dlsym(driver, name) : nullptr);
    };
    get("cuModuleLoadData", load);
    get("cuModuleGetFunction", get_function);
    get("cuLaunchKernel", launch);
  }
};

double seconds(const std::function<void()> &body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Candidate {
  const char *name;
  std::function<void()> launch;
  std::vector<double> microseconds;

  double median() {
    std::nth_element(microseconds.begin(), microseconds.begin() + rounds / 2, microseconds.end());
    return microseconds[rounds / 2];
  }
};

void measure(Device device, bool csv) {
  const cuda::DeviceProperties &properties = cuda::properties(device);
  runtime::KernelImage image;
  image.name = "empty";
  image.config = "{}";
  image.arch = properties.arch;
  image.num_warps = 4;
  image.threads = 128;
  image.cubin = runtime::assemble(empty_ptx, properties.arch).cubin;

  Stream stream(device);
  DeviceBuffer memory(device, 256);
  const runtime::CudaKernel loaded(image, device);
  BareDriver bare;
  void *module = nullptr, *function = nullptr;
  if (!bare.launch || bare.load(&module, image.cubin.data()) != 0 || bare.get_function(&function, module, "empty") != 0)
    throw DeviceError("cannot use the driver directly");

  auto *p = memory.as<std::int32_t>();
  const std::int32_t n = 3;
  const bench::DecodeProblem host(bench::Cell::uniform(1, 16));
  bench::DeviceDecode<half> decode(host, device);
  const kernels::PagedAttentionConfig decode_config = kernels::default_config(decode.problem, device);
  decode.reserve(decode_config);
  const void *args[] = {&p, &p, &p, &p, &p, &p, &n, &n, &n, &n, &n, &n};
  Candidate candidates[] = {
      {"cuLaunchKernel",
       [&] { bare.launch(function, 1, 1, 1, 128, 1, 1, 0, stream.handle(), const_cast<void **>(args), nullptr); },
       {}},
      {"runtime::CudaKernel::launch", [&] { loaded.launch({1, 1, 1}, stream.handle(), args); }, {}},
      {"Kernel::launch",
       [&] {
         twelve_kernel.launch({.grid = 1, .device = device, .stream = stream.handle()}, {}, p, p, p, p, p, p, n, n, n,
                              n, n, n);
       },
       {}},
      {"Kernel::launch, current context",
       [&] { twelve_kernel.launch({.grid = 1, .stream = stream.handle()}, {}, p, p, p, p, p, p, n, n, n, n, n, n); },
       {}},
      {"kernels::paged_attention",
       [&] { kernels::paged_attention(decode.problem, decode_config, {.device = device, .stream = stream.handle()}); },
       {}},
  };
  // Turn by turn, so that what the machine does besides falls on all of them alike.
  for (int round = -5; round < rounds; ++round) // the first ones warm up
    for (Candidate &candidate : candidates) {
      const double time = seconds([&] {
        for (int i = 0; i < launches_per_round; ++i)
          candidate.launch();
      });
      stream.synchronize();
      if (round >= 0)
        candidate.microseconds.push_back(1e6 * time / launches_per_round);
    }

  if (!csv)
    std::printf("Launching a kernel with 12 arguments on %s, microseconds of processor time\n",
                properties.name.c_str());
  const double base = candidates[0].median();
  for (Candidate &candidate : candidates) {
    const double value = candidate.median();
    if (csv)
      std::printf("\"%s\",%.4f,us,\n", candidate.name, value);
    else
      std::printf("  %-36s %7.3f   %+.3f\n", candidate.name, value, value - base);
  }
}

} // namespace

int main(int argc, char **argv) {
  const bool csv = argc == 2 && std::strcmp(argv[1], "--csv") == 0;
  if (argc > 1 && !csv) {
    std::fprintf(stderr, "usage: %s [--csv]\n", argv[0]);
    return 2;
  }
  if (cuda::device_count() == 0) {
    std::printf("kiln-bench-launch: %s\n", cuda::unavailable_reason().c_str());
    return 0;
  }
  try {
    measure(Device::cuda(), csv);
  } catch (const Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
