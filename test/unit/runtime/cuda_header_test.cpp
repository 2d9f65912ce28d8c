// Kiln declares what it calls of the CUDA driver itself. Where the toolkit's header is, the compiler compares the two.
#include "cuda/driver_api.h"

#include <gtest/gtest.h>

#if __has_include(<cuda.h>)
#include <cuda.h>

#include <type_traits>

namespace {

using namespace kiln::runtime::driver;

// Opaque handles are void * and enumerations int here, so parameters agree when both are pointers or both are integers,
// of one size.
template <class Mine, class Theirs>
constexpr bool same_kind = sizeof(Mine) == sizeof(Theirs) && std::is_pointer_v<Mine> == std::is_pointer_v<Theirs>;

template <class Mine, class Theirs>
struct SameShape : std::false_type {};
template <class R, class... A, class S, class... B>
  requires(sizeof...(A) == sizeof...(B))
struct SameShape<R (*)(A...), S (*)(B...)> : std::bool_constant<same_kind<R, S> && (same_kind<A, B> && ...)> {};

#define SAME(member, function) static_assert(SameShape<decltype(Api::member), decltype(&::function)>::value)
SAME(init, cuInit);
SAME(driver_get_version, cuDriverGetVersion);
SAME(get_error_name, cuGetErrorName);
SAME(get_error_string, cuGetErrorString);
SAME(device_get_count, cuDeviceGetCount);
SAME(device_get_name, cuDeviceGetName);
SAME(device_get_attribute, cuDeviceGetAttribute);
SAME(device_total_mem, cuDeviceTotalMem);
SAME(device_primary_ctx_retain, cuDevicePrimaryCtxRetain);
SAME(ctx_get_current, cuCtxGetCurrent);
SAME(ctx_set_current, cuCtxSetCurrent);
SAME(ctx_push_current, cuCtxPushCurrent);
SAME(ctx_pop_current, cuCtxPopCurrent);
SAME(ctx_get_device, cuCtxGetDevice);
SAME(ctx_get_id, cuCtxGetId);
SAME(ctx_synchronize, cuCtxSynchronize);
SAME(mem_alloc, cuMemAlloc);
SAME(mem_free, cuMemFree);
SAME(mem_host_register, cuMemHostRegister);
SAME(mem_host_get_device_pointer, cuMemHostGetDevicePointer);
SAME(memcpy_htod, cuMemcpyHtoD);
SAME(memcpy_htod_async, cuMemcpyHtoDAsync);
SAME(memcpy_dtoh, cuMemcpyDtoH);
SAME(memset_d8, cuMemsetD8);
SAME(memset_d8_async, cuMemsetD8Async);
SAME(stream_create, cuStreamCreate);
SAME(stream_destroy, cuStreamDestroy);
SAME(stream_synchronize, cuStreamSynchronize);
SAME(stream_begin_capture, cuStreamBeginCapture);
SAME(stream_end_capture, cuStreamEndCapture);
SAME(thread_exchange_capture_mode, cuThreadExchangeStreamCaptureMode);
SAME(event_create, cuEventCreate);
SAME(event_destroy, cuEventDestroy);
SAME(event_record, cuEventRecord);
SAME(event_synchronize, cuEventSynchronize);
SAME(event_elapsed_time, cuEventElapsedTime);
SAME(graph_instantiate, cuGraphInstantiate);
SAME(graph_destroy, cuGraphDestroy);
SAME(graph_launch, cuGraphLaunch);
SAME(graph_exec_destroy, cuGraphExecDestroy);
SAME(library_load_data, cuLibraryLoadData);
SAME(library_unload, cuLibraryUnload);
SAME(library_get_kernel, cuLibraryGetKernel);
SAME(library_get_global, cuLibraryGetGlobal);
SAME(kernel_get_function, cuKernelGetFunction);
SAME(kernel_get_attribute, cuKernelGetAttribute);
SAME(kernel_set_attribute, cuKernelSetAttribute);
SAME(func_load, cuFuncLoad);
SAME(occupancy, cuOccupancyMaxActiveBlocksPerMultiprocessor);
SAME(launch_kernel_ex, cuLaunchKernelEx);
SAME(link_create, cuLinkCreate);
SAME(link_add_data, cuLinkAddData);
SAME(link_complete, cuLinkComplete);
SAME(link_destroy, cuLinkDestroy);

#define AT(member, theirs) static_assert(offsetof(LaunchConfig, member) == offsetof(CUlaunchConfig, theirs))
static_assert(sizeof(LaunchConfig) == sizeof(CUlaunchConfig));
AT(grid_x, gridDimX);
AT(grid_z, gridDimZ);
AT(block_x, blockDimX);
AT(block_z, blockDimZ);
AT(shared_bytes, sharedMemBytes);
AT(stream, hStream);
AT(attributes, attrs);
AT(attribute_count, numAttrs);

static_assert(sizeof(LaunchAttribute) == sizeof(CUlaunchAttribute) &&
              alignof(LaunchAttribute) >= alignof(CUlaunchAttribute));
static_assert(offsetof(LaunchAttribute, id) == offsetof(CUlaunchAttribute, id));
static_assert(offsetof(LaunchAttribute, programmatic_allowed) ==
              offsetof(CUlaunchAttribute, value.programmaticStreamSerializationAllowed));

#define VALUE(mine, theirs) static_assert(static_cast<int>(mine) == static_cast<int>(theirs))
VALUE(success, CUDA_SUCCESS);
VALUE(no_device, CUDA_ERROR_NO_DEVICE);
VALUE(invalid_image, CUDA_ERROR_INVALID_IMAGE);
VALUE(no_binary_for_gpu, CUDA_ERROR_NO_BINARY_FOR_GPU);
VALUE(ecc_uncorrectable, CUDA_ERROR_ECC_UNCORRECTABLE);
VALUE(invalid_ptx, CUDA_ERROR_INVALID_PTX);
VALUE(nvlink_uncorrectable, CUDA_ERROR_NVLINK_UNCORRECTABLE);
VALUE(not_found, CUDA_ERROR_NOT_FOUND);
VALUE(illegal_address, CUDA_ERROR_ILLEGAL_ADDRESS);
VALUE(launch_timeout, CUDA_ERROR_LAUNCH_TIMEOUT);
VALUE(context_is_destroyed, CUDA_ERROR_CONTEXT_IS_DESTROYED);
VALUE(assert_failed, CUDA_ERROR_ASSERT);
VALUE(hardware_stack_error, CUDA_ERROR_HARDWARE_STACK_ERROR);
VALUE(illegal_instruction, CUDA_ERROR_ILLEGAL_INSTRUCTION);
VALUE(misaligned_address, CUDA_ERROR_MISALIGNED_ADDRESS);
VALUE(invalid_address_space, CUDA_ERROR_INVALID_ADDRESS_SPACE);
VALUE(invalid_pc, CUDA_ERROR_INVALID_PC);
VALUE(launch_failed, CUDA_ERROR_LAUNCH_FAILED);
#if CUDA_VERSION >= 13000
VALUE(contained, CUDA_ERROR_CONTAINED);
VALUE(tensor_memory_leak, CUDA_ERROR_TENSOR_MEMORY_LEAK);
#endif
VALUE(multiprocessor_count, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
VALUE(l2_cache_size, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
VALUE(max_threads_per_multiprocessor, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR);
VALUE(compute_capability_major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
VALUE(compute_capability_minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
VALUE(max_shared_memory_per_multiprocessor, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR);
VALUE(max_registers_per_multiprocessor, CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR);
VALUE(max_shared_memory_per_block_optin, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
VALUE(max_threads_per_block, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
VALUE(shared_size_bytes, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES);
VALUE(local_size_bytes, CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES);
VALUE(num_regs, CU_FUNC_ATTRIBUTE_NUM_REGS);
VALUE(max_dynamic_shared_size_bytes, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
VALUE(capture_thread_local, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
VALUE(capture_relaxed, CU_STREAM_CAPTURE_MODE_RELAXED);
VALUE(jit_info_log_buffer, CU_JIT_INFO_LOG_BUFFER);
VALUE(jit_info_log_buffer_size_bytes, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES);
VALUE(jit_error_log_buffer, CU_JIT_ERROR_LOG_BUFFER);
VALUE(jit_error_log_buffer_size_bytes, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
VALUE(jit_log_verbose, CU_JIT_LOG_VERBOSE);
VALUE(jit_generate_line_info, CU_JIT_GENERATE_LINE_INFO);
VALUE(programmatic_stream_serialization, CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION);
VALUE(stream_non_blocking, CU_STREAM_NON_BLOCKING);
VALUE(jit_input_ptx, CU_JIT_INPUT_PTX);
VALUE(host_register_mapped, CU_MEMHOSTREGISTER_DEVICEMAP);
VALUE(out_of_memory, CUDA_ERROR_OUT_OF_MEMORY);

TEST(CudaHeader, AgreesWithTheDeclarationsOfKiln) { EXPECT_GE(CUDA_VERSION, 12000); }

} // namespace

#else

TEST(CudaHeader, AgreesWithTheDeclarationsOfKiln) { GTEST_SKIP() << "there is no cuda.h on this machine"; }

#endif
