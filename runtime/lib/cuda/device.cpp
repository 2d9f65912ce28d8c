// Devices, contexts, and what errors of the driver become.
#include "driver.h"

#include "kiln/error.h"
#include "kiln/runtime/cuda_kernel.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <new>
#include <unistd.h>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::driver;

const char *const driver::context_lost =
    "; nothing works in this CUDA context any more, and it can only be destroyed. The host, the CPU and other devices "
    "go on. To find the launch to blame, set CUDA_LAUNCH_BLOCKING=1, or run under compute-sanitizer";

std::string driver::describe(const Api &api, int status) {
  const char *name = nullptr, *text = nullptr;
  if (api.get_error_name(status, &name) != success || !name)
    return "CUDA error " + std::to_string(status);
  api.get_error_string(status, &text);
  return std::string(name) + ": " + (text ? text : "no description");
}

bool driver::destroys_context(int status) {
  switch (status) {
  case ecc_uncorrectable:
  case nvlink_uncorrectable:
  case contained:
  case illegal_address:
  case launch_timeout:
  case context_is_destroyed:
  case assert_failed:
  case hardware_stack_error:
  case illegal_instruction:
  case misaligned_address:
  case invalid_address_space:
  case invalid_pc:
  case launch_failed:
  case tensor_memory_leak:
    return true;
  default:
    return false;
  }
}

void driver::raise(DeviceState &state, int status, const std::string &what) {
  const std::string message =
      "cuda:" + std::to_string(state.ordinal) + ": " + what + ": " + describe(*state.api, status);
  if (destroys_context(status))
    throw ContextLost(state.failure_text() + message + context_lost + state.note_of_last_kernel());
  if (status == out_of_memory)
    throw OutOfMemory(message + "; free some, or use smaller buffers");
  throw DeviceError(message);
}

Context DeviceState::primary_context() {
  std::call_once(context_once_, [this] {
    if (int status = api->device_primary_ctx_retain(&context_, ordinal); status != success)
      raise(*this, status, "cannot retain the primary context");
  });
  return context_;
}

const cuda::DeviceProperties &DeviceState::properties() {
  std::call_once(properties_once_, [this] {
    auto get = [this](DeviceAttribute attribute) {
      int value = 0;
      check(*this, api->device_get_attribute(&value, attribute, ordinal), "cannot read the properties of the device");
      return value;
    };
    cuda::DeviceProperties p;
    char name[256] = "";
    check(*this, api->device_get_name(name, sizeof(name), ordinal), "cannot read the name of the device");
    check(*this, api->device_total_mem(&p.memory_bytes, ordinal), "cannot read the properties of the device");
    check(*this, api->driver_get_version(&p.driver_version), "cannot read the version of the driver");
    p.name = name;
    p.compute_major = get(compute_capability_major);
    p.compute_minor = get(compute_capability_minor);
    // From 9.0 on, what makes the tensor cores fast is in the architecture's own instruction set, the one with an 'a'.
    p.arch = "sm_" + std::to_string(p.compute_major * 10 + p.compute_minor) + (p.compute_major >= 9 ? "a" : "");
    p.multiprocessors = get(multiprocessor_count);
    p.threads_per_multiprocessor = get(max_threads_per_multiprocessor);
    p.registers_per_multiprocessor = get(max_registers_per_multiprocessor);
    p.shared_bytes_per_block = static_cast<std::size_t>(get(max_shared_memory_per_block_optin));
    p.shared_bytes_per_multiprocessor = static_cast<std::size_t>(get(max_shared_memory_per_multiprocessor));
    p.l2_bytes = static_cast<std::size_t>(get(l2_cache_size));
    properties_ = std::move(p);
  });
  return properties_;
}

DeviceState::ContextRecord *DeviceState::find_record(Context context) {
  auto it = std::ranges::find(failures_, context, &ContextRecord::context);
  return it == failures_.end() ? nullptr : &*it;
}

