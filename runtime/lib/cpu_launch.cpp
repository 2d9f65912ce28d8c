#include "kiln/runtime/cpu_launch.h"

#include "buffer_table.h"
#include "float_mode.h"
#include "kiln/debug.h"
#include "kiln/error.h"
#include "kiln/runtime/host_failure.h"
#include "worker_pool.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

using namespace kiln;
using namespace kiln::runtime;

namespace {

// A launch that is expected to take less than this runs in the caller alone: waking a thread and waiting for it costs
// about as much.
constexpr float alone_ns = 10'000;

// The counter is taken this many times per thread in an even launch: enough for threads to finish together when
// programs differ in length, and few enough that they do not fight over it.
constexpr std::uint64_t chunks_per_thread = 32;

enum TrapCode : std::int32_t { trap_access = 1, trap_assert = 2 };

/// 64-byte aligned memory that belongs to a thread and only grows.
class Scratch {
public:
  /// Leaves it empty: a thread that ends the process goes on to the destructors of static objects, which may launch.
  ~Scratch() {
    ::operator delete(std::exchange(data_, nullptr), alignment);
    bytes_ = 0;
  }

  void *get(std::size_t bytes) {
    if (bytes > bytes_) {
      ::operator delete(data_, alignment);
      data_ = nullptr;
      bytes_ = 0;
      // Whole pages, so that kernels of similar needs do not each allocate anew.
      std::size_t rounded = (bytes + 4095) / 4096 * 4096;
      data_ = ::operator new(rounded, alignment);
      bytes_ = rounded;
    }
    return data_;
  }

private:
  static constexpr std::align_val_t alignment{64};
  void *data_ = nullptr;
  std::size_t bytes_ = 0;
};

thread_local Scratch thread_scratch;
/// Whose program this thread is inside, where it is: its scratch is in use, and a launch from here must not wait for
/// other threads.
thread_local HostFailure *launch_of_thread = nullptr;

std::string program_text(const ProgramInfo &info) {
  return "(" + std::to_string(info.id[0]) + ", " + std::to_string(info.id[1]) + ", " + std::to_string(info.id[2]) + ")";
}

/// One launch: what compiled code calls `context`.
class Launch final : public Job, public HostFailure {
public:
  Launch(const CpuKernel &kernel, std::array<unsigned, 3> grid, const void *const *args)
      : kernel_(kernel), grid_(grid), args_(args), total_(std::uint64_t{grid[0]} * grid[1] * grid[2]) {
    if (kernel.checked)
      buffers_ = current_buffers();
  }

  std::uint64_t total() const { return total_; }
  bool has_work() const noexcept override { return next_.load(std::memory_order_relaxed) < total_; }

  void set_threads(unsigned threads) { chunk_ = std::max<std::uint64_t>(1, total_ / (threads * chunks_per_thread)); }

  bool run() noexcept override {
    return run_while([] { return true; });
  }

  /// Runs chunks in this thread until a launch that looked short turns out not to be.
  void run_briefly() noexcept {
    auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(2 * static_cast<int>(alone_ns));
    run_while([end] { return std::chrono::steady_clock::now() < end; });
  }

  /// Throws what went wrong. Called when no thread is inside any more.
  void finish() const {
    if (out_of_memory_)
      throw std::bad_alloc();
    if (error_)
      std::rethrow_exception(error_);
    if (!trap_)
      return;
    std::string message = trap_->where.empty() ? "" : trap_->where + ": error: ";
    message += trap_->message + "\nnote: in program " + program_text(trap_->program) + " of '" + kernel_.name + "'";
    if (!kernel_.note.empty())
      message += "\n" + kernel_.note;
    throw TrapError(message);
  }

  /// Remembers the first trap of the launch and stops the other programs. Never throws.
  std::int32_t trap(TrapCode code, const ProgramInfo &program, const char *where, std::string message) noexcept {
    std::lock_guard lock(mutex_);
    if (!trap_ && !out_of_memory_ && !error_) {
      try {
        trap_.emplace(Trap{program, where ? where : "", std::move(message)});
      } catch (const std::bad_alloc &) {
        out_of_memory_ = true;
      }
    }
    return code;
  }

