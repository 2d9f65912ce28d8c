#include "gpu.h"

#include "arena.h"

#include "kiln/cuda.h"
#include "kiln/device_memory.h"
#include "kiln/error.h"
#include "kiln/runtime/assembler.h"
#include "kiln/runtime/cuda_kernel.h"

#include <mutex>

namespace kiln::fuzz {

std::string gpu_unavailable() { return cuda::device_count() > 0 ? "" : cuda::unavailable_reason(); }

unsigned gpu_capability() {
  const cuda::DeviceProperties &properties = cuda::properties(Device::cuda(0));
  return unsigned(10 * properties.compute_major + properties.compute_minor);
}

std::string assemble(const GpuProgram &program) {
  try {
    if (!runtime::assembler_identity().empty())
      runtime::assemble(program.ptx, program.arch);
    return "";
  } catch (const Error &error) {
    return error.what();
  }
}

std::string run_on_gpu(const GpuProgram &program, std::span<const GpuBuffer> buffers,
                       std::span<const std::int32_t> scalars, std::uint64_t seed) {
  // One program at a time on the GPU, so that it is known which of them destroyed the context.
  static std::mutex gpu;
  std::unique_lock lock(gpu, std::defer_lock);
  try {
    runtime::KernelImage image;
    image.name = "k";
    image.arch = program.arch;
    image.num_warps = program.num_warps;
    image.threads = 32 * program.num_warps;
    image.shared_bytes = program.shared_bytes;
    image.parameters.assign(buffers.size(), {runtime::ParameterKind::pointer, 8});
    image.parameters.resize(buffers.size() + scalars.size(), {runtime::ParameterKind::integer, 4});
    image.cubin = runtime::assemble(program.ptx, program.arch).cubin;

    Arena arena(buffers, seed);
    lock.lock();
    const Device device = Device::cuda(0);
    DeviceBuffer memory(device, arena.image.size());
    memory.copy_from_host(arena.image.data(), arena.image.size());
    std::vector<void *> addresses;
    for (std::size_t offset : arena.offsets)
      addresses.push_back(memory.as<unsigned char>() + offset);
    std::vector<const void *> args;
    for (void *&address : addresses)
      args.push_back(&address);
    for (const std::int32_t &scalar : scalars)
      args.push_back(&scalar);
    const runtime::CudaKernel kernel(image, device);
    kernel.launch(program.grid, nullptr, args.data());
    synchronize(device);
    memory.copy_to_host(arena.image.data(), arena.image.size());
    return arena.fetch(buffers);
  } catch (const ContextLost &error) {
    lock.release(); // nothing runs here any more: the others wait for the end of the process
    return gpu_lost + std::string(error.what());
  } catch (const std::exception &error) {
    return error.what();
  }
}

} // namespace kiln::fuzz
