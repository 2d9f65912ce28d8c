// The parts of kiln-bench-gpu. Each prints a CSV table with a heading.
#pragma once

#include "kiln/device.h"

#include <string>

namespace kiln::bench {

/// Vector add, softmax and RMSNorm of 8192 rows in bf16: the fastest of a few configs, and the default one.
void bandwidth(Device device);

/// Trace to cubin, and the first launch of a process without and with the cache on disk. `program` is this program: it
/// is started again for what only a new process shows.
void compile(const std::string &program);

/// The first launch of this process, in milliseconds, on standard output.
void first_launch(Device device);

} // namespace kiln::bench
