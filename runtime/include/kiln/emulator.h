// What can be set and seen of emulated devices.
#pragma once

#include "kiln/export.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kiln {

/// Classes of the operations that a thread executes.
enum class InstructionClass : std::uint8_t {
  integer,     ///< arithmetic, logic and comparison of integers
  floating,    ///< the same of floats
  conversion,  ///< between types, and of registers into others
  control,     ///< branches
  special,     ///< approximations of functions, special registers
  tensor_core, ///< mma
  warp,        ///< shuffles, votes, reductions over a warp
  barrier,     ///< barriers, fences, waits
  global_load,
  global_store,
  global_atomic,
  shared_load, ///< ldmatrix too
  shared_store,
  shared_atomic,
  async_copy, ///< cp.async and the like, commits
  call,       ///< prints and assertions
};
inline constexpr std::size_t instruction_class_count = 16;

/// "global load".
KILN_API std::string_view name_of(InstructionClass kind);

/// How emulated devices run.
struct EmulatorOptions {
  /// Where it is not 0, the order in which warps, and programs, proceed is permuted by it. With 0 each warp runs as far
  /// as it can, in the order of their numbers.
  std::uint64_t seed = 0;
  /// Run each launch twice, with different contents of shared memory, of unwritten outputs and of what lanes that are
  /// off would yield, and report where the results differ. Memory is restored in between.
  bool compare_poison = true;
};

/// Of this process; the default is the environment's: KILN_EMULATOR_SEED is the seed.
KILN_API void set_emulator_options(const EmulatorOptions &options);
KILN_API EmulatorOptions emulator_options();

/// What operations of warps did to memory.
struct MemoryTraffic {
  /// Sectors of 32 bytes that accesses of global memory touched, and the bytes in them that were asked for. An access
  /// of a warp that asks for whole sectors has an efficiency of 1.
  std::uint64_t sectors = 0, sector_bytes_used = 0;
  /// Passes through shared memory, and how many there would have been without bank conflicts.
  std::uint64_t shared_passes = 0, shared_passes_ideal = 0;
  /// At waits for async copies: how often a warp waited, and the sums over that of the bytes under way before and after
  /// it.
  std::uint64_t waits = 0, bytes_before_wait = 0, bytes_after_wait = 0;

  KILN_API MemoryTraffic &operator+=(const MemoryTraffic &other);
  double global_efficiency() const { return sectors ? double(sector_bytes_used) / (32.0 * double(sectors)) : 1.0; }
};

/// What a launch did at one line of the kernel's source, in all of its programs. Counts are of warps: an operation that
/// some lanes of a warp execute together counts once.
struct LineProfile : MemoryTraffic {
  std::string file; ///< empty where an operation has no place
  unsigned line = 0;
  std::array<std::uint64_t, instruction_class_count> instructions{};
};

/// What one launch did.
struct LaunchProfile {
  std::string kernel, arch, note;
  std::array<unsigned, 3> grid{};
  unsigned num_warps = 0;
  std::size_t shared_bytes = 0;
  std::vector<LineProfile> lines; ///< by file and line
};

/// Collects the profiles of the emulated launches that this thread makes while the object lives.
class KILN_API EmulatorProfiler {
public:
  EmulatorProfiler();
  ~EmulatorProfiler();
  EmulatorProfiler(const EmulatorProfiler &) = delete;
  EmulatorProfiler &operator=(const EmulatorProfiler &) = delete;

  /// Those so far, the oldest first.
  const std::vector<LaunchProfile> &launches() const { return launches_; }

  /// The one that collects in this thread; null where none does.
  static EmulatorProfiler *current();
  void add(LaunchProfile launch) { launches_.push_back(std::move(launch)); }

private:
  EmulatorProfiler *outer_;
  std::vector<LaunchProfile> launches_;
};

} // namespace kiln
