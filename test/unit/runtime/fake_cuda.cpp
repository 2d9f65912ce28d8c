#include "fake_cuda.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <dlfcn.h>
#include <memory>
#include <unistd.h>

using namespace fake;

namespace {

struct Context {
  int device;
  unsigned long long id;
};
struct Kernel {
  std::string code; // what was loaded
  std::string name;
};

std::atomic<unsigned long long> next_context_id{10}; // primary contexts have those before

thread_local std::vector<void *> stack;
thread_local int mode = 0;

int environment(const char *name, int otherwise) {
  const char *value = std::getenv(name);
  return value ? std::atoi(value) : otherwise;
}

std::atomic<bool> ended{false}; // the process is

/// Notes the call; what it is to return.
int enter(const char *name) {
  if (ended) {
    std::fprintf(stderr, "%s was called after the driver's end\n", name);
    _exit(9);
  }
  State &s = state();
  if (s.execute)
    return 0;
  std::lock_guard lock(s.mutex);
  s.calls.emplace_back(name);
  s.capture_mode[name] = mode;
  auto it = s.fail.find(name);
  return it == s.fail.end() ? 0 : it->second;
}

#define ENTER(name)                                                                                                    \
  if (int status = enter(name))                                                                                        \
  return status

int init(unsigned) {
  std::atexit([] { ended = true; });
  return environment("FAKE_CUDA_INIT", 0);
}
int get_version(int *version) {
  *version = environment("FAKE_CUDA_VERSION", 13000);
  return 0;
}
int error_name(int status, const char **name) {
  static const std::map<int, const char *> names = {
      {1, "CUDA_ERROR_INVALID_VALUE"}, {2, "CUDA_ERROR_OUT_OF_MEMORY"},     {209, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
      {500, "CUDA_ERROR_NOT_FOUND"},   {700, "CUDA_ERROR_ILLEGAL_ADDRESS"}, {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"},
      {710, "CUDA_ERROR_ASSERT"}};
  auto it = names.find(status);
  *name = it == names.end() ? nullptr : it->second;
  return *name ? 0 : 1;
}
int error_string(int, const char **text) {
  *text = "the description";
  return 0;
}
int device_count(int *count) {
  *count = environment("FAKE_CUDA_DEVICES", 2);
  return 0;
}
int device_name(char *name, int length, int device) {
  std::strncpy(name, device == 0 ? "Fake A" : "Fake B", static_cast<std::size_t>(length));
  return 0;
}
int device_attribute(int *value, int attribute, int device) {
  switch (attribute) {
  case 75:
    *value = device == 0 ? 9 : 8;
    break;
  case 76:
    *value = 0;
    break;
  case 97:
    *value = device == 0 ? 232448 : 166912;
    break;
  case 39:
    *value = 2048;
    break;
  default:
    *value = 1000 + attribute;
  }
  return 0;
}
int total_mem(std::size_t *bytes, int) {
  *bytes = std::size_t{80} << 30;
  return 0;
}
int primary_retain(void **context, int device) {
  ENTER("cuDevicePrimaryCtxRetain");
  *context = primary_context(device);
  return 0;
}

int ctx_get_current(void **context) {
  ENTER("cuCtxGetCurrent");
  *context = current();
  return 0;
}
int ctx_set_current(void *context) {
  ENTER("cuCtxSetCurrent");
  set_current(context);
  return 0;
}
int ctx_push(void *context) {
  ENTER("cuCtxPushCurrent");
  stack.push_back(context);
  return 0;
}
int ctx_pop(void **context) {
  ENTER("cuCtxPopCurrent");
  *context = current();
  stack.pop_back();
  return 0;
}
int ctx_get_device(int *device) {
  ENTER("cuCtxGetDevice");
  if (!current())
    return 201;
  *device = static_cast<Context *>(current())->device;
  return 0;
}
int ctx_get_id(void *context, unsigned long long *id) {
  ENTER("cuCtxGetId");
  *id = static_cast<Context *>(context)->id;
  return 0;
}
int ctx_synchronize() {
  ENTER("cuCtxSynchronize");
  return 0;
}

int mem_alloc(std::uint64_t *address, std::size_t bytes) {
  ENTER("cuMemAlloc");
  void *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (!memory)
    return 2;
  *address = reinterpret_cast<std::uint64_t>(memory);
  State &s = state();
  std::lock_guard lock(s.mutex);
  s.memory[memory] = bytes;
  s.memory_context[memory] = current();
  return 0;
}
int mem_free(std::uint64_t address) {
  ENTER("cuMemFree");
  State &s = state();
  std::lock_guard lock(s.mutex);
  void *memory = reinterpret_cast<void *>(address);
  if (s.memory_context[memory] != current() || !s.memory.erase(memory))
    return 1;
  std::free(memory);
  return 0;
}
int mem_host_register(void *address, std::size_t, unsigned) {
  ENTER("cuMemHostRegister");
  std::lock_guard lock(state().mutex);
  return state().registered.emplace(address, current()).second ? 0 : 712;
}
/// The device sees what is registered elsewhere, so that nobody takes the one address for the other.
int mem_host_get_device_pointer(std::uint64_t *address, void *host, unsigned) {
  ENTER("cuMemHostGetDevicePointer");
  std::lock_guard lock(state().mutex);
  auto it = state().registered.find(host);
  if (it == state().registered.end() || it->second != current())
    return 1;
  *address = reinterpret_cast<std::uint64_t>(host) + State::device_offset;
  return 0;
}
int htod(std::uint64_t target, const void *source, std::size_t bytes) {
  ENTER("cuMemcpyHtoD");
  std::memcpy(reinterpret_cast<void *>(target), source, bytes);
  return 0;
}
int htod_async(std::uint64_t target, const void *source, std::size_t bytes, void *) {
  ENTER("cuMemcpyHtoDAsync");
  std::memcpy(reinterpret_cast<void *>(target), source, bytes);
  return 0;
}
int dtoh(void *target, std::uint64_t source, std::size_t bytes) {
  ENTER("cuMemcpyDtoH");
  std::memcpy(target, reinterpret_cast<const void *>(source), bytes);
  return 0;
}
int memset_d8(std::uint64_t target, unsigned char value, std::size_t bytes) {
  ENTER("cuMemsetD8");
  std::memset(reinterpret_cast<void *>(target), value, bytes);
  return 0;
}
int memset_d8_async(std::uint64_t target, unsigned char value, std::size_t bytes, void *) {
  ENTER("cuMemsetD8Async");
  std::memset(reinterpret_cast<void *>(target), value, bytes);
  return 0;
}

// Streams, events and graphs are numbers.
std::atomic<std::uintptr_t> next_handle{0x1000};
int make_handle(const char *name, void **handle) {
  ENTER(name);
  *handle = reinterpret_cast<void *>(next_handle.fetch_add(16));
  return 0;
}
int stream_create(void **stream, unsigned flags) { return flags == 1 ? make_handle("cuStreamCreate", stream) : 1; }
int stream_destroy(void *) { return enter("cuStreamDestroy"); }
int stream_synchronize(void *) { return enter("cuStreamSynchronize"); }
int begin_capture(void *, int) { return enter("cuStreamBeginCapture"); }
int end_capture(void *, void **graph) { return make_handle("cuStreamEndCapture", graph); }
int exchange_mode(int *value) {
  std::swap(mode, *value);
  return 0;
}
int event_create(void **event, unsigned) { return make_handle("cuEventCreate", event); }
int event_destroy(void *) { return enter("cuEventDestroy"); }
int event_record(void *, void *) { return enter("cuEventRecord"); }
int event_synchronize(void *) { return enter("cuEventSynchronize"); }
int event_elapsed(float *ms, void *, void *) {
  *ms = 2.5f;
  return enter("cuEventElapsedTime");
}
/// The function before flags: called with the arguments of its successor, it writes where `node` happens to point.
int graph_instantiate_with_log(void **, void *, void *, char *, std::size_t) { std::abort(); }

int graph_instantiate(void **executable, void *, unsigned long long) {
  return make_handle("cuGraphInstantiateWithFlags", executable);
}
int graph_destroy(void *) { return enter("cuGraphDestroy"); }
int graph_launch(void *, void *) { return enter("cuGraphLaunch"); }
int graph_exec_destroy(void *) { return enter("cuGraphExecDestroy"); }

int library_load(void **library, const void *data, int *, void **, unsigned, int *, void **, unsigned) {
  ENTER("cuLibraryLoadData");
  auto kernel = std::make_unique<Kernel>();
  ++state().libraries;
  if (state().execute) {
    const char *code = static_cast<const char *>(data);
    kernel->code.assign(code, std::strcspn(code, ";") + 1);
    *library = kernel.release();
    return 0;
  }
  // What was launched is looked at later, so it is never freed.
  std::lock_guard lock(state().mutex);
  static auto *const kernels = new std::deque<std::unique_ptr<Kernel>>;
  *library = kernels->emplace_back(std::move(kernel)).get();
  return 0;
}
int library_unload(void *library) {
  ENTER("cuLibraryUnload");
  --state().libraries;
  if (state().execute)
    delete static_cast<Kernel *>(library);
  return 0;
}
int library_get_kernel(void **kernel, void *library, const char *name) {
  ENTER("cuLibraryGetKernel");
  static_cast<Kernel *>(library)->name = name;
  *kernel = library;
  return 0;
}
int library_get_global(std::uint64_t *address, std::size_t *bytes, void *, const char *name) {
  ENTER("cuLibraryGetGlobal");
  std::lock_guard lock(state().mutex);
  *address = reinterpret_cast<std::uint64_t>(&state().variables[name]);
  *bytes = sizeof(std::uint64_t);
  return 0;
}
int kernel_get_function(void **function, void *kernel) {
  ENTER("cuKernelGetFunction");
  *function = kernel;
  return current() ? 0 : 201;
}
int kernel_get_attribute(int *value, int attribute, void *, int) {
  ENTER("cuKernelGetAttribute");
  if (state().execute) {
    *value = attribute == 0 ? 1024 : 32; // threads that a block may have; registers and bytes
    return 0;
  }
  std::lock_guard lock(state().mutex);
  *value = state().attributes[attribute];
  return 0;
}
int kernel_set_attribute(int attribute, int value, void *kernel, int device) {
  ENTER("cuKernelSetAttribute");
  if (state().execute)
    return 0;
  std::lock_guard lock(state().mutex);
  if (attribute != 8)
    return 1;
  state().dynamic_shared[{kernel, device}] = value;
  return 0;
}
int func_load(void *) { return enter("cuFuncLoad"); }
int occupancy(int *blocks, void *, int, std::size_t) {
  ENTER("cuOccupancyMaxActiveBlocksPerMultiprocessor");
  *blocks = 4;
  return 0;
}

struct LaunchAttribute {
  int id, padding;
  alignas(8) int value[16];
};
struct LaunchConfig {
  unsigned grid[3], block[3], shared_bytes;
  void *stream;
  const LaunchAttribute *attributes;
  unsigned attribute_count;
};
int launch(const LaunchConfig *config, void *kernel, void **parameters, void **) {
  ENTER("cuLaunchKernelEx");
  if (state().execute) {
    state().execute(static_cast<Kernel *>(kernel)->code.c_str(), config->grid, parameters);
    return 0;
  }
  Launch record{};
  record.context = current();
  record.kernel = kernel;
  record.stream = config->stream;
  std::memcpy(record.grid, config->grid, sizeof(record.grid));
  std::memcpy(record.block, config->block, sizeof(record.block));
  record.shared_bytes = config->shared_bytes;
  for (unsigned i = 0; i < config->attribute_count; ++i)
    record.attributes.emplace_back(config->attributes[i].id, config->attributes[i].value[0]);
  if (parameters && parameters[0])
    std::memcpy(&record.first_argument, parameters[0], sizeof(record.first_argument));
  std::lock_guard lock(state().mutex);
  state().launches.push_back(record);
  return 0;
}

struct Link {
  std::string cubin;
  char *info = nullptr, *error = nullptr;
};
int link_create(unsigned count, int *names, void **values, void **link) {
  ENTER("cuLinkCreate");
  auto result = std::make_unique<Link>();
  for (unsigned i = 0; i < count; ++i) {
    if (names[i] == 3)
      result->info = static_cast<char *>(values[i]);
    if (names[i] == 5)
      result->error = static_cast<char *>(values[i]);
  }
  *link = result.release();
  return 0;
}
int link_add_data(void *handle, int type, void *data, std::size_t size, const char *, unsigned, int *, void **) {
  Link &link = *static_cast<Link *>(handle);
  const std::string log = state().link_log;
  if (int status = enter("cuLinkAddData")) {
    std::strcpy(link.error, log.c_str());
    return status;
  }
  std::strcpy(link.info, log.c_str());
  link.cubin = "cubin of " + std::string(static_cast<char *>(data), size - 1);
  return type == 1 && static_cast<char *>(data)[size - 1] == 0 ? 0 : 1;
}
int link_complete(void *handle, void **cubin, std::size_t *size) {
  ENTER("cuLinkComplete");
  Link &link = *static_cast<Link *>(handle);
  *cubin = link.cubin.data();
  *size = link.cubin.size();
  return 0;
}
int link_destroy(void *handle) {
  delete static_cast<Link *>(handle);
  return enter("cuLinkDestroy");
}

template <class F>
void *pointer(F *function) {
  return reinterpret_cast<void *>(function);
}

const std::map<std::string, void *> &functions() {
  static const std::map<std::string, void *> table = {
      {"cuInit", pointer(init)},
      {"cuDriverGetVersion", pointer(get_version)},
      {"cuGetErrorName", pointer(error_name)},
      {"cuGetErrorString", pointer(error_string)},
      {"cuDeviceGetCount", pointer(device_count)},
      {"cuDeviceGetName", pointer(device_name)},
      {"cuDeviceGetAttribute", pointer(device_attribute)},
      {"cuDeviceTotalMem", pointer(total_mem)},
      {"cuDevicePrimaryCtxRetain", pointer(primary_retain)},
      {"cuCtxGetCurrent", pointer(ctx_get_current)},
      {"cuCtxSetCurrent", pointer(ctx_set_current)},
      {"cuCtxPushCurrent", pointer(ctx_push)},
      {"cuCtxPopCurrent", pointer(ctx_pop)},
      {"cuCtxGetDevice", pointer(ctx_get_device)},
      {"cuCtxGetId", pointer(ctx_get_id)},
      {"cuCtxSynchronize", pointer(ctx_synchronize)},
      {"cuMemAlloc", pointer(mem_alloc)},
      {"cuMemFree", pointer(mem_free)},
      {"cuMemHostRegister", pointer(mem_host_register)},
      {"cuMemHostGetDevicePointer", pointer(mem_host_get_device_pointer)},
      {"cuMemcpyHtoD", pointer(htod)},
      {"cuMemcpyHtoDAsync", pointer(htod_async)},
      {"cuMemcpyDtoH", pointer(dtoh)},
      {"cuMemsetD8", pointer(memset_d8)},
      {"cuMemsetD8Async", pointer(memset_d8_async)},
      {"cuStreamCreate", pointer(stream_create)},
      {"cuStreamDestroy", pointer(stream_destroy)},
      {"cuStreamSynchronize", pointer(stream_synchronize)},
      {"cuStreamBeginCapture", pointer(begin_capture)},
      {"cuStreamEndCapture", pointer(end_capture)},
      {"cuThreadExchangeStreamCaptureMode", pointer(exchange_mode)},
      {"cuEventCreate", pointer(event_create)},
      {"cuEventDestroy", pointer(event_destroy)},
      {"cuEventRecord", pointer(event_record)},
      {"cuEventSynchronize", pointer(event_synchronize)},
      {"cuEventElapsedTime", pointer(event_elapsed)},
      {"cuGraphInstantiate", pointer(graph_instantiate_with_log)}, // under this name every version has the old one
      {"cuGraphInstantiateWithFlags", pointer(graph_instantiate)},
      {"cuGraphDestroy", pointer(graph_destroy)},
      {"cuGraphLaunch", pointer(graph_launch)},
      {"cuGraphExecDestroy", pointer(graph_exec_destroy)},
      {"cuLibraryLoadData", pointer(library_load)},
      {"cuLibraryUnload", pointer(library_unload)},
      {"cuLibraryGetKernel", pointer(library_get_kernel)},
      {"cuLibraryGetGlobal", pointer(library_get_global)},
      {"cuKernelGetFunction", pointer(kernel_get_function)},
      {"cuKernelGetAttribute", pointer(kernel_get_attribute)},
      {"cuKernelSetAttribute", pointer(kernel_set_attribute)},
      {"cuFuncLoad", pointer(func_load)},
      {"cuOccupancyMaxActiveBlocksPerMultiprocessor", pointer(occupancy)},
      {"cuLaunchKernelEx", pointer(launch)},
      {"cuLinkCreate", pointer(link_create)},
      {"cuLinkAddData", pointer(link_add_data)},
      {"cuLinkComplete", pointer(link_complete)},
      {"cuLinkDestroy", pointer(link_destroy)},
  };
  return table;
}

} // namespace

State &fake::state() {
  static State *const instance = new State;
  return *instance;
}

std::string fake::library() {
  Dl_info info{};
  dladdr(reinterpret_cast<void *>(&fake::library), &info);
  return info.dli_fname;
}

void State::reset() {
  std::lock_guard lock(mutex);
  calls.clear();
  launches.clear();
  fail.clear();
  capture_mode.clear();
  dynamic_shared.clear();
  link_log.clear();
  attributes = {{0, 1024}, {1, 0}, {3, 0}, {4, 40}};
}

std::size_t State::count(const std::string &call) {
  std::lock_guard lock(mutex);
  std::size_t result = 0;
  for (const std::string &c : calls)
    result += c == call;
  return result;
}

void *fake::create_context(int device) {
  static auto *const contexts = new std::deque<Context>;
  return &contexts->emplace_back(Context{device, next_context_id.fetch_add(1)});
}

void fake::recreate_context(void *context) {
  std::lock_guard lock(state().mutex);
  std::erase_if(state().registered, [&](const auto &memory) { return memory.second == context; });
  static_cast<Context *>(context)->id = next_context_id.fetch_add(1);
}

void *fake::primary_context(int device) {
  static Context contexts[2] = {{0, 1}, {1, 2}};
  return &contexts[device];
}

void fake::set_current(void *context) {
  stack.clear();
  if (context)
    stack.push_back(context);
}

void *fake::current() { return stack.empty() ? nullptr : stack.back(); }

extern "C" FAKE_API int cuDriverGetVersion(int *version) { return get_version(version); }

extern "C" FAKE_API int cuGetProcAddress_v2(const char *symbol, void **function, int version, std::uint64_t, int *) {
  const char *missing = std::getenv("FAKE_CUDA_MISSING");
  auto it = functions().find(symbol);
  bool known = it != functions().end() && version <= environment("FAKE_CUDA_VERSION", 13000);
  *function = known && !(missing && std::strcmp(missing, symbol) == 0) ? it->second : nullptr;
  return 0;
}