DevicePointer DeviceState::failure_record() {
  Context context = nullptr;
  unsigned long long id = 0;
  if (api->ctx_get_current(&context) != success || api->ctx_get_id(context, &id) != success)
    return 0;
  std::lock_guard lock(failure_mutex_);
  // Whole pages are registered, which then hold nothing else.
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  static_assert(sizeof(FailureRecord) <= 4096);
  ContextRecord *known = find_record(context);
  if (!known) {
    void *memory = std::aligned_alloc(page, page);
    if (!memory)
      return 0;
    known = &failures_.emplace_back(ContextRecord{context, 0, new (memory) FailureRecord{}});
  }
  DevicePointer address = 0;
  if (known->id == id && api->mem_host_get_device_pointer(&address, known->record, 0) == success)
    return address;
  // A context that is new, or that was reset.
  *known->record = {};
  known->id = id;
  if (api->mem_host_register(known->record, page, host_register_mapped) != success ||
      api->mem_host_get_device_pointer(&address, known->record, 0) != success)
    return 0;
  return address;
}

std::string DeviceState::failure_text() {
  Context context = nullptr;
  if (api->ctx_get_current(&context) != success)
    return {};
  std::lock_guard lock(failure_mutex_);
  const ContextRecord *known = find_record(context);
  unsigned long long id = 0;
  if (!known || (api->ctx_get_id(context, &id) == success && id != known->id))
    return {};
  const FailureRecord *record = known->record;
  if (std::atomic_ref(known->record->state).load() != FailureRecord::done)
    return {};
  auto list = [](const auto *numbers, std::size_t n) {
    std::string text;
    for (std::size_t i = 0; i < n; ++i)
      text += (i ? ", " : "") + std::to_string(numbers[i]);
    return "(" + text + ")";
  };
  std::string text(record->text, strnlen(record->text, sizeof(record->text)));
  if (record->rank > 0)
    text += ", at element " + list(record->index, std::min<std::size_t>(record->rank, std::size(record->index)));
  return text + "\nnote: in program " + list(record->program, 3) + ", thread " + std::to_string(record->thread) +
         "\nnote: ";
}

void DeviceState::forget(const CudaKernel *kernel) {
  std::lock_guard lock(last_kernel_mutex_);
  last_kernel.compare_exchange_strong(kernel, nullptr);
}

std::string DeviceState::note_of_last_kernel() {
  // A kernel's destructor waits here, so the kernel lives while it is described.
  std::lock_guard lock(last_kernel_mutex_);
  const CudaKernel *kernel = last_kernel.load();
  return kernel ? "\nnote: the last kernel that was launched there: '" + kernel->name() + "'\n" + kernel->note() : "";
}

const cuda::DeviceProperties &cuda::properties(Device device) {
  return state_of(device, "cuda::properties").properties();
}

ContextScope::ContextScope(DeviceState &state) : api_(state.api) {
  check(state, api_->ctx_get_current(&context_), "cannot read the current context");
  if (!context_) {
    context_ = state.primary_context();
    check(state, api_->ctx_set_current(context_), "cannot make the primary context current");
    return;
  }
  int device = -1;
  check(state, api_->ctx_get_device(&device), "cannot read the device of the current context");
  if (device == state.ordinal)
    return;
  context_ = state.primary_context();
  check(state, api_->ctx_push_current(context_), "cannot make the primary context current");
  pushed_ = true;
}

ContextScope::ContextScope(DeviceState &state, Context context) : api_(state.api), context_(context) {
  Context current = nullptr;
  check(state, api_->ctx_get_current(&current), "cannot read the current context");
  if (current == context)
    return;
  check(state, api_->ctx_push_current(context), "cannot make the context current");
  pushed_ = true;
}

ContextScope::~ContextScope() {
  Context popped;
  if (pushed_)
    api_->ctx_pop_current(&popped);
}