  void fail(std::exception_ptr error) noexcept override {
    std::lock_guard lock(mutex_);
    if (!trap_ && !out_of_memory_ && !error_)
      error_ = std::move(error);
    stop();
  }
  bool failed() const noexcept override { return stopped_.load(std::memory_order_relaxed); }

  const CpuKernel &kernel() const { return kernel_; }
  const BufferTable *buffers() const { return buffers_.get(); }

private:
  struct Trap {
    ProgramInfo program;
    std::string where;
    std::string message;
  };

  template <typename Condition>
  bool run_while(Condition condition) noexcept;
  void run_chunk(std::uint64_t begin, std::uint64_t end, void *scratch) noexcept;
  void stop() {
    stopped_.store(true, std::memory_order_relaxed);
    next_.store(total_, std::memory_order_relaxed);
  }

  const CpuKernel &kernel_;
  const std::array<unsigned, 3> grid_;
  const void *const *const args_;
  const std::uint64_t total_;
  std::uint64_t chunk_ = 1;
  std::shared_ptr<const BufferTable> buffers_;
  std::mutex mutex_;
  std::optional<Trap> trap_;
  bool out_of_memory_ = false;
  std::exception_ptr error_; // of a call into the user's code
  /// The first program that nobody has taken. A line of its own: every thread writes it.
  alignas(64) std::atomic<std::uint64_t> next_{0};
  alignas(64) std::atomic<bool> stopped_{false};
};

template <typename Condition>
bool Launch::run_while(Condition condition) noexcept {
  HostFailure *const outer = launch_of_thread;
  Scratch nested_scratch;
  void *scratch = nullptr;
  bool worked = false;
  while (has_work() && condition()) {
    std::uint64_t begin = next_.fetch_add(chunk_, std::memory_order_relaxed);
    if (begin >= total_)
      break;
    if (!worked) {
      try {
        scratch = (outer ? nested_scratch : thread_scratch).get(kernel_.scratch_bytes);
      } catch (const std::bad_alloc &) {
        std::lock_guard lock(mutex_);
        out_of_memory_ = true;
        stop();
        return true;
      }
    }
    worked = true;
    launch_of_thread = this;
    run_chunk(begin, std::min(begin + chunk_, total_), scratch);
    launch_of_thread = outer;
  }
  return worked;
}

void Launch::run_chunk(std::uint64_t begin, std::uint64_t end, void *scratch) noexcept {
  DefaultFloatMode float_mode;
  ProgramInfo info;
  for (int axis = 0; axis < 3; ++axis)
    info.num[axis] = static_cast<std::int32_t>(grid_[axis]);
  info.id[0] = static_cast<std::int32_t>(begin % grid_[0]);
  info.id[1] = static_cast<std::int32_t>(begin / grid_[0] % grid_[1]);
  info.id[2] = static_cast<std::int32_t>(begin / grid_[0] / grid_[1]);
  for (std::uint64_t i = begin; i < end; ++i) {
    if (stopped_.load(std::memory_order_relaxed))
      return;
    std::int32_t code = kernel_.entry(args_, &info, scratch, this);
    if (code != 0) [[unlikely]] {
      trap(static_cast<TrapCode>(code), info, "", "the kernel stopped with trap code " + std::to_string(code));
      stop();
      return;
    }
    for (int axis = 0; axis < 3; ++axis) {
      if (++info.id[axis] < info.num[axis])
        break;
      info.id[axis] = 0;
    }
  }
}

} // namespace

HostFailure *kiln::runtime::current_launch() noexcept { return launch_of_thread; }
HostFailure *kiln::runtime::set_current_launch(HostFailure *launch) noexcept {
  return std::exchange(launch_of_thread, launch);
}

unsigned kiln::runtime::cpu_threads() { return WorkerPool::instance().threads(); }

