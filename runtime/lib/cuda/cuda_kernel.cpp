// Loading and launching kernels.
#include "kiln/runtime/cuda_kernel.h"

#include "driver.h"

#include "kiln/error.h"

#include <algorithm>
#include <string_view>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::driver;

namespace {

// What a block may use without opting in to more.
constexpr unsigned default_shared_bytes = 48 * 1024;

// Of programmatic launches. The driver reads it alone.
constexpr LaunchAttribute start_early{.id = programmatic_stream_serialization, .programmatic_allowed = 1};

std::string dimensions(std::array<unsigned, 3> grid) {
  return std::to_string(grid[0]) + " x " + std::to_string(grid[1]) + " x " + std::to_string(grid[2]);
}

// On a stream of its own: a plain copy waits for the streams that block the default one, and the capture of one of them
// would end there.
int copy_beside_streams(const Api &api, DevicePointer target, const void *source, std::size_t bytes) {
  StreamHandle stream = nullptr;
  if (int status = api.stream_create(&stream, stream_non_blocking); status != success)
    return status;
  int status = api.memcpy_htod_async(target, source, bytes, stream);
  if (status == success)
    status = api.stream_synchronize(stream);
  api.stream_destroy(stream);
  return status;
}

} // namespace

CudaKernel::CudaKernel(const KernelImage &image, Device device, std::string note)
    : name_(image.name), note_(std::move(note)), device_(device), state_(&state_of(device, "CudaKernel")),
      threads_(image.threads), shared_bytes_(image.shared_bytes), can_overlap_(state_->properties().compute_major >= 9),
      has_record_(!std::ranges::search(image.cubin, std::string_view(FailureRecord::symbol)).empty()) {
  if (note_.empty())
    note_ = "note: while running '" + name_ + "' with " + image.config;
  const Api &api = *state_->api;
  const std::string what = "cannot load kernel '" + name_ + "'";
  auto refuse = [&](const std::string &why) {
    throw LaunchError(what + " on " + device.name() + ": " + why + "\n" + note_);
  };
  auto expect = [&](int status) {
    if (status == success)
      return;
    if (library_)
      api.library_unload(library_);
    const cuda::DeviceProperties &properties = state_->properties();
    if (status == no_binary_for_gpu || status == invalid_image || status == invalid_ptx)
      refuse("it was compiled for " + image.arch + ", and the device '" + properties.name + "' is " + properties.arch +
             " (" + describe(api, status) + ")");
    if (status == not_found)
      refuse("its code has no entry point of that name");
    raise(*state_, status, what);
  };

  if (std::string problem = check_image(image); !problem.empty())
    refuse(problem);
  if (std::size_t limit = state_->properties().shared_bytes_per_block; shared_bytes_ > limit)
    refuse("it needs " + std::to_string(shared_bytes_) + " bytes of shared memory, and a block has at most " +
           std::to_string(limit) + "; smaller tiles or fewer stages need less");

  ContextScope scope(*state_);
  AllowDuringCapture allow(api);
  expect(api.library_load_data(&library_, image.cubin.data(), nullptr, nullptr, 0, nullptr, nullptr, 0));
  expect(api.library_get_kernel(&kernel_, library_, name_.c_str()));
  auto attribute = [&](FunctionAttribute which) {
    int value = 0;
    expect(api.kernel_get_attribute(&value, which, kernel_, state_->ordinal));
    return value;
  };
  const auto static_shared = static_cast<std::size_t>(attribute(shared_size_bytes));
  info_.registers = attribute(num_regs);
  info_.local_bytes = static_cast<std::size_t>(attribute(local_size_bytes));
  info_.shared_bytes = static_shared + shared_bytes_;
  info_.max_threads = attribute(max_threads_per_block);
  if (static_cast<int>(threads_) > info_.max_threads) {
    api.library_unload(library_);
    refuse("it needs " + std::to_string(threads_) + " threads a block, and at " + std::to_string(info_.registers) +
           " registers a thread the device runs at most " + std::to_string(info_.max_threads));
  }
  if (info_.shared_bytes > default_shared_bytes)
    expect(api.kernel_set_attribute(max_dynamic_shared_size_bytes, static_cast<int>(shared_bytes_), kernel_,
                                    state_->ordinal));
  void *function = nullptr;
  expect(make_ready(&function));
  expect(api.occupancy(&info_.blocks_per_multiprocessor, function, static_cast<int>(threads_), shared_bytes_));
  info_.occupancy =
      static_cast<double>(info_.blocks_per_multiprocessor) * threads_ / state_->properties().threads_per_multiprocessor;
  ready_context_.store(scope.context(), std::memory_order_release);
}

