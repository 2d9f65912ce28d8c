// Memory that kernels work on, wherever they run.
#pragma once

#include "kiln/device.h"
#include "kiln/export.h"

#include <cstddef>

namespace kiln {

/// Memory of a device, freed with the object: memory of the GPU for `Device::cuda()`, host memory for all others. The
/// start is aligned to 256 bytes. Contents are indeterminate at first. Memory of emulated devices is a registered
/// buffer (kiln/debug.h) named "device buffer".
///
/// Copies and fills are complete when they return. On a GPU they wait for earlier work of the default stream and of
/// streams that synchronise with it; work in other streams must be awaited before (`synchronize`). They do not belong
/// into a capture of a CUDA graph.
class KILN_API DeviceBuffer {
public:
  /// No memory.
  DeviceBuffer() = default;
  /// \throws InvalidArgument for `Device()`, OutOfMemory, DeviceError.
  DeviceBuffer(Device device, std::size_t bytes);
  ~DeviceBuffer();
  DeviceBuffer(DeviceBuffer &&other) noexcept;
  DeviceBuffer &operator=(DeviceBuffer &&other) noexcept;
  DeviceBuffer(const DeviceBuffer &) = delete;
  DeviceBuffer &operator=(const DeviceBuffer &) = delete;

  /// The address, for kernels of the same device; null when `bytes()` is 0.
  void *data() const { return data_; }
  template <class T>
  T *as() const {
    return static_cast<T *>(data_);
  }
  /// The size in bytes.
  std::size_t bytes() const { return bytes_; }
  Device device() const { return device_; }

  /// Copies `bytes` bytes of the host to the byte `offset` and after.
  /// \throws InvalidArgument when the range leaves the buffer or `source` is null with bytes to copy, DeviceError,
  /// ContextLost.
  void copy_from_host(const void *source, std::size_t bytes, std::size_t offset = 0);
  /// Copies `bytes` bytes from the byte `offset` and after to the host. Throws as copy_from_host.
  void copy_to_host(void *target, std::size_t bytes, std::size_t offset = 0) const;
  /// Sets every byte. Throws DeviceError, ContextLost.
  void fill(unsigned char value);
  /// The same, enqueued in a stream (a CUstream; null is the default stream); may be recorded in a CUDA graph. Host
  /// memory is filled at once.
  void enqueue_fill(unsigned char value, void *stream);

private:
  Device device_;
  std::size_t bytes_ = 0;
  void *data_ = nullptr;
  void *context_ = nullptr; // the CUcontext that the memory belongs to
};

/// Waits until everything that was enqueued on the device is done; returns at once for devices whose launches are
/// synchronous.
/// \throws ContextLost when a kernel faulted, DeviceError.
KILN_API void synchronize(Device device);

/// Waits for one stream (a CUstream; null is the default stream). Throws as above.
KILN_API void synchronize(Device device, void *stream);

} // namespace kiln
