// ld, st, prefetch.
#include "counters.h"
#include "global_memory.h"
#include "semantics.h"
#include "shared_memory.h"
#include "warp_step.h"

#include <array>
#include <cstring>

using namespace kiln;
using namespace kiln::runtime::emulator;

namespace {

constexpr std::uint32_t max_bytes = 16;

/// An access of one thread: `count` registers that hold a T each.
template <class T>
struct Access {
  unsigned count = 1;
  bool is_shared = false;
  bool is_constant = false; // of a load
  bool is_predicated = false;

  std::uint32_t bytes() const { return count * std::uint32_t{sizeof(T)}; }
  /// Operands before the values: the address, and the predicate.
  unsigned first_value() const { return is_predicated ? 2 : 1; }
  bool is_on(const WarpStep &step, unsigned lane) const { return !is_predicated || (step.operand(lane, 1) & 1); }

  void count_step(const WarpStep &step) const {
    std::array<LaneAccess, warp_size> lanes{};
    step.for_each_lane([&](unsigned lane) {
      if (is_on(step, lane))
        lanes[lane] = {step.operand(lane, 0), bytes()};
    });
    if (is_shared)
      count_shared_access(step.counters().traffic, lanes);
    else
      count_global_access(step.counters().traffic, lanes);
  }

  /// (address), or (address, predicate, values where it is off).
  void load(const WarpStep &step, unsigned lane) const {
    if (!is_on(step, lane)) {
      for (unsigned i = 0; i < count; ++i)
        step.set_result(lane, i, step.operand(lane, first_value() + i));
      return;
    }
    unsigned char data[max_bytes];
    if (is_shared)
      step.shared().read(step, lane, step.operand(lane, 0), data, bytes(), bytes());
    else
      step.global().read(step, lane, step.operand(lane, 0), data, bytes(), bytes(), is_constant);
    for (unsigned i = 0; i < count; ++i) {
      T value;
      std::memcpy(&value, data + i * sizeof(T), sizeof(T));
      step.set_result(lane, i, value);
    }
  }

  /// (address, values), or (address, predicate, values).
  void store(const WarpStep &step, unsigned lane) const {
    if (!is_on(step, lane))
      return;
    unsigned char data[max_bytes];
    for (unsigned i = 0; i < count; ++i) {
      const T value = static_cast<T>(step.operand(lane, first_value() + i));
      std::memcpy(data + i * sizeof(T), &value, sizeof(T));
    }
    if (is_shared)
      step.shared().write(step, lane, step.operand(lane, 0), data, bytes(), bytes());
    else
      step.global().write(step, lane, step.operand(lane, 0), data, bytes(), bytes());
  }
};

/// The loads and stores of one width: of all spaces, with and without a predicate.
template <class T>
void add_width(SemanticsList &list, const std::string &width, unsigned count) {
  for (const std::string space : {"global.", "global.nc.", "global.cs.", "global.cs.nc.", "shared."})
    for (bool is_predicated : {false, true}) {
      const bool is_shared = space == "shared.", is_constant = space.ends_with(".nc."),
                 is_streamed = space.starts_with("global.cs.");
      const Access<T> access{count, is_shared, is_constant, is_predicated};
      const std::string name = space + width + (is_predicated ? ".pred" : "");
      list.push_back({.name = "ld." + name,
                      .kind = is_shared ? InstructionClass::shared_load : InstructionClass::global_load,
                      .operands = is_predicated ? 2 + count : 1,
                      .results = count,
                      .step = [access](WarpStep &step) {
                        access.count_step(step);
                        step.for_each_lane([&](unsigned lane) { access.load(step, lane); });
                        return Progress::done;
                      }});
      if (!is_constant && !is_streamed)
        list.push_back({.name = "st." + name,
                        .kind = is_shared ? InstructionClass::shared_store : InstructionClass::global_store,
                        .operands = access.first_value() + count,
                        .step = [access](WarpStep &step) {
                          access.count_step(step);
                          step.for_each_lane([&](unsigned lane) { access.store(step, lane); });
                          return Progress::done;
                        }});
    }
}

} // namespace

void kiln::runtime::emulator::add_accesses(SemanticsList &list) {
  add_width<std::uint8_t>(list, "b8", 1);
  add_width<std::uint16_t>(list, "b16", 1);
  add_width<std::uint32_t>(list, "b32", 1);
  add_width<std::uint64_t>(list, "b64", 1);
  add_width<std::uint32_t>(list, "v2.b32", 2);
  add_width<std::uint32_t>(list, "v4.b32", 4);
  add_width<std::uint64_t>(list, "v2.b64", 2);
  // A hint, harmless wherever it points.
  for (bool is_predicated : {false, true})
    list.push_back({.name = std::string("prefetch.global.L2") + (is_predicated ? ".pred" : ""),
                    .kind = InstructionClass::global_load,
                    .operands = is_predicated ? 2U : 1U,
                    .compute = [](const std::uint64_t *, std::uint64_t *) {}});
}
