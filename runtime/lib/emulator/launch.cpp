// A grid of emulated programs.
#include "../float_mode.h"
#include "../worker_pool.h"
#include "profile.h"
#include "program.h"

#include "kiln/error.h"
#include "kiln/runtime/cpu_launch.h"
#include "kiln/runtime/host_failure.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <numeric>
#include <random>
#include <utility>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::emulator;

namespace {

// Two patterns that are different in every byte, and as floats of any width: NaNs, and numbers of moderate size.
constexpr std::uint64_t poisons[2] = {0xffffffffffffffff, 0x4343434343434343};

/// One run of all programs.
class Run final : public Job, public HostFailure {
public:
  explicit Run(const RunContext &context)
      : context_(context), total_(std::uint64_t{context.grid[0]} * context.grid[1] * context.grid[2]),
        counters_(context.kernel.code.sites.size(), context.kernel.code.blocks.size()) {
    if (context.seed != 0 && total_ <= max_permuted) {
      order_.resize(total_);
      std::iota(order_.begin(), order_.end(), 0U);
      std::shuffle(order_.begin(), order_.end(), std::mt19937_64(context.seed));
    }
  }

  std::uint64_t total() const { return total_; }
  bool has_work() const noexcept override { return next_.load(std::memory_order_relaxed) < total_; }

  bool run() noexcept override {
    if (!has_work())
      return false;
    DefaultFloatMode float_mode;
    HostFailure *const outer = set_current_launch(this);
    try {
      Program program(context_);
      for (std::uint64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < total_;) {
        const std::uint64_t index = order_.empty() ? i : order_[i];
        program.run({static_cast<std::uint32_t>(index % context_.grid[0]),
                     static_cast<std::uint32_t>(index / context_.grid[0] % context_.grid[1]),
                     static_cast<std::uint32_t>(index / context_.grid[0] / context_.grid[1])});
        if (!context_.findings.empty())
          next_.store(total_, std::memory_order_relaxed);
      }
      std::lock_guard lock(mutex_);
      counters_ += program.counters();
      const auto &reads = program.shared().uninitialized_reads();
      uninitialized_reads_.insert(reads.begin(), reads.end());
    } catch (...) {
      fail(std::current_exception());
    }
    set_current_launch(outer);
    return true;
  }

  void fail(std::exception_ptr error) noexcept override {
    std::lock_guard lock(mutex_);
    if (!error_)
      error_ = std::move(error);
    failed_.store(true, std::memory_order_relaxed);
    next_.store(total_, std::memory_order_relaxed);
  }
  bool failed() const noexcept override { return failed_.load(std::memory_order_relaxed); }

  /// Called when no thread is inside any more.
  void finish() const {
    if (error_)
      std::rethrow_exception(error_);
  }
  const Counters &counters() const { return counters_; }
  const std::set<std::uint32_t> &uninitialized_reads() const { return uninitialized_reads_; }

private:
  static constexpr std::uint64_t max_permuted = 1 << 20;

  const RunContext &context_;
  const std::uint64_t total_;
  std::vector<std::uint32_t> order_;
  std::mutex mutex_;
  Counters counters_;
  std::set<std::uint32_t> uninitialized_reads_;
  std::exception_ptr error_;
  std::atomic<bool> failed_{false};
  alignas(64) std::atomic<std::uint64_t> next_{0};
};

/// The results of two runs differ: says where, and what may be the reason.
void report_difference(const LoadedKernel &kernel, std::string difference, std::int64_t site,
                       const std::set<std::uint32_t> &uninitialized_reads, Findings &findings) {
  Finding finding;
  finding.message = std::move(difference);
  if (site >= 0)
    finding.place = kernel.code.sites[std::size_t(site)].place;
  if (!uninitialized_reads.empty()) {
    finding.other_message = "shared memory that nobody has written is read here";
    finding.other_place = kernel.code.sites[*uninitialized_reads.begin()].place;
  }
  findings.add(std::move(finding));
}

} // namespace

struct EmulatedKernel::State {
  LoadedKernel kernel;
  /// Programs update global memory together. One after the other they do it in an order that two runs share.
  bool in_order = false;
};

EmulatedKernel::EmulatedKernel(Code code) : state_(new State{.kernel = {.code = std::move(code), .semantics = {}}}) {
  LoadedKernel &kernel = state_->kernel;
  for (const EmulatedSite &site : kernel.code.sites) {
    const Semantics *semantics = find_semantics(site.operation);
    if (!semantics) {
      std::string message = (site.place.empty() ? "" : site.place + ": ") + "error: emulated:" + kernel.code.arch +
                            " does not know the machine operation '" + site.operation + "'\n" + kernel.code.note;
      delete state_;
      throw CompileError(message);
    }
    kernel.semantics.push_back(semantics);
    state_->in_order = state_->in_order || semantics->kind == InstructionClass::global_atomic;
  }
}

EmulatedKernel::~EmulatedKernel() { delete state_; }

EmulatedKernel::EmulatedKernel(EmulatedKernel &&other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

const EmulatedKernel::Code &EmulatedKernel::code() const { return state_->kernel.code; }

void EmulatedKernel::launch(std::array<unsigned, 3> grid, const void *const *args) const {
  const LoadedKernel &kernel = state_->kernel;
  check_grid(kernel.code.name, grid);
  const EmulatorOptions options = emulator_options();
  EmulatorProfiler *profiler = EmulatorProfiler::current();
  LaunchMemory memory;
  Findings findings;
  for (int pass = 0; pass < (options.compare_poison ? 2 : 1); ++pass) {
    memory.begin_run(poisons[pass]);
    const RunContext context{.kernel = kernel,
                             .grid = grid,
                             .args = args,
                             .memory = memory,
                             .findings = findings,
                             .seed = options.seed,
                             .poison = poisons[pass],
                             .silent = pass > 0};
    Run run(context);
    WorkerPool &pool = WorkerPool::instance();
    if (state_->in_order || run.total() == 1 || pool.threads() == 1)
      run.run();
    else
      pool.share(run);
    run.finish();
    if (!findings.empty())
      findings.raise(kernel.code);
    if (pass == 0 && profiler)
      profiler->add(make_profile(kernel.code, run.counters(), grid));
    if (pass == 0 && options.compare_poison)
      memory.rewind();
    if (pass == 1) {
      std::int64_t site = -1;
      std::string difference = memory.compare(site);
      if (!difference.empty())
        report_difference(kernel, std::move(difference), site, run.uninitialized_reads(), findings);
    }
  }
  std::int64_t site = -1;
  if (std::string unwritten = memory.find_unwritten(site); !unwritten.empty()) {
    Finding finding;
    finding.message = std::move(unwritten);
    if (site >= 0) {
      finding.other_message = "others of its bytes are written here";
      finding.other_place = kernel.code.sites[std::size_t(site)].place;
    }
    findings.add(std::move(finding));
  }
  if (!findings.empty())
    findings.raise(kernel.code);
}
