// Streams, timers and graphs of CUDA, for programs that have no other library for them.
#pragma once

#include "kiln/device.h"
#include "kiln/export.h"

namespace kiln {

/// A CUDA stream that does not synchronise with the default stream.
class KILN_API Stream {
public:
  /// \throws InvalidArgument when `device` is not a CUDA device, DeviceError, ContextLost.
  explicit Stream(Device device);
  ~Stream();
  Stream(const Stream &) = delete;
  Stream &operator=(const Stream &) = delete;

  /// The CUstream, for `LaunchOptions::stream`.
  void *handle() const { return handle_; }
  Device device() const { return device_; }
  /// Waits until everything that was enqueued is done. Throws ContextLost when a kernel faulted, DeviceError.
  void synchronize() const;

private:
  Device device_;
  void *handle_ = nullptr;
};

/// Measures time on the GPU, between two points of a stream, with a resolution of about half a microsecond.
class KILN_API GpuTimer {
public:
  /// Throws as Stream.
  explicit GpuTimer(Device device);
  ~GpuTimer();
  GpuTimer(const GpuTimer &) = delete;
  GpuTimer &operator=(const GpuTimer &) = delete;

  /// Enqueues the points. A null stream is the default stream.
  void start(void *stream = nullptr);
  void stop(void *stream = nullptr);
  /// Waits for the second point; the milliseconds from the first. Throws ContextLost when a kernel faulted, DeviceError
  /// when the points were not set.
  double milliseconds() const;

private:
  Device device_;
  void *start_ = nullptr, *stop_ = nullptr;
};

/// Work recorded from a stream, to be enqueued again at little cost. Kernels in a graph must outlive it.
///
///     Graph graph;
///     graph.begin(stream);
///     kernel.launch({.grid = n, .device = stream.device(), .stream = stream.handle()}, config, x, out);
///     graph.end();
///     graph.launch(stream);
class KILN_API Graph {
public:
  Graph() = default;
  /// Abandons a recording that was begun and not ended.
  ~Graph();
  Graph(const Graph &) = delete;
  Graph &operator=(const Graph &) = delete;

  /// From here on what is enqueued in the stream is recorded and does not run. The stream must live until `end`.
  /// \throws InvalidArgument when a recording was begun before, DeviceError, ContextLost.
  void begin(const Stream &stream);
  /// \throws InvalidArgument when `begin` was not called, DeviceError when something that cannot be recorded was done.
  void end();
  /// Enqueues the recorded work.
  /// \throws InvalidArgument when nothing is recorded, DeviceError, ContextLost.
  void launch(const Stream &stream) const;

private:
  Device device_;
  void *recording_ = nullptr; // the CUstream between begin and end
  void *executable_ = nullptr;
};

} // namespace kiln
