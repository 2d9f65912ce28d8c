#include "mbarrier.h"

#include "async_copies.h"
#include "program.h"

#include <algorithm>
#include <string>
#include <utility>

using namespace kiln;
using namespace kiln::runtime::emulator;

namespace {

constexpr std::uint32_t bytes_of_one = 8;
// PTX ISA, "Contents of the mbarrier object": arrivals and bytes of a phase.
constexpr std::uint64_t most_arrivals = (1 << 20) - 1, most_bytes = (1 << 20) - 1;

/// What lies in shared memory: opaque, and neither run's poison.
constexpr std::uint64_t contents_of(std::uint64_t address) { return 0x6d62617272696572 ^ address << 32; }

std::string place_in_memory(std::uint64_t address) {
  return "byte " + std::to_string(static_cast<std::int64_t>(address) - std::int64_t{shared_base}) + " of shared memory";
}

void merge(std::vector<std::uint64_t> &into, const std::vector<std::uint64_t> &from) {
  into.resize(from.size());
  for (std::size_t i = 0; i < from.size(); ++i)
    into[i] = std::max(into[i], from[i]);
}

} // namespace

void Mbarriers::init(const WarpStep &step, unsigned lane) {
  const std::uint64_t address = step.operand(lane, 0), count = step.operand(lane, 1);
  if (count == 0 || count > most_arrivals) {
    step.report(1U << lane, "mbarrier for " + std::to_string(count) + " arrivals; there can be 1 to " +
                                std::to_string(most_arrivals));
    return;
  }
  if (barriers_.contains(address)) {
    step.report(1U << lane, "mbarrier at " + place_in_memory(address) + ", which holds one already");
    return;
  }
  const std::uint64_t contents = contents_of(address);
  step.shared().write(step, lane, address, &contents, bytes_of_one, bytes_of_one);
  Mbarrier &barrier = barriers_[address];
  barrier.expected = barrier.pending = static_cast<std::uint32_t>(count);
}

Mbarriers::Mbarrier *Mbarriers::find(const WarpStep &step, unsigned lane) {
  const std::uint64_t address = step.operand(lane, 0);
  auto found = barriers_.find(address);
  if (found == barriers_.end()) {
    step.report(1U << lane, "there is no mbarrier at " + place_in_memory(address));
    return nullptr;
  }
  std::uint64_t contents = 0;
  step.shared().read(step, lane, address, &contents, bytes_of_one, bytes_of_one);
  // Poison: the read was a fault, and has been reported.
  if (contents != contents_of(address) && contents != step.poison())
    step.report(1U << lane, "the mbarrier at " + place_in_memory(address) + " has been overwritten");
  return &found->second;
}

void Mbarriers::inval(const WarpStep &step, unsigned lane) {
  if (!find(step, lane))
    return;
  const std::uint64_t address = step.operand(lane, 0), contents = step.poison();
  step.shared().write(step, lane, address, &contents, bytes_of_one, bytes_of_one);
  barriers_.erase(address);
}

void Mbarriers::settle(const WarpStep &step, Mbarrier &barrier, bool is_waited_for) {
  Program &program = step.program();
  const bool counts_deferred = is_waited_for || !barrier.waiting.empty();
  if (barrier.bytes > 0 || barrier.pending > (counts_deferred ? barrier.deferred.size() : 0))
    return;
  // What is deferred beyond these belongs to later phases.
  const auto last = barrier.deferred.begin() + barrier.pending;
  for (auto arrival = barrier.deferred.begin(); arrival != last; ++arrival) {
    program.copies().finish(arrival->thread, arrival->copies, program.shared());
    merge(barrier.released, program.clocks().release(arrival->thread / warp_size));
  }
  barrier.deferred.erase(barrier.deferred.begin(), last);
  barrier.pending = barrier.expected;
  ++barrier.phase;
  for (const Waiting &woken : std::exchange(barrier.waiting, {})) {
    program.wake(woken.warp, woken.lanes);
    // They may have been waiting for several.
    for (auto &[address, other] : barriers_)
      std::erase_if(other.waiting, [&](const Waiting &waiting) {
        return waiting.warp == woken.warp && (waiting.lanes & woken.lanes) != 0;
      });
  }
}

