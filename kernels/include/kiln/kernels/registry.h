/// The kernels of the library by name, for tools that print or compile them.
#pragma once

#include "kiln/kernel.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::kernels {

/// A member of a kernel's config. Booleans are 0 and 1, enumerations their numbers.
struct ConfigField {
  const char *name;
  std::int64_t value; ///< the default
};

/// A kernel for one element type.
class KernelList;

class KernelEntry {
public:
  std::string name;                ///< "paged_attention_f16": family and element type
  std::vector<ConfigField> fields; ///< in the order of the config struct

  /// The IR for a config, one value for each of `fields`. Throws what Kernel::trace throws, and InvalidArgument where
  /// the number of values is wrong.
  std::string trace(std::span<const std::int64_t> values) const {
    check(values);
    return trace_(kernel_, values);
  }
  /// Throws what Kernel::compile throws, and InvalidArgument as above.
  CompileReport compile(std::span<const std::int64_t> values, Device device) const {
    check(values);
    return compile_(kernel_, values, device);
  }

  /// What the kernel has done in this process.
  KernelCounters counters() const { return kernel_->counters(); }

private:
  friend class KernelList;

  KILN_API void check(std::span<const std::int64_t> values) const;

  const detail::KernelBase *kernel_ = nullptr;
  std::string (*trace_)(const detail::KernelBase *kernel, std::span<const std::int64_t> values) = nullptr;
  CompileReport (*compile_)(const detail::KernelBase *kernel, std::span<const std::int64_t> values,
                            Device device) = nullptr;
};

/// All kernels of the library, by family.
KILN_API std::span<const KernelEntry> all_kernels();

/// The kernel of that name. Throws InvalidArgument where there is none.
KILN_API const KernelEntry &find_kernel(std::string_view name);

} // namespace kiln::kernels
