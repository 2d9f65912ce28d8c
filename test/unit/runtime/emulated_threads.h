// Threads of the emulator whose code is C++: what the compiler generates, by hand.
#pragma once

#include "kiln/error.h"
#include "kiln/runtime/emulator.h"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace kiln::test {

/// One thread of a program, in the code of a kernel.
class EmulatedThread {
public:
  EmulatedThread(void *thread, const void *const *args) : thread_(thread), args_(args) {}

  /// Executes the operation of a site; returns its first result.
  std::uint64_t operator()(std::uint32_t site, std::initializer_list<std::uint64_t> operands = {}) const {
    std::uint64_t results[8] = {};
    runtime::emulator_execute(thread_, site, operands.begin(), results);
    return results[0];
  }
  /// All of its results, of which there are at most 8.
  std::vector<std::uint64_t> all(std::uint32_t site, std::vector<std::uint64_t> operands) const {
    std::vector<std::uint64_t> results(8);
    runtime::emulator_execute(thread_, site, operands.data(), results.data());
    return results;
  }
  /// The value of a parameter.
  std::uint64_t arg(int i) const { return *static_cast<const std::uint64_t *>(args_[i]); }
  /// Counts an execution of a block.
  void enter(int block) const { ++(*static_cast<std::uint64_t **>(thread_))[block]; }

private:
  void *thread_;
  const void *const *args_;
};

/// A kernel of such threads: operation i stands at line i of "test.cpp". `body` is a captureless callable that takes an
/// EmulatedThread.
template <class Body>
runtime::EmulatedKernel emulated_kernel(std::vector<std::string> operations, unsigned num_warps,
                                        std::size_t shared_bytes, Body) {
  runtime::EmulatedKernel::Code code;
  code.name = "k";
  code.arch = "sm_90a";
  code.note = "note: while running 'k' with {}";
  code.entry = [](void *thread, const void *const *args) { Body()(EmulatedThread(thread, args)); };
  code.num_warps = num_warps;
  code.shared_bytes = shared_bytes;
  for (std::size_t i = 0; i < operations.size(); ++i)
    code.sites.push_back({operations[i], "test.cpp:" + std::to_string(i) + ":1", {}, {}});
  return runtime::EmulatedKernel(std::move(code));
}

/// Runs it; the message of the CheckError, or nothing.
inline std::string run_checked(const runtime::EmulatedKernel &kernel, std::vector<std::uint64_t> arguments = {},
                               std::array<unsigned, 3> grid = {1, 1, 1}) {
  std::vector<const void *> pointers;
  for (const std::uint64_t &argument : arguments)
    pointers.push_back(&argument);
  try {
    kernel.launch(grid, pointers.data());
  } catch (const CheckError &error) {
    return error.what();
  }
  return {};
}

} // namespace kiln::test