void Mbarriers::arrive(const WarpStep &step, bool expects) {
  const std::vector<std::uint64_t> released = step.program().clocks().release(step.warp());
  step.for_each_lane([&](unsigned lane) {
    step.set_result(lane, 0, step.poison());
    const std::uint64_t bytes = expects ? step.operand(lane, 1) : 0;
    Mbarrier *barrier = find(step, lane);
    if (!barrier)
      return;
    if (barrier->bytes + bytes > most_bytes) {
      step.report(1U << lane, "an mbarrier's phase can expect " + std::to_string(most_bytes) + " bytes, not " +
                                  std::to_string(barrier->bytes + bytes));
      return;
    }
    if (barrier->pending == 0) {
      step.report(1U << lane,
                  "more arrivals in a phase than the " + std::to_string(barrier->expected) + " of its mbarrier");
      return;
    }
    step.set_result(lane, 0, barrier->phase);
    merge(barrier->released, released);
    barrier->bytes += bytes;
    --barrier->pending;
    settle(step, *barrier, /*is_waited_for=*/false);
  });
}

void Mbarriers::arrive_after_copies(const WarpStep &step) {
  step.for_each_lane([&](unsigned lane) {
    Mbarrier *barrier = find(step, lane);
    if (!barrier)
      return;
    const unsigned thread = step.thread(lane);
    barrier->deferred.push_back({thread, step.program().copies().started(thread)});
    settle(step, *barrier, /*is_waited_for=*/false);
  });
}

Progress Mbarriers::wait(const WarpStep &step, bool by_parity, bool blocks) {
  bool any = false;
  std::vector<std::uint64_t> seen;
  std::vector<Mbarrier *> waited_for;
  step.for_each_lane([&](unsigned lane) {
    step.set_result(lane, 0, 0);
    Mbarrier *barrier = find(step, lane);
    if (!barrier) {
      blocks = false;
      return;
    }
    const std::uint64_t named = step.operand(lane, 1);
    auto has_ended = [&] { return by_parity ? (barrier->phase & 1) != named : barrier->phase != named; };
    if (by_parity ? named > 1 : named != barrier->phase && named + 1 != barrier->phase) {
      step.report(1U << lane, by_parity ? "a phase's parity is 0 or 1, not " + std::to_string(named)
                                        : "wait for a phase of an mbarrier that is neither the current one nor the "
                                          "one before it");
      return;
    }
    if (!has_ended())
      settle(step, *barrier, /*is_waited_for=*/true);
    const bool ended = has_ended();
    step.set_result(lane, 0, ended);
    any |= ended;
    if (ended)
      merge(seen, barrier->released);
    else
      waited_for.push_back(barrier);
  });
  if (!seen.empty())
    step.program().clocks().acquire(step.warp(), seen);
  if (any || !blocks || waited_for.empty())
    return Progress::done;
  // try_wait: the lanes find that it has not ended, but not before it may have.
  std::sort(waited_for.begin(), waited_for.end());
  waited_for.erase(std::unique(waited_for.begin(), waited_for.end()), waited_for.end());
  for (Mbarrier *barrier : waited_for)
    barrier->waiting.push_back({step.warp(), step.lanes()});
  return Progress::blocked;
}

void kiln::runtime::emulator::add_mbarriers(SemanticsList &list) {
  auto add = [&](const char *name, unsigned operands, unsigned results, std::function<Progress(WarpStep &)> step) {
    list.push_back({.name = name,
                    .kind = InstructionClass::barrier,
                    .operands = operands,
                    .results = results,
                    .step = std::move(step)});
  };
  add("mbarrier.init", 2, 0, [](WarpStep &step) {
    step.for_each_lane([&](unsigned lane) { step.program().mbarriers().init(step, lane); });
    return Progress::done;
  });
  add("mbarrier.inval", 1, 0, [](WarpStep &step) {
    step.for_each_lane([&](unsigned lane) { step.program().mbarriers().inval(step, lane); });
    return Progress::done;
  });
  for (bool expects : {false, true})
    add(expects ? "mbarrier.arrive.expect_tx" : "mbarrier.arrive", expects ? 2 : 1, 1, [expects](WarpStep &step) {
      step.program().mbarriers().arrive(step, expects);
      return Progress::done;
    });
  add("cp.async.mbarrier.arrive.noinc", 1, 0, [](WarpStep &step) {
    step.program().mbarriers().arrive_after_copies(step);
    return Progress::done;
  });
  for (bool blocks : {false, true})
    for (bool by_parity : {false, true})
      add((std::string("mbarrier.") + (blocks ? "try_wait" : "test_wait") + (by_parity ? ".parity" : "")).c_str(), 2, 1,
          [=](WarpStep &step) { return step.program().mbarriers().wait(step, by_parity, blocks); });
}
