// Running compiled programs on the GPU. What throws is behind this: the rest of the fuzzer is built without exceptions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kiln::fuzz {

/// Why no GPU can be used; empty where one can.
std::string gpu_unavailable();

/// The compute capability of the GPU, 10 * major + minor.
unsigned gpu_capability();

/// A kernel "k" of pointers and then i32 scalars, as PTX.
struct GpuProgram {
  std::string ptx, arch;
  unsigned num_warps = 4;
  unsigned shared_bytes = 0;
  std::array<std::uint32_t, 3> grid{1, 1, 1};
};

/// A buffer of a program: the bytes that it has before the run, and after it, and what its address is a multiple of.
struct GpuBuffer {
  std::span<unsigned char> bytes;
  std::size_t alignment;
};

/// Assembles the program, if this machine has an assembler. Empty, or the assembler's complaint.
std::string assemble(const GpuProgram &program);

/// Begins errors after which nothing runs on the GPU in this process.
inline constexpr char gpu_lost[] = "the context is lost: ";

/// Assembles the program and runs it. Each buffer has zones of poison on both sides, which must be whole afterwards;
/// where it begins relative to an alignment of 256 bytes depends on `seed`. Empty, or what went wrong.
std::string run_on_gpu(const GpuProgram &program, std::span<const GpuBuffer> buffers,
                       std::span<const std::int32_t> scalars, std::uint64_t seed);

} // namespace kiln::fuzz
