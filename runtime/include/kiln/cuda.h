// What the CUDA driver knows of this machine.
#pragma once

#include "kiln/device.h"
#include "kiln/export.h"

#include <cstddef>
#include <string>

/// CUDA devices. The driver is loaded when it is first asked for, with dlopen("libcuda.so.1") (KILN_CUDA_DRIVER names
/// another file); a program that never touches CUDA never loads it. All functions may be called from several threads.
///
/// Contexts are the caller's, as with the CUDA runtime API: where a context of the right device is current it is used,
/// where none is current the device's primary context is made current and stays so, and where another device's is
/// current the primary context is used for that one call. The primary context is retained until the process ends.
namespace kiln::cuda {

/// The number of CUDA devices that this process can see; 0 where there is no usable driver. Never throws.
KILN_API int device_count();

/// Why device_count() is 0, as a sentence without a full stop; empty where there are devices. Never throws but
/// std::bad_alloc.
KILN_API std::string unavailable_reason();

/// The device of the context that is current in the calling thread, or no device where none is. Does not load the
/// driver into a process that has not loaded it.
KILN_API Device current_device();

struct DeviceProperties {
  std::string name;                   // "NVIDIA H100 80GB HBM3"
  std::string arch;                   // what to compile for: "sm_90a"
  int compute_major = 0;              // compute capability
  int compute_minor = 0;              //
  int multiprocessors = 0;            //
  int threads_per_multiprocessor = 0; // at most
  int registers_per_multiprocessor = 0;
  std::size_t shared_bytes_per_block = 0; // at most, with opt-in
  std::size_t shared_bytes_per_multiprocessor = 0;
  std::size_t l2_bytes = 0;
  std::size_t memory_bytes = 0;
  int driver_version = 0; // the CUDA version of the driver, 13000 for 13.0
};

/// Read once; the reference is valid until the process ends.
/// \throws InvalidArgument when `device` is not a CUDA device, DeviceError when the driver does not answer.
KILN_API const DeviceProperties &properties(Device device);

} // namespace kiln::cuda