CudaKernel::~CudaKernel() {
  state_->forget(this);
  if (gone())
    return;
  // Its status does not matter: in a lost context there is nothing left to unload.
  AllowDuringCapture allow(*state_->api);
  state_->api->library_unload(library_);
}

// The driver loads a kernel into a context when it is first used there, which can take longer than many launches and is
// forbidden during a capture.
int CudaKernel::make_ready(void **function) const {
  const Api &api = *state_->api;
  int status = api.kernel_get_function(function, kernel_);
  if (status == success && api.func_load)
    status = api.func_load(*function);
  // A variable is of one context, like a function.
  DevicePointer variable = 0;
  std::size_t bytes = 0;
  if (status == success && has_record_ &&
      api.library_get_global(&variable, &bytes, library_, FailureRecord::symbol) == success)
    if (const DevicePointer record = state_->failure_record(); record && bytes == sizeof(record))
      status = copy_beside_streams(api, variable, &record, sizeof(record));
  return status;
}

int CudaKernel::enqueue(std::array<unsigned, 3> grid, void *stream, const void *const *args, bool programmatic) const {
  const bool early = programmatic && can_overlap_;
  const LaunchConfig config{
      grid[0], grid[1], grid[2], threads_, 1, 1, shared_bytes_, stream, early ? &start_early : nullptr, early};
  return state_->api->launch_kernel_ex(&config, kernel_, const_cast<void **>(args), nullptr);
}

void CudaKernel::launch(std::array<unsigned, 3> grid, void *stream, const void *const *args, bool programmatic) const {
  state_->last_kernel.store(this, std::memory_order_relaxed);
  Context context = nullptr;
  // A context is of one device, so the one that the kernel is ready in needs no further look.
  if (state_->api->ctx_get_current(&context) == success && context &&
      context == ready_context_.load(std::memory_order_relaxed)) [[likely]] {
    if (int status = enqueue(grid, stream, args, programmatic); status != success) [[unlikely]]
      fail(status, grid);
    return;
  }
  launch_elsewhere(grid, stream, args, programmatic);
}

void CudaKernel::launch_elsewhere(std::array<unsigned, 3> grid, void *stream, const void *const *args,
                                  bool programmatic) const {
  driver::api(); // throws where the driver is gone
  ContextScope scope(*state_);
  if (scope.context() != ready_context_.load(std::memory_order_relaxed)) {
    AllowDuringCapture allow(*state_->api);
    void *function = nullptr;
    if (int status = make_ready(&function); status != success)
      fail(status, grid);
    ready_context_.store(scope.context(), std::memory_order_relaxed);
  }
  if (int status = enqueue(grid, stream, args, programmatic); status != success)
    fail(status, grid);
}

void CudaKernel::fail(int status, std::array<unsigned, 3> grid) const {
  std::string message = device_.name() + ": cannot launch '" + name_ + "': " + describe(*state_->api, status);
  if (destroys_context(status))
    throw ContextLost(state_->failure_text() + message + "; it comes from this kernel or one before it" + context_lost +
                      "\n" + note_);
  throw LaunchError(message + " (" + dimensions(grid) + " blocks of " + std::to_string(threads_) + " threads, " +
                    std::to_string(info_.registers) + " registers a thread, " + std::to_string(info_.shared_bytes) +
                    " bytes of shared memory)\n" + note_);
}
