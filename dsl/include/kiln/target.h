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
  /// "cpu", which is this machine's processor, or the name of a GPU architecture: "sm_90a".
  /// \throws InvalidArgument, with the names that exist, for any other.
  KILN_API static Target parse(std::string_view name);
  static Target cpu() { return parse("cpu"); }
  /// All targets, the CPU first.
  KILN_API static std::vector<Target> all();

  const std::string &name() const { return *name_; }
  bool is_cpu() const { return index_ == 0; }
  friend bool operator==(Target a, Target b) { return a.index_ == b.index_; }

private:
  Target(const std::string &name, unsigned index) : name_(&name), index_(index) {}

  const std::string *name_; // of static duration
  unsigned index_;
};

} // namespace kiln
