// Running a generated program on the reference interpreter and on what is compared with it.
#pragma once

#include "program.h"

namespace kiln::fuzz {

enum class Target { cpu, interp_opt, cuda, gpu_code, emulated };

/// What a run left in memory: the bytes of each buffer of the program, or an error.
struct Outcome {
  std::string error;
  std::vector<std::vector<unsigned char>> memory;
};

/// The program as it was generated, interpreted.
Outcome interpret(const Program &program, std::uint64_t seed);

/// `Target::cpu`: compiled and run by the CPU target; every eighth seed with its bounds checks. `Target::interp_opt`:
/// interpreted after canonicalisation, CSE and the expansions that all targets share. `Target::cuda`: compiled for the
/// first GPU and run there, with 1 to 8 warps. `Target::emulated`: the same on an emulated GPU, with all of its checks;
/// every other seed in another order of the warps.
Outcome run(const Program &program, std::uint64_t seed, Target target);

/// `Target::gpu_code`: compiles for one GPU architecture after the other and assembles what comes out, without a GPU.
/// Empty, or what went wrong.
std::string compile_for_gpus(const Program &program, std::uint64_t seed);

/// Compares the buffers that the program may write. `reference` is of the program with bounds, whose bounds it holds.
/// Empty if they agree, else where they do not.
std::string compare(const Program &program, const Program &with_bounds, const Outcome &reference, const Outcome &other);

} // namespace kiln::fuzz
