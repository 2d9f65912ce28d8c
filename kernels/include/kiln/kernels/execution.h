/// Where a kernel of the library runs.
#pragma once

#include "kiln/device.h"
#include "kiln/error.h"
#include "kiln/export.h"
#include "kiln/float_types.h"

#include <cstdint>

namespace kiln::kernels {

/// Device and stream of a call; see LaunchOptions. The CPU returns when the work is done, a GPU when it is enqueued.
struct Execution {
  Device device = {};
  void *stream = nullptr;
};

} // namespace kiln::kernels
