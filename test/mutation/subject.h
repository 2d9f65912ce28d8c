// A kernel whose code of one thread can be broken before it runs on an emulated GPU.
#pragma once

#include "trace.h"

#include "kiln/Dialect/TileGPU/IR/TileGPU.h"
#include "kiln/debug.h"
#include "kiln/emulator.h"
#include "kiln/kiln.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "gtest/gtest.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::test {

/// Memory that a kernel may access, and nothing outside it.
template <class T>
class Array {
public:
  enum class Role { input, output };

  Array(const char *name, std::vector<T> values, Role role = Role::input) : values_(std::move(values)) {
    if (role == Role::input)
      debug::register_buffer(values_.data(), bytes(), name);
    else
      debug::register_output(values_.data(), bytes(), name);
  }
  ~Array() { debug::unregister_buffer(values_.data()); }
  Array(const Array &) = delete;
  Array &operator=(const Array &) = delete;

  T *data() { return values_.data(); }
  std::size_t bytes() const { return values_.size() * sizeof(T); }
  const std::vector<T> &values() const { return values_; }

private:
  std::vector<T> values_;
};

/// What the emulator says of a launch; no text where it found nothing.
struct Report {
  std::string text;
  std::vector<std::byte> results; ///< what the watched memory holds afterwards

  bool is_clean() const { return text.empty(); }
  bool says(std::string_view part) const { return text.find(part) != text.npos; }
  /// Whether a finding or the note of one is at this line.
  bool names(const std::string &file_and_line) const { return says(file_and_line + ":"); }
  /// The first finding, with its note, without directories.
  std::string first() const;
};

/// Keeps what was found of a mutation among the results of the test.
void note(const std::string &mutation, const Report &report);

/// "file:12" of the kernel's source.
std::string line_of(mlir::Operation *op);
std::string line_of(const char *file, int line);

using MachineOps = std::vector<tile_gpu::MachineOp>;

/// The machine operations whose names begin so, in the order of the code.
MachineOps machine_ops(mlir::ModuleOp module, llvm::StringRef prefix);

/// Computes operand `index` of `op` as it is in another thread: number & and_mask ^ xor_mask.
void compute_for_thread(tile_gpu::MachineOp op, unsigned index, std::uint32_t and_mask, std::uint32_t xor_mask);

class Subject {
public:
  /// Changes the code.
  using Mutation = llvm::function_ref<void(mlir::ModuleOp)>;

  template <class Config, class... Params>
  Subject(const Kernel<Config, Params...> &kernel, const Config &config, std::array<unsigned, 3> grid,
          typename detail::ParamTraits<Params>::Host... args)
      : name_(kernel.name()), grid_(grid) {
    (add_argument(&args, sizeof(args)), ...);
    std::uint64_t words[max_config_fields + 1];
    detail::ConfigView view{&config, words, 0, 0, detail::erased_config_text<Config>};
    for_each_field(config, [&](const auto &value) { words[view.count++] = detail::to_word(value); });
    if constexpr (detail::HasNumWarps<Config>)
      view.num_warps = static_cast<int>(config.num_warps);
    lower(detail::trace_kernel(kernel, view));
  }

  /// Code of one thread as text, which begins at `line` of `file`; one program. Parameters are addresses.
  Subject(const char *file, int line, std::string_view text, std::vector<const void *> addresses);

  /// Makes memory part of Report::results.
  void watch(std::span<const std::byte> memory) { watched_.push_back(memory); }
  /// The code as the compiler made it. Not to be changed.
  mlir::ModuleOp code() const { return *code_; }
  /// Runs the code after the mutation of a copy of it.
  Report run(Mutation mutation) const;
  Report run() const {
    return run([](mlir::ModuleOp) {});
  }
  /// What a clean run did.
  LaunchProfile profile(Mutation mutation) const;
  LaunchProfile profile() const {
    return profile([](mlir::ModuleOp) {});
  }

private:
  void add_argument(const void *value, std::size_t bytes);
  void lower(detail::TracedKernel traced);

  std::string name_;
  std::vector<std::span<const std::byte>> watched_;
  std::array<unsigned, 3> grid_;
  std::vector<std::uint64_t> arguments_;
  std::unique_ptr<mlir::MLIRContext> context_;
  mlir::OwningOpRef<mlir::ModuleOp> code_;
};

} // namespace kiln::test
