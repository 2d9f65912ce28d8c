// What Kiln calls of the CUDA driver: types, values and signatures, declared here so that building Kiln takes no CUDA
// toolkit. test/unit/runtime/cuda_header_test.cpp compares them with the driver's own header where there is one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kiln::runtime::driver {

// CUresult. Only what the code tells apart.
enum Status : int {
  success = 0,
  out_of_memory = 2,
  no_device = 100,
  invalid_image = 200,
  no_binary_for_gpu = 209,
  ecc_uncorrectable = 214,
  invalid_ptx = 218,
  nvlink_uncorrectable = 220,
  contained = 226,
  not_found = 500,
  illegal_address = 700,
  launch_timeout = 702,
  context_is_destroyed = 709,
  assert_failed = 710,
  hardware_stack_error = 714,
  illegal_instruction = 715,
  misaligned_address = 716,
  invalid_address_space = 717,
  invalid_pc = 718,
  launch_failed = 719,
  tensor_memory_leak = 721,
};

// CUdevice_attribute
enum DeviceAttribute : int {
  multiprocessor_count = 16,
  l2_cache_size = 38,
  max_threads_per_multiprocessor = 39,
  compute_capability_major = 75,
  compute_capability_minor = 76,
  max_shared_memory_per_multiprocessor = 81,
  max_registers_per_multiprocessor = 82,
  max_shared_memory_per_block_optin = 97,
};

// CUfunction_attribute
enum FunctionAttribute : int {
  max_threads_per_block = 0,
  shared_size_bytes = 1,
  local_size_bytes = 3,
  num_regs = 4,
  max_dynamic_shared_size_bytes = 8,
};

// CUstreamCaptureMode
enum CaptureMode : int { capture_thread_local = 1, capture_relaxed = 2 };

// CUjit_option
enum JitOption : int {
  jit_info_log_buffer = 3,
  jit_info_log_buffer_size_bytes = 4,
  jit_error_log_buffer = 5,
  jit_error_log_buffer_size_bytes = 6,
  jit_log_verbose = 12,
  jit_generate_line_info = 13,
};

constexpr unsigned stream_non_blocking = 1;  // CU_STREAM_NON_BLOCKING
constexpr unsigned host_register_mapped = 2; // CU_MEMHOSTREGISTER_DEVICEMAP
constexpr int jit_input_ptx = 1;             // CU_JIT_INPUT_PTX

using Context = void *;
using StreamHandle = void *;
using EventHandle = void *;
using DevicePointer = std::uint64_t; // CUdeviceptr

// CUlaunchAttributeID
enum LaunchAttributeId : int { programmatic_stream_serialization = 6 };

// CUlaunchAttribute, whose value is a union of 64 bytes.
struct alignas(8) LaunchAttribute {
  LaunchAttributeId id;
  int padding = 0;
  int programmatic_allowed; // programmaticStreamSerializationAllowed
  unsigned char rest[60] = {};
};

// CUlaunchConfig
struct LaunchConfig {
  unsigned grid_x, grid_y, grid_z;
  unsigned block_x, block_y, block_z;
  unsigned shared_bytes;
  StreamHandle stream;
  const LaunchAttribute *attributes;
  unsigned attribute_count;
};

/// The driver's functions, by its own names in other letters. All of them exist in every driver for CUDA 12.0 and later
/// but func_load, which came with 12.4 and may be null.
struct Api {
  int (*init)(unsigned flags);
  int (*driver_get_version)(int *version);
  int (*get_error_name)(int status, const char **name);
  int (*get_error_string)(int status, const char **text);

  int (*device_get_count)(int *count);
  int (*device_get_name)(char *name, int length, int device);
  int (*device_get_attribute)(int *value, int attribute, int device);
  int (*device_total_mem)(std::size_t *bytes, int device);
  int (*device_primary_ctx_retain)(Context *context, int device);

  int (*ctx_get_current)(Context *context);
  int (*ctx_set_current)(Context context);
  int (*ctx_push_current)(Context context);
  int (*ctx_pop_current)(Context *context);
  int (*ctx_get_device)(int *device);
  int (*ctx_get_id)(Context context, unsigned long long *id);
  int (*ctx_synchronize)();

  int (*mem_alloc)(DevicePointer *address, std::size_t bytes);
  int (*mem_free)(DevicePointer address);
  int (*mem_host_register)(void *address, std::size_t bytes, unsigned flags);
  int (*mem_host_get_device_pointer)(DevicePointer *address, void *host, unsigned flags);
  int (*memcpy_htod)(DevicePointer target, const void *source, std::size_t bytes);
  int (*memcpy_htod_async)(DevicePointer target, const void *source, std::size_t bytes, StreamHandle stream);
  int (*memcpy_dtoh)(void *target, DevicePointer source, std::size_t bytes);
  int (*memset_d8)(DevicePointer target, unsigned char value, std::size_t bytes);
  int (*memset_d8_async)(DevicePointer target, unsigned char value, std::size_t bytes, StreamHandle stream);

  int (*stream_create)(StreamHandle *stream, unsigned flags);
  int (*stream_destroy)(StreamHandle stream);
  int (*stream_synchronize)(StreamHandle stream);
  int (*stream_begin_capture)(StreamHandle stream, int mode);
  int (*stream_end_capture)(StreamHandle stream, void **graph);
  int (*thread_exchange_capture_mode)(int *mode);

  int (*event_create)(EventHandle *event, unsigned flags);
  int (*event_destroy)(EventHandle event);
  int (*event_record)(EventHandle event, StreamHandle stream);
  int (*event_synchronize)(EventHandle event);
  int (*event_elapsed_time)(float *milliseconds, EventHandle start, EventHandle end);

  int (*graph_instantiate)(void **executable, void *graph, unsigned long long flags);
  int (*graph_destroy)(void *graph);
  int (*graph_launch)(void *executable, StreamHandle stream);
  int (*graph_exec_destroy)(void *executable);

  int (*library_load_data)(void **library, const void *code, int *jit_options, void **jit_values, unsigned jit_count,
                           int *options, void **values, unsigned count);
  int (*library_unload)(void *library);
  int (*library_get_kernel)(void **kernel, void *library, const char *name);
  int (*library_get_global)(DevicePointer *address, std::size_t *bytes, void *library, const char *name);
  int (*kernel_get_function)(void **function, void *kernel);
  int (*kernel_get_attribute)(int *value, int attribute, void *kernel, int device);
  int (*kernel_set_attribute)(int attribute, int value, void *kernel, int device);
  int (*func_load)(void *function);
  int (*occupancy)(int *blocks, void *function, int block_size, std::size_t dynamic_shared_bytes);
  int (*launch_kernel_ex)(const LaunchConfig *config, void *function, void **parameters, void **extra);

  int (*link_create)(unsigned count, int *options, void **values, void **state);
  int (*link_add_data)(void *state, int type, void *data, std::size_t size, const char *name, unsigned count,
                       int *options, void **values);
  int (*link_complete)(void *state, void **cubin, std::size_t *size);
  int (*link_destroy)(void *state);
};

} // namespace kiln::runtime::driver
