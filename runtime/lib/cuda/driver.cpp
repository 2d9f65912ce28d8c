// Loading the driver.
#include "driver.h"

#include "kiln/error.h"
#include "kiln/runtime/environment.h"
#include "kiln/runtime/log.h"

#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <link.h>
#include <memory>
#include <pthread.h>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::driver;

namespace {

// The signatures of driver_api.h are those of this version; the driver is asked for them, whatever newer ones it has.
constexpr int required_version = 12000;

enum class State : unsigned char { usable, forked, ending };
std::atomic<State> state{State::usable};

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string library_to_load() {
  const std::string name = environment("KILN_CUDA_DRIVER");
  return name.empty() ? "libcuda.so.1" : name;
}

struct Driver {
  Api api{};
  std::string library; // file name
  int version = 0;
  int device_count = 0;
  std::unique_ptr<DeviceState[]> devices;
  std::string error; // why it cannot be used; without a full stop

  Driver() {
    error = load();
    log(LogLevel::debug, error.empty() ? "driver: " + library + " for CUDA " + version_text(version) +
                                             ", devices: " + std::to_string(device_count)
                                       : "driver: none that can be used: " + error);
  }

private:
  std::string load();
  std::string resolve(void *handle);
};

using GetProcAddress = int (*)(const char *symbol, void **function, int version, std::uint64_t flags, int *result);

std::string Driver::resolve(void *handle) {
  auto get_proc_address = reinterpret_cast<GetProcAddress>(dlsym(handle, "cuGetProcAddress_v2"));
  auto get_version = reinterpret_cast<decltype(api.driver_get_version)>(dlsym(handle, "cuDriverGetVersion"));
  if (get_version)
    get_version(&version);
  if (!get_proc_address || version < required_version)
    return "the CUDA driver is too old: it supports CUDA " + version_text(version) + ", and Kiln needs " +
           version_text(required_version) + " or later";

  std::string missing;
  auto get = [&](const char *symbol, auto &function, int since = required_version) {
    void *address = nullptr;
    if (version >= since)
      get_proc_address(symbol, &address, since, 0, nullptr);
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(address);
    if (!address && since == required_version)
      missing += (missing.empty() ? "" : ", ") + std::string(symbol);
  };
  get("cuInit", api.init);
  get("cuDriverGetVersion", api.driver_get_version);
  get("cuGetErrorName", api.get_error_name);
  get("cuGetErrorString", api.get_error_string);
  get("cuDeviceGetCount", api.device_get_count);
  get("cuDeviceGetName", api.device_get_name);
  get("cuDeviceGetAttribute", api.device_get_attribute);
  get("cuDeviceTotalMem", api.device_total_mem);
  get("cuDevicePrimaryCtxRetain", api.device_primary_ctx_retain);
  get("cuCtxGetCurrent", api.ctx_get_current);
  get("cuCtxSetCurrent", api.ctx_set_current);
  get("cuCtxPushCurrent", api.ctx_push_current);
  get("cuCtxPopCurrent", api.ctx_pop_current);
  get("cuCtxGetDevice", api.ctx_get_device);
  get("cuCtxGetId", api.ctx_get_id);
  get("cuCtxSynchronize", api.ctx_synchronize);
  get("cuMemAlloc", api.mem_alloc);
  get("cuMemFree", api.mem_free);
  get("cuMemHostRegister", api.mem_host_register);
  get("cuMemHostGetDevicePointer", api.mem_host_get_device_pointer);
  get("cuMemcpyHtoD", api.memcpy_htod);
  get("cuMemcpyHtoDAsync", api.memcpy_htod_async);
  get("cuMemcpyDtoH", api.memcpy_dtoh);
  get("cuMemsetD8", api.memset_d8);
  get("cuMemsetD8Async", api.memset_d8_async);
  get("cuStreamCreate", api.stream_create);
  get("cuStreamDestroy", api.stream_destroy);
  get("cuStreamSynchronize", api.stream_synchronize);
  get("cuStreamBeginCapture", api.stream_begin_capture);
  get("cuStreamEndCapture", api.stream_end_capture);
  get("cuThreadExchangeStreamCaptureMode", api.thread_exchange_capture_mode);
  get("cuEventCreate", api.event_create);
  get("cuEventDestroy", api.event_destroy);
  get("cuEventRecord", api.event_record);
  get("cuEventSynchronize", api.event_synchronize);
  get("cuEventElapsedTime", api.event_elapsed_time);
  get("cuGraphInstantiateWithFlags", api.graph_instantiate);
  get("cuGraphDestroy", api.graph_destroy);
  get("cuGraphLaunch", api.graph_launch);
  get("cuGraphExecDestroy", api.graph_exec_destroy);
  get("cuLibraryLoadData", api.library_load_data);
  get("cuLibraryUnload", api.library_unload);
  get("cuLibraryGetKernel", api.library_get_kernel);
  get("cuLibraryGetGlobal", api.library_get_global);
  get("cuKernelGetFunction", api.kernel_get_function);
  get("cuKernelGetAttribute", api.kernel_get_attribute);
  get("cuKernelSetAttribute", api.kernel_set_attribute);
  get("cuFuncLoad", api.func_load, 12040);
  get("cuOccupancyMaxActiveBlocksPerMultiprocessor", api.occupancy);
  get("cuLaunchKernelEx", api.launch_kernel_ex);
  get("cuLinkCreate", api.link_create);
  get("cuLinkAddData", api.link_add_data);
  get("cuLinkComplete", api.link_complete);
  get("cuLinkDestroy", api.link_destroy);
  return missing.empty() ? ""
                         : "the CUDA driver lacks " + missing + ": install one for CUDA " +
                               version_text(required_version) + " or later";
}

std::string Driver::load() {
  const std::string name = library_to_load();
  // Never closed: its threads and exit handlers live as long as the process.
  void *handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return std::string("there is no CUDA driver (") + dlerror() + ")";
  if (link_map *map = nullptr; dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0) {
    std::error_code error;
    std::filesystem::path path = std::filesystem::canonical(map->l_name, error);
    library = error ? name : path.filename().string();
  }
  if (std::string problem = resolve(handle); !problem.empty())
    return problem;
  int status = api.init(0);
  if (status == success)
    status = api.device_get_count(&device_count);
  if (status == no_device || (status == success && device_count == 0)) {
    device_count = 0;
    return "the CUDA driver finds no device (CUDA_VISIBLE_DEVICES may hide some)";
  }
  if (status != success) {
    device_count = 0;
    return "the CUDA driver cannot be initialised: " + describe(api, status);
  }
  pthread_atfork(nullptr, nullptr, [] { state.store(State::forked, std::memory_order_relaxed); });
  // Exit handlers run in the opposite order, so this one runs before those of the driver, which was just initialised.
  // What is destroyed before it is freed; objects that are older than the driver are destroyed after it.
  std::atexit([] { state.store(State::ending, std::memory_order_relaxed); });
  devices = std::make_unique<DeviceState[]>(static_cast<std::size_t>(device_count));
  for (int i = 0; i < device_count; ++i) {
    devices[i].api = &api;
    devices[i].ordinal = i;
  }
  return "";
}

// Never destroyed: kernels of static duration are unloaded after this library's destructors have run.
Driver &instance() {
  static Driver *const driver = new Driver;
  return *driver;
}

std::string reason_not_usable() {
  Driver &driver = instance();
  if (!driver.error.empty())
    return driver.error;
  if (state.load(std::memory_order_relaxed) == State::ending)
    return "the process is ending, and the CUDA driver has ended";
  if (gone())
    return "CUDA was initialised before this process was forked, and does not work in the child; fork before the first "
           "use of a CUDA device, or start the child with exec";
  return "";
}

} // namespace

