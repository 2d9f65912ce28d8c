#pragma once

#include "kiln/export.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// From PTX to machine code. No GPU is needed but for the last resort.
namespace kiln::runtime {

/// Who assembles.
enum class Assembler : unsigned char {
  automatic, ///< the first of the others that this machine has; KILN_ASSEMBLER (nvjitlink, ptxas or driver) decides
  nvjitlink, ///< NVIDIA's linker library, in this process
  ptxas,     ///< the program, in a process of its own: KILN_PTXAS, on PATH, or in the CUDA toolkit
  driver,    ///< the CUDA driver's own compiler, for the architecture of device 0 and only that
};

struct AssembleOptions {
  Assembler assembler = Assembler::automatic;
  /// How long ptxas may run, in seconds.
  double time_limit = 120;
};

/// What an assembler made, and its report on the entry points of the PTX together: the largest of each figure.
struct Assembled {
  std::vector<std::uint8_t> cubin;
  int registers = 0;                   ///< of a thread
  std::size_t spill_store_bytes = 0;   ///< of a thread
  std::size_t spill_load_bytes = 0;    ///< of a thread
  std::size_t stack_bytes = 0;         ///< of a thread: spills, arrays and calls
  std::size_t static_shared_bytes = 0; ///< of a block
  std::string log;                     ///< what the assembler wrote, warnings included
  std::string assembler;               ///< as assembler_identity()
};

/// Assembles for `arch` ("sm_90a"), with optimisation and without contracting multiplications and additions that the
/// PTX keeps apart. The source lines that `.loc` names, if any, stay in the cubin, for profilers and debuggers.
/// \throws CompileError when the PTX is refused (the message holds the assembler's own), when ptxas exceeds its time,
/// or when there is no assembler: the message then says what was looked for and where.
KILN_API Assembled assemble(std::string_view ptx, const std::string &arch, const AssembleOptions &options = {});

/// What the output of `assemble` depends on besides its arguments, for the keys of caches: kind and build of the
/// assembler, "nvjitlink 157d67e6...". Cheap: assembles nothing, and is found out once in a process. Empty where there
/// is no assembler.
KILN_API std::string assembler_identity(Assembler assembler = Assembler::automatic);

} // namespace kiln::runtime
