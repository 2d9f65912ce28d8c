#pragma once

#include "kiln/emulator.h"
#include "kiln/export.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Running GPU code without a GPU: what the compiler made for one thread is compiled for the host, every machine
/// operation in it is a call, and this library has the threads, warps and programs in which those calls mean something.
namespace kiln::runtime {

/// One machine operation in the code of a kernel.
struct EmulatedSite {
  std::string operation; ///< a row of docs/reference/machine-operations.md: "ld.global.b32"
  std::string place;     ///< "file:line:column" of the kernel's source, or empty
  std::string text;      ///< the format of vprintf, the message of __assertfail, the name of an exchange
  std::string types;     ///< of operands whose number is free, one letter each: 'i' for i32, 'l' for i64, 'd' for f64
};

/// How many operations of a class a thread executes each time it runs through a block of the code, machine operations
/// apart.
struct EmulatedCount {
  std::string place;
  InstructionClass kind;
  std::uint32_t count;
};

/// Runs one thread. `args[i]` points at the value of parameter i. `thread` begins with the address of one counter for
/// each block of the code, which the code raises.
using EmulatedEntry = void (*)(void *thread, const void *const *args);

/// What generated code calls for each machine operation; it knows it as "kiln_emulator_execute". `site` is an index
/// into EmulatedKernel::sites. Operands and results are the bits of their values, one by word, zero above: an i1 is 0
/// or 1, a float its encoding.
KILN_API void emulator_execute(void *thread, std::uint32_t site, const std::uint64_t *operands, std::uint64_t *results);

/// A kernel that is ready to run.
class KILN_API EmulatedKernel {
public:
  struct Code {
    std::string name;
    std::string arch; ///< "sm_90a"
    std::string note; ///< ends messages: "note: while running 'name' with {...}"
    EmulatedEntry entry = nullptr;
    unsigned num_warps = 0;
    std::size_t shared_bytes = 0;
    std::vector<EmulatedSite> sites;
    std::vector<std::vector<EmulatedCount>> blocks;
  };

  /// \throws CompileError when an operation has no meaning here; the message names it and its place.
  explicit EmulatedKernel(Code code);
  ~EmulatedKernel();
  EmulatedKernel(EmulatedKernel &&) noexcept;
  EmulatedKernel(const EmulatedKernel &) = delete;
  EmulatedKernel &operator=(const EmulatedKernel &) = delete;

  const Code &code() const;

  /// Runs every program of the grid with all checks, twice where EmulatorOptions say so, and returns when all is done.
  /// \throws LaunchError for a grid that no target takes, CheckError with what the checks found, TrapError when an
  /// assertion failed.
  void launch(std::array<unsigned, 3> grid, const void *const *args) const;

private:
  struct State;
  State *state_;
};

/// Whether the emulator knows what a machine operation does.
KILN_API bool emulates(std::string_view operation);

} // namespace kiln::runtime