bool driver::gone() { return state.load(std::memory_order_relaxed) != State::usable; }

const Api *driver::api_or_null() {
  Driver &driver = instance();
  return driver.error.empty() && !gone() ? &driver.api : nullptr;
}

const Api &driver::api() {
  if (const Api *result = api_or_null()) [[likely]]
    return *result;
  throw DeviceError(reason_not_usable());
}

std::string driver::library_name() { return instance().library; }

DeviceState &driver::state_of(Device device, const char *what) {
  if (device.kind() != Device::Kind::cuda)
    throw InvalidArgument(std::string(what) + ": device '" + device.name() + "' is not a CUDA device");
  api();
  return instance().devices[device.ordinal()]; // Device::cuda() has checked the ordinal
}

Device Device::cuda(int ordinal) {
  Driver &driver = instance();
  auto fail = [&](const std::string &why) {
    throw DeviceError("Device::cuda(" + std::to_string(ordinal) + "): " + why +
                      "; Device::cpu() and Device::interpreter() are on every machine");
  };
  if (!api_or_null()) [[unlikely]]
    fail(reason_not_usable());
  if (ordinal < 0 || ordinal >= driver.device_count) [[unlikely]]
    fail("there is no such device: the CUDA driver finds " + std::to_string(driver.device_count));
  return {Kind::cuda, ordinal};
}

int cuda::device_count() { return api_or_null() ? instance().device_count : 0; }

std::string cuda::unavailable_reason() { return reason_not_usable(); }

Device cuda::current_device() {
  // Whoever made a context current has loaded the driver.
  static std::atomic<bool> seen{false};
  if (!seen.load(std::memory_order_acquire)) {
    void *handle = dlopen(library_to_load().c_str(), RTLD_NOW | RTLD_NOLOAD);
    if (!handle)
      return {};
    dlclose(handle);
    seen.store(true, std::memory_order_release);
  }
  const Api *api = api_or_null();
  int device = 0;
  if (!api || api->ctx_get_device(&device) != success)
    return {};
  return Device::cuda(device);
}
