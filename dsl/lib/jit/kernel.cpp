// What KernelBase does: trace, compile, remember, launch.
#include "kiln/kernel.h"

#include "jit/cache.h"
#include "jit/gpu_code.h"
#include "jit/stopwatch.h"
#include "trace.h"

#include "kiln/Dialect/Tile/IR/Tile.h"
#include "kiln/Dialect/Tile/Transforms/Passes.h"
#include "kiln/cuda.h"
#include "kiln/debug.h"
#include "kiln/runtime/assembler.h"
#include "kiln/runtime/cpu_launch.h"
#include "kiln/runtime/observe.h"

#include "llvm/Support/raw_ostream.h"

#include <span>

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

/// The event of a compile. The texts are the subject's, and the target's.
Event compile_event(const jit::Subject &subject, std::string_view target) {
  Event event{.kind = EventKind::compile};
  event.kernel = subject.kernel;
  event.config = subject.config;
  event.target = target;
  event.generic = subject.variant == jit::Variant::generic;
  return event;
}

bool waits_for_launches(mlir::ModuleOp module) {
  return llvm::any_of(module.getOps<mlir::func::FuncOp>(),
                      [](mlir::func::FuncOp function) { return function->hasAttr(tile::kOverlapsAttr); });
}

/// Inserts the checks of check mode, or removes what is for it alone.
void apply_check_mode(mlir::ModuleOp module, bool enable) {
  const bool has_checks = module
                              .walk([](tile::AssertOp op) {
                                return op.getCheckMode() ? mlir::WalkResult::interrupt() : mlir::WalkResult::advance();
                              })
                              .wasInterrupted();
  if (!enable && !has_checks)
    return;
  mlir::PassManager passes(module.getContext());
  passes.enableVerifier(false);
  passes.addPass(tile::createCheckMode({.enable = enable}));
  (void)passes.run(module); // it has no way to fail
}

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
  /// The same, as it is compiled.
  TracedKernel trace(const KernelBase &kernel, const ConfigView &config, jit::CompileOptions options) const {
    return runtime::observe_stage("trace", [&] {
      TracedKernel traced = trace(kernel, config);
      apply_check_mode(*traced.module, options.checks);
      return traced;
    });
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

  /// For a GPU architecture: the specialised variant, which is kept on disk only.
  CompiledCode compile(const KernelBase &kernel, const ConfigView &config, const std::string &arch) const {
    const jit::Subject subject{kernel.name(), config.text(config.config), arch};
    return runtime::observe(compile_event(subject, arch), [&](runtime::EventScope &scope) -> CompiledCode {
      jit::Stopwatch tracing;
      const jit::CompileOptions options = jit::CompileOptions::current(Device::Kind::cuda);
      TracedKernel traced = trace(kernel, config, options);
      const double trace_ms = tracing.ms();
      jit::specialise(*traced.module, gpu_pointer_alignment);
      jit::GpuCode code = gpu_code(std::move(traced), subject, options);
      scope.event.kept = code.report.from_disk;
      code.report.trace_ms = trace_ms;
      return {std::move(code.image.ptx), std::move(code.image.cubin), std::move(code.report)};
    });
  }

  runtime::PackContent pack(const KernelBase &kernel, const ConfigView &config, const std::string &arch) const {
    runtime::PackContent content;
    content.entry.name = kernel.name();
    content.entry.arch = arch;
    for (const ParamInfo &param : std::span(kernel.params(), kernel.num_params()))
      content.entry.parameters.push_back({param.dtype, param.pointer, param.pointer && param.read_only});
    auto make_image = [&](const jit::Subject &subject, runtime::EventScope &scope) {
      const jit::CompileOptions options = jit::CompileOptions::current(Device::Kind::cuda);
      TracedKernel traced = trace(kernel, config, options);
      content.entry.waits = waits_for_launches(*traced.module);
      if (subject.variant == jit::Variant::specialised)
        content.entry.facts = jit::specialise(*traced.module, gpu_pointer_alignment);
      else
        jit::generalise(*traced.module);
      jit::GpuCode code = gpu_code(std::move(traced), subject, options);
      scope.event.kept = code.report.from_disk;
      if (code.image.cubin.empty())
        runtime::assemble(code.image.ptx, arch); // throws, and says what was looked for
      code.image.config = subject.config; // what was found on disk may have come from a config with the same code
      code.image.ptx.clear();
      code.image.report.clear();
      return std::move(code.image);
    };
    auto image = [&](jit::Variant variant) {
      const jit::Subject subject{kernel.name(), config.text(config.config), arch, variant};
      return runtime::observe(compile_event(subject, arch),
                              [&](runtime::EventScope &scope) { return make_image(subject, scope); });
    };
    content.specialised = image(jit::Variant::specialised);
    if (!content.entry.facts.empty())
      content.generic = image(jit::Variant::generic);
    return content;
  }

  std::string emit(const KernelBase &kernel, const ConfigView &config, const Target &target,
                   std::string_view stage) const {
    jit::Subject subject{kernel.name(), config.text(config.config)};
    jit::Stopwatch tracing;
    const jit::CompileOptions options = jit::CompileOptions::current(target.is_cpu()        ? Device::Kind::cpu
                                                                     : target.is_emulated() ? Device::Kind::emulated
                                                                                            : Device::Kind::cuda);
    TracedKernel traced = trace(kernel, config, options);
    const double trace_ms = tracing.ms();
    if (target.is_cpu()) {
      jit::generalise(*traced.module);
      return jit::cpu_stage(std::move(traced), subject, options, stage);
    }
    subject.arch = target.arch();
    subject.emulated = target.is_emulated();
    jit::specialise(*traced.module, gpu_pointer_alignment);
    if (subject.emulated)
      return jit::emulated_stage(std::move(traced), subject, options, trace_ms, stage);
    return jit::gpu_stage(std::move(traced), subject, options, trace_ms, stage);
  }

  /// The launch itself. In its callers, as a call more would be a tenth of what a launch on the CPU takes.
  [[gnu::always_inline]] void launch(const KernelBase &kernel, const LaunchOptions &options, const ConfigView &config,
                                     Device device, const void *const *args) const {
    const std::array<unsigned, 3> grid{options.grid.x, options.grid.y, options.grid.z};
    // Before anything is compiled for it.
    runtime::check_grid(kernel.name(), grid);
    bool found;
    const jit::KernelCache::Entry &entry = get(kernel, config, device, args, found);
    if (options.programmatic && !entry.waits) [[unlikely]]
      throw LaunchError("cannot launch '" + kernel.name() +
                        "': the launch is programmatic, but the kernel never calls kiln::wait_for_launches(), and "
                        "would read what launches before it have yet to write\n" +
                        jit::Subject{kernel.name(), config.text(config.config)}.note("running"));
    entry.executable->launch(grid, args, options.stream, options.programmatic);
  }

  [[gnu::cold, gnu::noinline]] void launch_observed(const KernelBase &kernel, const LaunchOptions &options,
                                                    const ConfigView &config, Device device,
                                                    const void *const *args) const {
    const std::string config_text = config.text(config.config), target = device.name();
    Event event{.kind = EventKind::launch};
    event.kernel = kernel.name();
    event.config = config_text;
    event.target = target;
    event.grid = {options.grid.x, options.grid.y, options.grid.z};
    event.stream = options.stream;
    runtime::observe(event, [&](runtime::EventScope &) { launch(kernel, options, config, device, args); });
  }

private:
  /// Vectors of 16 bytes are the widest accesses.
  static constexpr std::int64_t gpu_pointer_alignment = 16;

  jit::GpuCode gpu_code(TracedKernel traced, const jit::Subject &subject, jit::CompileOptions options) const {
    jit::GpuCode code = jit::make_gpu_code(std::move(traced), subject, options);
    const bool found = code.origin == jit::GpuCode::Origin::disk;
    if (code.looked_up)
      count(found ? &Counters::disk_hits : &Counters::disk_misses);
    if (!found)
      count(&Counters::compiles);
    return code;
  }

  void compile(const KernelBase &kernel, const ConfigView &config, const void *const *args,
               jit::KernelCache::Entry &entry) const {
    using Kind = Device::Kind;
    const Kind kind = entry.device.kind();
    const bool gpu = kind == Kind::cuda || kind == Kind::emulated;
    jit::Subject subject{kernel.name(), config.text(config.config)};
    if (gpu)
      subject.arch = kind == Kind::cuda ? cuda::properties(entry.device).arch : std::string(entry.device.arch());
    subject.emulated = kind == Kind::emulated;
    const std::string target = kind == Kind::cuda ? subject.arch : entry.device.name();
    runtime::observe(compile_event(subject, target),
                     [&](runtime::EventScope &scope) { compile(kernel, config, args, entry, subject, scope.event); });
  }

  void compile(const KernelBase &kernel, const ConfigView &config, const void *const *args,
               jit::KernelCache::Entry &entry, jit::Subject &subject, Event &event) const {
    using Kind = Device::Kind;
    const Kind kind = entry.device.kind();
    const bool gpu = kind == Kind::cuda || kind == Kind::emulated;
    jit::Stopwatch tracing;
    TracedKernel traced = trace(kernel, config, entry.options);
    entry.trace_ms = tracing.ms();
    entry.waits = waits_for_launches(*traced.module);

    // The CPU has no use for facts: it takes vectors at any address, and lanes that are off cost it a branch.
    if (kind == Kind::cpu)
      jit::generalise(*traced.module);
    else
      entry.facts = jit::specialise(*traced.module, gpu ? gpu_pointer_alignment : 1);
    if (args && !entry.facts.hold(args)) {
      subject.variant = entry.variant = jit::Variant::generic;
      event.generic = true;
      jit::generalise(*traced.module);
    }
    jit::Stopwatch compiling;
    if (kind == Kind::cuda) {
      const jit::GpuCode code = gpu_code(std::move(traced), subject, entry.options);
      event.kept = code.report.from_disk;
      entry.executable =
          runtime::observe_stage("load", [&] { return jit::load_cuda_executable(code, entry.device, subject); });
    } else {
      count(&Counters::compiles);
      auto make = kind == Kind::cpu        ? jit::make_cpu_executable
                  : kind == Kind::emulated ? jit::make_emulated_executable
                                           : jit::make_interpreter_executable;
      entry.executable =
          runtime::observe_stage("lower", [&] { return make(std::move(traced), subject, entry.options); });
    }
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

CompileReport KernelBase::compile_erased(const ConfigView &config, const Device &given) const {
  const Device device = given ? given : cuda::current_device();
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
  if (target.is_cpu() || target.is_emulated())
    throw InvalidArgument("cannot compile '" + name_ + "' for the target '" + target.name() +
                          "': its code lives in this process; pass kiln::Device::" +
                          (target.is_cpu() ? "cpu()" : "emulated(\"" + target.arch() + "\")") +
                          ", or call emit() for a stage of it");
  return state_->compile(*this, config, target.name());
}

runtime::PackContent KernelBase::pack_erased(const ConfigView &config, const Target &target) const {
  if (target.is_cpu() || target.is_emulated())
    throw InvalidArgument("cannot pack '" + name_ + "' for the target '" + target.name() +
                          "': its code is made for one process; a pack holds code for GPUs");
  return state_->pack(*this, config, target.name());
}

std::string KernelBase::emit_erased(const ConfigView &config, const Target &target, std::string_view stage) const {
  return state_->emit(*this, config, target, stage);
}

void KernelBase::launch_erased(const LaunchOptions &options, const ConfigView &config, const void *const *args) const {
  const Device device = options.device ? options.device : cuda::current_device();
  if (!device)
    throw LaunchError(
        "cannot launch '" + name_ +
        "': no device was given, and there is no current CUDA context; pass .device = kiln::Device::cpu()");
  if (runtime::observed(EventKind::launch)) [[unlikely]]
    return state_->launch_observed(*this, options, config, device, args);
  state_->launch(*this, options, config, device, args);
}
