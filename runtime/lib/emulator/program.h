// One program of the grid: its threads, warps, shared memory and barriers, on one host thread.
#pragma once

#include "counters.h"
#include "exchange_checks.h"
#include "fiber.h"
#include "findings.h"
#include "global_memory.h"
#include "semantics.h"
#include "shared_memory.h"
#include "warp_step.h"

#include <array>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace kiln::runtime::emulator {

class AsyncCopies;
class Barriers;
class Mbarriers;
class Program;

/// A kernel as programs run it: each site with its meaning, and a shape of what all programs share.
struct LoadedKernel {
  EmulatedKernel::Code code;
  std::vector<const Semantics *> semantics; ///< by site
};

/// What a launch hands to each program that runs in it.
struct RunContext {
  const LoadedKernel &kernel;
  std::array<unsigned, 3> grid;
  const void *const *args;
  LaunchMemory &memory;
  Findings &findings;
  std::uint64_t seed;   ///< of the order of warps; 0 for the plain one
  std::uint64_t poison; ///< what undefined bits are in this run
  bool silent;          ///< prints are not shown: they were, in the run before
};

/// What a thread of the program is. Generated code has its address and reads `counters`, the first member.
struct Thread {
  enum class State : std::uint8_t { ready, waiting, blocked, ended };

  std::uint64_t *counters = nullptr;
  Program *program = nullptr;
  unsigned index = 0;
  State state = State::ended;
  std::uint32_t site = 0; ///< where it waits or is blocked
  Fiber fiber;
};

/// Runs programs of one launch one after the other. What costs time to make is made once.
///
/// Lanes run until each of a warp stands before an operation that is no business of one thread alone, is blocked, or
/// has ended. Then one group that stands at the same place executes its operation, and those lanes go on. Where lanes
/// stand at different places, the earliest in the code goes first, so that those that lag behind catch up.
class Program {
public:
  explicit Program(const RunContext &context);
  ~Program();
  Program(const Program &) = delete;
  Program &operator=(const Program &) = delete;

  /// Runs the program `id`. Faults go to the findings of the launch.
  void run(std::array<std::uint32_t, 3> id);

  const RunContext &context() const { return context_; }
  const LoadedKernel &kernel() const { return context_.kernel; }
  std::array<std::uint32_t, 3> id() const { return id_; }
  unsigned num_warps() const { return num_warps_; }
  /// Lanes of the warp that have not ended.
  std::uint32_t live_lanes(unsigned warp) const;
  const std::string &place(std::uint32_t site) const { return kernel().code.sites[site].place; }

  SharedMemory &shared() { return shared_; }
  GlobalMemory &global() { return global_; }
  WarpClocks &clocks() { return clocks_; }
  AsyncCopies &copies() { return *copies_; }
  Barriers &barriers() { return *barriers_; }
  Mbarriers &mbarriers() { return *mbarriers_; }
  ExchangeChecks &exchanges() { return exchanges_; }
  Counters &counters() { return counters_; }

  /// Lets lanes go on that an operation has blocked.
  void wake(unsigned warp, std::uint32_t lanes);
  /// Notes a fault. What one operation reports of several lanes in the same words becomes one finding.
  void report(const WarpStep &step, std::uint32_t lanes, std::string message, std::string other_message,
              std::string other_place, bool is_assertion = false);
  /// Ends the program where it is, after a fault that it cannot go on from.
  void abandon() { abandoned_ = true; }

  /// What emulator_execute does, in the fiber of a thread.
  void execute(Thread &thread, std::uint32_t site, const std::uint64_t *operands, std::uint64_t *results);

private:
  struct Warp {
    std::array<const std::uint64_t *, warp_size> operands;
    std::array<std::uint64_t *, warp_size> results;
    bool can_run = true;
  };

  static void run_thread(void *thread);
  /// Runs the warp until one operation is done. False where no lane of it can go on.
  bool advance(unsigned warp);
  std::uint32_t lanes_in(unsigned warp, Thread::State state) const;
  /// The lanes that execute an operation next, all at one place; 0 where none can.
  std::uint32_t choose_group(unsigned warp, std::uint32_t waiting);
  /// Those of `group` that may execute what they wait for; 0 where others have to arrive first.
  std::uint32_t ready_group(unsigned warp, std::uint32_t group);
  void execute_group(unsigned warp, std::uint32_t lanes);
  /// Nobody can go on: says who waits where.
  void report_deadlock();
  std::string describe_site(std::uint32_t site) const;
  void flush_findings();

  RunContext context_;
  unsigned num_warps_;
  std::array<std::uint32_t, 3> id_{};
  FiberStacks stacks_;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  WarpClocks clocks_;
  SharedMemory shared_;
  GlobalMemory global_;
  std::unique_ptr<AsyncCopies> copies_;
  std::unique_ptr<Barriers> barriers_;
  std::unique_ptr<Mbarriers> mbarriers_;
  ExchangeChecks exchanges_;
  Counters counters_;
  std::minstd_rand random_;
  std::vector<Finding> findings_; // of the operation that is being executed
  bool abandoned_ = false;
};

} // namespace kiln::runtime::emulator
