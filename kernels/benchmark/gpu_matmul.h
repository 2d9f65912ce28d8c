// What `kiln-bench-gpu matmul` is told to measure.
#pragma once

#include "benchmark/config_sweep.h"
#include "kiln/device.h"

#include <cstdint>

namespace kiln::bench {

struct MatmulOptions {
  std::int64_t m = 8192, n = 8192, k = 8192;
  bool half = false; ///< fp16, and not bf16
  bool a_column_major = false, b_column_major = false;
  std::vector<ConfigChange> changes; ///< to the default config, in all combinations
  bool every_config = false;         ///< print all of them, and not the fastest alone

  /// Takes an option of the command line; false where it is none of these. Throws InvalidArgument where its value makes
  /// no sense.
  bool take(ToolArguments &arguments);
  static std::string_view usage();
};

/// Prints a CSV table.
void matmul(Device device, const MatmulOptions &options);

} // namespace kiln::bench
