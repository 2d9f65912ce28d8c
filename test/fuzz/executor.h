// Running a generated program on the reference interpreter and on what is compared with it.
#pragma once

#include "program.h"

namespace kiln::fuzz {

enum class Target { cpu, interp_opt };

/// What a run left in memory: the bytes of each buffer of the program, or an error.
struct Outcome {
  std::string error;
  std::vector<std::vector<unsigned char>> memory;
};

/// The program as it was generated, interpreted.
Outcome interpret(const Program &program, std::uint64_t seed);

/// `Target::cpu`: compiled and run by the CPU target; every eighth seed with its bounds checks. `Target::interp_opt`:
/// interpreted after canonicalisation, CSE and the expansions that all targets share.
Outcome run(const Program &program, std::uint64_t seed, Target target);

/// Compares the buffers that the program may write. `reference` is of the program with bounds, whose bounds it holds.
/// Empty if they agree, else where they do not.
std::string compare(const Program &program, const Program &with_bounds, const Outcome &reference, const Outcome &other);

} // namespace kiln::fuzz
