// What `kiln-bench-gpu decode` is told to measure.
#pragma once

#include "benchmark/config_sweep.h"
#include "kiln/device.h"
#include "paged_attention/random_problem.h"

namespace kiln::bench {

struct DecodeCell {
  std::string mode; ///< uniform, ragged or skewed
  int batch, length;

  std::vector<std::int32_t> lengths() const;
};

struct DecodeOptions {
  std::vector<DecodeCell> cells; ///< none: those of the comparison with other libraries
  kernels::PagedShape shape;
  bool bf16 = false;
  std::vector<ConfigChange> changes; ///< to the default config, in all combinations
  bool every_config = false;         ///< print all of them, and not the fastest alone
  std::vector<std::string> peers;    ///< of plain_read, gathered_read, cuda and kiln; none: plain_read, kiln

  bool wants(std::string_view peer) const;

  /// Takes an option of the command line; false where it is none of these. Throws InvalidArgument where its value makes
  /// no sense.
  bool take(ToolArguments &arguments);
  static std::string_view usage();
};

/// Prints a CSV table.
void decode(Device device, const DecodeOptions &options);

} // namespace kiln::bench
