// cp.async.
#include "async_copies.h"

#include "program.h"

#include <algorithm>
#include <string>
#include <utility>

using namespace kiln;
using namespace kiln::runtime::emulator;

void AsyncCopies::begin(unsigned threads, SharedMemory &shared) {
  threads_.resize(threads);
  for (OfThread &thread : threads_) {
    thread.groups.push_back(std::move(thread.open));
    for (const Group &group : thread.groups)
      for (const Copy &copy : group)
        shared.cancel_copy(copy.address, copy.bytes);
    thread.open.clear();
    thread.groups.clear();
    thread.started = thread.ended = thread.bytes = 0;
  }
}

void AsyncCopies::start(const WarpStep &step, unsigned lane, std::uint64_t shared_address, std::uint64_t global_address,
                        std::uint32_t bytes, std::uint64_t read_bytes) {
  if (read_bytes > bytes) {
    step.report(1U << lane,
                "async copy that reads " + std::to_string(read_bytes) + " bytes and writes " + std::to_string(bytes));
    return;
  }
  Copy copy{shared_address, step.site(), bytes, {}};
  // The source is read at once. It may be read as late as the wait; nothing here tells whether it changes until then.
  if (read_bytes > 0)
    step.global().read(step, lane, global_address, copy.data.data(), static_cast<std::uint32_t>(read_bytes), bytes,
                       /*is_constant=*/false);
  if (!step.shared().begin_copy(step, lane, shared_address, bytes, bytes))
    return;
  OfThread &thread = threads_[step.thread(lane)];
  ++thread.started;
  thread.bytes += bytes;
  thread.open.push_back(copy);
}

void AsyncCopies::commit(const WarpStep &step, unsigned lane) {
  OfThread &thread = threads_[step.thread(lane)];
  thread.groups.push_back(std::exchange(thread.open, {}));
}

void AsyncCopies::wait(const WarpStep &step, unsigned lane, std::uint64_t groups) {
  OfThread &thread = threads_[step.thread(lane)];
  for (; thread.groups.size() > groups; thread.groups.pop_front())
    finish_first(step.thread(lane), thread, thread.groups.front(), thread.groups.front().size(), step.shared());
}

void AsyncCopies::finish_first(unsigned thread, OfThread &of, Group &group, std::size_t count, SharedMemory &shared) {
  for (std::size_t i = 0; i < count; ++i) {
    const Copy &copy = group[i];
    shared.finish_copy(thread, copy.site, copy.address, copy.data.data(), copy.bytes);
    of.bytes -= copy.bytes;
  }
  of.ended += count;
  group.erase(group.begin(), group.begin() + static_cast<std::ptrdiff_t>(count));
}

void AsyncCopies::finish(unsigned thread, std::uint64_t count, SharedMemory &shared) {
  OfThread &of = threads_[thread];
  auto finish_of = [&](Group &group) {
    if (count > of.ended)
      finish_first(thread, of, group, std::min<std::uint64_t>(group.size(), count - of.ended), shared);
  };
  // A group stays one, though nothing of it may be under way.
  for (Group &group : of.groups)
    finish_of(group);
  finish_of(of.open);
}

namespace {

/// A hint is one operand more: a policy of the L2 cache, which is not modelled.
Semantics copy_row(const char *cache, std::uint32_t bytes, bool is_hinted) {
  return {.name = std::string("cp.async.") + cache + "." + std::to_string(bytes) + (is_hinted ? ".hint" : ""),
          .kind = InstructionClass::async_copy,
          .operands = is_hinted ? 4U : 3U,
          .step = [bytes](WarpStep &step) {
            std::array<LaneAccess, warp_size> accesses{};
            step.for_each_lane([&](unsigned lane) {
              step.program().copies().start(step, lane, step.operand(lane, 0), step.operand(lane, 1), bytes,
                                            step.operand(lane, 2));
              accesses[lane] = {step.operand(lane, 1), static_cast<std::uint32_t>(step.operand(lane, 2))};
            });
            count_global_access(step.counters().traffic, accesses);
            step.for_each_lane([&](unsigned lane) { accesses[lane] = {step.operand(lane, 0), bytes}; });
            count_shared_access(step.counters().traffic, accesses);
            return Progress::done;
          }};
}

std::uint64_t bytes_in_flight(WarpStep &step) {
  std::uint64_t bytes = 0;
  step.for_each_lane([&](unsigned lane) { bytes += step.program().copies().bytes_in_flight(step.thread(lane)); });
  return bytes;
}

} // namespace

void kiln::runtime::emulator::add_async_copies(SemanticsList &list) {
  for (bool is_hinted : {false, true}) {
    for (std::uint32_t bytes : {4U, 8U, 16U})
      list.push_back(copy_row("ca", bytes, is_hinted));
    list.push_back(copy_row("cg", 16, is_hinted));
  }
  list.push_back({.name = "createpolicy.L2.evict_first",
                  .kind = InstructionClass::special,
                  .results = 1,
                  .compute = [](const std::uint64_t *, std::uint64_t *out) { out[0] = 0; }});
  list.push_back({.name = "cp.async.commit_group", .kind = InstructionClass::async_copy, .step = [](WarpStep &step) {
                    step.for_each_lane([&](unsigned lane) { step.program().copies().commit(step, lane); });
                    return Progress::done;
                  }});
  for (std::uint64_t groups = 0; groups < 8; ++groups)
    list.push_back({.name = "cp.async.wait_group." + std::to_string(groups),
                    .kind = InstructionClass::barrier,
                    .step = [groups](WarpStep &step) {
                      MemoryTraffic &traffic = step.counters().traffic;
                      ++traffic.waits;
                      traffic.bytes_before_wait += bytes_in_flight(step);
                      step.for_each_lane([&](unsigned lane) { step.program().copies().wait(step, lane, groups); });
                      traffic.bytes_after_wait += bytes_in_flight(step);
                      return Progress::done;
                    }});
}
