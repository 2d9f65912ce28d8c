// The CUDA driver, its devices and their contexts.
#pragma once

#include "driver_api.h"

#include "kiln/cuda.h"

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

namespace kiln::runtime {
class CudaKernel;
}

namespace kiln::runtime::driver {

/// The driver, loaded and initialised by the first call.
/// \throws DeviceError where that cannot be done, or in a process that was forked after it was.
const Api &api();

/// The same; null where it cannot be used.
const Api *api_or_null();

/// Whether the driver that was initialised cannot be called any more: in the child of a fork, which CUDA does not
/// survive, and when the process is ending. Destructors then have nothing to free.
bool gone();

/// The library that the driver was loaded from, with symbolic links resolved: "libcuda.so.580.65.06".
std::string library_name();

/// What a kernel writes of the first assert that fails, into memory of the host: the context is lost then, and with it
/// all memory of the device. Where asserts of two kernels fail at once, one may write over the other. The compiler,
/// which knows no runtime, declares the same layout.
struct FailureRecord {
  static constexpr const char *symbol = "kiln_failure_record"; // of the kernel's variable that points here
  static constexpr std::uint32_t done = 1;

  std::uint32_t state; // 0, or `done`, which is written last
  std::uint32_t program[3];
  std::uint32_t thread;
  std::uint32_t rank; // of the tile that the condition is; 0 of a scalar
  std::int32_t index[8];
  char text[456]; // "file:line: error: assertion failed: message"
};

/// What Kiln keeps of a device. Made when the driver is loaded, and never destroyed.
struct DeviceState {
  const Api *api;
  int ordinal; // and the driver's CUdevice: a handle in name, the ordinal in every driver
  /// The kernel that was launched last, for messages about faults, which are noticed only later. See forget().
  std::atomic<const CudaKernel *> last_kernel{nullptr};

  /// The primary context, retained by the first call. Throws DeviceError.
  Context primary_context();
  const cuda::DeviceProperties &properties();

  /// Where kernels of the current context, which is of the device, write of failed asserts; 0 where there is no such
  /// memory.
  DevicePointer failure_record();
  /// What a kernel of the current context wrote there, as the beginning of a message with its newline; empty where none
  /// has.
  std::string failure_text();

  /// Called before a kernel dies, so that no message speaks of it.
  void forget(const CudaKernel *kernel);
  /// "note: the last kernel launched there ..." on a line of its own, or nothing.
  std::string note_of_last_kernel();

private:
  std::once_flag context_once_, properties_once_;
  Context context_ = nullptr;
  cuda::DeviceProperties properties_;
  std::mutex last_kernel_mutex_;
  /// Each context has a record of its own: what one left says nothing of the others, and the driver ends the mapping of
  /// the memory with the context that it was registered in. The memory is Kiln's, and is never freed, so the host can
  /// always read it.
  struct ContextRecord {
    Context context;
    unsigned long long id; // that of a destroyed context is never given again, as its handle may be
    FailureRecord *record;
  };
  ContextRecord *find_record(Context context);
  std::mutex failure_mutex_;
  std::vector<ContextRecord> failures_;
};

/// \throws InvalidArgument when `device` is not a CUDA device ("what: ..."), DeviceError as api().
DeviceState &state_of(Device device, const char *what);

/// Sees to it, for as long as it lives, that a context of the device is current, by the rules of kiln/cuda.h.
class ContextScope {
public:
  explicit ContextScope(DeviceState &state);
  /// Makes exactly `context` current, which is the device's.
  ContextScope(DeviceState &state, Context context);
  ~ContextScope();
  ContextScope(const ContextScope &) = delete;
  ContextScope &operator=(const ContextScope &) = delete;

  Context context() const { return context_; }

private:
  const Api *api_;
  Context context_ = nullptr;
  bool pushed_ = false;
};

/// While it lives, calls that the driver forbids during the capture of a stream are allowed in this thread. They are
/// not recorded, which is right for what does not belong to the captured work: loading a kernel, allocating memory.
class AllowDuringCapture {
public:
  explicit AllowDuringCapture(const Api &api) : api_(api) { api_.thread_exchange_capture_mode(&mode_); }
  ~AllowDuringCapture() { api_.thread_exchange_capture_mode(&mode_); }
  AllowDuringCapture(const AllowDuringCapture &) = delete;
  AllowDuringCapture &operator=(const AllowDuringCapture &) = delete;

private:
  const Api &api_;
  int mode_ = capture_relaxed;
};

/// "CUDA_ERROR_INVALID_VALUE: invalid argument"
std::string describe(const Api &api, int status);

/// What every message about a lost context says of the consequences, behind the driver's own words.
extern const char *const context_lost;

/// Whether the status is of the kind that stays: every later call in the context returns it too.
bool destroys_context(int status);

/// Throws ContextLost for a status that destroys the context, DeviceError for others: "what: CUDA_ERROR_...".
[[noreturn]] void raise(DeviceState &state, int status, const std::string &what);

inline void check(DeviceState &state, int status, const char *what) {
  if (status != success) [[unlikely]]
    raise(state, status, what);
}

} // namespace kiln::runtime::driver
