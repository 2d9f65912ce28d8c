// How large the device is that a config is chosen for.
#pragma once

#include "kiln/cuda.h"
#include "kiln/device.h"

namespace kiln::kernels {

/// Of a GPU, by default the current one; 0 for all other devices.
inline int multiprocessors(Device device) {
  if (!device)
    device = cuda::current_device();
  return device.kind() == Device::Kind::cuda ? cuda::properties(device).multiprocessors : 0;
}

} // namespace kiln::kernels
