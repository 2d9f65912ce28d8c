// shfl, vote, redux, match.
#include "semantics.h"
#include "warp_step.h"

#include <algorithm>

using namespace kiln;
using namespace kiln::runtime::emulator;

namespace {

enum class Shuffle { bfly, up, down, idx };

/// Where a lane reads from (PTX ISA, shfl.sync). `control` holds the clamp value in its low bits and the segment mask
/// from bit 8; a lane whose source would lie outside its segment reads its own value.
unsigned source_lane(Shuffle mode, unsigned lane, std::uint32_t argument, std::uint32_t control) {
  const int own = static_cast<int>(lane), by = static_cast<int>(argument & 31);
  const int segment = static_cast<int>(control >> 8 & 31), clamp = static_cast<int>(control & 31);
  const int lowest = own & segment, limit = lowest | (clamp & ~segment);
  switch (mode) {
  case Shuffle::up:
    return static_cast<unsigned>(own - by >= limit ? own - by : own);
  case Shuffle::down:
    return static_cast<unsigned>(own + by <= limit ? own + by : own);
  case Shuffle::bfly:
    return static_cast<unsigned>((own ^ by) <= limit ? own ^ by : own);
  case Shuffle::idx: {
    const int source = lowest | (by & ~segment);
    return static_cast<unsigned>(source <= limit ? source : own);
  }
  }
  return lane;
}

/// (membermask, value, lane or distance or mask, control)
Progress shuffle(Shuffle mode, WarpStep &step) {
  // Results may be written where operands lie, so all are read first.
  std::uint32_t values[warp_size];
  step.for_each_lane([&](unsigned lane) { values[lane] = static_cast<std::uint32_t>(step.operand(lane, 1)); });
  step.for_each_lane([&](unsigned lane) {
    const std::uint64_t members = step.operand(lane, 0);
    const unsigned source = source_lane(mode, lane, static_cast<std::uint32_t>(step.operand(lane, 2)),
                                        static_cast<std::uint32_t>(step.operand(lane, 3)));
    // What a lane holds that takes no part is undefined.
    const bool defined = step.has(source) && members >> source & 1;
    step.set_result(lane, 0, defined ? values[source] : static_cast<std::uint32_t>(step.poison()));
  });
  return Progress::done;
}

/// The lanes of a step for which f holds.
template <class F>
std::uint32_t lanes_where(const WarpStep &step, F &&f) {
  std::uint32_t lanes = 0;
  step.for_each_lane([&](unsigned lane) { lanes |= static_cast<std::uint32_t>(bool(f(lane))) << lane; });
  return lanes;
}

void set_all(const WarpStep &step, unsigned i, std::uint64_t bits) {
  step.for_each_lane([&](unsigned lane) { step.set_result(lane, i, bits); });
}

using Lanes = std::uint32_t;

/// (membermask, predicate): f(lanes where it holds, all lanes) is everybody's result.
void add_vote(SemanticsList &list, const char *mode, std::uint64_t (*f)(Lanes true_lanes, Lanes lanes)) {
  list.push_back({.name = std::string("vote.sync.") + mode,
                  .kind = InstructionClass::warp,
                  .operands = 2,
                  .results = 1,
                  .step =
                      [f](WarpStep &step) {
                        const Lanes true_lanes =
                            lanes_where(step, [&](unsigned lane) { return step.operand(lane, 1) & 1; });
                        set_all(step, 0, f(true_lanes, step.lanes()));
                        return Progress::done;
                      },
                  .convergence = Convergence::named});
}

/// (value, membermask)
template <class T, class F>
void add_reduction(SemanticsList &list, const char *name, F combine) {
  list.push_back({.name = std::string("redux.sync.") + name,
                  .kind = InstructionClass::warp,
                  .operands = 2,
                  .results = 1,
                  .step =
                      [combine](WarpStep &step) {
                        const unsigned first = step.first_lane();
                        T result = static_cast<T>(step.operand(first, 0));
                        step.for_each_lane([&](unsigned lane) {
                          if (lane != first)
                            result = static_cast<T>(combine(result, static_cast<T>(step.operand(lane, 0))));
                        });
                        set_all(step, 0, static_cast<std::uint32_t>(result));
                        return Progress::done;
                      },
                  .convergence = Convergence::named,
                  .mask_operand = 1});
}

/// (membermask, value): the lanes that hold the same.
Progress match_any(WarpStep &step) {
  std::uint64_t values[warp_size];
  step.for_each_lane([&](unsigned lane) { values[lane] = step.operand(lane, 1); });
  step.for_each_lane([&](unsigned lane) {
    step.set_result(lane, 0, lanes_where(step, [&](unsigned other) { return values[other] == values[lane]; }));
  });
  return Progress::done;
}

/// (membermask, value): all lanes and true where all hold the same, else 0 and false.
Progress match_all(WarpStep &step) {
  const std::uint64_t value = step.operand(step.first_lane(), 1);
  const bool same = lanes_where(step, [&](unsigned lane) { return step.operand(lane, 1) == value; }) == step.lanes();
  set_all(step, 0, same ? step.lanes() : 0);
  set_all(step, 1, same);
  return Progress::done;
}

} // namespace

void kiln::runtime::emulator::add_exchanges(SemanticsList &list) {
  constexpr auto kind = InstructionClass::warp;
  for (auto [name, mode] : {std::pair("bfly", Shuffle::bfly), std::pair("up", Shuffle::up),
                            std::pair("down", Shuffle::down), std::pair("idx", Shuffle::idx)})
    list.push_back({.name = std::string("shfl.sync.") + name + ".b32",
                    .kind = kind,
                    .operands = 4,
                    .results = 1,
                    .step = [mode = mode](WarpStep &step) { return shuffle(mode, step); },
                    .convergence = Convergence::named});

  add_vote(list, "any", [](Lanes true_lanes, Lanes) { return std::uint64_t(true_lanes != 0); });
  add_vote(list, "all", [](Lanes true_lanes, Lanes lanes) { return std::uint64_t(true_lanes == lanes); });
  add_vote(list, "ballot", [](Lanes true_lanes, Lanes) { return std::uint64_t(true_lanes); });

  // Sums wrap, and the signed extrema differ from the unsigned ones.
  add_reduction<std::uint32_t>(list, "add.s32", [](auto a, auto b) { return a + b; });
  add_reduction<std::int32_t>(list, "min.s32", [](auto a, auto b) { return std::min(a, b); });
  add_reduction<std::int32_t>(list, "max.s32", [](auto a, auto b) { return std::max(a, b); });
  add_reduction<std::uint32_t>(list, "min.u32", [](auto a, auto b) { return std::min(a, b); });
  add_reduction<std::uint32_t>(list, "max.u32", [](auto a, auto b) { return std::max(a, b); });
  add_reduction<std::uint32_t>(list, "and.b32", [](auto a, auto b) { return a & b; });
  add_reduction<std::uint32_t>(list, "or.b32", [](auto a, auto b) { return a | b; });
  add_reduction<std::uint32_t>(list, "xor.b32", [](auto a, auto b) { return a ^ b; });

  for (const char *type : {"b32", "b64"})
    list.push_back({.name = std::string("match.any.sync.") + type,
                    .kind = kind,
                    .operands = 2,
                    .results = 1,
                    .step = match_any,
                    .convergence = Convergence::named});
  list.push_back({.name = "match.all.sync.b32",
                  .kind = kind,
                  .operands = 2,
                  .results = 2,
                  .step = match_all,
                  .convergence = Convergence::named});
}
