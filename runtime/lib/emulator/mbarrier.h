// Barriers in shared memory.
#pragma once

#include "semantics.h"

#include <cstdint>
#include <map>
#include <vector>

namespace kiln::runtime::emulator {

/// The mbarriers of a program. What they are is kept here; in shared memory lie 64 bits that stand for it, so that the
/// checks of its accesses see init, every use, and inval: uses may meet each other, but neither init nor inval.
///
/// Order is kept by warps: an arrival of one lane hands on what all lanes of its warp did, and a wait lets all of them
/// see it.
class Mbarriers {
public:
  /// Begins a program: there are none.
  void begin() { barriers_.clear(); }

  void init(const WarpStep &step, unsigned lane);
  void inval(const WarpStep &step, unsigned lane);
  /// Lanes arrive, and expect the bytes of operand 1 first where `expects`. Their results name the phase.
  void arrive(const WarpStep &step, bool expects);
  /// Lanes arrive once the async copies that they have begun are done, which is as late as a wait allows.
  void arrive_after_copies(const WarpStep &step);
  /// Whether the phase has ended that operand 1 names: by what an arrival yielded, or by parity. Where it has not for
  /// any lane, and `blocks`, the lanes go on when it may have.
  Progress wait(const WarpStep &step, bool by_parity, bool blocks);

private:
  /// An arrival at the end of the first `copies` copies of a thread.
  struct Deferred {
    unsigned thread;
    std::uint64_t copies;
  };
  struct Waiting {
    unsigned warp;
    std::uint32_t lanes;
  };
  struct Mbarrier {
    std::uint32_t expected = 0, pending = 0; // arrivals of a phase, and those still missing
    std::uint64_t bytes = 0;                 // expected in this phase, and not copied yet
    std::uint64_t phase = 0;
    std::vector<Deferred> deferred;
    std::vector<Waiting> waiting;
    std::vector<std::uint64_t> released; // by those who arrived
  };

  /// The mbarrier at operand 0; null, and a fault, where there is none.
  Mbarrier *find(const WarpStep &step, unsigned lane);
  /// Ends the phase if nothing is missing. Arrivals that wait for copies count once somebody waits for them.
  void settle(const WarpStep &step, Mbarrier &barrier, bool is_waited_for);

  std::map<std::uint64_t, Mbarrier> barriers_; // by address
};

} // namespace kiln::runtime::emulator
