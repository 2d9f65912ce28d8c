// A CUDA driver that runs nothing and remembers everything: a shared library with the driver's entry points, for tests
// of what Kiln asks of the driver. It has two devices, "Fake A" (sm_90a) and "Fake B" (sm_80).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#define FAKE_API __attribute__((visibility("default")))

namespace fake {

struct Launch {
  void *context, *kernel, *stream;
  unsigned grid[3], block[3], shared_bytes;
  std::vector<std::pair<int, int>> attributes; // id and the first word of the value
  std::int32_t first_argument;
};

struct State {
  std::mutex mutex;
  std::vector<std::string> calls; // since the last reset, by the driver's names
  std::vector<Launch> launches;
  std::map<std::string, int> fail;                      // what a function returns instead of doing its work
  std::map<std::string, int> capture_mode;              // the thread's mode when a function was called last
  std::map<std::pair<void *, int>, int> dynamic_shared; // of (kernel, device)
  std::map<void *, std::size_t> memory;                 // allocations
  std::map<void *, void *> memory_context;
  std::map<void *, void *> registered;            // memory of the host, and the context
  std::map<int, int> attributes;                  // of every kernel: CUfunction_attribute and value
  std::map<std::string, std::uint64_t> variables; // of kernels, by name
  static constexpr std::uint64_t device_offset = std::uint64_t{1} << 60; // of what is registered, as a device sees it
  std::string link_log;                                                  // what the driver's compiler reports
  std::atomic<int> libraries = 0;                                        // loaded and not unloaded
  /// Where it is set before the first call, launches run this with what was loaded, up to its first
  /// semicolon, and nothing else is remembered:
  /// only memory takes a lock, which would hide from a sanitizer what callers lack.
  void (*execute)(const char *code, const unsigned *grid, void *const *parameters) = nullptr;

  FAKE_API void reset();
  FAKE_API std::size_t count(const std::string &call);
};

FAKE_API State &state();
/// The file of this library, for KILN_CUDA_DRIVER.
FAKE_API std::string library();
/// A context of a device, as cuCtxCreate makes it. Not made current.
FAKE_API void *create_context(int device);
/// Destroys it and makes another, which gets the same handle.
FAKE_API void recreate_context(void *context);
FAKE_API void *primary_context(int device);
/// Of the calling thread.
FAKE_API void set_current(void *context);
FAKE_API void *current();

} // namespace fake
