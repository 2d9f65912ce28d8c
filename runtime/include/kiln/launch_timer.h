// How long launches take.
#pragma once

#include "kiln/device.h"
#include "kiln/export.h"

#include <cstdint>
#include <functional>
#include <memory>

namespace kiln {

/// How many sets of buffers of `set_bytes` bytes overflow the L2 cache of a GPU when launches move from one set to the
/// next: 256 MB in all, at least 1 and at most 600 sets.
KILN_API int sets_to_rotate(std::int64_t set_bytes);

/// Makes launches again and again and measures what one of them takes.
///
/// On a GPU: a CUDA graph, recorded once, whose launches move from one set of buffers to the next, at least 8 launches,
/// timed by events of the GPU. With 0 sets it holds one launch, and the L2 cache is overwritten before each sample;
/// starting the graph is then part of the time. On the CPU: wall clock, in samples of 200 us or more,
/// caches as the launches before have left them; 0 sets are 1.
class KILN_API LaunchTimer {
public:
  /// Launches with the buffers of a set, a number from 0, in a CUstream, which is null on the CPU.
  using Launch = std::function<void(int set, void *stream)>;

  /// Makes the launches of a graph twice: once for what a first launch does besides, and once to record. Throws
  /// InvalidArgument for a device without times - emulated ones and the interpreter - and for a negative number of
  /// sets, and what `launch` and the driver throw.
  LaunchTimer(Device device, int sets, Launch launch);
  ~LaunchTimer();
  LaunchTimer(const LaunchTimer &) = delete;
  LaunchTimer &operator=(const LaunchTimer &) = delete;

  /// The microseconds of a launch, the mean over one replay of the graph; on the CPU over one sample.
  double sample_us();

private:
  struct Recorded;

  Device device_;
  int sets_;
  Launch launch_;
  int calls_ = 1; // of a sample
  std::unique_ptr<Recorded> recorded_;
};

/// Whether launches on a device have times that mean something. Throws nothing.
KILN_API bool has_times(Device device);

} // namespace kiln
