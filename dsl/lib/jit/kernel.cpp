// What KernelBase does: trace, compile, remember, launch.
#include "kiln/kernel.h"

#include "jit/cache.h"
#include "trace.h"

#include "kiln/debug.h"
#include "kiln/runtime/cpu_launch.h"

#include "llvm/Support/raw_ostream.h"

#include <chrono>

using namespace kiln;
using namespace kiln::detail;

namespace {

struct Counters {
  std::atomic<std::uint64_t> traces{0}, compiles{0}, hits{0}, disk_hits{0}, disk_misses{0};

  KernelCounters read() const {
    return {.traces = traces.load(std::memory_order_relaxed),
            .compiles = compiles.load(std::memory_order_relaxed),
            .hits = hits.load(std::memory_order_relaxed),
            .disk_hits = disk_hits.load(std::memory_order_relaxed),
            .disk_misses = disk_misses.load(std::memory_order_relaxed)};
  }
};

Counters totals;

class Stopwatch {
public:
  double ms() const {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
  }

private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

} // namespace

struct detail::KernelState {
  mutable jit::KernelCache cache;
  mutable Counters counters;

  /// Of this kernel and in total.
  void count(std::atomic<std::uint64_t> Counters::*counter) const {
    (counters.*counter).fetch_add(1, std::memory_order_relaxed);
    (totals.*counter).fetch_add(1, std::memory_order_relaxed);
  }

  TracedKernel trace(const KernelBase &kernel, const ConfigView &config) const {
    count(&Counters::traces);
    return trace_kernel(kernel, config);
  }

  /// The code for a launch with these arguments; null stands for any of which the declared facts hold.
  const jit::KernelCache::Entry &get(const KernelBase &kernel, const ConfigView &config, Device device,
                                     const void *const *args, bool &found) const {
    jit::Key key{config.words, config.count, device, jit::CompileOptions::current(device.kind())};
    const jit::KernelCache::Entry &result = cache.find_or_compile(
        key, args, found, [&](jit::KernelCache::Entry &entry) { compile(kernel, config, args, entry); });
    if (found)
      count(&Counters::hits);
    return result;
  }

private:
  void compile(const KernelBase &kernel, const ConfigView &config, const void *const *args,
               jit::KernelCache::Entry &entry) const {
    jit::Subject subject{kernel.name(), config.text(config.config)};
    Stopwatch tracing;
    TracedKernel traced = trace(kernel, config);
    entry.trace_ms = tracing.ms();

    entry.facts = jit::specialise(*traced.module, 1);
    if (args && !entry.facts.hold(args)) {
      entry.variant = jit::Variant::generic;
      jit::generalise(*traced.module);
    }
    Stopwatch compiling;
    count(&Counters::compiles);
    auto make = entry.device.kind() == Device::Kind::cpu ? jit::make_cpu_executable : jit::make_interpreter_executable;
    entry.executable = make(std::move(traced), subject, entry.options);
    entry.compile_ms = compiling.ms();
  }
};

jit::CompileOptions jit::CompileOptions::current(Device::Kind kind) {
  return {.checks = debug::checks(),
          .asserts = debug::asserts(),
          .line_info = kind == Device::Kind::cuda && debug::line_info()};
}

KernelCounters kiln::total_counters() { return totals.read(); }

KernelBase::KernelBase(std::string_view name, const ParamInfo *params, std::size_t num_params, Body body, Invoke invoke)
    : name_(name), params_(params), num_params_(num_params), body_(body), invoke_(invoke), state_(new KernelState) {}

KernelBase::~KernelBase() { delete state_; }

KernelCounters KernelBase::counters() const { return state_->counters.read(); }

std::string KernelBase::trace_text(const ConfigView &config) const {
  TracedKernel traced = state_->trace(*this, config);
  std::string text;
  llvm::raw_string_ostream(text) << *traced.module << '\n';
  return text;
}

CompileReport KernelBase::compile_erased(const ConfigView &config, const Device &device) const {
  if (!device)
    throw DeviceError("cannot compile '" + name_ +
                      "': no device was given, and there is no current CUDA context; pass kiln::Device::cpu()");
  bool found;
  const jit::KernelCache::Entry &entry = state_->get(*this, config, device, nullptr, found);
  CompileReport report = entry.executable->report();
  report.trace_ms = entry.trace_ms;
  report.compile_ms = entry.compile_ms;
  report.cached = found;
  return report;
}

CompiledCode KernelBase::compile_erased(const ConfigView &config, const Target &target) const {
  if (target.is_cpu())
    throw InvalidArgument("cannot compile '" + name_ +
                          "' for the target 'cpu': its code lives in this process; pass kiln::Device::cpu(), or call "
                          "emit() for a stage of it");
  throw CompileError("cannot compile '" + name_ + "' for " + target.name() + ": this build of Kiln has no GPU target");
}

std::string KernelBase::emit_erased(const ConfigView &config, const Target &target, std::string_view stage) const {
  if (!target.is_cpu())
    return compile_erased(config, target).ptx;
  TracedKernel traced = state_->trace(*this, config);
  jit::Subject subject{name_, config.text(config.config)};
  return jit::cpu_stage(std::move(traced), subject, jit::CompileOptions::current(Device::Kind::cpu), stage);
}

void KernelBase::launch_erased(const LaunchOptions &options, const ConfigView &config, const void *const *args) const {
  if (!options.device)
    throw LaunchError(
        "cannot launch '" + name_ +
        "': no device was given, and there is no current CUDA context; pass .device = kiln::Device::cpu()");
  const std::array<unsigned, 3> grid{options.grid.x, options.grid.y, options.grid.z};
  // Before anything is compiled for it.
  runtime::check_grid(name_, grid);
  bool found;
  state_->get(*this, config, options.device, args, found).executable->launch(grid, args, options.stream);
}
