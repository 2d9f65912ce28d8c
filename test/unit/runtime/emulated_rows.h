// One machine operation of the emulator, for operands made by a test.
#pragma once

#include "emulated_threads.h"

#include "kiln/emulator.h"

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace kiln::test {

using Words = std::vector<std::uint64_t>;

namespace detail {
inline const std::vector<Words> *operands;
inline std::vector<Words> *results;
} // namespace detail

/// The results of an operation within a thread's registers, for each entry of `operands`. The lanes of a warp take
/// turns.
inline std::vector<Words> compute(const std::string &operation, const std::vector<Words> &operands) {
  std::vector<Words> results(operands.size());
  detail::operands = &operands;
  detail::results = &results;
  auto kernel = emulated_kernel({"tid.x", operation}, 1, 0, [](EmulatedThread t) {
    for (std::size_t i = t(0); i < detail::operands->size(); i += 32)
      (*detail::results)[i] = t.all(1, (*detail::operands)[i]);
  });
  if (const std::string found = run_checked(kernel); !found.empty())
    throw std::runtime_error(found);
  return results;
}

/// What the lanes of a warp get from an operation, in each of the launch's two runs: undefined bits differ.
struct WarpResults {
  std::array<std::array<Words, 32>, 2> runs;
  std::string found; ///< by the checks

  const Words &operator[](std::size_t lane) const { return runs[0][lane]; }
  bool is_defined(std::size_t lane, std::size_t result = 0) const {
    return runs[0][lane].at(result) == runs[1][lane].at(result);
  }
};

namespace detail {
inline std::uint32_t active;
inline std::array<Words, 32> lane_operands;
inline std::array<std::vector<Words>, 32> lane_results;
} // namespace detail

/// The lanes of `active` execute an operation once; the others do nothing and end.
inline WarpResults apply_warp(const std::string &operation, const std::array<Words, 32> &operands,
                              std::uint32_t active = 0xffffffff) {
  detail::active = active;
  detail::lane_operands = operands;
  detail::lane_results = {};
  auto kernel = emulated_kernel({"tid.x", operation}, 1, 0, [](EmulatedThread t) {
    const std::uint64_t lane = t(0);
    if (detail::active >> lane & 1)
      detail::lane_results[lane].push_back(t.all(1, detail::lane_operands[lane]));
  });
  WarpResults results;
  results.found = run_checked(kernel);
  for (std::size_t lane = 0; lane < 32; ++lane)
    for (std::size_t run = 0; run < detail::lane_results[lane].size(); ++run)
      results.runs[run][lane] = detail::lane_results[lane][run];
  return results;
}

} // namespace kiln::test
