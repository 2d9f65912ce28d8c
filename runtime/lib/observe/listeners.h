// The listeners that the environment asks for.
#pragma once

#include "kiln/events.h"

namespace kiln::runtime::observers {

/// Writes events to the log.
EventCallback make_logger();

/// Makes an NVTX range of every event; null where no profiler takes them, or KILN_NVTX is 0.
EventCallback make_ranges();

} // namespace kiln::runtime::observers
