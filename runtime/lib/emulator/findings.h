// What the checks of a launch found.
#pragma once

#include "kiln/runtime/emulator.h"

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace kiln::runtime::emulator {

/// One fault of a program.
struct Finding {
  std::string message; ///< what happened, without its place: "store of 4 bytes at 0x10, 16 bytes past the end of ..."
  std::string place;   ///< "file:line:column", or empty
  std::string other_message, other_place; ///< the other access of a race, what a barrier is waiting for; or empty
  std::array<std::uint32_t, 3> program{};
  unsigned warp = 0;
  std::uint32_t lanes = 0; ///< of the warp
  bool is_assertion = false;
};

/// The findings of one launch. Several threads add to it.
class Findings {
public:
  /// Keeps the first of those that are alike and at one place; later ones are counted only. False when there have been
  /// so many that the launch had better end.
  bool add(Finding finding);
  bool empty() const;
  /// Whether two messages are the same but for their numbers.
  static bool is_alike(const std::string &a, const std::string &b);

  /// Throws what was found: TrapError where an assertion failed first, else CheckError.
  [[noreturn]] void raise(const EmulatedKernel::Code &kernel) const;

private:
  // More than this many different faults tell no more.
  static constexpr std::size_t limit = 16;
  static constexpr std::uint64_t patience = 1000;
  mutable std::mutex mutex_;
  std::vector<Finding> findings_;
  std::uint64_t others_ = 0;
};

/// "lanes 0-3, 7".
std::string describe_lanes(std::uint32_t lanes);

} // namespace kiln::runtime::emulator
