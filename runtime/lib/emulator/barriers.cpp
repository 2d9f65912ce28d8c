// bar, fence, griddepcontrol.
#include "barriers.h"

#include "program.h"

#include <algorithm>
#include <atomic>
#include <string>

using namespace kiln;
using namespace kiln::runtime::emulator;

Progress Barriers::arrive(const WarpStep &step, std::uint64_t id, std::uint64_t threads, bool waits) {
  Program &program = step.program();
  WarpClocks &clocks = program.clocks();
  if (id >= barriers_.size() || threads == 0 || threads % warp_size != 0 ||
      threads > std::uint64_t{program.num_warps()} * warp_size) {
    step.report(step.lanes(), "barrier " + std::to_string(id) + " for " + std::to_string(threads) +
                                  " threads: there are barriers 0 to 15, for whole warps of the program's");
    return Progress::done;
  }
  Barrier &barrier = barriers_[id];
  if (barrier.arrived == 0) {
    barrier.expected = threads;
    barrier.site = step.site();
    barrier.released.assign(program.num_warps(), 0);
  } else if (barrier.expected != threads) {
    step.report(step.lanes(),
                "barrier " + std::to_string(id) + " for " + std::to_string(threads) + " threads, for which " +
                    std::to_string(barrier.expected) + " threads are waited for elsewhere",
                "the other", program.place(barrier.site));
    program.abandon();
    return Progress::blocked;
  } else if (barrier.site != step.site() && id == 0) {
    // The hardware would let them meet. But all threads of a tile program take the same way, so one of them is astray.
    step.report(step.lanes(), "warps of the program meet at different barriers", "the other barrier",
                program.place(barrier.site));
    program.abandon();
    return Progress::blocked;
  }
  // Whole warps count, also where lanes have ended.
  barrier.arrived += warp_size;
  const std::vector<std::uint64_t> released = clocks.release(step.warp());
  for (std::size_t i = 0; i < released.size(); ++i)
    barrier.released[i] = std::max(barrier.released[i], released[i]);
  if (waits)
    barrier.waiting.push_back({step.warp(), step.lanes()});
  if (barrier.arrived < barrier.expected)
    return waits ? Progress::blocked : Progress::done;
  for (const Barrier::Waiting &waiting : barrier.waiting) {
    clocks.acquire(waiting.warp, barrier.released);
    program.wake(waiting.warp, waiting.lanes);
  }
  barrier = {};
  return Progress::done;
}

namespace {

/// A row for a barrier that a warp arrives at together. `operands` are its number and how many threads it is for;
/// without them it is the one for all threads.
Semantics barrier_row(std::string name, unsigned operands, Progress (*step)(WarpStep &)) {
  return {.name = std::move(name),
          .kind = InstructionClass::barrier,
          .operands = operands,
          .step = step,
          .convergence = Convergence::warp};
}

template <bool waits>
Progress arrive_by_number(WarpStep &step) {
  const unsigned lane = step.first_lane();
  return step.program().barriers().arrive(step, step.operand(lane, 0), step.operand(lane, 1), waits);
}

} // namespace

void kiln::runtime::emulator::add_barriers(SemanticsList &list) {
  using enum InstructionClass;
  list.push_back(barrier_row("bar.sync", 0, [](WarpStep &step) {
    Program &program = step.program();
    return program.barriers().arrive(step, 0, program.num_warps() * warp_size, /*waits=*/true);
  }));
  list.push_back(barrier_row("bar.sync.id", 2, arrive_by_number</*waits=*/true>));
  list.push_back(barrier_row("bar.arrive", 2, arrive_by_number</*waits=*/false>));
  list.push_back({.name = "bar.warp.sync",
                  .kind = barrier,
                  .operands = 1,
                  .step =
                      [](WarpStep &step) {
                        // Order between a part of the lanes is not modelled: accesses count as unordered then.
                        if (step.lanes() == step.program().live_lanes(step.warp()))
                          step.program().clocks().synchronize_lanes(step.warp());
                        return Progress::done;
                      },
                  .convergence = Convergence::named,
                  .mask_operand = 0});
  // The host's accesses are in order already; a fence alone orders nothing between threads that do not meet.
  for (const char *order : {"acq_rel", "sc"})
    for (const char *scope : {"cta", "gpu", "sys"})
      list.push_back({.name = std::string("fence.") + order + "." + scope, .kind = barrier, .step = [](WarpStep &) {
                        std::atomic_thread_fence(std::memory_order_seq_cst);
                        return Progress::done;
                      }});
  // Launches run one after the other, each with all memory that the one before it left.
  for (const char *what : {"wait", "launch_dependents"})
    list.push_back({.name = std::string("griddepcontrol.") + what, .kind = barrier, .step = [](WarpStep &) {
                      return Progress::done;
                    }});
}
