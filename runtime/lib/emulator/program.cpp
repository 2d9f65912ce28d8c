#include "program.h"

#include "async_copies.h"
#include "barriers.h"
#include "mbarrier.h"

#include <algorithm>
#include <utility>

using namespace kiln;
using namespace kiln::runtime;
using namespace kiln::runtime::emulator;

namespace {

// A warp that has done so much without having to wait lets others go on: it may be waiting for them in a loop.
constexpr unsigned patience = 4096;

std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
  value = (value ^ value >> 27) * 0x94d049bb133111ebu;
  return value ^ value >> 31;
}

} // namespace

void kiln::runtime::emulator_execute(void *thread, std::uint32_t site, const std::uint64_t *operands,
                                     std::uint64_t *results) {
  auto &self = *static_cast<Thread *>(thread);
  self.program->execute(self, site, operands, results);
}

//===----------------------------------------------------------------------===//
// What an operation sees
//===----------------------------------------------------------------------===//

SharedMemory &WarpStep::shared() const { return program_.shared(); }
GlobalMemory &WarpStep::global() const { return program_.global(); }
SiteCounters &WarpStep::counters() const { return program_.counters().sites[site_]; }
const std::string &WarpStep::place_of(std::uint32_t site) const { return program_.place(site); }
std::uint64_t WarpStep::poison() const { return program_.context().poison; }

