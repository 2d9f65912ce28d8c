#pragma once

#include "kiln/device.h"
#include "kiln/export.h"
#include "kiln/runtime/kernel_image.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <string>

namespace kiln::runtime {

namespace driver {
struct DeviceState;
}

/// What the driver says of a loaded kernel.
struct CudaKernelInfo {
  int registers = 0;                 ///< of a thread
  std::size_t local_bytes = 0;       ///< local memory of a thread: spilled registers and arrays; 0 is what one wants
  std::size_t shared_bytes = 0;      ///< of a block, static and dynamic
  int max_threads = 0;               ///< of a block, as far as registers go
  int blocks_per_multiprocessor = 0; ///< how many fit at the same time
  double occupancy = 0;              ///< the same as a fraction of the threads that a multiprocessor can hold, 0 to 1
};

/// A kernel loaded on one device, ready to be launched from any thread.
class KILN_API CudaKernel {
public:
  /// Loads the image into the current context, if that is the device's, or else into its primary context (see
  /// kiln/cuda.h). Safe while a stream is being captured. `note` is appended to messages on a line of its own, as
  /// "note: while running 'name' with {...}"; without one it is made from the image.
  /// \throws LaunchError when the device cannot run the image: another architecture, too many threads, too much shared
  /// memory; DeviceError when the driver fails; ContextLost.
  CudaKernel(const KernelImage &image, Device device, std::string note = {});
  /// Unloads. Launches must have ended, and graphs that hold the kernel must be gone.
  ~CudaKernel();
  CudaKernel(const CudaKernel &) = delete;
  CudaKernel &operator=(const CudaKernel &) = delete;

  /// Enqueues the grid on `stream` (a CUstream; null is the default stream). args[i] points at the value of parameter
  /// i; values are copied before it returns. The kernel runs in the calling thread's current context, by the rules of
  /// kiln/cuda.h. Takes no lock and allocates nothing; but the first launch in a context other than the one that the
  /// kernel was loaded into loads it there. A programmatic launch may start before those in front of it in the stream
  /// have ended, on devices of compute capability 9.0 or more; on others it is like any.
  /// \throws LaunchError when the driver refuses, ContextLost when this or an earlier kernel destroyed the context.
  void launch(std::array<unsigned, 3> grid, void *stream, const void *const *args, bool programmatic = false) const;

  const CudaKernelInfo &info() const { return info_; }
  const std::string &name() const { return name_; }
  Device device() const { return device_; }
  /// "note: while running ...", as it stands in messages.
  const std::string &note() const { return note_; }

private:
  int make_ready(void **function) const;
  [[gnu::cold, gnu::noinline]] void launch_elsewhere(std::array<unsigned, 3> grid, void *stream,
                                                     const void *const *args, bool programmatic) const;
  int enqueue(std::array<unsigned, 3> grid, void *stream, const void *const *args, bool programmatic) const;
  [[noreturn, gnu::cold, gnu::noinline]] void fail(int status, std::array<unsigned, 3> grid) const;

  std::string name_, note_;
  Device device_;
  driver::DeviceState *state_ = nullptr;
  unsigned threads_ = 0, shared_bytes_ = 0;
  bool can_overlap_ = false; // the device starts programmatic launches early
  bool has_record_ = false;  // its asserts tell the host which of them failed
  void *library_ = nullptr;  // a CUlibrary
  void *kernel_ = nullptr;   // a CUkernel
  CudaKernelInfo info_;
  /// The context in which the kernel was last made ready: a launch there needs nothing but the driver's launch.
  mutable std::atomic<void *> ready_context_{nullptr};
};

} // namespace kiln::runtime
