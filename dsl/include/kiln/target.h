// What kernels are compiled for.
#pragma once

#include "kiln/export.h"

#include <string>
#include <string_view>
#include <vector>

namespace kiln {

/// A kind of processor that kernels can be compiled for, whether or not this machine has one. A plain value.
class Target {
public:
  /// "cpu", which is this machine's processor, the name of a GPU architecture: "sm_90a", or an emulated GPU of it:
  /// "emulated:sm_90a".
  /// \throws InvalidArgument, with the names that exist, for any other.
  KILN_API static Target parse(std::string_view name);
  static Target cpu() { return parse("cpu"); }
  /// All targets, the CPU first, emulated ones last.
  KILN_API static std::vector<Target> all();

  const std::string &name() const { return *name_; }
  bool is_cpu() const { return index_ == 0; }
  bool is_emulated() const { return name_->starts_with(emulated); }
  /// Of a GPU, emulated or not: "sm_90a". Empty for the CPU.
  std::string arch() const { return is_cpu() ? "" : is_emulated() ? name_->substr(emulated.size()) : *name_; }
  friend bool operator==(Target a, Target b) { return a.index_ == b.index_; }

private:
  static constexpr std::string_view emulated = "emulated:";

  Target(const std::string &name, unsigned index) : name_(&name), index_(index) {}

  const std::string *name_; // of static duration
  unsigned index_;
};

} // namespace kiln
