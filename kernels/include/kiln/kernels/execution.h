/// Where a kernel of the library runs.
#pragma once

#include "kiln/device.h"
#include "kiln/error.h"
#include "kiln/export.h"
#include "kiln/float_types.h"

#include <cstdint>

namespace kiln::kernels {

/// Device and stream of a call; see LaunchOptions. The CPU returns when the work is done, a GPU when it is enqueued.
/// All pointers of a problem are to memory of the device (kiln/device_memory.h); the host never reads what they point
/// at.
struct Execution {
  Device device = {};
  void *stream = nullptr;
};

} // namespace kiln::kernels
