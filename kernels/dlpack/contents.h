// What a call may touch, and what it reads before it launches.
#pragma once

#include "kiln/dlpack.h"
#include "kiln/runtime/call_buffers.h"

#include <optional>
#include <span>
#include <vector>

namespace kiln::dlpack {

/// A tensor by the name of the problem's field; it may be null.
struct NamedTensor {
  const char *name;
  const DLTensor *tensor;
};

/// The bytes from the first to past the last element.
runtime::CallBuffer extent_of(const NamedTensor &named);

/// Whether launches on the device compare accesses with buffers, so that a call has to say what its own are.
bool compares_accesses(Device device);

} // namespace kiln::dlpack