void WarpStep::report(std::uint32_t lanes, std::string message, std::string other_message,
                      std::string other_place) const {
  program_.report(*this, lanes, std::move(message), std::move(other_message), std::move(other_place));
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

Program::Program(const RunContext &context)
    : context_(context), num_warps_(context.kernel.code.num_warps), threads_(num_warps_ * warp_size),
      warps_(num_warps_), global_(context.memory), copies_(std::make_unique<AsyncCopies>()),
      barriers_(std::make_unique<Barriers>()), mbarriers_(std::make_unique<Mbarriers>()),
      counters_(context.kernel.code.sites.size(), context.kernel.code.blocks.size()) {
  for (unsigned i = 0; i < threads_.size(); ++i) {
    threads_[i].program = this;
    threads_[i].index = i;
    threads_[i].counters = counters_.blocks.data();
  }
}

Program::~Program() = default;

void Program::run_thread(void *thread) {
  const RunContext &context = static_cast<Thread *>(thread)->program->context_;
  context.kernel.code.entry(thread, context.args);
}

void Program::execute(Thread &thread, std::uint32_t site, const std::uint64_t *operands, std::uint64_t *results) {
  const Semantics &semantics = *kernel().semantics[site];
  if (semantics.compute) {
    ++counters_.sites[site].lane_executions;
    semantics.compute(operands, results);
    return;
  }
  Warp &warp = warps_[thread.index / warp_size];
  warp.operands[thread.index % warp_size] = operands;
  warp.results[thread.index % warp_size] = results;
  thread.site = site;
  thread.state = Thread::State::waiting;
  thread.fiber.suspend();
}

std::uint32_t Program::lanes_in(unsigned warp, Thread::State state) const {
  std::uint32_t lanes = 0;
  for (unsigned lane = 0; lane < warp_size; ++lane)
    lanes |= std::uint32_t{threads_[warp * warp_size + lane].state == state} << lane;
  return lanes;
}

std::uint32_t Program::live_lanes(unsigned warp) const { return ~lanes_in(warp, Thread::State::ended); }

void Program::wake(unsigned warp, std::uint32_t lanes) {
  for (; lanes; lanes &= lanes - 1)
    threads_[warp * warp_size + std::countr_zero(lanes)].state = Thread::State::ready;
  warps_[warp].can_run = true;
}

//===----------------------------------------------------------------------===//
// Warps
//===----------------------------------------------------------------------===//

void Program::run(std::array<std::uint32_t, 3> id) {
  id_ = id;
  abandoned_ = false;
  const std::uint64_t index = id[0] + context_.grid[0] * (id[1] + std::uint64_t{context_.grid[1]} * id[2]);
  random_.seed(static_cast<std::uint32_t>(mix(context_.seed ^ mix(index)) | 1));
  clocks_.begin(num_warps_);
  copies_->begin(static_cast<unsigned>(threads_.size()), shared_);
  shared_.begin(kernel().code.shared_bytes, clocks_, context_.poison);
  global_.begin(clocks_);
  barriers_->begin();
  mbarriers_->begin();
  exchanges_.begin();
  for (Thread &thread : threads_) {
    thread.fiber.start(stacks_[thread.index], run_thread, &thread);
    thread.state = Thread::State::ready;
  }
  for (Warp &warp : warps_)
    warp.can_run = true;

  // In the plain order a warp goes as far as it can while the others stand still, so that what is not ordered by a
  // barrier happens as far apart as possible.
  unsigned current = 0, done = 0;
  std::vector<unsigned> runnable;
  while (!abandoned_) {
    runnable.clear();
    for (unsigned warp = 0; warp < num_warps_; ++warp)
      if (warps_[warp].can_run)
        runnable.push_back(warp);
    if (runnable.empty())
      break;
    if (context_.seed != 0) {
      current = runnable[random_() % runnable.size()];
    } else if (!warps_[current].can_run || ++done > patience) {
      auto next = std::upper_bound(runnable.begin(), runnable.end(), current);
      current = !warps_[current].can_run || next == runnable.end() ? runnable.front() : *next;
      done = 0;
    }
    warps_[current].can_run = advance(current);
  }
  if (!abandoned_ &&
      std::any_of(threads_.begin(), threads_.end(), [](const Thread &t) { return t.state != Thread::State::ended; }))
    report_deadlock();
}

bool Program::advance(unsigned warp) {
  const unsigned first = warp * warp_size;
  const unsigned rotation = context_.seed != 0 ? random_() % warp_size : 0;
  for (unsigned i = 0; i < warp_size; ++i) {
    Thread &thread = threads_[first + (i + rotation) % warp_size];
    if (thread.state != Thread::State::ready)
      continue;
    thread.fiber.resume();
    if (thread.fiber.ended())
      thread.state = Thread::State::ended;
  }
  const std::uint32_t waiting = lanes_in(warp, Thread::State::waiting);
  if (!waiting)
    return false;
  const std::uint32_t group = choose_group(warp, waiting);
  if (!group)
    return false;
  execute_group(warp, group);
  return true;
}

std::uint32_t Program::choose_group(unsigned warp, std::uint32_t waiting) {
  const unsigned first = warp * warp_size;
  std::uint32_t best = 0, best_site = 0;
  for (std::uint32_t rest = waiting; rest;) {
    const std::uint32_t site = threads_[first + std::countr_zero(rest)].site;
    std::uint32_t group = 0;
    for (std::uint32_t lanes = rest; lanes; lanes &= lanes - 1) {
      const int lane = std::countr_zero(lanes);
      group |= std::uint32_t{threads_[first + lane].site == site} << lane;
    }
    rest &= ~group;
    if (best && best_site < site)
      continue;
    if (const std::uint32_t ready = ready_group(warp, group)) {
      best = ready;
      best_site = site;
    }
  }
  return best;
}

std::uint32_t Program::ready_group(unsigned warp, std::uint32_t group) {
  const int lane = std::countr_zero(group);
  const Semantics &semantics = *kernel().semantics[threads_[warp * warp_size + lane].site];
  switch (semantics.convergence) {
  case Convergence::none:
    return group;
  case Convergence::warp:
    return group == live_lanes(warp) ? group : 0;
  case Convergence::named: {
    // Lanes at one place may form several groups.
    for (std::uint32_t rest = group; rest;) {
      const auto mask =
          static_cast<std::uint32_t>(warps_[warp].operands[std::countr_zero(rest)][semantics.mask_operand]);
      std::uint32_t members = 0;
      for (std::uint32_t lanes = rest; lanes; lanes &= lanes - 1) {
        const int member = std::countr_zero(lanes);
        members |=
            std::uint32_t{mask == static_cast<std::uint32_t>(warps_[warp].operands[member][semantics.mask_operand])}
            << member;
      }
      if ((mask & live_lanes(warp)) == members)
        return members;
      rest &= ~members;
    }
    return 0;
  }
  }
  return 0;
}

void Program::execute_group(unsigned warp, std::uint32_t lanes) {
  const unsigned first = warp * warp_size;
  const std::uint32_t site = threads_[first + std::countr_zero(lanes)].site;
  WarpStep step(*this, warp, site, lanes, warps_[warp].operands.data(), warps_[warp].results.data());
  SiteCounters &counters = counters_.sites[site];
  ++counters.executions;
  counters.lane_executions += static_cast<std::uint64_t>(std::popcount(lanes));
  // Blocked first: what the operation does may wake them already.
  for (std::uint32_t rest = lanes; rest; rest &= rest - 1)
    threads_[first + std::countr_zero(rest)].state = Thread::State::blocked;
  if (kernel().semantics[site]->step(step) == Progress::done)
    wake(warp, lanes);
  flush_findings();
}

//===----------------------------------------------------------------------===//
// Faults
//===----------------------------------------------------------------------===//

void Program::report(const WarpStep &step, std::uint32_t lanes, std::string message, std::string other_message,
                     std::string other_place, bool is_assertion) {
  for (Finding &known : findings_)
    if (known.other_place == other_place && Findings::is_alike(known.message, message)) {
      known.lanes |= lanes;
      return;
    }
  findings_.push_back({.message = std::move(message),
                       .place = place(step.site()),
                       .other_message = std::move(other_message),
                       .other_place = std::move(other_place),
                       .program = id_,
                       .warp = step.warp(),
                       .lanes = lanes,
                       .is_assertion = is_assertion});
}

void Program::flush_findings() {
  for (Finding &finding : findings_)
    if (!context_.findings.add(std::move(finding)))
      abandoned_ = true;
  findings_.clear();
}

std::string Program::describe_site(std::uint32_t site) const { return kernel().code.sites[site].operation; }

void Program::report_deadlock() {
  // The first who waits, and the first who waits elsewhere or has ended.
  const Thread *first = nullptr, *other = nullptr;
  for (const Thread &thread : threads_)
    if (thread.state != Thread::State::ended && !first)
      first = &thread;
  auto is_apart = [&](const Thread &thread) {
    return thread.state == Thread::State::ended || thread.site != first->site;
  };
  // Lanes of the same warp tell more than those of others.
  for (bool same_warp : {true, false})
    for (const Thread &thread : threads_)
      if (!other && (!same_warp || thread.index / warp_size == first->index / warp_size) && is_apart(thread))
        other = &thread;
  const unsigned warp = first->index / warp_size;
  std::uint32_t lanes = 0;
  for (unsigned lane = 0; lane < warp_size; ++lane) {
    const Thread &thread = threads_[warp * warp_size + lane];
    lanes |= std::uint32_t{thread.state != Thread::State::ended && thread.site == first->site} << lane;
  }
  Finding finding{.message = "'" + describe_site(first->site) + "' is not reached by all threads that it waits for",
                  .place = place(first->site),
                  .other_message = {},
                  .other_place = {},
                  .program = id_,
                  .warp = warp,
                  .lanes = lanes,
                  .is_assertion = false};
  if (other) {
    const std::string who =
        "warp " + std::to_string(other->index / warp_size) + ", lane " + std::to_string(other->index % warp_size);
    if (other->state == Thread::State::ended) {
      finding.other_message = who + " has ended";
    } else {
      finding.other_message = who + " waits at '" + describe_site(other->site) + "'";
      finding.other_place = place(other->site);
    }
  }
  context_.findings.add(std::move(finding));
}