void kiln::runtime::check_grid(const std::string &kernel, std::array<unsigned, 3> grid) {
  constexpr unsigned limit[3] = {2147483647u, 65535u, 65535u};
  for (int axis = 0; axis < 3; ++axis) {
    if (grid[axis] >= 1 && grid[axis] <= limit[axis])
      continue;
    throw LaunchError("cannot launch '" + kernel + "': the grid is (" + std::to_string(grid[0]) + ", " +
                      std::to_string(grid[1]) + ", " + std::to_string(grid[2]) + "), but its " + "xyz"[axis] +
                      " must be from 1 to " + std::to_string(limit[axis]));
  }
}

void kiln::runtime::launch_cpu(const CpuKernel &kernel, std::array<unsigned, 3> grid, const void *const *args) {
  check_grid(kernel.name, grid);
  Launch launch(kernel, grid, args);
  // A single program, the case where overhead shows, touches neither the clock nor the pool.
  if (launch.total() == 1 || launch_of_thread) {
    launch.run();
    return launch.finish();
  }
  WorkerPool &pool = WorkerPool::instance();
  launch.set_threads(pool.threads());
  auto start = std::chrono::steady_clock::now();
  float expected = kernel.program_ns.load(std::memory_order_relaxed) * static_cast<float>(launch.total());
  if (expected > 0 && expected < alone_ns)
    launch.run_briefly();
  if (launch.has_work()) {
    if (pool.threads() > 1)
      pool.share(launch);
    else
      launch.run();
  }
  std::chrono::duration<float, std::nano> took = std::chrono::steady_clock::now() - start;
  kernel.program_ns.store(std::max(1.0f, took.count()) / static_cast<float>(launch.total()), std::memory_order_relaxed);
  launch.finish();
}

// ", at element (1, 3)" of the element in row-major order; nothing of a scalar.
static std::string element_text(std::int64_t element, std::string_view extents) {
  std::string text;
  while (!extents.empty()) {
    const std::size_t last = extents.rfind('x') + 1; // 0 where there is one extent
    const std::int64_t size = std::atoll(extents.data() + last);
    text = std::to_string(element % size) + (text.empty() ? "" : ", ") + text;
    element /= size;
    extents = extents.substr(0, last ? last - 1 : 0);
  }
  return text.empty() ? "" : ", at element (" + text + ")";
}

std::int32_t kiln::runtime::cpu_check(void *context, const ProgramInfo *program, const void *address,
                                      std::int64_t bytes, const char *access, const char *where) {
  auto &launch = *static_cast<Launch *>(context);
  auto size = static_cast<std::size_t>(bytes);
  if (!launch.buffers() || size == 0 || launch.buffers()->contains(address, size)) [[likely]]
    return 0;
  std::string message;
  try {
    message = launch.buffers()->describe(address, size, access);
  } catch (const std::bad_alloc &) {
    // The trap counts more than its text.
  }
  return launch.trap(trap_access, *program, where, std::move(message));
}

std::int32_t kiln::runtime::cpu_assert_failed(void *context, const ProgramInfo *program, const char *message,
                                              const char *where, std::int64_t element, const char *extents) {
  std::string text;
  try {
    text = std::string("assertion failed: ") + message + element_text(element, extents);
  } catch (const std::bad_alloc &) {
  }
  return static_cast<Launch *>(context)->trap(trap_assert, *program, where, std::move(text));
}

void kiln::runtime::cpu_print(void *context, const ProgramInfo *program, const char *prefix, std::int32_t kind,
                              const void *values, std::int64_t count, const char *type) {
  auto &launch = *static_cast<Launch *>(context);
  if (launch.failed())
    return; // what was thrown for the first line is not to be thrown for each
  try {
    std::string line = launch.kernel().name + program_text(*program) + " " + prefix;
    if (count > 0)
      line += std::string(" [") + type + "]";
    for (std::int64_t i = 0; i < count; ++i) {
      char text[48];
      if (kind == 1 || kind == 3)
        std::snprintf(text, sizeof(text), kind == 3 ? "%.17g" : "%.9g", static_cast<const double *>(values)[i]);
      else
        std::snprintf(text, sizeof(text), kind == 2 ? "0x%llx" : "%lld",
                      static_cast<long long>(static_cast<const std::int64_t *>(values)[i]));
      line += ' ';
      line += text;
    }
    debug::print_line(line);
  } catch (...) {
    launch.fail(std::current_exception());
  }
}
